// Tensors of values that a function gives: windows, filters, tables.
#pragma once

#include <cstdint>
#include <functional>

#include "core/tensor/tensor.h"

namespace hearth {

/// A tensor of the values f(i) of all elements i in row-major order, computed in f64 and rounded to the options' dtype,
/// f32 if none is given. Throws Error, naming `op`, if it cannot have the memory.
Tensor computed(const char* op, const Shape& shape, const TensorOptions& options,
                const std::function<double(int64_t)>& f);

}  // namespace hearth
