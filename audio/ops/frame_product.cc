#include "audio/ops/frame_product.h"

#include "audio/kernels/frame_product.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

void infer_frame_product(OpCall& c) {
  const Tensor &x = c.input(0), &matrix = c.input(1);
  expect_same_dtype(c);
  expect_rank(c, 1, 2);
  HEARTH_CHECK(x.dim() >= 1 && x.size(-1) == matrix.size(0), "frame_product: frames of shape ", x.shape(),
               " do not fit a matrix of shape ", matrix.shape());
  Shape shape = x.shape();
  shape[x.dim() - 1] = matrix.size(1);
  c.make(0, shape, c.dtype);
}

Tensor rows(const Tensor& x) {
  int64_t n = 1;
  for (int d = 0; d + 1 < x.dim(); ++d) n *= x.size(d);
  return reshape(x, {n, x.size(-1)});
}

}  // namespace

extern constinit const OpDef kFrameProduct = {
    .name = "audio::frame_product",
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_frame_product,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::frame_product, cuda::frame_product},
    .compose =
        [](OpCall& c) {
          c.give(0, machinery::cast(matmul(machinery::widened(c.input(0)), machinery::widened(c.input(1))), c.dtype));
        },
    .backward =
        [](GradContext& g) {
          if (g.needs(0)) g.set(0, frame_product(g.grad(), transpose(g.input(1), 0, 1)));
          if (g.needs(1)) g.set(1, matmul(transpose(rows(g.input(0)), 0, 1), rows(g.grad())));
        },
};
HEARTH_OP(kFrameProduct);

Tensor frame_product(const Tensor& frames, const Tensor& matrix) {
  const CalledAs called("frame_product");
  return run(kFrameProduct, {frames, matrix});
}

}  // namespace hearth::audio
