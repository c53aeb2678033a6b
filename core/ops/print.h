/// Printing, as PyTorch prints: std::cout << x.
#pragma once

#include <iosfwd>

#include "core/tensor/tensor.h"

namespace hearth {

/// The text of to_string(t); large tensors are shortened.
std::ostream& operator<<(std::ostream& out, const Tensor& t);
/// "[2, 3]".
std::ostream& operator<<(std::ostream& out, const Dims& d);
/// "f32".
std::ostream& operator<<(std::ostream& out, DType t);
/// "cuda:1".
std::ostream& operator<<(std::ostream& out, Device d);

}  // namespace hearth
