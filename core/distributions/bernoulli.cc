#include "core/distributions/bernoulli.h"

#include <cmath>

#include "core/base/error.h"
#include "core/distributions/logits_internal.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/special.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

// log(1 + e^x), without overflow.
Tensor log_of_one_plus_exp(const Tensor& x) { return -log_sigmoid(-x); }

// -p log p - (1 - p) log(1 - p) of p = sigmoid(logits).
Tensor binary_entropy(const Tensor& probs, const Tensor& logits) {
  return log_of_one_plus_exp(logits) - logits * probs;
}

}  // namespace

Bernoulli::Bernoulli(const Parameter& probs, std::optional<bool> validate_args)
    : Bernoulli(ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
Bernoulli::Bernoulli(const ProbsOrLogits& p) : Bernoulli(broadcast("Bernoulli", {chosen("Bernoulli", p)}), p) {}
Bernoulli::Bernoulli(const Parameters& p, const ProbsOrLogits& from)
    : Distribution("Bernoulli", p, from.validate_args) {
  if (from.probs) {
    expect("probs", p.wide[0], constraints::unit_interval());
    probs_ = p.wide[0];
    logits_ = binary_logits(probs_);
  } else {
    expect("logits", p.wide[0], constraints::real());
    logits_ = p.wide[0];
    probs_ = sigmoid(logits_);
  }
}

Tensor Bernoulli::compute_mode() const {
  const Tensor one = ge(probs_, 0.5).to(wide_dtype());
  return where(eq(probs_, 0.5), Scalar(NAN), one);
}
Tensor Bernoulli::compute_variance() const { return probs_ * (1 - probs_); }
Tensor Bernoulli::draw(const Shape& sample_shape, Generator* g) const {
  return lt(uniform_noise(extended(sample_shape), g), probs_.detach().to(f64)).to(wide_dtype());
}
Tensor Bernoulli::compute_log_prob(const Tensor& x) const { return x * logits_ - log_of_one_plus_exp(logits_); }
Tensor Bernoulli::compute_entropy() const { return binary_entropy(probs_, logits_); }
Tensor Bernoulli::compute_values() const { return arange(2, wide_options()); }
std::shared_ptr<const Distribution> Bernoulli::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Bernoulli::probs_, &Bernoulli::logits_});
}

Geometric::Geometric(const Parameter& probs, std::optional<bool> validate_args)
    : Geometric(ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
Geometric::Geometric(const ProbsOrLogits& p) : Geometric(broadcast("Geometric", {chosen("Geometric", p)}), p) {}
Geometric::Geometric(const Parameters& p, const ProbsOrLogits& from)
    : Distribution("Geometric", p, from.validate_args) {
  if (from.probs) {
    expect("probs", p.wide[0], constraints::unit_interval());
    expect("probs", p.wide[0], constraints::positive());
    probs_ = p.wide[0];
    logits_ = binary_logits(probs_);
  } else {
    expect("logits", p.wide[0], constraints::real());
    logits_ = p.wide[0];
    probs_ = sigmoid(logits_);
  }
}

Tensor Geometric::compute_mean() const { return 1 / probs_ - 1; }
Tensor Geometric::compute_variance() const { return (1 / probs_ - 1) / probs_; }
Tensor Geometric::draw(const Shape& sample_shape, Generator* g) const {
  const Tensor stays = log1p(-probs_.detach().to(f64));
  return abs(floor(log(uniform_noise(extended(sample_shape), g)) / stays)).to(wide_dtype());
}
Tensor Geometric::compute_log_prob(const Tensor& x) const {
  // 0 log 0 = 0 where a success is certain.
  return xlog1py(x, -probs_) + log(probs_);
}
Tensor Geometric::compute_entropy() const { return binary_entropy(probs_, logits_) / probs_; }
std::shared_ptr<const Distribution> Geometric::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Geometric::probs_, &Geometric::logits_});
}

Binomial::Binomial(const Parameter& total_count, const Parameter& probs, std::optional<bool> validate_args)
    : Binomial(total_count, ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
Binomial::Binomial(const Parameter& total_count, const ProbsOrLogits& p)
    : Binomial(broadcast("Binomial", {total_count, chosen("Binomial", p)}), p) {}
Binomial::Binomial(const Parameters& p, const ProbsOrLogits& from)
    : Distribution("Binomial", p, from.validate_args), total_count_(p.wide[0]) {
  expect("total_count", total_count_, constraints::nonnegative_integer());
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

Tensor Binomial::compute_mean() const { return total_count_ * probs_; }
Tensor Binomial::compute_mode() const { return minimum(floor((total_count_ + 1) * probs_), total_count_); }
Tensor Binomial::compute_variance() const { return total_count_ * probs_ * (1 - probs_); }
Tensor Binomial::draw(const Shape& sample_shape, Generator* g) const {
  const Shape shape = extended(sample_shape);
  return binomial(hearth::expand(total_count_.detach(), shape), hearth::expand(probs_.detach(), shape), g);
}
Tensor Binomial::compute_log_prob(const Tensor& x) const {
  const Tensor orders = lgamma(total_count_ + 1) - lgamma(x + 1) - lgamma(total_count_ - x + 1);
  return orders + x * logits_ - total_count_ * log_of_one_plus_exp(logits_);
}
Tensor Binomial::compute_entropy() const {
  const Tensor log_p = compute_log_prob(enumerate_support(false).to(wide_dtype()));
  return -(exp(log_p) * log_p).sum(0);
}
Tensor Binomial::compute_values() const {
  HEARTH_CHECK(total_count_.numel() > 0, "Binomial: enumerate_support: the batch is empty");
  const auto most = max(total_count_).item<double>();
  HEARTH_CHECK(min(total_count_).item<double>() == most,
               "Binomial: enumerate_support: total_count differs within the batch");
  return arange(most + 1, wide_options());
}
std::shared_ptr<const Distribution> Binomial::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Binomial::total_count_, &Binomial::probs_, &Binomial::logits_});
}

}  // namespace hearth::distributions
