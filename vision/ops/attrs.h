// Attributes of the room's ops.
#pragma once

#include "core/op/attrs.h"

namespace hearth::vision {

enum class Interpolation : uint8_t {
  kNearest,       // input floor(i * in / out), as OpenCV and PyTorch's "nearest"
  kNearestExact,  // input floor((i + 0.5) * in / out), as PIL
  kBilinear,
  kBicubic,  // Keys' cubic convolution; a = -0.5 with antialiasing, as PIL, and -0.75 without, as OpenCV and PyTorch
};
inline constexpr const char* kInterpolationNames[] = {"nearest", "nearest_exact", "bilinear", "bicubic"};
constexpr std::span<const char* const> enum_names(Interpolation) { return kInterpolationNames; }

// What stands outside of an image that is padded.
enum class PadMode : uint8_t {
  kConstant,
  kReflect,    // ... 2 1 | 0 1 2 ...
  kReplicate,  // ... 0 0 | 0 1 2 ...
  kSymmetric,  // ... 1 0 | 0 1 2 ...
};
inline constexpr const char* kPadModeNames[] = {"constant", "reflect", "replicate", "symmetric"};
constexpr std::span<const char* const> enum_names(PadMode) { return kPadModeNames; }

// Of a resizing and of its gradient.
struct ResizeAttrs {
  Dims size;                        // [height, width], or [length of the shorter side]
  std::optional<int64_t> max_size;  // of the longer side, if size is the shorter one's
  Interpolation interpolation = Interpolation::kBilinear;
  bool antialias = true;
  Dims shape;  // of a gradient: the shape of the result

  static constexpr auto fields() {
    return std::make_tuple(field("size", &ResizeAttrs::size), field("max_size", &ResizeAttrs::max_size),
                           field("interpolation", &ResizeAttrs::interpolation),
                           field("antialias", &ResizeAttrs::antialias), field("shape", &ResizeAttrs::shape));
  }
  bool operator==(const ResizeAttrs&) const = default;
};

struct CropAttrs {
  int64_t top = 0, left = 0, height = 1, width = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("top", &CropAttrs::top), field("left", &CropAttrs::left),
                           field("height", &CropAttrs::height), field("width", &CropAttrs::width));
  }
  bool operator==(const CropAttrs&) const = default;
};

struct CenterCropAttrs {
  Dims size;  // [height, width]
  static constexpr auto fields() { return std::make_tuple(field("size", &CenterCropAttrs::size)); }
  bool operator==(const CenterCropAttrs&) const = default;
};

// Of a padding and of its gradient.
struct PadAttrs {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
  PadMode mode = PadMode::kConstant;
  Scalar fill = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("left", &PadAttrs::left), field("top", &PadAttrs::top),
                           field("right", &PadAttrs::right), field("bottom", &PadAttrs::bottom),
                           field("mode", &PadAttrs::mode), field("fill", &PadAttrs::fill));
  }
  bool operator==(const PadAttrs&) const = default;
};

}  // namespace hearth::vision
