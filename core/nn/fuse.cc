#include "core/nn/fuse.h"

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::nn {

FusedWeights fuse_bn_weights(const Tensor& weight, const std::optional<Tensor>& bias, const BatchNormState& norm,
                             bool transposed) {
  const CalledAs called("fuse_bn_weights");
  const NoGrad off;
  const int channel = transposed ? 1 : 0;
  HEARTH_CHECK(
      weight.dim() > channel && norm.mean.numel() == weight.size(channel) && norm.var.shape() == norm.mean.shape(),
      "fuse_bn_weights: a weight of shape ", weight.shape(), " and a norm of ", norm.mean.shape(),
      " channels do not fit", transposed ? "; of transposed convolutions only those of one group can be fused" : "");
  // In f64: of what is folded together nothing is lost that the weight's dtype can hold.
  const Tensor mean = norm.mean.to(f64), scale = rsqrt(norm.var.to(f64) + norm.eps);
  const Tensor factor = norm.weight ? norm.weight->to(f64) * scale : scale;
  Shape part = Dims::filled(weight.dim(), 1);
  part[channel] = weight.size(channel);
  const Tensor before = bias ? bias->to(f64) : zeros_like(mean);
  Tensor moved = (before - mean) * factor;
  if (norm.bias) moved = moved + norm.bias->to(f64);
  return {(weight.to(f64) * reshape(factor, part)).to(weight.dtype()), moved.to(weight.dtype())};
}

}  // namespace hearth::nn
