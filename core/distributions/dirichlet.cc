#include "core/distributions/dirichlet.h"

#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/distributions/limits_internal.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/special.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

Tensor log_beta(const Tensor& a, const Tensor& b) { return lgamma(a) + lgamma(b) - lgamma(a + b); }

}  // namespace

Dirichlet::Dirichlet(const Tensor& concentration, std::optional<bool> validate_args)
    : Dirichlet(broadcast("Dirichlet", {concentration}), validate_args) {}
Dirichlet::Dirichlet(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Dirichlet", p, validate_args), concentration_(p.wide[0]) {
  HEARTH_CHECK(p.shape.rank() > 0, "Dirichlet: concentration must be [..., classes], but is a single number");
  Shape batch = p.shape;
  batch.erase(batch.rank() - 1);
  set_batch_shape(batch);
  set_event_shape({p.shape.back()});
  expect("concentration", concentration_, constraints::independent(constraints::positive(), 1));
}

Tensor Dirichlet::compute_mean() const { return concentration_ / concentration_.sum(-1, true); }
Tensor Dirichlet::compute_mode() const {
  if (event_shape()[0] == 0) return concentration_;
  const Tensor above = clamp(concentration_ - 1, 0);
  const Tensor none = lt(concentration_, 1).all(-1, true);
  const Tensor largest = one_hot(argmax(concentration_, -1), event_shape()[0]).to(wide_dtype());
  return where(none, largest, above / above.sum(-1, true));
}
Tensor Dirichlet::compute_variance() const {
  const Tensor total = concentration_.sum(-1, true);
  return concentration_ * (total - concentration_) / (square(total) * (total + 1));
}
Tensor Dirichlet::draw(const Shape& sample_shape, Generator* g) const {
  return clamp(softmax(log_standard_gamma(hearth::expand(concentration_, extended(sample_shape)), g), -1),
               smallest(dtype()));
}
Tensor Dirichlet::compute_log_prob(const Tensor& x) const {
  return xlogy(concentration_ - 1, x).sum(-1) + lgamma(concentration_.sum(-1)) - lgamma(concentration_).sum(-1);
}
Tensor Dirichlet::compute_entropy() const {
  const Tensor total = concentration_.sum(-1);
  const auto k = static_cast<double>(event_shape()[0]);
  return lgamma(concentration_).sum(-1) - lgamma(total) - (k - total) * digamma(total) -
         ((concentration_ - 1) * digamma(concentration_)).sum(-1);
}
std::shared_ptr<const Distribution> Dirichlet::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Dirichlet::concentration_});
}

Beta::Beta(const Parameter& concentration1, const Parameter& concentration0, std::optional<bool> validate_args)
    : Beta(broadcast("Beta", {concentration1, concentration0}), validate_args) {}
Beta::Beta(const Parameters& p, std::optional<bool> validate_args)
    : Distribution("Beta", p, validate_args), concentration1_(p.wide[0]), concentration0_(p.wide[1]) {
  expect("concentration1", concentration1_, constraints::positive());
  expect("concentration0", concentration0_, constraints::positive());
}

Tensor Beta::compute_mean() const { return concentration1_ / (concentration1_ + concentration0_); }
Tensor Beta::compute_mode() const {
  // As of a Dirichlet distribution of two classes.
  const Tensor a = clamp(concentration1_ - 1, 0), b = clamp(concentration0_ - 1, 0);
  const Tensor none = logical_and(lt(concentration1_, 1), lt(concentration0_, 1));
  return where(none, ge(concentration1_, concentration0_).to(wide_dtype()), a / (a + b));
}
Tensor Beta::compute_variance() const {
  const Tensor total = concentration1_ + concentration0_;
  return concentration1_ * concentration0_ / (square(total) * (total + 1));
}
Tensor Beta::draw(const Shape& sample_shape, Generator* g) const {
  const Shape shape = extended(sample_shape);
  const Tensor first = log_standard_gamma(hearth::expand(concentration1_, shape), g);
  const Tensor second = log_standard_gamma(hearth::expand(concentration0_, shape), g);
  return clamp(sigmoid(first - second), smallest(dtype()), below_one(dtype()));
}
Tensor Beta::compute_log_prob(const Tensor& x) const {
  return xlogy(concentration1_ - 1, x) + xlog1py(concentration0_ - 1, -x) - log_beta(concentration1_, concentration0_);
}
Tensor Beta::compute_entropy() const {
  const Tensor total = concentration1_ + concentration0_;
  return log_beta(concentration1_, concentration0_) + (total - 2) * digamma(total) -
         (concentration1_ - 1) * digamma(concentration1_) - (concentration0_ - 1) * digamma(concentration0_);
}
std::shared_ptr<const Distribution> Beta::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Beta::concentration1_, &Beta::concentration0_});
}

}  // namespace hearth::distributions
