// Normalisation layers. Weights start as 1, biases as 0.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/nn/module.h"

namespace hearth::nn {

/// Options of BatchNorm.
struct BatchNormOptions {
  double eps = 1e-5;  ///< Added to the variance.
  /// The share of the new statistics in the running ones; without it all batches count alike.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< Has a weight and a bias for each channel.
  bool track_running_stats = true;  ///< Keeps running statistics, which are used after eval().
};

/// Brings together what several processes have: takes this one's tensor of some shape and gives [processes, shape],
/// with a gradient.
using GatherFunction = std::function<Tensor(const Tensor&)>;

/// (x - mean) / sqrt(var + eps) weight + bias for each channel, dimension 1 (Ioffe and Szegedy, 2015). See
/// hearth::batch_norm(). State as in PyTorch: weight, bias, running_mean, running_var, num_batches_tracked. kMinRank
/// and kMaxRank are the least and the greatest number of dimensions it takes.
template <int kMinRank, int kMaxRank>
class BatchNorm : public Module<BatchNorm<kMinRank, kMaxRank>> {
 public:
  /// Throws Error unless there is at least one channel.
  explicit BatchNorm(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(nullptr, "", channels, options) {}
  /// The same as a member of `parent`.
  BatchNorm(ModuleBase* parent, const char* name, int64_t channels, const BatchNormOptions& options = {});
  /// In training, or where no running statistics are kept, mean and variance are those of the batch; otherwise the
  /// running ones. In training the running ones are updated, the variance with n / (n - 1), so that such calls must not
  /// run at once. The result has the shape of x. Throws Error for another number of dimensions or of channels, and for
  /// a single value per channel where the batch's statistics are used.
  Tensor forward(const Tensor& x);
  /// Gives the parameters and the running statistics their first values anew.
  void reset_parameters();
  /// For ModuleBase::load_state_dict().
  void upgrade_state(StateDict& state, const std::string& prefix) const;
  /// For ModuleBase::repr_name(): "BatchNorm2d".
  std::string repr_name() const {
    return kMinRank == 2 ? "BatchNorm1d" : kMinRank == 4 ? "BatchNorm2d" : "BatchNorm3d";
  }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;
  /// Takes the batch's statistics over the batches of several processes (distributed::sync_batch_norm); null: over this
  /// one's alone. Copies of the module have it too.
  void set_gather(GatherFunction gather) { gather_ = std::move(gather); }
  /// The options that it was made with, and the momentum that it has now.
  const BatchNormOptions& options() const { return options_; }
  /// Changes the momentum; without a number all batches count alike.
  void set_momentum(std::optional<double> momentum) { options_.momentum = momentum; }
  /// Whether it takes them over the batches of several processes.
  bool gathers() const { return static_cast<bool>(gather_); }

  /// [channels], first 1; with the option affine.
  std::optional<Parameter> weight;
  /// [channels], first 0; with the option affine.
  std::optional<Parameter> bias;
  /// [channels], first 0; with the option track_running_stats.
  std::optional<Buffer> running_mean;
  /// [channels], first 1; with the option track_running_stats.
  std::optional<Buffer> running_var;
  /// How many forwards in training there were: i64, 0-dim; with the option track_running_stats.
  std::optional<Buffer> num_batches_tracked;

 private:
  Tensor gathered(const Tensor& x);
  double momentum() const;  // of this batch
  BatchNormOptions options_;
  GatherFunction gather_;
};
/// BatchNorm of [n, c] or [n, c, l].
using BatchNorm1d = BatchNorm<2, 3>;
/// BatchNorm of [n, c, h, w]. The result is channels-last: its memory lies N, H, W, C.
using BatchNorm2d = BatchNorm<4, 4>;
/// BatchNorm of [n, c, d, h, w].
using BatchNorm3d = BatchNorm<5, 5>;

/// Options of LayerNorm and GroupNorm.
struct LayerNormOptions {
  double eps = 1e-5;   ///< Added to the variance.
  bool affine = true;  ///< Has a weight, and a bias if the layer has one.
  bool bias = true;    ///< Has a bias, if it is affine and the layer has one.
};
/// (x - mean) / sqrt(var + eps) weight + bias, with mean and variance over the last dimensions (Ba, Kiros and Hinton,
/// 2016). See hearth::layer_norm().
class LayerNorm : public Module<LayerNorm> {
 public:
  /// `shape` has the sizes of the dimensions that are normalised together, the last of x. Throws Error if it is empty
  /// or a size is below 1.
  explicit LayerNorm(const Shape& shape, const LayerNormOptions& options = {})
      : LayerNorm(nullptr, "", shape, options) {}
  /// The same for LayerNorm({8}).
  explicit LayerNorm(std::initializer_list<int64_t> shape, const LayerNormOptions& options = {})
      : LayerNorm(Shape(shape), options) {}
  /// The same as a member of `parent`.
  LayerNorm(ModuleBase* parent, const char* name, const Shape& shape, const LayerNormOptions& options = {});
  /// The result has the shape of x. Throws Error unless the last sizes of x are `shape`.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// Of the shape, first 1; with the option affine.
  std::optional<Parameter> weight;
  /// Of the shape, first 0; with the options affine and bias.
  std::optional<Parameter> bias;

 private:
  Shape shape_;
  double eps_;
};

/// Options of RMSNorm.
struct RMSNormOptions {
  std::optional<double> eps = std::nullopt;  ///< Added to the mean of squares; see hearth::rms_norm() without it.
  bool affine = true;                        ///< Has a weight.
};
/// x / sqrt(mean(x^2) + eps) weight, with the mean over the last dimensions (Zhang and Sennrich, 2019). See
/// hearth::rms_norm(). It has no bias.
class RMSNorm : public Module<RMSNorm> {
 public:
  /// `shape` has the sizes of the dimensions that are normalised together, the last of x. Throws Error if it is empty
  /// or a size is below 1.
  explicit RMSNorm(const Shape& shape, const RMSNormOptions& options = {}) : RMSNorm(nullptr, "", shape, options) {}
  /// The same for RMSNorm({8}).
  explicit RMSNorm(std::initializer_list<int64_t> shape, const RMSNormOptions& options = {})
      : RMSNorm(Shape(shape), options) {}
  /// The same as a member of `parent`.
  RMSNorm(ModuleBase* parent, const char* name, const Shape& shape, const RMSNormOptions& options = {});
  /// The result has the shape of x. Throws Error unless the last sizes of x are `shape`.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// Of the shape, first 1; with the option affine.
  std::optional<Parameter> weight;

 private:
  Shape shape_;
  std::optional<double> eps_;
};

/// (x - mean) / sqrt(var + eps) weight + bias, with mean and variance for each sample and group of channels (Wu and He,
/// 2018). See hearth::group_norm().
class GroupNorm : public Module<GroupNorm> {
 public:
  /// Throws Error unless there is at least one channel and one group, and the groups divide the channels.
  GroupNorm(int64_t groups, int64_t channels, const LayerNormOptions& options = {})
      : GroupNorm(nullptr, "", groups, channels, options) {}
  /// The same as a member of `parent`.
  GroupNorm(ModuleBase* parent, const char* name, int64_t groups, int64_t channels,
            const LayerNormOptions& options = {});
  /// x [n, channels, ...]. The result has the shape of x. Throws Error if the channels of x do not divide into the
  /// groups or do not fit weight and bias, or if a group has no elements.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// [channels], first 1; with the option affine.
  std::optional<Parameter> weight;
  /// [channels], first 0; with the options affine and bias.
  std::optional<Parameter> bias;

 private:
  int64_t groups_;
  double eps_;
};

}  // namespace hearth::nn
