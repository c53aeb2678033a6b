#include "core/ops/loss.h"

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/attrs/loss.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/loss_internal.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check_classes(const char* op, const Tensor& x, const Tensor& target, const ClassLossOptions& o) {
  expect_defined(op, {x, target});
  HEARTH_CHECK(x.dim() >= 2, op, ": the input must be [n, classes, ...], but its shape is ", x.shape());
  check_class_numbers(op, target);
  Shape expected = x.shape();
  expected.erase(1);
  HEARTH_CHECK(target.shape() == expected, op, ": the target has shape ", target.shape(), "; expected ", expected,
               " for an input of shape ", x.shape());
  HEARTH_CHECK(!o.weight || o.weight->shape() == Shape{x.shape()[1]}, op, ": the weight has shape ", o.weight->shape(),
               "; expected [", x.shape()[1], "]");
}

// Losses per target, of [n, classes, ...] values that are negated and weighted.
Tensor pick(const Tensor& values, const Tensor& safe, const Tensor& scale) {
  return -(squeeze(gather(values, 1, unsqueeze(safe, 1)), 1) * scale);
}

void check_smoothing(const char* op, const ClassLossOptions& o) {
  HEARTH_CHECK(o.label_smoothing >= 0 && o.label_smoothing <= 1, op, ": label_smoothing must be from 0 to 1, but is ",
               o.label_smoothing);
}

Tensor class_loss(const char* op, const Tensor& log_p, const Tensor& target, const ClassLossOptions& o) {
  check_classes(op, log_p, target, o);
  const Tensor counts = ne(target, o.ignore_index);
  const Tensor safe = where(counts, target, Scalar(0));
  Tensor scale = counts.to(log_p.dtype());
  if (o.weight) scale = scale * view(index_select(*o.weight, 0, reshape(safe, {-1})), safe.shape());
  // Of an ignored target loss and gradient are 0, also where its values or what the mean divides by are not finite.
  Tensor loss = where(counts, pick(log_p, safe, scale), Scalar(0));
  if (o.label_smoothing > 0) {
    const double classes = static_cast<double>(log_p.shape()[1]);
    Tensor all_classes = log_p;
    if (o.weight) {
      Shape part = Dims::filled(log_p.dim(), 1);
      part[1] = log_p.shape()[1];
      all_classes = log_p * view(*o.weight, part);
    }
    const Tensor even = where(counts, -sum(all_classes, {1}), Scalar(0));
    loss = loss * (1 - o.label_smoothing) + even * (o.label_smoothing / classes);
  }
  if (o.reduction == Reduction::kMean) return sum(loss) / sum(scale);
  return reduced_loss(loss, o.reduction);
}

}  // namespace

namespace {

// Of targets that are probabilities of all classes.
Tensor probability_loss(const Tensor& log_p, const Tensor& target, const ClassLossOptions& o) {
  const char* op = "cross_entropy";
  HEARTH_CHECK(target.shape() == log_p.shape(), op, ": a target of probabilities has the input's shape, ",
               log_p.shape(), ", but this one has ", target.shape());
  const int64_t classes = log_p.shape()[1];
  HEARTH_CHECK(!o.weight || o.weight->shape() == Shape{classes}, op, ": the weight has shape ", o.weight->shape(),
               "; expected [", classes, "]");
  Tensor t = target.to(log_p.dtype());
  if (o.label_smoothing > 0) t = t * (1 - o.label_smoothing) + o.label_smoothing / static_cast<double>(classes);
  if (o.weight) {
    Shape part = Dims::filled(log_p.dim(), 1);
    part[1] = classes;
    t = t * view(*o.weight, part);
  }
  const Tensor loss = -sum(log_p * t, {1});
  return reduced_loss(loss, o.reduction);
}

}  // namespace

Tensor cross_entropy(const Tensor& x, const Tensor& target, const ClassLossOptions& o) {
  const CalledAs called("cross_entropy");
  expect_defined("cross_entropy", {x, target});
  if (x.dim() == 1) {  // one sample; its class number may stand in a dimension of 1
    const bool whole = target.dim() == 1 && !target.is_floating_point();
    const Tensor loss = cross_entropy(unsqueeze(x, 0), whole ? target : unsqueeze(target, 0), o);
    return o.reduction == Reduction::kNone ? squeeze(loss, 0) : loss;
  }
  check_smoothing("cross_entropy", o);
  const bool weight_learns = o.weight && o.weight->defined() && GradMode::enabled() && o.weight->requires_grad();
  if (!target.is_floating_point() && !weight_learns) {
    check_classes("cross_entropy", x, target, o);
    expect_dtypes("cross_entropy", x, kFloatTypes);
    const auto r = run_all(kCrossEntropy, {x, target, o.weight}, CrossEntropyAttrs{o.ignore_index, o.label_smoothing});
    const Tensor loss = o.reduction == Reduction::kMean ? sum(r[0]) / sum(r[1]) : reduced_loss(r[0], o.reduction);
    return x.dtype() == loss.dtype() ? loss : rounded(loss, x.dtype());
  }
  if (is_half(x.dtype())) return rounded(cross_entropy(machinery::widened(x), target, o), x.dtype());
  if (target.is_floating_point()) {
    HEARTH_CHECK(x.dim() >= 2, "cross_entropy: the input must be [n, classes, ...], but its shape is ", x.shape());
    return probability_loss(log_softmax(x, 1), target, o);
  }
  check_classes("cross_entropy", x, target, o);
  return class_loss("cross_entropy", log_softmax(x, 1), target, o);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const ClassLossOptions& o) {
  const CalledAs called("nll_loss");
  HEARTH_CHECK(o.label_smoothing == 0, "nll_loss: label smoothing belongs to cross_entropy");
  expect_defined("nll_loss", {log_probabilities, target});
  if (log_probabilities.dim() == 1) {  // one sample
    const Tensor loss = nll_loss(unsqueeze(log_probabilities, 0), target.dim() == 0 ? unsqueeze(target, 0) : target, o);
    return o.reduction == Reduction::kNone ? squeeze(loss, 0) : loss;
  }
  if (const DType t = log_probabilities.dtype(); is_half(t)) {
    return rounded(nll_loss(machinery::widened(log_probabilities), target, o), t);
  }
  return class_loss("nll_loss", log_probabilities, target, o);
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction r) {
  const CalledAs called("mse_loss");
  check_same_shape("mse_loss", x, target);
  return loss_in_f32([r](const Tensor& a, const Tensor& b) { return reduced_loss(square(a - b), r); }, x, target);
}
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction r) {
  const CalledAs called("l1_loss");
  check_same_shape("l1_loss", x, target);
  return loss_in_f32([r](const Tensor& a, const Tensor& b) { return reduced_loss(abs(a - b), r); }, x, target);
}
namespace {
// The square of what lies below a bound. An infinite difference beyond it would make the gradient NaN.
Tensor near_square(const Tensor& d, double bound) { return square(clamp(d, {}, bound)); }
}  // namespace

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta, Reduction r) {
  const CalledAs called("smooth_l1_loss");
  check_same_shape("smooth_l1_loss", x, target);
  HEARTH_CHECK(beta >= 0, "smooth_l1_loss: beta must not be negative, but is ", beta);
  if (beta == 0) return l1_loss(x, target, r);
  return loss_in_f32(
      [&](const Tensor& a, const Tensor& b) {
        const Tensor d = abs(a - b);
        return reduced_loss(where(lt(d, beta), near_square(d, beta) * (0.5 / beta), d - 0.5 * beta), r);
      },
      x, target);
}
Tensor huber_loss(const Tensor& x, const Tensor& target, double delta, Reduction r) {
  const CalledAs called("huber_loss");
  check_same_shape("huber_loss", x, target);
  HEARTH_CHECK(delta > 0, "huber_loss: delta must be above 0, but is ", delta);
  return loss_in_f32(
      [&](const Tensor& a, const Tensor& b) {
        const Tensor d = abs(a - b);
        return reduced_loss(where(lt(d, delta), near_square(d, delta) * 0.5, (d - 0.5 * delta) * delta), r);
      },
      x, target);
}
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const std::optional<Tensor>& weight,
                                        const std::optional<Tensor>& pos_weight, Reduction r) {
  const CalledAs called("binary_cross_entropy_with_logits");
  check_same_shape("binary_cross_entropy_with_logits", x, target);
  return loss_in_f32(
      [&](const Tensor& logits, const Tensor& t) {
        const Tensor log_not = -log_sigmoid(-logits);  // -log(1 - p)
        Tensor loss;
        if (pos_weight) {
          loss = (1 - t) * log_not - *pos_weight * t * log_sigmoid(logits);
        } else {
          loss = (1 - t) * log_not - t * log_sigmoid(logits);
        }
        if (weight) loss = loss * *weight;
        return reduced_loss(loss, r);
      },
      x, target);
}

}  // namespace hearth
