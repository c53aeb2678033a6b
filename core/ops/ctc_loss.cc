#include "core/ops/ctc_loss.h"

#include "core/autograd/function.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/ctc_loss.h"
#include "core/op/attrs/ctc_loss.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check_lengths(const OpCall& c, int operand, const char* what, int64_t n) {
  expect_dtype(c, operand, kIndexTypes);
  HEARTH_CHECK(c.input(operand).shape() == Shape{n}, c.op.name, ": ", what, " has shape ", c.input(operand).shape(),
               "; expected [", n, "], one for each sequence");
}

// log_probs is operand `first`; targets and lengths follow.
void check(const OpCall& c, int first) {
  const Shape &x = c.input(first).shape(), &targets = c.input(first + 1).shape();
  HEARTH_CHECK(x.rank() == 3, c.op.name, ": log_probs must be [steps, n, classes], but its shape is ", x);
  HEARTH_CHECK(x.numel() > 0, c.op.name, ": there are no log_probs in shape ", x);
  expect_dtype(c, first + 1, kIndexTypes);
  HEARTH_CHECK(targets.rank() == 1 || (targets.rank() == 2 && targets[0] == x[1]), c.op.name,
               ": targets must be [n, longest] or all joined, but its shape is ", targets, " for log_probs of shape ",
               x);
  check_lengths(c, first + 2, "input_lengths", x[1]);
  check_lengths(c, first + 3, "target_lengths", x[1]);
  const int64_t blank = c.attrs_as<CtcLossAttrs>().blank;
  HEARTH_CHECK(blank >= 0 && blank < x[2], c.op.name, ": the blank ", blank, " is out of range for ", x[2], " classes");
}

void infer_ctc_loss(OpCall& c) {
  check(c, 0);
  c.dtype = c.input(0).dtype();
  c.make(0, {c.input(0).shape()[1]}, c.dtype);
}

void infer_ctc_loss_grad(OpCall& c) {
  check(c, 1);
  c.dtype = c.input(1).dtype();
  expect_dtype(c, 0, DTypeSet{c.dtype});
  HEARTH_CHECK(c.input(0).shape() == Shape{c.input(1).shape()[1]}, c.op.name, ": the gradient has shape ",
               c.input(0).shape(), "; expected [", c.input(1).shape()[1], "]");
  c.make(0, c.input(1).shape(), c.dtype);
}

// The gradient, recorded only to say that it has none itself.
struct CtcLossGradient : Function<CtcLossGradient> {
  static constexpr const char* kName = "ctc_loss_grad";
  static Tensor forward(ForwardContext&, const Tensor& g, const Tensor& log_probs, const Tensor& targets,
                        const Tensor& input_lengths, const Tensor& target_lengths, const CtcLossAttrs& a) {
    return run(kCtcLossGrad, {g, log_probs, targets, input_lengths, target_lengths}, a);
  }
  static void backward(BackwardContext&) { fail("ctc_loss: its gradient has no gradient"); }
};

void ctc_loss_backward(GradContext& g) {
  if (!g.needs(0) || !g.has_grad(0)) return;
  g.set(0, CtcLossGradient::apply(g.grad(), g.input(0), g.input(1), g.input(2), g.input(3), g.attrs<CtcLossAttrs>()));
}

constexpr DTypeSet kComputed{DType::kF32, DType::kF64};

}  // namespace

extern constinit const OpDef kCtcLossGrad = {
    .name = "ctc_loss_grad",
    .dtypes = kComputed,
    .min_inputs = 5,
    .max_inputs = 5,
    .internal = true,
    .attrs = &attrs_type<CtcLossAttrs>,
    .infer = infer_ctc_loss_grad,
    .kernel = {cpu::ctc_loss_grad, cuda::ctc_loss_grad},
};
HEARTH_OP(kCtcLossGrad);

extern constinit const OpDef kCtcLoss = {
    .name = "ctc_loss",
    .dtypes = kComputed,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 4,
    .max_inputs = 4,
    .attrs = &attrs_type<CtcLossAttrs>,
    .infer = infer_ctc_loss,
    .save = {.input = {1, 1, 1, 1}},
    .kernel = {cpu::ctc_loss, cuda::ctc_loss},
    .backward = ctc_loss_backward,
};
HEARTH_OP(kCtcLoss);

namespace {

Tensor of_sequences(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                    const Tensor& target_lengths, const CtcLossOptions& o) {
  const Tensor losses =
      run(kCtcLoss, {log_probs, targets, input_lengths, target_lengths}, CtcLossAttrs{o.blank, o.zero_infinity});
  switch (o.reduction) {
    case Reduction::kSum:
      return sum(losses);
    case Reduction::kMean:
      return mean(losses / clamp(target_lengths, 1).to(losses.dtype()));
    case Reduction::kNone:
      return losses;
  }
  return losses;
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcLossOptions& o) {
  const CalledAs called("ctc_loss");
  expect_defined("ctc_loss", {log_probs, targets, input_lengths, target_lengths});
  expect_dtypes("ctc_loss", log_probs, kFloatTypes);
  if (is_half(log_probs.dtype())) {
    return rounded(ctc_loss(machinery::widened(log_probs), targets, input_lengths, target_lengths, o),
                   log_probs.dtype());
  }
  if (log_probs.dim() != 2) return of_sequences(log_probs, targets, input_lengths, target_lengths, o);
  HEARTH_CHECK(targets.dim() == 1, "ctc_loss: targets of one sequence must be [labels], but its shape is ",
               targets.shape());
  const Tensor loss =
      of_sequences(unsqueeze(log_probs, 1), targets, reshape(input_lengths, {-1}), reshape(target_lengths, {-1}), o);
  return o.reduction == Reduction::kNone ? squeeze(loss, 0) : loss;
}

}  // namespace hearth
