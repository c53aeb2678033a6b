// Normalisation of instances and of neighbouring channels.
#pragma once

#include <cstdint>
#include <optional>

#include "core/nn/module.h"
#include "core/ops/instance_norm.h"

namespace hearth::nn {

/// Options of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d.
struct InstanceNormOptions {
  double eps = 1e-5;                 ///< Added to the variance.
  double momentum = 0.1;             ///< The share of the new statistics in the running ones.
  bool affine = false;               ///< Has a weight and a bias for each channel.
  bool track_running_stats = false;  ///< Keeps running statistics, which are used after eval().
};
/// (x - mean) / sqrt(var + eps) weight + bias for each channel of each sample, over kDims dimensions. See
/// hearth::instance_norm(). State as in PyTorch: weight, bias, running_mean, running_var, num_batches_tracked.
template <int kDims>
class InstanceNorm : public Module<InstanceNorm<kDims>> {
 public:
  /// Throws Error unless there is at least one channel.
  explicit InstanceNorm(int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm(nullptr, "", channels, options) {}
  /// The same as a member of `parent`.
  InstanceNorm(ModuleBase* parent, const char* name, int64_t channels, const InstanceNormOptions& options = {});
  /// x [n, channels, ...] or [channels, ...]. In training, or where no running statistics are kept, the statistics are
  /// those of x; otherwise the running ones. In training the running ones are updated, so that such calls must not run
  /// at once. Throws Error for another number of dimensions or channels, and for a single element per channel where
  /// x's statistics are taken.
  Tensor forward(const Tensor& x);
  /// Gives the parameters and the running statistics their first values anew.
  void reset_parameters();
  /// For ModuleBase::load_state_dict().
  void upgrade_state(StateDict& state, const std::string& prefix) const;

  /// [channels], first 1; with the option affine.
  std::optional<Parameter> weight;
  /// [channels], first 0; with the option affine.
  std::optional<Parameter> bias;
  /// [channels], first 0; with the option track_running_stats.
  std::optional<Buffer> running_mean;
  /// [channels], first 1; with the option track_running_stats.
  std::optional<Buffer> running_var;
  /// Always 0, as in PyTorch: i64, 0-dim; with the option track_running_stats.
  std::optional<Buffer> num_batches_tracked;

 private:
  int64_t channels_;
  InstanceNormOptions options_;
};
extern template class InstanceNorm<1>;
extern template class InstanceNorm<2>;
extern template class InstanceNorm<3>;

using InstanceNorm1d = InstanceNorm<1>;  ///< Of sequences [n, c, l].
using InstanceNorm2d = InstanceNorm<2>;  ///< Of images [n, c, h, w].
using InstanceNorm3d = InstanceNorm<3>;  ///< Of volumes [n, c, d, h, w].

/// Normalisation over neighbouring channels. See hearth::local_response_norm().
class LocalResponseNorm : public Module<LocalResponseNorm> {
 public:
  /// With the number of channels and the formula's numbers; they are checked by forward().
  explicit LocalResponseNorm(int64_t size, double alpha = 1e-4, double beta = 0.75, double k = 1)
      : LocalResponseNorm(nullptr, "", size, alpha, beta, k) {}
  /// The same as a member of `parent`.
  LocalResponseNorm(ModuleBase* parent, const char* name, int64_t size, double alpha = 1e-4, double beta = 0.75,
                    double k = 1)
      : Module(parent, name), size_(size), alpha_(alpha), beta_(beta), k_(k) {}
  /// x [n, c, ...].
  Tensor forward(const Tensor& x) const { return local_response_norm(x, size_, alpha_, beta_, k_); }

 private:
  int64_t size_;
  double alpha_, beta_, k_;
};

}  // namespace hearth::nn
