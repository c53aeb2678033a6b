#include "core/kernels/cross_entropy.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/attrs/loss.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

Shape of_targets(const OpCall& c, const Shape& x) {
  HEARTH_CHECK(x.rank() >= 2, c.op.name, ": the input must be [n, classes, ...], but its shape is ", x);
  Shape shape = x;
  shape.erase(1);
  return shape;
}

void check_targets(OpCall& c, int first) {
  const Shape &x = c.input(first).shape(), targets = of_targets(c, x);
  expect_dtype(c, first + 1, kIndexTypes);
  HEARTH_CHECK(c.input(first + 1).shape() == targets, c.op.name, ": the target has shape ", c.input(first + 1).shape(),
               "; expected ", targets, " for an input of shape ", x);
  if (c.is_tensor(first + 2)) {
    expect_dtype(c, first + 2, kFloatTypes);
    HEARTH_CHECK(c.input(first + 2).shape() == Shape{x[1]}, c.op.name, ": the weight has shape ",
                 c.input(first + 2).shape(), "; expected [", x[1], "]");
  }
  HEARTH_CHECK(x[1] > 0 || targets.numel() == 0, c.op.name, ": there are no classes in an input of shape ", x);
  const double smoothing = c.attrs_as<CrossEntropyAttrs>().label_smoothing;
  HEARTH_CHECK(smoothing >= 0 && smoothing <= 1, c.op.name, ": label_smoothing must be from 0 to 1, but is ",
               smoothing);
}

void infer_cross_entropy(OpCall& c) {
  check_targets(c, 0);
  const Shape targets = of_targets(c, c.input(0).shape());
  c.dtype = c.input(0).dtype();
  for (int i = 0; i < 4; ++i) c.make(i, targets, compute_type(c.dtype));
}

void infer_cross_entropy_grad(OpCall& c) {
  check_targets(c, 1);
  const Shape targets = of_targets(c, c.input(1).shape());
  c.dtype = c.input(1).dtype();
  for (int i : {0, 4, 5}) {
    expect_dtype(c, i, DTypeSet{compute_type(c.dtype)});
    HEARTH_CHECK(c.input(i).shape() == targets, c.op.name, ": operand ", i, " has shape ", c.input(i).shape(),
                 "; expected ", targets);
  }
  c.make(0, c.input(1).shape(), c.dtype);
}

// What the losses and gradients of all targets are made of; all tensors have the targets' shape or, with a dimension of
// classes, the input's.
struct Parts {
  Tensor counts;  // bool: not ignored
  Tensor safe;    // the class, or 0
  Tensor own;     // what the own class's loss counts
  Tensor each;    // what every class's loss counts, by class; undefined without smoothing
};

Parts parts_of(const Tensor& target, const OptionalTensor& weight, const Shape& x, DType t,
               const CrossEntropyAttrs& a) {
  Parts p;
  p.counts = ne(target, a.ignore_index);
  p.safe = where(p.counts, target, Scalar(0));
  p.own = p.counts.to(t);
  if (weight) p.own = p.own * view(index_select(weight->to(t), 0, reshape(p.safe, {-1})), p.safe.shape());
  if (a.label_smoothing == 0) return p;
  Shape part = Dims::filled(x.rank(), 1);
  part[1] = x[1];
  const double share = a.label_smoothing / static_cast<double>(x[1]);
  const Tensor ones = machinery::full({x[1]}, 1, t, target.device());
  p.each = unsqueeze(p.counts.to(t), 1) * (view(weight ? weight->to(t) : ones, part) * share);
  return p;
}

void compose_cross_entropy(OpCall& c) {
  const auto& a = c.attrs_as<CrossEntropyAttrs>();
  const Tensor x = machinery::widened(c.input(0));
  const OptionalTensor weight = c.is_tensor(2) ? OptionalTensor(c.input(2)) : std::nullopt;
  const Parts p = parts_of(c.input(1), weight, x.shape(), x.dtype(), a);
  const Tensor top = amax(x, {1}), log_total = log(sum(exp(x - unsqueeze(top, 1)), {1}));
  const Tensor lost = unsqueeze(log_total, 1) - (x - unsqueeze(top, 1));
  Tensor loss = squeeze(gather(lost, 1, unsqueeze(p.safe, 1)), 1) * p.own;
  if (p.each.defined()) loss = loss * (1 - a.label_smoothing) + sum(lost * p.each, {1});
  c.give(0, where(p.counts, loss, Scalar(0.0)));
  c.give(1, p.own);
  c.give(2, top);
  c.give(3, log_total);
}

// The gradient by ops that have gradients: d is that of the losses, x as computed.
Tensor composed_gradient(const Tensor& d, const Tensor& x, const Tensor& target, const OptionalTensor& weight,
                         const CrossEntropyAttrs& a) {
  const Parts p = parts_of(target, weight, x.shape(), x.dtype(), a);
  const Tensor own = p.own * (1 - a.label_smoothing);
  Tensor all = own;
  if (p.each.defined()) all = all + sum(p.each, {1});
  const Tensor classes = machinery::full(x.shape(), 0, x.dtype(), x.device());
  Tensor slope = softmax(x, 1) * unsqueeze(all, 1) - scatter(classes, 1, unsqueeze(p.safe, 1), unsqueeze(own, 1));
  if (p.each.defined()) slope = slope - p.each;
  return where(unsqueeze(p.counts, 1), unsqueeze(d, 1) * slope, Scalar(0.0));
}

}  // namespace

extern constinit const OpDef kCrossEntropyGrad = {
    .name = "cross_entropy_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 6,
    .max_inputs = 6,
    .absent = 0b1000,
    .internal = true,
    .attrs = &attrs_type<CrossEntropyAttrs>,
    .infer = infer_cross_entropy_grad,
    .kernel = {cpu::cross_entropy_grad, cuda::cross_entropy_grad},
    .compose =
        [](OpCall& c) {
          const Tensor x = machinery::widened(c.input(1));
          const OptionalTensor weight = c.is_tensor(3) ? OptionalTensor(c.input(3)) : std::nullopt;
          c.give(0,
                 machinery::cast(composed_gradient(c.input(0), x, c.input(2), weight, c.attrs_as<CrossEntropyAttrs>()),
                                 c.dtype));
        },
};
HEARTH_OP(kCrossEntropyGrad);

extern constinit const OpDef kCrossEntropy = {
    .name = "cross_entropy",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 3,
    .max_inputs = 3,
    .absent = 0b100,
    .outputs = 4,
    .visible = 2,
    .attrs = &attrs_type<CrossEntropyAttrs>,
    .infer = infer_cross_entropy,
    .save = {.input = {1, 1, 1}, .outputs = 0b1100},
    .kernel = {cpu::cross_entropy, cuda::cross_entropy},
    .compose = compose_cross_entropy,
    .backward =
        [](GradContext& g) {
          // The second output, how much each target counts, is the same for every input.
          if (!g.needs(0) || !g.has_grad(0)) return;
          const auto& a = g.attrs<CrossEntropyAttrs>();
          const Tensor x = g.input(0), target = g.input(1);
          const OptionalTensor weight = g.is_tensor(2) ? OptionalTensor(g.input(2)) : std::nullopt;
          if (GradMode::enabled()) {
            g.set(0, composed_gradient(g.grad(0), machinery::widened(x), target, weight, a));
          } else {
            g.set(0, run(kCrossEntropyGrad, {g.grad(0), x, target, weight, g.output(2), g.output(3)}, a));
          }
        },
};
HEARTH_OP(kCrossEntropy);

}  // namespace hearth
