// Sums of products, in Einstein's notation.
#pragma once

#include <initializer_list>
#include <span>
#include <string>

#include "core/tensor/tensor.h"

namespace hearth {

// einsum("bij,bjk->bik", {a, b}): each operand's dimensions are named by a letter; letters that the result does not
// name are summed over. Without "->" the result has the letters that stand once, in alphabetical order. "..." stands
// for further dimensions, which broadcast. A letter that an operand names twice takes its diagonal. Operands are
// multiplied from left to right by matmul, and share its dtypes.
Tensor einsum(const std::string& equation, std::span<const Tensor> operands);
inline Tensor einsum(const std::string& equation, std::initializer_list<Tensor> operands) {
  return einsum(equation, std::span<const Tensor>(operands.begin(), operands.size()));
}

}  // namespace hearth
