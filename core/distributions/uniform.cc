#include "core/distributions/uniform.h"

#include <cmath>

#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"

namespace hearth::distributions {

Uniform::Uniform(const Parameter& low, const Parameter& high, std::optional<bool> validate_args)
    : Uniform(broadcast("Uniform", {low, high}), validate_args) {}
Uniform::Uniform(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Uniform", p, validate_args), low_(p.wide[0]), high_(p.wide[1]) {
  expect("low", low_, constraints::real());
  expect("high", high_, constraints::real());
  const Tensor low = low_;
  expect("high", high_, Constraint("above low", [=](const Tensor& x) { return gt(x, low); }));
}

Tensor Uniform::compute_mean() const { return (low_ + high_) / 2; }
Tensor Uniform::compute_mode() const { return constant(NAN); }
Tensor Uniform::compute_variance() const { return square(high_ - low_) / 12; }
Tensor Uniform::draw(const Shape& sample_shape, Generator* g) const {
  Tensor u = uniform_noise(extended(sample_shape), g).to(wide_dtype());
  {
    // Where rounding would reach the open end the number is the lower one, to which as many are missing.
    const NoGrad off;
    u = where(ge(narrow(low_ + u * (high_ - low_)), narrow(high_)), Scalar(0.0), u);
  }
  return low_ + u * (high_ - low_);
}
Tensor Uniform::compute_log_prob(const Tensor& x) const {
  const Tensor inside = logical_and(ge(x, low_), lt(x, high_));
  return where(inside, -log(high_ - low_), Scalar(-INFINITY));
}
Tensor Uniform::compute_cdf(const Tensor& x) const { return clamp((x - low_) / (high_ - low_), 0, 1); }
Tensor Uniform::compute_icdf(const Tensor& p) const { return p * (high_ - low_) + low_; }
Tensor Uniform::compute_entropy() const { return log(high_ - low_); }
std::shared_ptr<const Distribution> Uniform::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Uniform::low_, &Uniform::high_});
}

}  // namespace hearth::distributions
