#include "core/nn/instance_norm.h"

#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/nn/older_state.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

template <class T>
OptionalTensor tensor_of(const std::optional<T>& t) {
  return t ? OptionalTensor(*t) : std::nullopt;
}

}  // namespace

template <int kDims>
InstanceNorm<kDims>::InstanceNorm(ModuleBase* parent, const char* name, int64_t channels,
                                  const InstanceNormOptions& options)
    : Module<InstanceNorm>(parent, name), channels_(channels), options_(options) {
  HEARTH_CHECK(channels >= 1, "InstanceNorm", kDims, "d: the number of channels must be at least 1, but is ", channels);
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

template <int kDims>
void InstanceNorm<kDims>::reset_parameters() {
  if (weight) init::constant_(*weight, 1);
  if (bias) init::constant_(*bias, 0);
  if (running_mean) init::constant_(*running_mean, 0);
  if (running_var) init::constant_(*running_var, 1);
  if (num_batches_tracked) init::constant_(*num_batches_tracked, 0);
}

template <int kDims>
void InstanceNorm<kDims>::upgrade_state(StateDict& state, const std::string& prefix) const {
  detail::keep_batch_count(state, prefix, num_batches_tracked);
}

template <int kDims>
Tensor InstanceNorm<kDims>::forward(const Tensor& x) {
  HEARTH_CHECK(x.dim() == kDims + 1 || x.dim() == kDims + 2, "InstanceNorm", kDims, "d: expected ", kDims + 1, " or ",
               kDims + 2, " dimensions, but the shape is ", x.shape());
  const int channel = x.dim() - kDims - 1;
  HEARTH_CHECK(x.size(channel) == channels_, "InstanceNorm", kDims, "d: expected ", channels_,
               " channels, but the shape is ", x.shape());
  if (channel == 0) return squeeze(forward(unsqueeze(x, 0)), 0);
  // Where running statistics are kept, they are updated in training and read otherwise.
  const bool own = this->training() || !running_mean;
  return instance_norm(x, tensor_of(running_mean), tensor_of(running_var), tensor_of(weight), tensor_of(bias),
                       {.use_input_stats = own, .momentum = options_.momentum, .eps = options_.eps});
}

template class InstanceNorm<1>;
template class InstanceNorm<2>;
template class InstanceNorm<3>;

}  // namespace hearth::nn
