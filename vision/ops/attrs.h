// Attributes of the room's ops.
#pragma once

#include "core/op/attrs.h"

namespace hearth::vision {

/// How the pixels of a resized image are computed.
enum class Interpolation : uint8_t {
  kNearest,       ///< Output pixel i is input pixel floor(i * in / out), as in OpenCV and PyTorch's "nearest".
  kNearestExact,  ///< Output pixel i is input pixel floor((i + 0.5) * in / out), as in PIL.
  kBilinear,      ///< Linear interpolation along both axes.
  kBicubic,  ///< Keys' cubic convolution. a = -0.5 with antialiasing (as PIL), otherwise -0.75 (as OpenCV, PyTorch).
};
/// The names of Interpolation, in its order.
inline constexpr const char* kInterpolationNames[] = {"nearest", "nearest_exact", "bilinear", "bicubic"};
/// The names of Interpolation, for attributes.
constexpr std::span<const char* const> enum_names(Interpolation) { return kInterpolationNames; }

/// The pixels that padding adds. The examples show the pixels at the left edge of a row 0 1 2 ….
enum class PadMode : uint8_t {
  kConstant,   ///< One value.
  kReflect,    ///< … 2 1 | 0 1 2 …
  kReplicate,  ///< … 0 0 | 0 1 2 …
  kSymmetric,  ///< … 1 0 | 0 1 2 …
};
/// The names of PadMode, in its order.
inline constexpr const char* kPadModeNames[] = {"constant", "reflect", "replicate", "symmetric"};
/// The names of PadMode, for attributes.
constexpr std::span<const char* const> enum_names(PadMode) { return kPadModeNames; }

/// Attributes of a resizing and of its gradient.
struct ResizeAttrs {
  Dims size;                                               ///< [height, width], or [length of the shorter side].
  std::optional<int64_t> max_size;                         ///< The longer side's limit, if size is the shorter side.
  Interpolation interpolation = Interpolation::kBilinear;  ///< How pixels are computed.
  bool antialias = true;                                   ///< Widen the filter where the image shrinks.
  Dims shape;                                              ///< For a gradient: the shape of the result.

  /// The fields, see core/op/attrs.h.
  static constexpr auto fields() {
    return std::make_tuple(field("size", &ResizeAttrs::size), field("max_size", &ResizeAttrs::max_size),
                           field("interpolation", &ResizeAttrs::interpolation),
                           field("antialias", &ResizeAttrs::antialias), field("shape", &ResizeAttrs::shape));
  }
  bool operator==(const ResizeAttrs&) const = default;
};

/// Attributes of a crop.
struct CropAttrs {
  int64_t top = 0;     ///< The row of the first pixel; may lie outside of the image.
  int64_t left = 0;    ///< The column of the first pixel; may lie outside of the image.
  int64_t height = 1;  ///< The height of the result.
  int64_t width = 1;   ///< The width of the result.
  /// The fields, see core/op/attrs.h.
  static constexpr auto fields() {
    return std::make_tuple(field("top", &CropAttrs::top), field("left", &CropAttrs::left),
                           field("height", &CropAttrs::height), field("width", &CropAttrs::width));
  }
  bool operator==(const CropAttrs&) const = default;
};

/// Attributes of a crop of the middle.
struct CenterCropAttrs {
  Dims size;  ///< [height, width] of the result.
  /// The fields, see core/op/attrs.h.
  static constexpr auto fields() { return std::make_tuple(field("size", &CenterCropAttrs::size)); }
  bool operator==(const CenterCropAttrs&) const = default;
};

/// Attributes of a padding and of its gradient.
struct PadAttrs {
  int64_t left = 0;                   ///< Columns added on the left.
  int64_t top = 0;                    ///< Rows added on top.
  int64_t right = 0;                  ///< Columns added on the right.
  int64_t bottom = 0;                 ///< Rows added at the bottom.
  PadMode mode = PadMode::kConstant;  ///< What the added pixels are.
  Scalar fill = 0;                    ///< Their value, for kConstant.
  /// The fields, see core/op/attrs.h.
  static constexpr auto fields() {
    return std::make_tuple(field("left", &PadAttrs::left), field("top", &PadAttrs::top),
                           field("right", &PadAttrs::right), field("bottom", &PadAttrs::bottom),
                           field("mode", &PadAttrs::mode), field("fill", &PadAttrs::fill));
  }
  bool operator==(const PadAttrs&) const = default;
};

}  // namespace hearth::vision
