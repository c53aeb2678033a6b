#include "core/distributions/heavy_tails.h"

#include <cmath>
#include <numbers>

#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/special.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

constexpr double kPi = std::numbers::pi;

}  // namespace

HalfCauchy::HalfCauchy(const Parameter& scale, std::optional<bool> validate_args)
    : HalfCauchy(broadcast("HalfCauchy", {scale}), validate_args) {}
HalfCauchy::HalfCauchy(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("HalfCauchy", p, validate_args), scale_(p.wide[0]) {
  expect("scale", scale_, constraints::positive());
}

Tensor HalfCauchy::compute_mean() const { return constant(INFINITY); }
Tensor HalfCauchy::compute_variance() const { return constant(INFINITY); }
Tensor HalfCauchy::draw(const Shape& sample_shape, Generator* g) const {
  return tan(uniform_noise(extended(sample_shape), g) * (kPi / 2)).to(wide_dtype()) * scale_;
}
Tensor HalfCauchy::compute_log_prob(const Tensor& x) const {
  const Tensor density = std::log(2 / kPi) - log(scale_) - log1p(square(x / scale_));
  return where(ge(x, 0), density, Scalar(-INFINITY));
}
Tensor HalfCauchy::compute_cdf(const Tensor& x) const { return atan(x / scale_) * (2 / kPi); }
Tensor HalfCauchy::compute_icdf(const Tensor& p) const { return tan(p * (kPi / 2)) * scale_; }
Tensor HalfCauchy::compute_entropy() const { return log(scale_ * (2 * kPi)); }
std::shared_ptr<const Distribution> HalfCauchy::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&HalfCauchy::scale_});
}

Weibull::Weibull(const Parameter& scale, const Parameter& concentration, std::optional<bool> validate_args)
    : Weibull(broadcast("Weibull", {scale, concentration}), validate_args) {}
Weibull::Weibull(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Weibull", p, validate_args), scale_(p.wide[0]), concentration_(p.wide[1]) {
  expect("scale", scale_, constraints::positive());
  expect("concentration", concentration_, constraints::positive());
}

Tensor Weibull::compute_mean() const { return scale_ * exp(lgamma(1 / concentration_ + 1)); }
Tensor Weibull::compute_mode() const { return scale_ * pow((concentration_ - 1) / concentration_, 1 / concentration_); }
Tensor Weibull::compute_variance() const {
  const Tensor first = lgamma(1 / concentration_ + 1), second = lgamma(2 / concentration_ + 1);
  return square(scale_) * (exp(second) - exp(first * 2));
}
Tensor Weibull::draw(const Shape& sample_shape, Generator* g) const {
  // A power of an exponential number, by its logarithm.
  const Tensor noise = log(-log(uniform_noise(extended(sample_shape), g))).to(wide_dtype());
  return scale_ * exp(noise / concentration_);
}
Tensor Weibull::compute_log_prob(const Tensor& x) const {
  const Tensor z = x / scale_;
  return log(concentration_ / scale_) + (concentration_ - 1) * log(z) - pow(z, concentration_);
}
Tensor Weibull::compute_cdf(const Tensor& x) const { return -expm1(-pow(x / scale_, concentration_)); }
Tensor Weibull::compute_icdf(const Tensor& p) const { return scale_ * pow(-log1p(-p), 1 / concentration_); }
Tensor Weibull::compute_entropy() const {
  return (1 - 1 / concentration_) * std::numbers::egamma + log(scale_ / concentration_) + 1;
}
std::shared_ptr<const Distribution> Weibull::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Weibull::scale_, &Weibull::concentration_});
}

Pareto::Pareto(const Parameter& scale, const Parameter& alpha, std::optional<bool> validate_args)
    : Pareto(broadcast("Pareto", {scale, alpha}), validate_args) {}
Pareto::Pareto(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Pareto", p, validate_args), scale_(p.wide[0]), alpha_(p.wide[1]) {
  expect("scale", scale_, constraints::positive());
  expect("alpha", alpha_, constraints::positive());
}

Constraint Pareto::support() const {
  const Tensor low = scale_;
  return Constraint("at least scale", [low](const Tensor& x) { return ge(x, low); });
}
Tensor Pareto::compute_mean() const { return where(gt(alpha_, 1), alpha_ * scale_ / (alpha_ - 1), Scalar(INFINITY)); }
Tensor Pareto::compute_variance() const {
  const Tensor finite = square(scale_ / (alpha_ - 1)) * alpha_ / (alpha_ - 2);
  return where(gt(alpha_, 2), finite, Scalar(INFINITY));
}
Tensor Pareto::draw(const Shape& sample_shape, Generator* g) const {
  return scale_ * exp((-log(uniform_noise(extended(sample_shape), g))).to(wide_dtype()) / alpha_);
}
Tensor Pareto::compute_log_prob(const Tensor& x) const {
  return log(alpha_) + alpha_ * log(scale_) - (alpha_ + 1) * log(x);
}
Tensor Pareto::compute_cdf(const Tensor& x) const { return 1 - pow(scale_ / x, alpha_); }
Tensor Pareto::compute_icdf(const Tensor& p) const { return scale_ * exp(-log1p(-p) / alpha_); }
Tensor Pareto::compute_entropy() const { return log(scale_ / alpha_) + (1 / alpha_ + 1); }
std::shared_ptr<const Distribution> Pareto::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Pareto::scale_, &Pareto::alpha_});
}

InverseGamma::InverseGamma(const Parameter& concentration, const Parameter& rate, std::optional<bool> validate_args)
    : InverseGamma(broadcast("InverseGamma", {concentration, rate}), validate_args) {}
InverseGamma::InverseGamma(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("InverseGamma", p, validate_args), concentration_(p.wide[0]), rate_(p.wide[1]) {
  expect("concentration", concentration_, constraints::positive());
  expect("rate", rate_, constraints::positive());
}

Tensor InverseGamma::compute_mean() const {
  return where(gt(concentration_, 1), rate_ / (concentration_ - 1), Scalar(INFINITY));
}
Tensor InverseGamma::compute_mode() const { return rate_ / (concentration_ + 1); }
Tensor InverseGamma::compute_variance() const {
  const Tensor finite = square(rate_ / (concentration_ - 1)) / (concentration_ - 2);
  return where(gt(concentration_, 2), finite, Scalar(INFINITY));
}
Tensor InverseGamma::draw(const Shape& sample_shape, Generator* g) const {
  return rate_ * exp(-log_standard_gamma(hearth::expand(concentration_, extended(sample_shape)), g));
}
Tensor InverseGamma::compute_cdf(const Tensor& x) const { return gammaincc(concentration_, rate_ / x); }
Tensor InverseGamma::compute_log_prob(const Tensor& x) const {
  return concentration_ * log(rate_) - lgamma(concentration_) - (concentration_ + 1) * log(x) - rate_ / x;
}
Tensor InverseGamma::compute_entropy() const {
  return concentration_ + log(rate_) + lgamma(concentration_) - (concentration_ + 1) * digamma(concentration_);
}
std::shared_ptr<const Distribution> InverseGamma::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&InverseGamma::concentration_, &InverseGamma::rate_});
}

}  // namespace hearth::distributions
