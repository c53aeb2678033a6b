// Printing, as PyTorch prints: std::cout << x. A tensor is printed by to_string(), large ones shortened.
#pragma once

#include <iosfwd>

#include "core/tensor/tensor.h"

namespace hearth {

std::ostream& operator<<(std::ostream& out, const Tensor& t);
std::ostream& operator<<(std::ostream& out, const Dims& d);
std::ostream& operator<<(std::ostream& out, DType t);
std::ostream& operator<<(std::ostream& out, Device d);

}  // namespace hearth
