/// Normalisation.
///
/// f16, bf16, f32 and f64; f16 and bf16 are computed in f32 and rounded once. The result has x's shape and dtype.
/// Weights, biases and running statistics may be of another floating-point dtype than x. The variance divides by n.
/// Throws Error if shapes do not fit.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// (x - mean) / sqrt(var + eps) weight + bias, with mean and variance over the last dimensions, whose sizes are
/// `shape`. weight and bias have this shape (Ba, Kiros and Hinton, 2016).
Tensor layer_norm(const Tensor& x, const Shape& shape, const OptionalTensor& weight = {},
                  const OptionalTensor& bias = {}, double eps = 1e-5);
/// x / sqrt(mean(x^2) + eps) weight, with the mean over the last dimensions, whose sizes are `shape`. weight has this
/// shape (Zhang and Sennrich, 2019). Without eps it is the distance from 1 to the next number of the dtype that it is
/// computed in: 2^-52 for f64, else 2^-23.
Tensor rms_norm(const Tensor& x, const Shape& shape, const OptionalTensor& weight = {},
                std::optional<double> eps = std::nullopt);
/// (x - mean) / sqrt(var + eps) weight + bias, with mean and variance for each sample and group of channels. x is
/// [n, c, ...]; `groups` divides c; weight and bias are [c] (Wu and He, 2018). Throws Error if a group has no elements.
Tensor group_norm(const Tensor& x, int64_t groups, const OptionalTensor& weight = {}, const OptionalTensor& bias = {},
                  double eps = 1e-5);

/// How batch_norm() normalises.
struct BatchNormOptions {
  /// Takes the batch's statistics and updates the running ones.
  bool training = false;
  /// The share of the new statistics in the running ones.
  double momentum = 0.1;
  /// Added to the variance.
  double eps = 1e-5;
};
/// (x - mean) / sqrt(var + eps) weight + bias, with mean and variance of each channel (Ioffe and Szegedy, 2015). x is
/// [n, c, ...]; the other tensors are [c]. The result of [n, c, h, w] is channels-last.
///
/// In training the batch's statistics are used, and the running ones (if both are given) are updated in place, the
/// variance with n / (n - 1), unless the batch is empty. Otherwise the running ones are used. Throws Error if they are
/// missing then, and in training for a single value per channel.
Tensor batch_norm(const Tensor& x, const OptionalTensor& running_mean, const OptionalTensor& running_var,
                  const OptionalTensor& weight = {}, const OptionalTensor& bias = {},
                  const BatchNormOptions& options = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x, weight, bias) -> y, with LayerNormAttrs. rms_norm() calls it too. Weight and bias may be absent.
/// For backward it keeps the statistics that it used.
extern constinit const OpDef kLayerNorm;
/// (x, weight, bias) -> y, with GroupNormAttrs. Weight and bias may be absent. For backward it keeps the statistics
/// that it used.
extern constinit const OpDef kGroupNorm;
/// (x, weight, bias, mean, var) -> y, with BatchNormAttrs. x is [n, c, h, w]. All but x may be absent; without training
/// mean and var must be there. For backward it keeps the statistics that it used.
extern constinit const OpDef kBatchNorm;

}  // namespace hearth
