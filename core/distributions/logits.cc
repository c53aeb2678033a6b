#include "core/distributions/logits_internal.h"

#include "core/ops/arithmetic.h"
#include "core/ops/math.h"

namespace hearth::distributions {

Tensor clamped_probs(const Tensor& p) {
  const double eps = p.dtype() == f64 ? 0x1p-52 : 0x1p-23;
  return clamp(p, eps, 1 - eps);
}
Tensor categorical_logits(const Tensor& p) { return log(clamped_probs(p)); }
Tensor binary_logits(const Tensor& p) {
  const Tensor q = clamped_probs(p);
  return log(q) - log1p(-q);
}

}  // namespace hearth::distributions
