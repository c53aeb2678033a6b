#include "core/nn/norm.h"

#include <algorithm>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/nn/older_state.h"
#include "core/nn/repr.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/norm.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

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
void BatchNorm<kMinRank, kMaxRank>::upgrade_state(StateDict& state, const std::string& prefix) const {
  detail::keep_batch_count(state, prefix, num_batches_tracked);
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
  if (batch_statistics && gather_) return gathered(x);
  // Without training the running statistics are read, never written.
  return batch_norm(x, tensor_of(running_mean), tensor_of(running_var), tensor_of(weight), tensor_of(bias),
                    {.training = batch_statistics,
                     .momentum = batch_statistics && this->training() && running_mean ? momentum() : 0,
                     .eps = options_.eps});
}

template <int kMinRank, int kMaxRank>
double BatchNorm<kMinRank, kMaxRank>::momentum() const {
  if (options_.momentum || !num_batches_tracked) return options_.momentum.value_or(0);
  return 1 / static_cast<double>(num_batches_tracked->template item<int64_t>());
}

// Each process gives its mean, its squares about that mean and its count; they are joined as in Chan, Golub and
// LeVeque, 1979, which loses no digits where the mean is large.
template <int kMinRank, int kMaxRank>
Tensor BatchNorm<kMinRank, kMaxRank>::gathered(const Tensor& x) {
  const int64_t channels = x.size(1), n = x.numel() / std::max<int64_t>(channels, 1);
  const DType dtype = compute_type(x.dtype());
  const Tensor wide = x.to(dtype);
  Dims others, shape;
  for (int d = 0; d < x.dim(); ++d) {
    if (d != 1) others.push_back(d);
    shape.push_back(d == 1 ? channels : 1);
  }
  const TensorOptions like{.dtype = dtype, .device = x.device()};
  Tensor mean = zeros({channels}, like), squares = zeros({channels}, like);
  if (n > 0) {
    mean = wide.mean(others);
    const Tensor centered = wide - mean.reshape(shape);
    squares = (centered * centered).sum(others);
  } else {
    // Part of the graph all the same: backward gathers too.
    mean = mean + wide.sum(others);
    squares = squares + wide.sum(others);
  }
  const Tensor all = gather_(cat({mean, squares, hearth::full({1}, static_cast<double>(n), like)}));
  const Tensor counts = all.narrow(1, 2 * channels, 1).detach(), means = all.narrow(1, 0, channels);
  const Tensor total = counts.sum();
  if (n <= 1) {
    HEARTH_CHECK(total.template item<double>() != 1, "BatchNorm: training needs more than one value per channel");
  }
  const Tensor joined = (means * counts).sum(0) / total;
  const Tensor apart = means - joined;
  const Tensor sum = (all.narrow(1, channels, channels) + counts * apart * apart).sum(0);
  if (this->training() && running_mean && running_var) {
    NoGrad off;
    const double m = momentum();
    running_mean->mul_(1 - m).add_(joined * m);
    running_var->mul_(1 - m).add_(sum / (total - 1) * m);
  }
  Tensor y = (wide - joined.reshape(shape)) * rsqrt(sum / total + options_.eps).reshape(shape);
  if (weight) y = y * weight->to(dtype).reshape(shape);
  if (bias) y = y + bias->to(dtype).reshape(shape);
  y = y.to(x.dtype());
  return x.dim() == 4 ? y.contiguous(MemoryFormat::kChannelsLast) : y;
}
template <int kMinRank, int kMaxRank>
std::string BatchNorm<kMinRank, kMaxRank>::extra_repr() const {
  const Tensor* const t = weight ? static_cast<const Tensor*>(&*weight) : running_mean ? &*running_mean : nullptr;
  return concat(t ? concat(t->size(0), ", ") : "", "eps=", detail::repr(options_.eps),
                detail::field("momentum", options_.momentum), detail::field("affine", options_.affine),
                detail::field("bias", options_.affine),
                detail::field("track_running_stats", options_.track_running_stats));
}

template class BatchNorm<2, 3>;
template class BatchNorm<4, 4>;
template class BatchNorm<5, 5>;

LayerNorm::LayerNorm(ModuleBase* parent, const char* name, const Shape& shape, const LayerNormOptions& options)
    : Module(parent, name), shape_(checked_shape("LayerNorm", shape)), eps_(options.eps) {
  if (!options.affine) return;
  weight.emplace(this, "weight", empty(shape));
  if (options.bias) bias.emplace(this, "bias", empty(shape));
  reset_parameters();
}
void LayerNorm::reset_parameters() {
  fill(weight, 1);
  fill(bias, 0);
}
Tensor LayerNorm::forward(const Tensor& x) const {
  return layer_norm(x, shape_, tensor_of(weight), tensor_of(bias), eps_);
}

RMSNorm::RMSNorm(ModuleBase* parent, const char* name, const Shape& shape, const RMSNormOptions& options)
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
  if (options.bias) bias.emplace(this, "bias", empty({channels}));
  reset_parameters();
}
void GroupNorm::reset_parameters() {
  fill(weight, 1);
  fill(bias, 0);
}
Tensor GroupNorm::forward(const Tensor& x) const {
  return group_norm(x, groups_, tensor_of(weight), tensor_of(bias), eps_);
}

std::string LayerNorm::extra_repr() const {
  return concat(detail::repr(shape_), detail::field("eps", eps_),
                detail::field("elementwise_affine", weight.has_value()), detail::field("bias", bias.has_value()));
}
std::string RMSNorm::extra_repr() const {
  return concat(detail::repr(shape_), detail::field("eps", eps_),
                detail::field("elementwise_affine", weight.has_value()));
}
std::string GroupNorm::extra_repr() const {
  const std::string channels = weight ? concat(", ", weight->size(0)) : "";
  return concat(groups_, channels, detail::field("eps", eps_), detail::field("affine", weight.has_value()),
                detail::field("bias", bias.has_value()));
}

}  // namespace hearth::nn
