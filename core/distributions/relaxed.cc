#include "core/distributions/relaxed.h"

#include <utility>

#include "core/base/error.h"
#include "core/distributions/logits_internal.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/special.h"

namespace hearth::distributions {

RelaxedBernoulli::RelaxedBernoulli(const Parameter& temperature, const Parameter& probs,
                                   std::optional<bool> validate_args)
    : RelaxedBernoulli(temperature, ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
RelaxedBernoulli::RelaxedBernoulli(const Parameter& temperature, const ProbsOrLogits& p)
    : RelaxedBernoulli(broadcast("RelaxedBernoulli", {temperature, chosen("RelaxedBernoulli", p)}), p) {}
RelaxedBernoulli::RelaxedBernoulli(const Parameters& p, const ProbsOrLogits& from)
    : Distribution("RelaxedBernoulli", p, from.validate_args), temperature_(p.wide[0]) {
  expect("temperature", temperature_, constraints::positive());
  if (from.probs) {
    expect("probs", p.wide[1], constraints::unit_interval());
    probs_ = p.wide[1];
    logits_ = binary_logits(probs_);
  } else {
    expect("logits", p.wide[1], constraints::real());
    logits_ = p.wide[1];
    probs_ = sigmoid(logits_);
  }
}

Tensor RelaxedBernoulli::draw(const Shape& sample_shape, Generator* g) const {
  const Tensor u = uniform_noise(extended(sample_shape), g);
  return clamped_probs(sigmoid((logits_ + (log(u) - log1p(-u)).to(wide_dtype())) / temperature_));
}
Tensor RelaxedBernoulli::compute_log_prob(const Tensor& x) const {
  // The density of y = log(x / (1 - x)), and the slope of y.
  const Tensor q = clamped_probs(x), log_x = log(q), log_rest = log1p(-q);
  const Tensor d = logits_ - (log_x - log_rest) * temperature_;
  return log(temperature_) + d + log_sigmoid(-d) * 2 - log_x - log_rest;
}
std::shared_ptr<const Distribution> RelaxedBernoulli::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape,
                       {&RelaxedBernoulli::temperature_, &RelaxedBernoulli::probs_, &RelaxedBernoulli::logits_});
}

RelaxedOneHotCategorical::RelaxedOneHotCategorical(const Parameter& temperature, const Tensor& probs,
                                                   std::optional<bool> validate_args)
    : RelaxedOneHotCategorical(temperature, ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
RelaxedOneHotCategorical::RelaxedOneHotCategorical(const Parameter& temperature, const ProbsOrLogits& p)
    : RelaxedOneHotCategorical(
          temperature,
          Categorical("RelaxedOneHotCategorical",
                      broadcast("RelaxedOneHotCategorical", {chosen("RelaxedOneHotCategorical", p)}), p),
          p.validate_args) {}
RelaxedOneHotCategorical::RelaxedOneHotCategorical(const Parameter& temperature, Categorical classes,
                                                   std::optional<bool> validate_args)
    : Distribution("RelaxedOneHotCategorical", classes.batch_shape(), {classes.num_events()}, classes.dtype(),
                   classes.device(), validate_args),
      classes_(std::move(classes)) {
  temperature_ = temperature.tensor() ? temperature.tensor()->to(device(), wide_dtype())
                                      : full({}, temperature.number(), wide_options());
  HEARTH_CHECK(temperature_.dim() == 0, "RelaxedOneHotCategorical: temperature must be one number, but its shape is ",
               temperature_.shape());
  expect("temperature", temperature_, constraints::positive());
}

Tensor RelaxedOneHotCategorical::draw(const Shape& sample_shape, Generator* g) const {
  const Tensor gumbel = -log(-log(uniform_noise(extended(sample_shape), g))).to(wide_dtype());
  return softmax((classes_.logits_ + gumbel) / temperature_, -1);
}
Tensor RelaxedOneHotCategorical::compute_log_prob(const Tensor& x) const {
  const auto k = static_cast<double>(event_shape()[0]);
  const Tensor log_x = log(x);
  const Tensor scores = classes_.logits_ - log_x * temperature_;
  const Tensor log_scale = log(temperature_) * (k - 1) + lgamma(full({}, k, wide_options()));
  return (scores - logsumexp(scores, -1, true)).sum(-1) + log_scale - log_x.sum(-1);
}
std::shared_ptr<const Distribution> RelaxedOneHotCategorical::expanded(const Shape& shape) const {
  auto copy = std::make_shared<RelaxedOneHotCategorical>(*this);
  copy->classes_ = static_cast<const Categorical&>(*classes_.expand(shape));
  copy->set_batch_shape(shape);
  return copy;
}

}  // namespace hearth::distributions
