// Layers that change the size of images: interpolation and pixels out of channels.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/ops/interpolate.h"
#include "core/ops/shuffle.h"

namespace hearth::nn {

/// Options of Upsample: a size or factors, and how elements are found.
struct UpsampleOptions {
  /// The size behind batch and channels; one number stands for all dimensions.
  std::optional<Dims> size = std::nullopt;
  /// Factors of the size; one stands for all dimensions.
  std::vector<double> scale_factor = {};
  /// How elements are found.
  InterpolateMode mode = InterpolateMode::kNearest;
  /// The first and the last element stay at the ends.
  bool align_corners = false;
  /// Steps follow from the sizes in place of the factors.
  bool recompute_scale_factor = false;
};
/// x in another size. See hearth::interpolate() and hearth::interpolate_by().
class Upsample : public Module<Upsample> {
 public:
  /// Throws Error unless either a size or factors are given.
  explicit Upsample(UpsampleOptions options) : Upsample(nullptr, "", std::move(options)) {}
  /// The same as a member of `parent`.
  Upsample(ModuleBase* parent, const char* name, UpsampleOptions options)
      : Module(parent, name), options_(std::move(options)) {
    HEARTH_CHECK(options_.size.has_value() == options_.scale_factor.empty(),
                 "Upsample: either size or scale_factor must be given");
  }
  /// x [n, c, l], [n, c, h, w] or [n, c, d, h, w]. Throws Error as hearth::interpolate().
  Tensor forward(const Tensor& x) const {
    const InterpolateOptions o{.mode = options_.mode, .align_corners = options_.align_corners};
    if (options_.size) return interpolate(x, *options_.size, o);
    return interpolate_by(x, options_.scale_factor, o, options_.recompute_scale_factor);
  }

 private:
  UpsampleOptions options_;
};

/// Upsample by a factor, by the nearest elements. PyTorch: also by a size, which Upsample takes.
class UpsamplingNearest2d : public Module<UpsamplingNearest2d> {
 public:
  /// By a factor.
  explicit UpsamplingNearest2d(double scale_factor) : UpsamplingNearest2d(nullptr, "", scale_factor) {}
  /// The same as a member of `parent`.
  UpsamplingNearest2d(ModuleBase* parent, const char* name, double scale_factor)
      : Module(parent, name), scale_factor_(scale_factor) {}
  /// x [n, c, h, w].
  Tensor forward(const Tensor& x) const { return interpolate_by(x, {scale_factor_}); }

 private:
  double scale_factor_;
};

/// Upsample by a factor, by lines between elements, corners aligned. PyTorch: also by a size, which Upsample takes.
class UpsamplingBilinear2d : public Module<UpsamplingBilinear2d> {
 public:
  /// By a factor.
  explicit UpsamplingBilinear2d(double scale_factor) : UpsamplingBilinear2d(nullptr, "", scale_factor) {}
  /// The same as a member of `parent`.
  UpsamplingBilinear2d(ModuleBase* parent, const char* name, double scale_factor)
      : Module(parent, name), scale_factor_(scale_factor) {}
  /// x [n, c, h, w].
  Tensor forward(const Tensor& x) const {
    return interpolate_by(x, {scale_factor_}, {.mode = InterpolateMode::kLinear, .align_corners = true});
  }

 private:
  double scale_factor_;
};

/// Pixels out of channels. See hearth::pixel_shuffle().
class PixelShuffle : public Module<PixelShuffle> {
 public:
  /// Height and width grow by the factor.
  explicit PixelShuffle(int64_t upscale_factor) : factor_(upscale_factor) {}
  /// The same as a member of `parent`.
  PixelShuffle(ModuleBase* parent, const char* name, int64_t upscale_factor)
      : Module(parent, name), factor_(upscale_factor) {}
  /// x [..., c r r, h, w]. Gives [..., c, h r, w r].
  Tensor forward(const Tensor& x) const { return pixel_shuffle(x, factor_); }

 private:
  int64_t factor_;
};

/// Channels out of pixels. See hearth::pixel_unshuffle().
class PixelUnshuffle : public Module<PixelUnshuffle> {
 public:
  /// Height and width shrink by the factor.
  explicit PixelUnshuffle(int64_t downscale_factor) : factor_(downscale_factor) {}
  /// The same as a member of `parent`.
  PixelUnshuffle(ModuleBase* parent, const char* name, int64_t downscale_factor)
      : Module(parent, name), factor_(downscale_factor) {}
  /// x [..., c, h r, w r]. Gives [..., c r r, h, w].
  Tensor forward(const Tensor& x) const { return pixel_unshuffle(x, factor_); }

 private:
  int64_t factor_;
};

/// Channels that change places. See hearth::channel_shuffle().
class ChannelShuffle : public Module<ChannelShuffle> {
 public:
  /// With the number of groups.
  explicit ChannelShuffle(int64_t groups) : ChannelShuffle(nullptr, "", groups) {}
  /// The same as a member of `parent`.
  ChannelShuffle(ModuleBase* parent, const char* name, int64_t groups) : Module(parent, name), groups_(groups) {}
  /// x [n, c, ...].
  Tensor forward(const Tensor& x) const { return channel_shuffle(x, groups_); }

 private:
  int64_t groups_;
};

}  // namespace hearth::nn
