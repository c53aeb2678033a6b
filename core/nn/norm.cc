#include "core/nn/norm.h"

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/create.h"
#include "core/ops/norm.h"

namespace hearth::nn {
namespace {
int64_t checked_channels(const char* layer, int64_t channels) {
  HEARTH_CHECK(channels >= 1, layer, ": the number of channels must be at least 1, but is ", channels);
  return channels;
}
const Shape& checked_shape(const char* layer, const Shape& shape) {
  HEARTH_CHECK(shape.rank() >= 1, layer, ": the shape has no dimensions");
  for (int64_t n : shape) HEARTH_CHECK(n >= 1, layer, ": sizes must be at least 1, but the shape is ", shape);
  return shape;
}
template <class T>
OptionalTensor tensor_of(const std::optional<T>& t) {
  return t ? OptionalTensor(*t) : std::nullopt;
}
template <class T>
void fill(std::optional<T>& t, double value) {
  if (t) init::constant_(*t, value);
}
}  // namespace

template <int kMinRank, int kMaxRank>
BatchNorm<kMinRank, kMaxRank>::BatchNorm(ModuleBase* parent, const char* name, int64_t channels,
                                         const BatchNormOptions& options)
    : Module<BatchNorm>(parent, name), options_(options) {
  checked_channels("BatchNorm", channels);
  if (options.affine) {
    weight.emplace(this, "weight", empty({channels}));
    bias.emplace(this, "bias", empty({channels}));
  }
  if (options.track_running_stats) {
    running_mean.emplace(this, "running_mean", empty({channels}));
    running_var.emplace(this, "running_var", empty({channels}));
    num_batches_tracked.emplace(this, "num_batches_tracked", empty({}, {.dtype = i64}));
  }
  reset_parameters();
}

template <int kMinRank, int kMaxRank>
void BatchNorm<kMinRank, kMaxRank>::reset_parameters() {
  fill(weight, 1);
  fill(bias, 0);
  fill(running_mean, 0);
  fill(running_var, 1);
  fill(num_batches_tracked, 0);
}

template <int kMinRank, int kMaxRank>
Tensor BatchNorm<kMinRank, kMaxRank>::forward(const Tensor& x) {
  HEARTH_CHECK(x.dim() >= kMinRank && x.dim() <= kMaxRank, "BatchNorm: expected ", kMinRank,
               kMaxRank > kMinRank ? " or more" : "", " dimensions, but the shape is ", x.shape());
  const bool batch_statistics = this->training() || !running_mean;
  if (this->training() && num_batches_tracked) {
    NoGrad off;
    num_batches_tracked->add_(1);
  }
  // Without training the running statistics are read, never written.
  return batch_norm(x, tensor_of(running_mean), tensor_of(running_var), tensor_of(weight), tensor_of(bias),
                    {.training = batch_statistics, .momentum = options_.momentum, .eps = options_.eps});
}
template class BatchNorm<2, 3>;
template class BatchNorm<4, 4>;

LayerNorm::LayerNorm(ModuleBase* parent, const char* name, const Shape& shape, const LayerNormOptions& options)
    : Module(parent, name), shape_(checked_shape("LayerNorm", shape)), eps_(options.eps) {
  if (!options.affine) return;
  weight.emplace(this, "weight", empty(shape));
  bias.emplace(this, "bias", empty(shape));
  reset_parameters();
}
void LayerNorm::reset_parameters() {
  fill(weight, 1);
  fill(bias, 0);
}
Tensor LayerNorm::forward(const Tensor& x) const {
  return layer_norm(x, shape_, tensor_of(weight), tensor_of(bias), eps_);
}

RMSNorm::RMSNorm(ModuleBase* parent, const char* name, const Shape& shape, const LayerNormOptions& options)
    : Module(parent, name), shape_(checked_shape("RMSNorm", shape)), eps_(options.eps) {
  if (options.affine) weight.emplace(this, "weight", empty(shape));
  reset_parameters();
}
void RMSNorm::reset_parameters() { fill(weight, 1); }
Tensor RMSNorm::forward(const Tensor& x) const { return rms_norm(x, shape_, tensor_of(weight), eps_); }

GroupNorm::GroupNorm(ModuleBase* parent, const char* name, int64_t groups, int64_t channels,
                     const LayerNormOptions& options)
    : Module(parent, name), groups_(groups), eps_(options.eps) {
  checked_channels("GroupNorm", channels);
  HEARTH_CHECK(groups >= 1 && channels % groups == 0, "GroupNorm: ", channels, " channels do not divide into ", groups,
               " groups");
  if (!options.affine) return;
  weight.emplace(this, "weight", empty({channels}));
  bias.emplace(this, "bias", empty({channels}));
  reset_parameters();
}
void GroupNorm::reset_parameters() {
  fill(weight, 1);
  fill(bias, 0);
}
Tensor GroupNorm::forward(const Tensor& x) const {
  return group_norm(x, groups_, tensor_of(weight), tensor_of(bias), eps_);
}

}  // namespace hearth::nn
