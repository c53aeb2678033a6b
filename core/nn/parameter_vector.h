/// All parameters as one vector.
#pragma once

#include <span>

#include "core/tensor/tensor.h"

namespace hearth::nn {

/// The elements of all parameters, one after the other, with their history. Throws Error if there is no parameter, or
/// if they differ in device or dtype.
Tensor parameters_to_vector(std::span<const Tensor> parameters);
/// Copies the vector's elements into the parameters, one after the other; no gradient is recorded. In PyTorch
/// parameters become views of the vector. Throws Error unless it has as many elements as they have together.
void vector_to_parameters(const Tensor& vector, std::span<const Tensor> parameters);

}  // namespace hearth::nn
