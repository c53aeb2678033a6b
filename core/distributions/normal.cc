#include "core/distributions/normal.h"

#include <cmath>
#include <numbers>

#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/special.h"

namespace hearth::distributions {
namespace {

constexpr double kHalfLog2Pi = 0.91893853320467274178;

Tensor log_density(const Tensor& x, const Tensor& loc, const Tensor& scale) {
  return square((x - loc) / scale) * -0.5 - log(scale) - kHalfLog2Pi;
}

}  // namespace

Normal::Normal(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args)
    : Normal(broadcast("Normal", {loc, scale}), validate_args) {}
Normal::Normal(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Normal", p, validate_args), loc_(p.wide[0]), scale_(p.wide[1]) {
  expect("loc", loc_, constraints::real());
  expect("scale", scale_, constraints::positive());
}

Tensor Normal::compute_variance() const { return square(scale_); }
Tensor Normal::draw(const Shape& sample_shape, Generator* g) const {
  return loc_ + normal_noise(extended(sample_shape), g) * scale_;
}
Tensor Normal::compute_log_prob(const Tensor& x) const { return log_density(x, loc_, scale_); }
Tensor Normal::compute_cdf(const Tensor& x) const { return ndtr((x - loc_) / scale_); }
Tensor Normal::compute_icdf(const Tensor& p) const { return loc_ + scale_ * erfinv(p * 2 - 1) * std::numbers::sqrt2; }
Tensor Normal::compute_entropy() const { return log(scale_) + (0.5 + kHalfLog2Pi); }
std::shared_ptr<const Distribution> Normal::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Normal::loc_, &Normal::scale_});
}

LogNormal::LogNormal(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args)
    : LogNormal(broadcast("LogNormal", {loc, scale}), validate_args) {}
LogNormal::LogNormal(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("LogNormal", p, validate_args), loc_(p.wide[0]), scale_(p.wide[1]) {
  expect("loc", loc_, constraints::real());
  expect("scale", scale_, constraints::positive());
}

Tensor LogNormal::compute_mean() const { return exp(loc_ + square(scale_) / 2); }
Tensor LogNormal::compute_mode() const { return exp(loc_ - square(scale_)); }
Tensor LogNormal::compute_variance() const {
  const Tensor v = square(scale_);
  return expm1(v) * exp(loc_ * 2 + v);
}
Tensor LogNormal::draw(const Shape& sample_shape, Generator* g) const {
  return exp(loc_ + normal_noise(extended(sample_shape), g) * scale_);
}
Tensor LogNormal::compute_log_prob(const Tensor& x) const {
  const Tensor y = log(x);
  return log_density(y, loc_, scale_) - y;
}
Tensor LogNormal::compute_cdf(const Tensor& x) const { return of_logarithm().cdf(log(x)); }
Tensor LogNormal::compute_icdf(const Tensor& p) const { return exp(of_logarithm().icdf(p)); }
Tensor LogNormal::compute_entropy() const { return of_logarithm().entropy() + loc_; }
std::shared_ptr<const Distribution> LogNormal::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&LogNormal::loc_, &LogNormal::scale_});
}

HalfNormal::HalfNormal(const Parameter& scale, std::optional<bool> validate_args)
    : HalfNormal(broadcast("HalfNormal", {scale}), validate_args) {}
HalfNormal::HalfNormal(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("HalfNormal", p, validate_args), scale_(p.wide[0]) {
  expect("scale", scale_, constraints::positive());
}

Tensor HalfNormal::compute_mean() const { return scale_ * std::sqrt(2 / std::numbers::pi); }
Tensor HalfNormal::compute_variance() const { return square(scale_) * (1 - 2 / std::numbers::pi); }
Tensor HalfNormal::draw(const Shape& sample_shape, Generator* g) const {
  return abs(normal_noise(extended(sample_shape), g)) * scale_;
}
Tensor HalfNormal::compute_log_prob(const Tensor& x) const {
  const Tensor density = square(x / scale_) * -0.5 - log(scale_) + (std::numbers::ln2 - kHalfLog2Pi);
  return where(ge(x, 0), density, Scalar(-INFINITY));
}
Tensor HalfNormal::compute_cdf(const Tensor& x) const { return erf(x / scale_ * (1 / std::numbers::sqrt2)); }
Tensor HalfNormal::compute_icdf(const Tensor& p) const { return scale_ * erfinv(p) * std::numbers::sqrt2; }
Tensor HalfNormal::compute_entropy() const { return log(scale_) + (0.5 + kHalfLog2Pi - std::numbers::ln2); }
std::shared_ptr<const Distribution> HalfNormal::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&HalfNormal::scale_});
}

}  // namespace hearth::distributions
