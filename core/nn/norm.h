// Normalisation layers. Weights start as 1, biases as 0.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "core/nn/module.h"

namespace hearth::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;
  bool affine = true;
  bool track_running_stats = true;
};

/// Brings together what several processes have: takes this one's tensor of some shape and gives [processes, shape],
/// with a gradient.
using GatherFunction = std::function<Tensor(const Tensor&)>;

// Channels (dimension 1) normalised over the batch. State as in PyTorch: weight, bias, running_mean, running_var,
// num_batches_tracked. kMinRank and kMaxRank are the numbers of dimensions it takes.
template <int kMinRank, int kMaxRank>
class BatchNorm : public Module<BatchNorm<kMinRank, kMaxRank>> {
 public:
  explicit BatchNorm(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(nullptr, "", channels, options) {}
  BatchNorm(ModuleBase* parent, const char* name, int64_t channels, const BatchNormOptions& options = {});
  Tensor forward(const Tensor& x);
  /// Gives the parameters and the running statistics their first values anew.
  void reset_parameters();
  /// Takes the batch's statistics over the batches of several processes (distributed::sync_batch_norm); null: over this
  /// one's alone. Copies of the module have it too.
  void set_gather(GatherFunction gather) { gather_ = std::move(gather); }

  std::optional<Parameter> weight, bias;
  std::optional<Buffer> running_mean, running_var, num_batches_tracked;

 private:
  Tensor gathered(const Tensor& x);
  BatchNormOptions options_;
  GatherFunction gather_;
};
using BatchNorm1d = BatchNorm<2, 3>;  // [n, c] or [n, c, l]
using BatchNorm2d = BatchNorm<4, 4>;  // [n, c, h, w]; the result is channels-last

struct LayerNormOptions {
  double eps = 1e-5;
  bool affine = true;
};
// Over the last dimensions, `shape`.
class LayerNorm : public Module<LayerNorm> {
 public:
  explicit LayerNorm(const Shape& shape, const LayerNormOptions& options = {})
      : LayerNorm(nullptr, "", shape, options) {}
  // LayerNorm({8}), which would otherwise name a copy as well.
  explicit LayerNorm(std::initializer_list<int64_t> shape, const LayerNormOptions& options = {})
      : LayerNorm(Shape(shape), options) {}
  LayerNorm(ModuleBase* parent, const char* name, const Shape& shape, const LayerNormOptions& options = {});
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  std::optional<Parameter> weight, bias;

 private:
  Shape shape_;
  double eps_;
};

class RMSNorm : public Module<RMSNorm> {
 public:
  explicit RMSNorm(const Shape& shape, const LayerNormOptions& options = {}) : RMSNorm(nullptr, "", shape, options) {}
  // RMSNorm({8}), which would otherwise name a copy as well.
  explicit RMSNorm(std::initializer_list<int64_t> shape, const LayerNormOptions& options = {})
      : RMSNorm(Shape(shape), options) {}
  RMSNorm(ModuleBase* parent, const char* name, const Shape& shape, const LayerNormOptions& options = {});
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  std::optional<Parameter> weight;

 private:
  Shape shape_;
  double eps_;
};

class GroupNorm : public Module<GroupNorm> {
 public:
  GroupNorm(int64_t groups, int64_t channels, const LayerNormOptions& options = {})
      : GroupNorm(nullptr, "", groups, channels, options) {}
  GroupNorm(ModuleBase* parent, const char* name, int64_t groups, int64_t channels,
            const LayerNormOptions& options = {});
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  std::optional<Parameter> weight, bias;

 private:
  int64_t groups_;
  double eps_;
};

}  // namespace hearth::nn
