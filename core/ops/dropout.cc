#include "core/ops/dropout.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/dropout.h"
#include "core/op/attrs/random.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"

namespace hearth {
namespace {

void check_probability(const char* op, double p) {
  HEARTH_CHECK(p >= 0 && p <= 1, op, ": the probability must be from 0 to 1, but is ", p);
}

void check_attrs(const OpCall& c) {
  const double p = c.attrs_as<DropoutAttrs>().p;
  HEARTH_CHECK(p >= 0 && p < 1, c.op.name, ": the probability must be at least 0 and below 1, but is ", p);
}

void infer_dropout(OpCall& c) {
  check_attrs(c);
  const Tensor& x = c.input(0);
  c.make(0, x.shape(), strides_for(x.layout(), MemoryFormat::kPreserve), c.dtype);
  c.make(1, x.shape(), DType::kBool);
}

void infer_dropout_grad(OpCall& c) {
  check_attrs(c);
  expect_dtype(c, 1, DTypeSet{boolean});
  HEARTH_CHECK(c.input(1).shape() == c.input(0).shape(), "dropout_grad: the gradient has shape ", c.input(0).shape(),
               ", but the mask ", c.input(1).shape());
  const Tensor& g = c.input(0);
  c.dtype = g.dtype();
  c.make(0, g.shape(), strides_for(g.layout(), MemoryFormat::kPreserve), c.dtype);
}

// x where `kept`, scaled; of 16 bits rounded once.
Tensor kept_and_scaled(const Tensor& x, const Tensor& kept, double p) {
  const Tensor wide = machinery::widened(x);
  return machinery::cast(wide * (kept.to(wide.dtype()) * (1 / (1 - p))), x.dtype());
}

}  // namespace

extern constinit const OpDef kDropoutGrad = {
    .name = "dropout_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .internal = true,
    .attrs = &attrs_type<DropoutAttrs>,
    .infer = infer_dropout_grad,
    .save = {.input = {0, 1}},
    .kernel = {cpu::dropout_grad, cuda::dropout_grad},
    .compose = [](OpCall& c) { c.give(0, kept_and_scaled(c.input(0), c.input(1), c.attrs_as<DropoutAttrs>().p)); },
    .backward =
        [](GradContext& g) {
          g.set(0, run(kDropoutGrad, {g.grad(), g.input(1)}, g.attrs<DropoutAttrs>()));
        },
};
HEARTH_OP(kDropoutGrad);

extern constinit const OpDef kDropout = {
    .name = "dropout",
    .kind = OpKind::kRandom,
    .dtypes = kFloatTypes,
    .outputs = 2,
    .visible = 1,
    .attrs = &attrs_type<DropoutAttrs>,
    .infer = infer_dropout,
    .save = {.outputs = 0b10},
    .kernel = {cpu::dropout, cuda::dropout},
    .compose =
        [](OpCall& c) {
          const double p = c.attrs_as<DropoutAttrs>().p;
          Tensor kept = empty(c.input(0).shape(), {.dtype = c.dtype == DType::kF64 ? f64 : f32, .device = c.device});
          kept.bernoulli_(1 - p, c.generator);
          c.give(0, kept_and_scaled(c.input(0), kept, p));
          c.give(1, kept.to(boolean));
        },
    .backward =
        [](GradContext& g) {
          g.set(0, run(kDropoutGrad, {g.grad(), g.output(1)}, g.attrs<DropoutAttrs>()));
        },
};
HEARTH_OP(kDropout);

Tensor dropout(const Tensor& x, double p, bool training, Generator* generator) {
  const CalledAs called("dropout");
  expect_dtypes("dropout", x, kFloatTypes);
  check_probability("dropout", p);
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  const DropoutAttrs attrs{p};
  const Operand in(x);
  OpCall call(kDropout, {&in, 1}, attrs);
  call.generator = generator;
  execute(call);
  return std::move(call.out[0]);
}

Tensor dropout2d(const Tensor& x, double p, bool training, Generator* generator) {
  const CalledAs called("dropout2d");
  expect_dtypes("dropout2d", x, kFloatTypes);
  check_probability("dropout2d", p);
  HEARTH_CHECK(x.dim() >= 2, "dropout2d: expected [n, c, ...], but the shape is ", x.shape());
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  Shape channels = Dims::filled(x.dim(), 1);
  channels[0] = x.shape()[0];
  channels[1] = x.shape()[1];
  Tensor kept = empty(channels, {.dtype = x.dtype() == DType::kF64 ? f64 : f32, .device = x.device()});
  kept.bernoulli_(1 - p, generator);
  return kept_and_scaled(x, kept, p);
}

}  // namespace hearth
