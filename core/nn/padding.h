// Padding layers: pad() with its settings kept.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/ops/pad.h"

namespace hearth::nn {

/// Puts elements around the last kDims dimensions. See hearth::pad().
template <int kDims, Padding kMode>
class PadLayer : public Module<PadLayer<kDims, kMode>> {
 public:
  /// With as many elements on every side.
  explicit PadLayer(int64_t all) : PadLayer(nullptr, "", all) {}
  /// With {left, right, top, bottom, front, back}, or what of it the dimensions have. Throws Error for another number
  /// of sides.
  explicit PadLayer(std::vector<int64_t> sides) : PadLayer(nullptr, "", std::move(sides)) {}
  /// The same.
  explicit PadLayer(std::initializer_list<int64_t> sides) : PadLayer(std::vector<int64_t>(sides)) {}
  /// As many elements of this value on every side.
  PadLayer(int64_t all, double value) requires(kMode == Padding::kConstant)
      : PadLayer(nullptr, "", std::vector<int64_t>(2 * kDims, all), value) {}
  /// Elements of this value on each side.
  PadLayer(std::vector<int64_t> sides, double value) requires(kMode == Padding::kConstant)
      : PadLayer(nullptr, "", std::move(sides), value) {}
  /// As many elements on every side, as a member of `parent`.
  PadLayer(ModuleBase* parent, const char* name, int64_t all)
      : PadLayer(parent, name, std::vector<int64_t>(2 * kDims, all)) {}
  /// Elements on each side, as a member of `parent`.
  PadLayer(ModuleBase* parent, const char* name, std::vector<int64_t> sides)
      : Module<PadLayer>(parent, name), sides_(std::move(sides)) {
    HEARTH_CHECK(sides_.size() == 2 * kDims, "padding of ", kDims, kDims == 1 ? " dimension" : " dimensions", " needs ",
                 2 * kDims, " sizes, but there are ", sides_.size());
  }
  /// As many elements of this value on every side, as a member of `parent`.
  PadLayer(ModuleBase* parent, const char* name, int64_t all, double value) requires(kMode == Padding::kConstant)
      : PadLayer(parent, name, std::vector<int64_t>(2 * kDims, all), value) {}
  /// Elements of this value on each side, as a member of `parent`.
  PadLayer(ModuleBase* parent, const char* name, std::vector<int64_t> sides,
           double value) requires(kMode == Padding::kConstant)
      : PadLayer(parent, name, std::move(sides)) {
    value_ = value;
  }
  /// x [n, c, ...] or [c, ...], with kDims dimensions behind the channels. Throws Error as hearth::pad().
  Tensor forward(const Tensor& x) const {
    HEARTH_CHECK(x.dim() == kDims + 1 || x.dim() == kDims + 2, "padding of ", kDims,
                 kDims == 1 ? " dimension" : " dimensions", " takes ", kDims + 1, " or ", kDims + 2,
                 " dimensions, but the shape is ", x.shape());
    return pad(x, sides_, kMode, value_);
  }

 private:
  std::vector<int64_t> sides_;
  double value_ = 0;
};

using ConstantPad1d = PadLayer<1, Padding::kConstant>;      ///< A number beside the sequence.
using ConstantPad2d = PadLayer<2, Padding::kConstant>;      ///< A number around the image.
using ConstantPad3d = PadLayer<3, Padding::kConstant>;      ///< A number around the volume.
using ZeroPad1d = ConstantPad1d;                            ///< Zeros beside the sequence.
using ZeroPad2d = ConstantPad2d;                            ///< Zeros around the image.
using ZeroPad3d = ConstantPad3d;                            ///< Zeros around the volume.
using ReflectionPad1d = PadLayer<1, Padding::kReflect>;     ///< The sequence mirrored at its ends.
using ReflectionPad2d = PadLayer<2, Padding::kReflect>;     ///< The image mirrored at its border.
using ReflectionPad3d = PadLayer<3, Padding::kReflect>;     ///< The volume mirrored at its border.
using ReplicationPad1d = PadLayer<1, Padding::kReplicate>;  ///< The first and last elements again.
using ReplicationPad2d = PadLayer<2, Padding::kReplicate>;  ///< The image's border again.
using ReplicationPad3d = PadLayer<3, Padding::kReplicate>;  ///< The volume's border again.
using CircularPad1d = PadLayer<1, Padding::kCircular>;      ///< The sequence going round.
using CircularPad2d = PadLayer<2, Padding::kCircular>;      ///< The image going round.
using CircularPad3d = PadLayer<3, Padding::kCircular>;      ///< The volume going round.

}  // namespace hearth::nn
