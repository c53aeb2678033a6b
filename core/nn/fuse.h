/// Batch norm folded into the layer before it, for inference.
#pragma once

#include <concepts>
#include <optional>

#include "core/base/error.h"
#include "core/nn/conv_transpose.h"
#include "core/nn/module.h"
#include "core/nn/norm.h"

namespace hearth::nn {

/// A weight and a bias.
struct FusedWeights {
  Tensor weight;  ///< Of the layer's shape.
  Tensor bias;    ///< One for each channel that the layer gives.
};
/// Statistics and parameters of a batch norm, [channels] each.
struct BatchNormState {
  Tensor mean;                        ///< The running mean.
  Tensor var;                         ///< The running variance.
  std::optional<Tensor> weight = {};  ///< 1 where there is none.
  std::optional<Tensor> bias = {};    ///< 0 where there is none.
  double eps = 1e-5;                  ///< Added to the variance.
};
/// A weight and a bias that give at once what a layer and a batch norm behind it give after eval(). Channels that the
/// layer gives are the weight's dimension 0, of transposed convolutions dimension 1. PyTorch: fuse_conv_bn_weights,
/// fuse_linear_bn_weights. Throws Error if the shapes do not fit, as those of a transposed convolution of several
/// groups.
FusedWeights fuse_bn_weights(const Tensor& weight, const std::optional<Tensor>& bias, const BatchNormState& norm,
                             bool transposed = false);

/// A copy of the layer, convolution, transposed convolution or Linear, that gives what it and the norm behind it give
/// after eval(). The copy has a weight and a bias of its own. Throws Error if one of both is in training, if the norm
/// keeps no running statistics, or if the channels differ. PyTorch: fuse_conv_bn_eval, fuse_linear_bn_eval.
template <class Layer, int kMinRank, int kMaxRank>
Layer fuse_bn_eval(const Layer& layer, const BatchNorm<kMinRank, kMaxRank>& norm) {
  constexpr bool kTransposed = std::derived_from<Layer, ConvTranspose1d> || std::derived_from<Layer, ConvTranspose2d> ||
                               std::derived_from<Layer, ConvTranspose3d>;
  HEARTH_CHECK(!layer.training() && !norm.training(), "fuse_bn_eval: ", layer.type_name(),
               " and batch norm must be in eval mode");
  HEARTH_CHECK(norm.running_mean && norm.running_var, "fuse_bn_eval: the batch norm keeps no running statistics");
  const auto given = [](const auto& t) { return t ? std::optional<Tensor>(*t) : std::nullopt; };
  const FusedWeights fused = fuse_bn_weights(
      layer.weight, given(layer.bias),
      {*norm.running_mean, *norm.running_var, given(norm.weight), given(norm.bias), norm.options().eps}, kTransposed);
  Layer out(layer);
  static_cast<Tensor&>(out.weight) = fused.weight;
  if (layer.weight.requires_grad()) out.weight.requires_grad_();
  out.bias.emplace(&out, "bias", fused.bias, layer.weight.requires_grad());
  return out;
}

/// fuse_bn_eval() of a convolution.
template <class Conv, int kMinRank, int kMaxRank>
Conv fuse_conv_bn_eval(const Conv& conv, const BatchNorm<kMinRank, kMaxRank>& norm) {
  return fuse_bn_eval(conv, norm);
}

}  // namespace hearth::nn
