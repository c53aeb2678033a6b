#include "core/distributions/transforms.h"

#include <numbers>

#include "core/distributions/logits_internal.h"
#include "core/op/machinery.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"

namespace hearth::distributions {
namespace {

// A parameter beside x.
Tensor beside(const Tensor& x, const Parameter& p) {
  return p.tensor() ? machinery::widened(*p.tensor())
                    : full({}, p.number(), {.dtype = x.dtype(), .device = x.device()});
}

}  // namespace

Tensor Transform::sign(const Tensor& x) const { return ones({}, {.dtype = x.dtype(), .device = x.device()}); }

Tensor AffineTransform::forward(const Tensor& x) const { return beside(x, loc_) + x * beside(x, scale_); }
Tensor AffineTransform::inverse(const Tensor& y) const { return (y - beside(y, loc_)) / beside(y, scale_); }
Tensor AffineTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return log(abs(beside(x, scale_))) + zeros_like(x);
}
Tensor AffineTransform::sign(const Tensor& x) const { return hearth::sign(beside(x, scale_)); }

Tensor ExpTransform::forward(const Tensor& x) const { return exp(x); }
Tensor ExpTransform::inverse(const Tensor& y) const { return log(y); }
Tensor ExpTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const { return x; }

Tensor SigmoidTransform::forward(const Tensor& x) const { return clamped_probs(sigmoid(x)); }
Tensor SigmoidTransform::inverse(const Tensor& y) const { return binary_logits(y); }
Tensor SigmoidTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return log_sigmoid(x) + log_sigmoid(-x);
}

Tensor TanhTransform::forward(const Tensor& x) const { return tanh(x); }
Tensor TanhTransform::inverse(const Tensor& y) const {
  const double end = 1 - (y.dtype() == f64 ? 0x1p-53 : 0x1p-24);
  return atanh(clamp(y, -end, end));
}
Tensor TanhTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return (std::numbers::ln2 - x + log_sigmoid(x * 2)) * 2;
}
std::optional<Constraint> TanhTransform::codomain() const {
  return Constraint("from -1 to 1", [](const Tensor& x) { return logical_and(ge(x, -1), le(x, 1)); });
}

}  // namespace hearth::distributions
