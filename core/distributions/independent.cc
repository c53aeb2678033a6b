#include "core/distributions/independent.h"

#include "core/base/error.h"
#include "core/distributions/event_internal.h"
#include "core/op/machinery.h"

namespace hearth::distributions {
namespace {

const Distribution& checked(const std::shared_ptr<const Distribution>& base, int64_t dims) {
  HEARTH_CHECK(base, "Independent: there is no base distribution");
  HEARTH_CHECK(dims >= 0 && dims <= base->batch_shape().rank(), "Independent: the batch of ", base->name(), " is ",
               base->batch_shape(), ", of which ", dims, " dimensions cannot be taken");
  return *base;
}

Shape batch_without(const Distribution& base, int64_t dims) {
  return Shape(std::span(base.batch_shape().begin(), base.batch_shape().size() - static_cast<size_t>(dims)));
}
Shape event_with(const Distribution& base, int64_t dims) {
  Shape event(std::span(base.batch_shape().end() - dims, static_cast<size_t>(dims)));
  for (const int64_t size : base.event_shape()) event.push_back(size);
  return event;
}

}  // namespace

Independent::Independent(std::shared_ptr<const Distribution> base, int64_t dims, std::optional<bool> validate_args)
    : Distribution("Independent", batch_without(checked(base, dims), dims), event_with(*base, dims), base->dtype(),
                   base->device(), validate_args),
      base_(std::move(base)),
      dims_(static_cast<int>(dims)) {}

Tensor Independent::draw(const Shape& sample_shape, Generator* g) const {
  return base_->has_rsample() ? base_->rsample(sample_shape, g) : base_->sample(sample_shape, g);
}
Tensor Independent::compute_log_prob(const Tensor& x) const {
  return sum_of_last(machinery::widened(base_->log_prob(machinery::widened(x))), dims_);
}
Tensor Independent::compute_entropy() const { return sum_of_last(machinery::widened(base_->entropy()), dims_); }
std::shared_ptr<const Distribution> Independent::expanded(const Shape& shape) const {
  Shape all = shape;
  for (int d = 0; d < dims_; ++d) all.push_back(event_shape()[d]);
  return std::make_shared<Independent>(base_->expand(all), dims_, validates());
}

}  // namespace hearth::distributions
