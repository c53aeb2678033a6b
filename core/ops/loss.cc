#include "core/ops/loss.h"

#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

Tensor reduce(const Tensor& loss, Reduction r) {
  switch (r) {
    case Reduction::kMean:
      return mean(loss);
    case Reduction::kSum:
      return sum(loss);
    case Reduction::kNone:
      return loss;
  }
  return loss;
}

void check_same_shape(const char* op, const Tensor& x, const Tensor& target) {
  expect_defined(op, {x, target});
  HEARTH_CHECK(x.shape() == target.shape(), op, ": the input has shape ", x.shape(), ", but the target ",
               target.shape());
}

void check_classes(const char* op, const Tensor& x, const Tensor& target, const ClassLossOptions& o) {
  expect_defined(op, {x, target});
  HEARTH_CHECK(x.dim() >= 2, op, ": the input must be [n, classes, ...], but its shape is ", x.shape());
  HEARTH_CHECK(target.dtype() == DType::kI64 || target.dtype() == DType::kI32, op,
               ": the target must be i64 class numbers, but is ", target.dtype());
  Shape expected = x.shape();
  expected.erase(1);
  HEARTH_CHECK(target.shape() == expected, op, ": the target has shape ", target.shape(), "; expected ", expected,
               " for an input of shape ", x.shape());
  HEARTH_CHECK(!o.weight || o.weight->shape() == Shape{x.shape()[1]}, op, ": the weight has shape ", o.weight->shape(),
               "; expected [", x.shape()[1], "]");
}

// Losses per target, of [n, classes, ...] values that are negated and weighted; ignored targets give 0.
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
  Tensor loss = pick(log_p, safe, scale);
  if (o.label_smoothing > 0) {
    const double classes = static_cast<double>(log_p.shape()[1]);
    Tensor all_classes = log_p;
    if (o.weight) {
      Shape part = Dims::filled(log_p.dim(), 1);
      part[1] = log_p.shape()[1];
      all_classes = log_p * view(*o.weight, part);
    }
    const Tensor even = -sum(all_classes, {1}) * counts.to(log_p.dtype());
    loss = loss * (1 - o.label_smoothing) + even * (o.label_smoothing / classes);
  }
  if (o.reduction == Reduction::kMean) return sum(loss) / sum(scale);
  return reduce(loss, o.reduction);
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
  return reduce(loss, o.reduction);
}

}  // namespace

Tensor cross_entropy(const Tensor& x, const Tensor& target, const ClassLossOptions& o) {
  expect_defined("cross_entropy", {x, target});
  if (x.dim() == 1) {  // one sample
    const Tensor loss = cross_entropy(unsqueeze(x, 0), unsqueeze(target, 0), o);
    return o.reduction == Reduction::kNone ? squeeze(loss, 0) : loss;
  }
  check_smoothing("cross_entropy", o);
  if (target.is_floating_point()) {
    HEARTH_CHECK(x.dim() >= 2, "cross_entropy: the input must be [n, classes, ...], but its shape is ", x.shape());
    return probability_loss(log_softmax(x, 1), target, o);
  }
  check_classes("cross_entropy", x, target, o);
  return class_loss("cross_entropy", log_softmax(x, 1), target, o);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const ClassLossOptions& o) {
  HEARTH_CHECK(o.label_smoothing == 0, "nll_loss: label smoothing belongs to cross_entropy");
  return class_loss("nll_loss", log_probabilities, target, o);
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction r) {
  check_same_shape("mse_loss", x, target);
  return reduce(square(x - target), r);
}
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction r) {
  check_same_shape("l1_loss", x, target);
  return reduce(abs(x - target), r);
}
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta, Reduction r) {
  check_same_shape("smooth_l1_loss", x, target);
  HEARTH_CHECK(beta >= 0, "smooth_l1_loss: beta must not be negative, but is ", beta);
  if (beta == 0) return l1_loss(x, target, r);
  const Tensor d = abs(x - target);
  return reduce(where(lt(d, beta), square(d) * (0.5 / beta), d - 0.5 * beta), r);
}
Tensor huber_loss(const Tensor& x, const Tensor& target, double delta, Reduction r) {
  check_same_shape("huber_loss", x, target);
  HEARTH_CHECK(delta > 0, "huber_loss: delta must be above 0, but is ", delta);
  const Tensor d = abs(x - target);
  return reduce(where(lt(d, delta), square(d) * 0.5, (d - 0.5 * delta) * delta), r);
}
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const std::optional<Tensor>& weight,
                                        const std::optional<Tensor>& pos_weight, Reduction r) {
  check_same_shape("binary_cross_entropy_with_logits", x, target);
  const Tensor log_not = -log_sigmoid(-x);  // -log(1 - p)
  Tensor loss;
  if (pos_weight) {
    loss = (1 - target) * log_not - *pos_weight * target * log_sigmoid(x);
  } else {
    loss = (1 - target) * log_not - target * log_sigmoid(x);
  }
  if (weight) loss = loss * *weight;
  return reduce(loss, r);
}

}  // namespace hearth
