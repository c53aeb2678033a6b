#include "core/ops/softmax.h"

#include "core/kernels/softmax.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"

namespace hearth {
namespace {

void infer(OpCall& c) {
  wrap_dim(c.attrs_as<DimAttrs>().dim, c.input(0).dim(), c.op.name);
  c.make(0, c.input(0).shape(), c.dtype);
}

// Several ops: 16-bit values are rounded once, at the end.
void softmax_backward(GradContext& g) {
  g.widen();
  const Tensor y = g.output();
  const Tensor gy = g.grad() * y;
  g.set(0, gy - y * sum(gy, {g.attrs<DimAttrs>().dim}, true));
}

}  // namespace

extern constinit const OpDef kSoftmax = {
    .name = "softmax",
    .version = 2,
    .oldest = 1,
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer,
    .save = {.outputs = 1},
    .kernel = {cpu::softmax, cuda::softmax},
    .backward = softmax_backward,
};
HEARTH_OP(kSoftmax);

extern constinit const OpDef kSafeSoftmax = {
    .name = "safe_softmax",
    .version = 2,
    .oldest = 1,
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer,
    .save = {.outputs = 1},
    .kernel = {cpu::safe_softmax, cuda::safe_softmax},
    .backward = softmax_backward,
};
HEARTH_OP(kSafeSoftmax);

extern constinit const OpDef kLogSoftmax = {
    .name = "log_softmax",
    .version = 2,
    .oldest = 1,
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer,
    .save = {.outputs = 1},
    .kernel = {cpu::log_softmax, cuda::log_softmax},
    .backward =
        [](GradContext& g) {
          g.widen();
          g.set(0, g.grad() - exp(g.output()) * sum(g.grad(), {g.attrs<DimAttrs>().dim}, true));
        },
};
HEARTH_OP(kLogSoftmax);

Tensor softmax(const Tensor& x, int64_t d) { return run(kSoftmax, {x}, DimAttrs{d}); }
Tensor safe_softmax(const Tensor& x, int64_t d) { return run(kSafeSoftmax, {x}, DimAttrs{d}); }
Tensor log_softmax(const Tensor& x, int64_t d) { return run(kLogSoftmax, {x}, DimAttrs{d}); }
Tensor Tensor::softmax(int64_t d) const { return hearth::softmax(*this, d); }
Tensor Tensor::log_softmax(int64_t d) const { return hearth::log_softmax(*this, d); }

}  // namespace hearth
