#include "core/distributions/poisson.h"

#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/ops/special.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"

namespace hearth::distributions {

Poisson::Poisson(const Parameter& rate, std::optional<bool> validate_args)
    : Poisson(broadcast("Poisson", {rate}), validate_args) {}
Poisson::Poisson(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Poisson", p, validate_args), rate_(p.wide[0]) {
  expect("rate", rate_, constraints::nonnegative());
}

Tensor Poisson::compute_mode() const { return floor(rate_); }
Tensor Poisson::draw(const Shape& sample_shape, Generator* g) const {
  return poisson(hearth::expand(rate_.detach(), extended(sample_shape)), g);
}
Tensor Poisson::compute_log_prob(const Tensor& x) const { return xlogy(x, rate_) - rate_ - lgamma(x + 1); }
std::shared_ptr<const Distribution> Poisson::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Poisson::rate_});
}

}  // namespace hearth::distributions
