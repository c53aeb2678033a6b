#include "core/distributions/categorical.h"

#include <cmath>

#include "core/base/error.h"
#include "core/distributions/logits_internal.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

Constraint weights() {
  return {"numbers of at least 0 that are not all 0",
          [](const Tensor& x) { return logical_and(ge(x, 0).all(-1), gt(x, 0).any(-1)); }, 1};
}

Shape without_last(const Shape& shape) {
  Shape rest = shape;
  if (rest.rank() > 0) rest.erase(rest.rank() - 1);
  return rest;
}

}  // namespace

Categorical::Categorical(const Tensor& probs, std::optional<bool> validate_args)
    : Categorical(ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
Categorical::Categorical(const ProbsOrLogits& p)
    : Categorical("Categorical", broadcast("Categorical", {chosen("Categorical", p)}), p) {}
Categorical::Categorical(const char* name, Parameters p, const ProbsOrLogits& from)
    : Distribution(name, without_last(p.shape), {}, p.dtype, p.device, from.validate_args) {
  const Tensor& x = p.wide[0];
  const char* const parameter = from.probs ? "probs" : "logits";
  HEARTH_CHECK(x.dim() > 0 && x.size(-1) > 0, name, ": ", parameter,
               " must be [..., classes] with at least one class, but the shape is ", x.shape());
  if (from.probs) {
    expect(parameter, x, weights());
    probs_ = x / x.sum(-1, true);
    logits_ = categorical_logits(probs_);
  } else {
    expect(parameter, x, constraints::real_vector());
    logits_ = log_softmax(x, -1);
    probs_ = softmax(x, -1);
  }
}

Constraint Categorical::support() const { return constraints::integer_interval(0, scalar_tensor(num_events() - 1)); }
Tensor Categorical::nan() const { return constant(NAN); }
Tensor Categorical::compute_mode() const { return argmax(probs_, -1); }

Tensor Categorical::draw(const Shape& sample_shape, Generator* g) const {
  const Shape shape = extended(sample_shape);
  const int64_t count = sample_shape.numel();
  if (shape.numel() == 0) return zeros(shape, {.dtype = i64, .device = device()});
  const Tensor rows = reshape(probs_.detach(), {-1, num_events()});
  return reshape(transpose(multinomial(rows, count, true, g), 0, 1), shape);
}

Tensor Categorical::compute_log_prob(const Tensor& value) const {
  const Tensor index = unsqueeze(value.to(i64), -1);
  Shape shape = broadcast_shapes(value.shape(), batch_shape(), name());
  Shape at = shape;
  at.push_back(1);
  shape.push_back(num_events());
  return squeeze(gather(hearth::expand(logits_, shape), -1, hearth::expand(index, at)), -1);
}

Tensor Categorical::compute_entropy() const {
  // 0 log 0 = 0.
  const double lowest = logits_.dtype() == f64 ? -0x1.fffffffffffffp1023 : -0x1.fffffep127;
  return -(clamp(logits_, lowest) * probs_).sum(-1);
}
Tensor Categorical::compute_values() const { return arange(num_events(), {.dtype = i64, .device = device()}); }
std::shared_ptr<const Distribution> Categorical::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&Categorical::probs_, &Categorical::logits_});
}

OneHotCategorical::OneHotCategorical(const Tensor& probs, std::optional<bool> validate_args)
    : OneHotCategorical(ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
OneHotCategorical::OneHotCategorical(const ProbsOrLogits& p)
    : OneHotCategorical(
          "OneHotCategorical",
          Categorical("OneHotCategorical", broadcast("OneHotCategorical", {chosen("OneHotCategorical", p)}), p),
          p.validate_args) {}
OneHotCategorical::OneHotCategorical(const char* name, Categorical classes, std::optional<bool> validate_args)
    : Distribution(name, classes.batch_shape(), {classes.num_events()}, classes.dtype(), classes.device(),
                   validate_args),
      classes_(std::move(classes)) {}

Tensor OneHotCategorical::compute_mode() const {
  return one_hot(classes_.compute_mode(), classes_.num_events()).to(wide_dtype());
}
Tensor OneHotCategorical::compute_variance() const { return classes_.probs_ * (1 - classes_.probs_); }
Tensor OneHotCategorical::draw(const Shape& sample_shape, Generator* g) const {
  return one_hot(classes_.draw(sample_shape, g), classes_.num_events()).to(wide_dtype());
}
Tensor OneHotCategorical::compute_log_prob(const Tensor& value) const {
  return classes_.compute_log_prob(argmax(value, -1));
}
Tensor OneHotCategorical::compute_values() const { return eye(classes_.num_events(), {}, wide_options()); }
std::shared_ptr<const Distribution> OneHotCategorical::expanded(const Shape& shape) const {
  auto copy = std::make_shared<OneHotCategorical>(*this);
  copy->classes_ = static_cast<const Categorical&>(*classes_.expand(shape));
  copy->set_batch_shape(shape);
  return copy;
}

OneHotCategoricalStraightThrough::OneHotCategoricalStraightThrough(const Tensor& probs,
                                                                   std::optional<bool> validate_args)
    : OneHotCategoricalStraightThrough(ProbsOrLogits{.probs = probs, .validate_args = validate_args}) {}
OneHotCategoricalStraightThrough::OneHotCategoricalStraightThrough(const ProbsOrLogits& p)
    : OneHotCategorical(
          "OneHotCategoricalStraightThrough",
          Categorical("OneHotCategoricalStraightThrough",
                      broadcast("OneHotCategoricalStraightThrough", {chosen("OneHotCategoricalStraightThrough", p)}),
                      p),
          p.validate_args) {}
Tensor OneHotCategoricalStraightThrough::draw(const Shape& sample_shape, Generator* g) const {
  return OneHotCategorical::draw(sample_shape, g) + (classes_.probs_ - classes_.probs_.detach());
}
std::shared_ptr<const Distribution> OneHotCategoricalStraightThrough::expanded(const Shape& shape) const {
  auto copy = std::make_shared<OneHotCategoricalStraightThrough>(*this);
  copy->classes_ = static_cast<const Categorical&>(*classes_.expand(shape));
  copy->set_batch_shape(shape);
  return copy;
}

}  // namespace hearth::distributions
