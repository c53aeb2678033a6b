/// Initial values with a pattern: identities and zeros. Each function writes into the tensor and returns it; no
/// gradient is recorded. On a meta tensor they only check their arguments.
#pragma once

#include <cstdint>

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::nn::init {

/// The identity: 1 on the diagonal, else 0. Throws Error unless t has 2 dimensions.
Tensor& eye_(Tensor& t);
/// A convolution's weight [out, in, kernel...], of 1 to 3 dimensions of the kernel, that leaves its input as it is: 1
/// in the middle of the kernel that joins channel i of each group with itself, as far as there are as many outputs.
/// Throws Error for another number of dimensions, and unless `groups` divides the outputs.
Tensor& dirac_(Tensor& t, int64_t groups = 1);
/// Normal with mean 0, and in each column a share `sparsity` of zeros, rounded upwards, at random places (Martens,
/// 2010). Draws on the CPU. Throws Error unless t has 2 dimensions and 0 <= sparsity <= 1.
Tensor& sparse_(Tensor& t, double sparsity, double std = 0.01, Generator* g = nullptr);

}  // namespace hearth::nn::init
