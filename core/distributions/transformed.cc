#include "core/distributions/transformed.h"

#include "core/base/error.h"
#include "core/distributions/event_internal.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"

namespace hearth::distributions {
namespace {

const Distribution& checked(const std::shared_ptr<const Distribution>& base) {
  HEARTH_CHECK(base, "TransformedDistribution: there is no base distribution");
  return *base;
}

}  // namespace

TransformedDistribution::TransformedDistribution(std::shared_ptr<const Distribution> base, Transforms transforms,
                                                 std::optional<bool> validate_args)
    : Distribution("TransformedDistribution", checked(base).batch_shape(), base->event_shape(), base->dtype(),
                   base->device(), validate_args),
      base_(std::move(base)),
      transforms_(std::move(transforms)) {
  for (const auto& t : transforms_) HEARTH_CHECK(t, "TransformedDistribution: a transform is null");
}

Constraint TransformedDistribution::support() const {
  if (transforms_.empty()) return base_->support();
  const Constraint each = transforms_.back()->codomain().value_or(constraints::real());
  return event_shape().empty() ? each : constraints::independent(each, event_shape().rank());
}

Tensor TransformedDistribution::draw(const Shape& sample_shape, Generator* g) const {
  Tensor x = machinery::widened(has_rsample() ? base_->rsample(sample_shape, g) : base_->sample(sample_shape, g));
  const Shape shape = x.shape();
  for (const auto& t : transforms_) x = t->forward(x);
  HEARTH_CHECK(x.shape() == shape, "TransformedDistribution: transforms make ", x.shape(), " of a sample of ", shape,
               ": expand the base distribution");
  return x;
}

Tensor TransformedDistribution::compute_log_prob(const Tensor& value) const {
  Tensor y = value, slopes;
  for (auto t = transforms_.rbegin(); t != transforms_.rend(); ++t) {
    const Tensor x = (*t)->inverse(y), slope = (*t)->log_abs_det_jacobian(x, y);
    slopes = slopes.defined() ? slopes + slope : slope;
    y = x;
  }
  const Tensor log_p = machinery::widened(base_->log_prob(y));
  return slopes.defined() ? log_p - sum_of_last(slopes, event_shape().rank()) : log_p;
}

Tensor TransformedDistribution::compute_cdf(const Tensor& value) const {
  Tensor y = value, sign = ones({}, wide_options());
  for (auto t = transforms_.rbegin(); t != transforms_.rend(); ++t) {
    y = (*t)->inverse(y);
    sign = sign * (*t)->sign(y);
  }
  return sign * (machinery::widened(base_->cdf(y)) - 0.5) + 0.5;
}

Tensor TransformedDistribution::compute_icdf(const Tensor& p) const {
  Tensor sign = ones({}, wide_options());
  for (const auto& t : transforms_) sign = sign * t->sign(p);
  Tensor x = machinery::widened(base_->icdf(sign * (p - 0.5) + 0.5));
  for (const auto& t : transforms_) x = t->forward(x);
  return x;
}

std::shared_ptr<const Distribution> TransformedDistribution::expanded(const Shape& shape) const {
  return std::make_shared<TransformedDistribution>(base_->expand(shape), transforms_, validates());
}

}  // namespace hearth::distributions
