#include "core/ops/computed.h"

#include "core/base/error.h"
#include "core/ops/create.h"

namespace hearth {

Tensor computed(const char* op, const Shape& shape, const TensorOptions& options,
                const std::function<double(int64_t)>& f) {
  const Tensor values = detail::empty(shape, DType::kF64, kCpu, op);
  auto* const v = static_cast<double*>(values.impl()->data());
  for (int64_t i = 0; i < values.numel(); ++i) v[i] = f(i);
  TensorOptions with = options;
  with.dtype = options.dtype.value_or(default_dtype());
  return detail::from_memory(v, static_cast<size_t>(values.numel()), DType::kF64, shape, with);
}

Tensor logspace(double start, double end, int64_t steps, double base, const TensorOptions& options) {
  HEARTH_CHECK(steps >= 0, "logspace: the number of steps must not be negative, but is ", steps);
  return computed("logspace", {steps}, options, [=](int64_t i) {
    const double part = steps > 1 ? static_cast<double>(i) / static_cast<double>(steps - 1) : 0;
    return std::pow(base, i + 1 == steps && steps > 1 ? end : start + (end - start) * part);
  });
}

}  // namespace hearth
