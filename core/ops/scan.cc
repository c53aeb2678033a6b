#include "core/ops/scan.h"

#include <vector>

#include "core/base/called_as.h"
#include "core/kernels/scan.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/join.h"
#include "core/ops/rearrange.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_cumsum(OpCall& c) {
  wrap_dim(c.attrs_as<DimAttrs>().dim, c.input(0).dim(), "cumsum");
  c.make(0, c.input(0).shape(), is_floating_point(c.dtype) ? c.dtype : DType::kI64);
}

}  // namespace

extern constinit const OpDef kCumsum = {
    .name = "cumsum",
    .dtypes = kAllTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer_cumsum,
    .kernel = {cpu::cumsum, cuda::cumsum},
    .backward =
        [](GradContext& g) {
          const int64_t d = g.attrs<DimAttrs>().dim;
          g.set(0, g.grad().dim() == 0 ? g.grad() : flip(cumsum(flip(g.grad(), {d}), d), {d}));
        },
};
HEARTH_OP(kCumsum);

Tensor cumsum(const Tensor& x, int64_t d) { return run(kCumsum, {x}, DimAttrs{d}); }
Tensor cumprod(const Tensor& x, int64_t d) {
  const CalledAs called("cumprod");
  expect_defined("cumprod", {x});
  const int w = wrap_dim(d, x.dim(), "cumprod");
  if (is_half(x.dtype())) return rounded(cumprod(machinery::widened(x), w), x.dtype());
  expect_dtypes("cumprod", x, kAllTypes);
  // Of integers and bool in i64, as cumsum.
  const Tensor y = x.is_floating_point() ? x : x.to(i64);
  if (x.dim() == 0) return y.clone();
  std::vector<Tensor> parts = unbind(y, w);
  for (size_t i = 1; i < parts.size(); ++i) parts[i] = parts[i - 1] * parts[i];
  return parts.empty() ? y.clone() : stack(parts, w);
}

Tensor Tensor::cumsum(int64_t d) const { return hearth::cumsum(*this, d); }
Tensor Tensor::cumprod(int64_t d) const { return hearth::cumprod(*this, d); }

}  // namespace hearth
