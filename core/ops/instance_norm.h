/// Normalisation of instances and of neighbouring channels. Dtypes as in core/ops/norm.h.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// How instance_norm() normalises.
struct InstanceNormOptions {
  /// Takes the statistics of x and updates the running ones, if they are given. Otherwise the running ones are taken.
  bool use_input_stats = true;
  /// The share of the new statistics in the running ones.
  double momentum = 0.1;
  /// Added to the variance.
  double eps = 1e-5;
};
/// (x - mean) / sqrt(var + eps) weight + bias, with mean and variance of each channel of each sample (Ulyanov, Vedaldi
/// and Lempitsky, 2016). x is [n, c, ...] with at least one more dimension; the other tensors are [c]. Running
/// statistics are updated in place by their means over the batch, the variance with l / (l - 1) for l elements of a
/// channel. Throws Error if they are missing where they are taken, and where x's are for a single element per channel.
Tensor instance_norm(const Tensor& x, const OptionalTensor& running_mean = {}, const OptionalTensor& running_var = {},
                     const OptionalTensor& weight = {}, const OptionalTensor& bias = {},
                     const InstanceNormOptions& options = {});

/// x / (k + alpha mean(x^2))^beta, with the mean over the channel itself, size / 2 before and (size - 1) / 2 behind it,
/// 0 where there are none (Krizhevsky, Sutskever and Hinton, 2012). x is [n, c, ...] with at least one more dimension.
/// f16 and bf16 are rounded once. Throws Error if size is not at least 1.
Tensor local_response_norm(const Tensor& x, int64_t size, double alpha = 1e-4, double beta = 0.75, double k = 1);

}  // namespace hearth
