#include "core/distributions/gamma.h"

#include "core/distributions/limits_internal.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/special.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"

namespace hearth::distributions {

Gamma::Gamma(const Parameter& concentration, const Parameter& rate, std::optional<bool> validate_args)
    : Gamma("Gamma", broadcast("Gamma", {concentration, rate}), validate_args) {
  expect("concentration", concentration_, constraints::positive());
  expect("rate", rate_, constraints::positive());
}
Gamma::Gamma(const char* name, const Parameters& p, std::optional<bool> validate_args)
    : Distribution(name, p, validate_args), concentration_(p.wide[0]), rate_(p.wide[1]) {}

Tensor Gamma::compute_mean() const { return concentration_ / rate_; }
Tensor Gamma::compute_mode() const { return clamp((concentration_ - 1) / rate_, 0); }
Tensor Gamma::compute_variance() const { return concentration_ / square(rate_); }
Tensor Gamma::draw(const Shape& sample_shape, Generator* g) const {
  const Tensor x = standard_gamma(hearth::expand(concentration_, extended(sample_shape)), g) / rate_,
               value = x.detach();
  // Above 0, where the density is; the gradient stays.
  const double least = smallest(dtype());
  return where(lt(value, least), x + (least - value), x);
}
Tensor Gamma::compute_log_prob(const Tensor& x) const {
  return xlogy(concentration_, rate_) + xlogy(concentration_ - 1, x) - rate_ * x - lgamma(concentration_);
}
Tensor Gamma::compute_cdf(const Tensor& x) const { return gammainc(concentration_, rate_ * x); }
Tensor Gamma::compute_entropy() const {
  return concentration_ - log(rate_) + lgamma(concentration_) + (1 - concentration_) * digamma(concentration_);
}
std::shared_ptr<const Distribution> Gamma::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Gamma::concentration_, &Gamma::rate_});
}

Distribution::Parameters Chi2::as_gamma(const Parameter& df) {
  Parameters p = broadcast("Chi2", {df, 0.5});
  p.wide[0] = p.wide[0] / 2;
  return p;
}
Chi2::Chi2(const Parameter& df, std::optional<bool> validate_args) : Gamma("Chi2", as_gamma(df), validate_args) {
  expect("df", this->df(), constraints::positive());
}
Tensor Chi2::df() const { return concentration() * 2; }
std::shared_ptr<const Distribution> Chi2::expanded(const Shape& shape) const {
  return std::make_shared<Chi2>(hearth::expand(df(), shape), false);
}

Exponential::Exponential(const Parameter& rate, std::optional<bool> validate_args)
    : Exponential(broadcast("Exponential", {rate}), validate_args) {}
Exponential::Exponential(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Exponential", p, validate_args), rate_(p.wide[0]) {
  expect("rate", rate_, constraints::positive());
}

Tensor Exponential::compute_mean() const { return 1 / rate_; }
Tensor Exponential::compute_variance() const { return 1 / square(rate_); }
Tensor Exponential::draw(const Shape& sample_shape, Generator* g) const {
  return (-log(uniform_noise(extended(sample_shape), g))).to(wide_dtype()) / rate_;
}
Tensor Exponential::compute_log_prob(const Tensor& x) const { return log(rate_) - rate_ * x; }
Tensor Exponential::compute_cdf(const Tensor& x) const { return -expm1(-rate_ * x); }
Tensor Exponential::compute_icdf(const Tensor& p) const { return -log1p(-p) / rate_; }
Tensor Exponential::compute_entropy() const { return 1 - log(rate_); }
std::shared_ptr<const Distribution> Exponential::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Exponential::rate_});
}

}  // namespace hearth::distributions
