#include "core/distributions/location_scale.h"

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

Laplace::Laplace(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args)
    : Laplace(broadcast("Laplace", {loc, scale}), validate_args) {}
Laplace::Laplace(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Laplace", p, validate_args), loc_(p.wide[0]), scale_(p.wide[1]) {
  expect("loc", loc_, constraints::real());
  expect("scale", scale_, constraints::positive());
}

Tensor Laplace::compute_variance() const { return square(scale_) * 2; }
Tensor Laplace::draw(const Shape& sample_shape, Generator* g) const {
  // The sign and the size from one number in (-1, 1).
  const Tensor v = uniform_noise(extended(sample_shape), g) * 2 - 1;
  return loc_ - scale_ * (sign(v) * log1p(-abs(v))).to(wide_dtype());
}
Tensor Laplace::compute_log_prob(const Tensor& x) const { return -log(scale_ * 2) - abs(x - loc_) / scale_; }
Tensor Laplace::compute_cdf(const Tensor& x) const {
  const Tensor d = x - loc_;
  return 0.5 - sign(d) * expm1(-abs(d) / scale_) * 0.5;
}
Tensor Laplace::compute_icdf(const Tensor& p) const {
  const Tensor t = p - 0.5;
  return loc_ - scale_ * sign(t) * log1p(abs(t) * -2);
}
Tensor Laplace::compute_entropy() const { return log(scale_ * 2) + 1; }
std::shared_ptr<const Distribution> Laplace::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Laplace::loc_, &Laplace::scale_});
}

Cauchy::Cauchy(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args)
    : Cauchy(broadcast("Cauchy", {loc, scale}), validate_args) {}
Cauchy::Cauchy(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Cauchy", p, validate_args), loc_(p.wide[0]), scale_(p.wide[1]) {
  expect("loc", loc_, constraints::real());
  expect("scale", scale_, constraints::positive());
}

Tensor Cauchy::compute_mean() const { return constant(NAN); }
Tensor Cauchy::compute_variance() const { return constant(INFINITY); }
Tensor Cauchy::draw(const Shape& sample_shape, Generator* g) const {
  return loc_ + tan((uniform_noise(extended(sample_shape), g) - 0.5) * kPi).to(wide_dtype()) * scale_;
}
Tensor Cauchy::compute_log_prob(const Tensor& x) const {
  return -log(scale_ * kPi) - log1p(square((x - loc_) / scale_));
}
Tensor Cauchy::compute_cdf(const Tensor& x) const { return atan((x - loc_) / scale_) / kPi + 0.5; }
Tensor Cauchy::compute_icdf(const Tensor& p) const { return tan((p - 0.5) * kPi) * scale_ + loc_; }
Tensor Cauchy::compute_entropy() const { return log(scale_ * (4 * kPi)); }
std::shared_ptr<const Distribution> Cauchy::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Cauchy::loc_, &Cauchy::scale_});
}

Gumbel::Gumbel(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args)
    : Gumbel(broadcast("Gumbel", {loc, scale}), validate_args) {}
Gumbel::Gumbel(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Gumbel", p, validate_args), loc_(p.wide[0]), scale_(p.wide[1]) {
  expect("loc", loc_, constraints::real());
  expect("scale", scale_, constraints::positive());
}

Tensor Gumbel::compute_mean() const { return loc_ + scale_ * std::numbers::egamma; }
Tensor Gumbel::compute_variance() const { return square(scale_) * (kPi * kPi / 6); }
Tensor Gumbel::draw(const Shape& sample_shape, Generator* g) const {
  return loc_ - log(-log(uniform_noise(extended(sample_shape), g))).to(wide_dtype()) * scale_;
}
Tensor Gumbel::compute_log_prob(const Tensor& x) const {
  const Tensor y = (loc_ - x) / scale_;
  return y - exp(y) - log(scale_);
}
Tensor Gumbel::compute_cdf(const Tensor& x) const { return exp(-exp((loc_ - x) / scale_)); }
Tensor Gumbel::compute_icdf(const Tensor& p) const { return loc_ - scale_ * log(-log(p)); }
Tensor Gumbel::compute_entropy() const { return log(scale_) + (1 + std::numbers::egamma); }
std::shared_ptr<const Distribution> Gumbel::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Gumbel::loc_, &Gumbel::scale_});
}

StudentT::StudentT(const Parameter& df, const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args)
    : StudentT(broadcast("StudentT", {df, loc, scale}), validate_args) {}
StudentT::StudentT(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("StudentT", p, validate_args), df_(p.wide[0]), loc_(p.wide[1]), scale_(p.wide[2]) {
  expect("df", df_, constraints::positive());
  expect("loc", loc_, constraints::real());
  expect("scale", scale_, constraints::positive());
}

Tensor StudentT::compute_mean() const { return where(gt(df_, 1), loc_, Scalar(NAN)); }
Tensor StudentT::compute_variance() const {
  const Tensor finite = square(scale_) * df_ / (df_ - 2);
  return where(gt(df_, 2), finite, where(gt(df_, 1), Scalar(INFINITY), Scalar(NAN)).to(wide_dtype()));
}
Tensor StudentT::draw(const Shape& sample_shape, Generator* g) const {
  const Shape shape = extended(sample_shape);
  const Tensor x = normal_noise(shape, g);
  // x / sqrt(z / df) of a chi-square number z.
  const Tensor half = log_standard_gamma(hearth::expand(df_ / 2, shape), g);
  return loc_ + scale_ * x * exp((log(df_ / 2) - half) * 0.5);
}
Tensor StudentT::compute_log_prob(const Tensor& x) const {
  const Tensor y = (x - loc_) / scale_;
  const Tensor z = log(scale_) + log(df_) * 0.5 + std::log(kPi) / 2 + lgamma(df_ * 0.5) - lgamma((df_ + 1) * 0.5);
  return (df_ + 1) * -0.5 * log1p(square(y) / df_) - z;
}
Tensor StudentT::compute_entropy() const {
  const Tensor half = df_ * 0.5, next = (df_ + 1) * 0.5;
  const Tensor log_beta = lgamma(half) + std::lgamma(0.5) - lgamma(next);
  return log(scale_) + next * (digamma(next) - digamma(half)) + log(df_) * 0.5 + log_beta;
}
std::shared_ptr<const Distribution> StudentT::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&StudentT::df_, &StudentT::loc_, &StudentT::scale_});
}

}  // namespace hearth::distributions
