#include "core/ops/computed.h"

#include "core/ops/create.h"

namespace hearth {

Tensor computed(const char* op, const Shape& shape, const TensorOptions& options,
                const std::function<double(int64_t)>& f) {
  const Tensor values = detail::empty(shape, DType::kF64, kCpu, op);
  auto* const v = static_cast<double*>(values.impl()->data());
  for (int64_t i = 0; i < values.numel(); ++i) v[i] = f(i);
  TensorOptions with = options;
  with.dtype = options.dtype.value_or(kDefaultFloat);
  return detail::from_memory(v, static_cast<size_t>(values.numel()), DType::kF64, shape, with);
}

}  // namespace hearth
