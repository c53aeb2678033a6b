// Colours and values of images [c, h, w] or [n, c, h, w]; 3 channels are red, green and blue. Values of floating-point
// images lie in [0, 1], those of u8 images in [0, 255]. The functions are made of core's ops, and differentiable for
// floating-point images. The formulas are those of torchvision.transforms.v2 unless a comment says otherwise. Every
// function throws Error naming itself for another shape, dtype or number of channels.
#pragma once

#include <span>

#include "core/tensor/tensor.h"

namespace hearth::vision {

/// u8 to f32, divided by 255. (ToDtype of torchvision's v2 multiplies by the rounded 1 / 255, which is less exact;
/// ToTensor divides.) Floating-point images are returned unchanged.
Tensor to_float(const Tensor& x);
/// Floating point in [0, 1] to u8: 255.999 x, truncated. Values outside are clamped. u8 images are returned unchanged.
Tensor to_u8(const Tensor& x);

/// (x - mean) / std for each channel of a floating-point image. `mean` and `std` have one value for each channel, or
/// one for all. Throws Error if a std is 0.
Tensor normalize(const Tensor& x, std::span<const double> mean, std::span<const double> std);
/// As above: `normalize(x, {0.5}, {0.25})`.
inline Tensor normalize(const Tensor& x, std::initializer_list<double> mean, std::initializer_list<double> std) {
  return normalize(x, std::span(mean.begin(), mean.size()), std::span(std.begin(), std.size()));
}

/// One channel: 0.2989 red + 0.587 green + 0.114 blue, truncated for u8. An image of one channel is returned unchanged.
Tensor rgb_to_grayscale(const Tensor& x);
/// One channel three times. An image of three channels is returned unchanged.
Tensor grayscale_to_rgb(const Tensor& x);

/// Hue, saturation and value, each in [0, 1], of a floating-point image of 3 channels.
Tensor rgb_to_hsv(const Tensor& x);
/// Red, green and blue of a floating-point image of hue, saturation and value: the inverse of rgb_to_hsv().
Tensor hsv_to_rgb(const Tensor& x);

/// Multiplies by `factor`, which is at least 0, and clamps; u8 results are truncated. 1 or 3 channels.
Tensor adjust_brightness(const Tensor& x, double factor);
/// Moves away from the mean of the image's grey values (factor above 1) or towards it (below 1), clamped; u8 results
/// are truncated. `factor` is at least 0; 1 changes nothing. 1 or 3 channels.
Tensor adjust_contrast(const Tensor& x, double factor);
/// Moves away from each pixel's grey value (factor above 1) or towards it (below 1), clamped; u8 results are truncated.
/// `factor` is at least 0; 1 changes nothing. An image of one channel is returned unchanged.
Tensor adjust_saturation(const Tensor& x, double factor);
/// Turns the hue by `shift`, in [-0.5, 0.5] of the circle. 0 changes nothing. An image of one channel is returned
/// unchanged.
Tensor adjust_hue(const Tensor& x, double shift);
/// gain * x^gamma, with values counted from 0 to 1; clamped if gain is not 1. `gamma` is at least 0. Any channels.
Tensor adjust_gamma(const Tensor& x, double gamma, double gain = 1);
/// 1 - x, or 255 - x for u8.
Tensor invert(const Tensor& x);

}  // namespace hearth::vision
