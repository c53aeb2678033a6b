#include "audio/recognition/frames_internal.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"

namespace hearth::audio::detail {

Tensor frames_of(const char* op, const Tensor& log_probs, double most) {
  const NoGrad off;
  expect_defined(op, {log_probs});
  expect_dtypes(op, log_probs, kFloatTypes);
  HEARTH_CHECK(log_probs.dim() == 2 && log_probs.size(1) >= 1, op,
               ": log_probs must be [frames, classes], but their shape is ", log_probs.shape());
  Tensor frames = log_probs.detach().to(kCpu).to(f64).contiguous();
  const double* const p = frames.data<double>();
  for (int64_t i = 0; i < frames.numel(); ++i)
    HEARTH_CHECK(p[i] <= most, op, ": frame ", i / frames.size(1), " has the value ", p[i],
                 most < 1 ? "; expected logarithms of probabilities" : "; expected numbers below infinity");
  return frames;
}

}  // namespace hearth::audio::detail
