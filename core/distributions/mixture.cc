#include "core/distributions/mixture.h"

#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

const Distribution& checked(const Categorical& mixture, const std::shared_ptr<const Distribution>& components) {
  HEARTH_CHECK(components, "MixtureSameFamily: there are no components");
  Shape batch = mixture.batch_shape();
  batch.push_back(mixture.num_events());
  HEARTH_CHECK(components->batch_shape() == batch, "MixtureSameFamily: a mixture of batch ", mixture.batch_shape(),
               " and ", mixture.num_events(), " components needs components of batch ", batch, ", but it is ",
               components->batch_shape());
  return *components;
}

}  // namespace

MixtureSameFamily::MixtureSameFamily(Categorical mixture, std::shared_ptr<const Distribution> components,
                                     std::optional<bool> validate_args)
    : Distribution("MixtureSameFamily", mixture.batch_shape(), checked(mixture, components).event_shape(),
                   components->dtype(), components->device(), validate_args),
      mixture_(std::move(mixture)),
      components_(std::move(components)) {}

Tensor MixtureSameFamily::weights() const {
  Tensor w = machinery::widened(mixture_.probs());
  for (int d = 0; d < event_shape().rank(); ++d) w = unsqueeze(w, -1);
  return w;
}

Tensor MixtureSameFamily::compute_mean() const {
  return (weights() * machinery::widened(components_->mean())).sum(component_dim());
}
Tensor MixtureSameFamily::compute_variance() const {
  // Of the components, and of their means.
  const Tensor mean = machinery::widened(components_->mean());
  const Tensor within = (weights() * machinery::widened(components_->variance())).sum(component_dim());
  const Tensor off = mean - unsqueeze(compute_mean(), component_dim());
  return within + (weights() * square(off)).sum(component_dim());
}

Tensor MixtureSameFamily::draw(const Shape& sample_shape, Generator* g) const {
  const Tensor of_all = components_->sample(sample_shape, g);
  Tensor chosen = unsqueeze(mixture_.sample(sample_shape, g), -1);
  Shape at = chosen.shape();
  for (const int64_t size : event_shape()) {
    chosen = unsqueeze(chosen, -1);
    at.push_back(size);
  }
  return squeeze(gather(of_all, component_dim(), hearth::expand(chosen, at)), component_dim());
}

Tensor MixtureSameFamily::compute_log_prob(const Tensor& x) const {
  const Tensor each = machinery::widened(components_->log_prob(unsqueeze(x, component_dim())));
  return logsumexp(each + log_softmax(machinery::widened(mixture_.logits()), -1), -1);
}
Tensor MixtureSameFamily::compute_cdf(const Tensor& x) const {
  const Tensor each = machinery::widened(components_->cdf(unsqueeze(x, component_dim())));
  return (each * machinery::widened(mixture_.probs())).sum(-1);
}

std::shared_ptr<const Distribution> MixtureSameFamily::expanded(const Shape& shape) const {
  Shape components = shape;
  components.push_back(mixture_.num_events());
  return std::make_shared<MixtureSameFamily>(static_cast<const Categorical&>(*mixture_.expand(shape)),
                                             components_->expand(components), validates());
}

}  // namespace hearth::distributions
