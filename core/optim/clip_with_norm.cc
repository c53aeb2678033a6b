#include "core/optim/clip_with_norm.h"

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/optim/gradients_internal.h"

namespace hearth::optim {

void clip_grads_with_norm_(std::span<const Tensor> parameters, double max_norm, const Tensor& norm) {
  const CalledAs called("clip_grads_with_norm_");
  HEARTH_CHECK(max_norm >= 0, "clip_grads_with_norm_: max_norm must not be negative, but is ", max_norm);
  HEARTH_CHECK(norm.dim() == 0 && (norm.dtype() == f32 || norm.dtype() == f64),
               "clip_grads_with_norm_: the norm must be f32 or f64 of shape [], but is ", norm.dtype(), " ",
               norm.shape());
  const NoGrad off;
  bool any = false;
  for (const Tensor& p : parameters) any = any || p.grad().defined();
  if (!any) return;
  own_gradients(parameters);
  scale_gradients(parameters, clamp(max_norm / (norm + 1e-6), std::nullopt, 1));
}

}  // namespace hearth::optim
