#include "core/distributions/multinomial.h"

#include <utility>

#include "core/base/error.h"
#include "core/distributions/bernoulli.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/special.h"
#include "core/ops/view.h"

namespace hearth::distributions {

Multinomial::Multinomial(int64_t total_count, const Tensor& probs, std::optional<bool> validate_args)
    : Multinomial(total_count, ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
Multinomial::Multinomial(int64_t total_count, const ProbsOrLogits& p)
    : Multinomial(total_count, Categorical("Multinomial", broadcast("Multinomial", {chosen("Multinomial", p)}), p),
                  p.validate_args) {}
Multinomial::Multinomial(int64_t total_count, Categorical classes, std::optional<bool> validate_args)
    : Distribution("Multinomial", classes.batch_shape(), {classes.num_events()}, classes.dtype(), classes.device(),
                   validate_args),
      total_count_(total_count),
      classes_(std::move(classes)) {
  HEARTH_CHECK(total_count >= 0, "Multinomial: total_count must be at least 0, but is ", total_count);
}

Tensor Multinomial::compute_mean() const { return classes_.probs_ * static_cast<double>(total_count_); }
Tensor Multinomial::compute_variance() const {
  return classes_.probs_ * (1 - classes_.probs_) * static_cast<double>(total_count_);
}

Tensor Multinomial::draw(const Shape& sample_shape, Generator* g) const {
  const Shape shape = extended(sample_shape);
  if (total_count_ == 0 || shape.numel() == 0) return zeros(shape, wide_options());
  const int64_t classes = classes_.num_events();
  Shape all = sample_shape;
  for (const int64_t size : classes_.probs_.shape()) all.push_back(size);
  const Tensor rows = reshape(hearth::expand(classes_.probs_.detach(), all), {-1, classes});
  const Tensor drawn = multinomial(rows, total_count_, true, g);
  const Tensor none = zeros(rows.shape(), wide_options());
  return reshape(scatter_add(none, 1, drawn, ones(drawn.shape(), wide_options())), shape);
}

Tensor Multinomial::compute_log_prob(const Tensor& x) const {
  // 0 log 0 = 0.
  const Tensor never = logical_and(eq(x, 0), isinf(classes_.logits_));
  const Tensor powers = (where(never, Scalar(0.0), classes_.logits_) * x).sum(-1);
  return lgamma(x.sum(-1) + 1) - lgamma(x + 1).sum(-1) + powers;
}

Tensor Multinomial::compute_entropy() const {
  const auto n = static_cast<double>(total_count_);
  const Tensor draws = classes_.compute_entropy() * n - lgamma(full({}, n + 1, wide_options()));
  if (total_count_ == 0) return draws;
  // What the orders of a class's count k add: the mean of log k!, for each class of a binomial distribution.
  const Binomial counts(full({}, n, wide_options()), ProbsOrLogits{.probs = classes_.probs_, .validate_args = false});
  const Tensor k = counts.enumerate_support(false);
  return draws + (exp(counts.log_prob(k)) * lgamma(k + 1)).sum({0, -1});
}

std::shared_ptr<const Distribution> Multinomial::expanded(const Shape& shape) const {
  auto copy = std::make_shared<Multinomial>(*this);
  copy->classes_ = static_cast<const Categorical&>(*classes_.expand(shape));
  copy->set_batch_shape(shape);
  return copy;
}

}  // namespace hearth::distributions
