// Normalisation.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// (x - mean) / sqrt(var + eps) weight + bias over the last dimensions, `shape` (Ba, Kiros and Hinton, 2016).
Tensor layer_norm(const Tensor& x, const Shape& shape, const OptionalTensor& weight = {},
                  const OptionalTensor& bias = {}, double eps = 1e-5);
// x / sqrt(mean(x^2) + eps) weight over the last dimensions (Zhang and Sennrich, 2019).
Tensor rms_norm(const Tensor& x, const Shape& shape, const OptionalTensor& weight = {}, double eps = 1e-5);
// Channels (dimension 1) in `groups`, each normalised for every sample (Wu and He, 2018).
Tensor group_norm(const Tensor& x, int64_t groups, const OptionalTensor& weight = {}, const OptionalTensor& bias = {},
                  double eps = 1e-5);

struct BatchNormOptions {
  bool training = false;
  double momentum = 0.1;  // share of the new statistics in the running ones
  double eps = 1e-5;
};
// Channels (dimension 1) normalised over the batch (Ioffe and Szegedy, 2015). x is [n, c, ...];
// an image's result is channels-last. In training the batch's statistics are used, and the running ones (if given) are
// updated in place, the variance with n / (n - 1), unless the batch is empty.
Tensor batch_norm(const Tensor& x, const OptionalTensor& running_mean, const OptionalTensor& running_var,
                  const OptionalTensor& weight = {}, const OptionalTensor& bias = {},
                  const BatchNormOptions& options = {});

extern constinit const OpDef kLayerNorm, kBatchNorm;

}  // namespace hearth
