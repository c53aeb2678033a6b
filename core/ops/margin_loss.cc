#include "core/ops/margin_loss.h"

#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/loss_internal.h"
#include "core/ops/math.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

Tensor cosine(const Tensor& a, const Tensor& b) {
  constexpr double kEps = 1e-12;
  const Tensor size = (square(a).sum(-1) + kEps) * (square(b).sum(-1) + kEps);
  return (a * b).sum(-1) / sqrt(size);
}

}  // namespace

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin, Reduction reduction) {
  expect_defined("margin_ranking_loss", {a, b, target});
  const auto loss = [&](const Tensor& x, const Tensor& y, const Tensor& t) {
    return reduced_loss(relu(margin - t * (x - y)), reduction);
  };
  return loss_in_f32(loss, a, b, target);
}

Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, double margin, Reduction reduction) {
  expect_defined("hinge_embedding_loss", {x, target});
  const auto loss = [&](const Tensor& a, const Tensor& t) {
    const Tensor l = where(t != 1, relu(margin - a), 0.0) + where(t != -1, a, 0.0);
    return reduced_loss(l, reduction);
  };
  return loss_in_f32(loss, x, target);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  check_same_shape("soft_margin_loss", x, target);
  const auto loss = [&](const Tensor& a, const Tensor& t) { return reduced_loss(-log_sigmoid(t * a), reduction); };
  return loss_in_f32(loss, x, target);
}

Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int64_t p, double margin,
                         const std::optional<Tensor>& weight, Reduction reduction) {
  constexpr const char* kOp = "multi_margin_loss";
  expect_defined(kOp, {x, target});
  check_class_numbers(kOp, target);
  HEARTH_CHECK(p == 1 || p == 2, kOp, ": p must be 1 or 2, but is ", p);
  HEARTH_CHECK((x.dim() == 2 && target.shape() == Shape{x.size(0)}) || (x.dim() == 1 && target.numel() == 1), kOp,
               ": expected scores [n, classes] and targets [n], or [classes] and one target, but the shapes are ",
               x.shape(), " and ", target.shape());
  const int64_t classes = x.size(-1);
  HEARTH_CHECK(classes > 0, kOp, ": there are no classes");
  HEARTH_CHECK(!weight || weight->shape() == Shape{classes}, kOp, ": the weight must have the shape [", classes,
               "], but has ", weight->shape());
  const auto loss = [&](const Tensor& scores) {
    const Tensor rows = scores.reshape({-1, classes}), y = target.reshape({-1, 1}).to(i64);
    Tensor l = relu(margin - rows.gather(1, y) + rows);
    if (p == 2) l = square(l);
    if (weight) l = l * weight->to(l.dtype()).index_select(0, y.flatten()).unsqueeze(1);
    const Tensor other = arange(classes).to(l.device()).unsqueeze(0) != y;
    l = where(other, l, 0.0).sum(1) / static_cast<double>(classes);
    return reduced_loss(x.dim() == 1 ? l.squeeze(0) : l, reduction);
  };
  return loss_in_f32(loss, x);
}

Tensor multilabel_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  constexpr const char* kOp = "multilabel_margin_loss";
  check_same_shape(kOp, x, target);
  check_class_numbers(kOp, target);
  HEARTH_CHECK((x.dim() == 1 || x.dim() == 2) && x.size(-1) > 0, kOp,
               ": expected scores [n, classes] or [classes], but the shape is ", x.shape());
  const int64_t classes = x.size(-1);
  const auto loss = [&](const Tensor& scores) {
    const Tensor rows = scores.reshape({-1, classes}), y = target.reshape({-1, classes}).to(i64);
    // The list ends at the first -1.
    const Tensor listed = (y != -1).to(i64).cumprod(1).to(boolean), at = where(listed, y, 0);
    const Tensor is_target =
        zeros(rows.shape(), {.dtype = i64, .device = rows.device()}).scatter_add(1, at, listed.to(i64)) > 0;
    const Tensor pairs = relu(1 - rows.gather(1, at).unsqueeze(2) + rows.unsqueeze(1));
    const Tensor counts = logical_and(listed.unsqueeze(2), logical_not(is_target).unsqueeze(1));
    const Tensor l = where(counts, pairs, 0.0).sum({1, 2}) / static_cast<double>(classes);
    return reduced_loss(x.dim() == 1 ? l.squeeze(0) : l, reduction);
  };
  return loss_in_f32(loss, x);
}

Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target, const std::optional<Tensor>& weight,
                                   Reduction reduction) {
  check_same_shape("multilabel_soft_margin_loss", x, target);
  HEARTH_CHECK(x.dim() > 0, "multilabel_soft_margin_loss: the input needs a dimension of classes");
  const auto loss = [&](const Tensor& a, const Tensor& t) {
    Tensor l = -(t * log_sigmoid(a) + (1 - t) * log_sigmoid(-a));
    if (weight) l = l * *weight;
    return reduced_loss(l.mean(-1), reduction);
  };
  return loss_in_f32(loss, x, target);
}

Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin,
                             Reduction reduction) {
  constexpr const char* kOp = "cosine_embedding_loss";
  expect_defined(kOp, {a, b, target});
  HEARTH_CHECK(
      a.shape() == b.shape() && (a.dim() == 1 || a.dim() == 2) && target.dim() == a.dim() - 1 &&
          (a.dim() == 1 || target.size(0) == a.size(0)),
      kOp, ": expected two inputs [n, features] and a target [n], or [features] and one target, but the shapes are ",
      a.shape(), ", ", b.shape(), " and ", target.shape());
  const auto loss = [&](const Tensor& x, const Tensor& y) {
    const Tensor c = cosine(x, y);
    const Tensor l = where(target == 1, 1 - c, 0.0) + where(target == -1, relu(c - margin), 0.0);
    return reduced_loss(l, reduction);
  };
  return loss_in_f32(loss, a, b);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const std::function<Tensor(const Tensor&, const Tensor&)>& distance,
                                         double margin, bool swap, Reduction reduction) {
  expect_defined("triplet_margin_with_distance_loss", {anchor, positive, negative});
  HEARTH_CHECK(distance, "triplet_margin_with_distance_loss: there is no distance");
  const auto loss = [&](const Tensor& a, const Tensor& p, const Tensor& n) {
    Tensor other = distance(a, n);
    if (swap) other = minimum(other, distance(p, n));
    return reduced_loss(relu(margin + distance(a, p) - other), reduction);
  };
  return loss_in_f32(loss, anchor, positive, negative);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginOptions& o) {
  expect_defined("triplet_margin_loss", {anchor, positive, negative});
  const auto distance = [&](const Tensor& a, const Tensor& b) { return norm(a - b + o.eps, o.p, {-1}); };
  return triplet_margin_with_distance_loss(anchor, positive, negative, distance, o.margin, o.swap, o.reduction);
}

}  // namespace hearth
