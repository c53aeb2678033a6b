/// Sums of products, in Einstein's notation.
#pragma once

#include <initializer_list>
#include <span>
#include <string>

#include "core/tensor/tensor.h"

namespace hearth {

/// einsum("bij,bjk->bik", {a, b}): a letter names each dimension of each operand; small and capital letters differ.
/// Letters that the result does not name are summed over. Without "->" the result has the letters that stand once, in
/// alphabetical order, capitals first. "..." stands for further dimensions, which broadcast. A letter that an operand
/// names twice takes its diagonal. Sizes of one letter must be equal or 1. Spaces do not count.
///
/// Operands share their dtype, which the result has; a sum of one operand of integers gives i64. They are multiplied
/// from left to right by matmul(). Products of more than two f16 or bf16 operands are computed in f32 and rounded once.
/// The result of one operand without a sum is a view of it. Throws Error if the equation is malformed or does not fit
/// the operands.
Tensor einsum(const std::string& equation, std::span<const Tensor> operands);
/// See above.
inline Tensor einsum(const std::string& equation, std::initializer_list<Tensor> operands) {
  return einsum(equation, std::span<const Tensor>(operands.begin(), operands.size()));
}

}  // namespace hearth
