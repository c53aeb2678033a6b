#include "core/distributions/negative_binomial.h"

#include "core/distributions/logits_internal.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/special.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"

namespace hearth::distributions {

NegativeBinomial::NegativeBinomial(const Parameter& total_count, const Parameter& probs,
                                   std::optional<bool> validate_args)
    : NegativeBinomial(total_count, ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
NegativeBinomial::NegativeBinomial(const Parameter& total_count, const ProbsOrLogits& p)
    : NegativeBinomial(broadcast("NegativeBinomial", {total_count, chosen("NegativeBinomial", p)}), p) {}
NegativeBinomial::NegativeBinomial(const Parameters& p, const ProbsOrLogits& from)
    : Distribution("NegativeBinomial", p, from.validate_args), total_count_(p.wide[0]) {
  expect("total_count", total_count_, constraints::nonnegative());
  if (from.probs) {
    expect("probs", p.wide[1],
           Constraint("at least 0 and below 1", [](const Tensor& x) { return logical_and(ge(x, 0), lt(x, 1)); }));
    probs_ = p.wide[1];
    logits_ = binary_logits(probs_);
  } else {
    expect("logits", p.wide[1], constraints::real());
    logits_ = p.wide[1];
    probs_ = sigmoid(logits_);
  }
}

Tensor NegativeBinomial::compute_mean() const { return total_count_ * exp(logits_); }
Tensor NegativeBinomial::compute_mode() const { return clamp(floor((total_count_ - 1) * exp(logits_)), 0); }
Tensor NegativeBinomial::compute_variance() const { return compute_mean() / sigmoid(-logits_); }
Tensor NegativeBinomial::draw(const Shape& sample_shape, Generator* g) const {
  // Events whose rate is a gamma number; of none 0.
  const Tensor count = hearth::expand(total_count_.detach(), extended(sample_shape)), none = eq(count, 0);
  const Tensor rate = standard_gamma(where(none, Scalar(1), count), g) * exp(logits_.detach());
  return poisson(where(none, Scalar(0), rate), g);
}
Tensor NegativeBinomial::compute_log_prob(const Tensor& x) const {
  const Tensor none = eq(total_count_ + x, 0),
               orders = where(none, Scalar(0),
                              lgamma(where(none, Scalar(1), total_count_ + x)) - lgamma(x + 1) -
                                  lgamma(where(none, Scalar(1), total_count_)));
  return total_count_ * log_sigmoid(-logits_) + x * log_sigmoid(logits_) + orders;
}
std::shared_ptr<const Distribution> NegativeBinomial::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape,
                       {&NegativeBinomial::total_count_, &NegativeBinomial::probs_, &NegativeBinomial::logits_});
}

}  // namespace hearth::distributions
