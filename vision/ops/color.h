// Colours and values of images [c, h, w] or [n, c, h, w]; 3 channels are red, green, blue. Compositions of core's ops,
// differentiable for floating-point images, whose values lie in [0, 1]; those of u8 images in [0, 255]. The formulas
// are torchvision.transforms.v2's, except where a line says otherwise.
#pragma once

#include <span>

#include "core/tensor/tensor.h"

namespace hearth::vision {

// u8 to f32, divided by 255 (v2's ToDtype multiplies by the rounded 1 / 255, which is less exact; ToTensor divides).
// Floating-point images pass unchanged.
Tensor to_float(const Tensor& x);
// [0, 1] to u8: 255.999 x, truncated. Values outside are clamped. u8 images pass unchanged.
Tensor to_u8(const Tensor& x);

// (x - mean) / std for each channel. Floating-point.
Tensor normalize(const Tensor& x, std::span<const double> mean, std::span<const double> std);
inline Tensor normalize(const Tensor& x, std::initializer_list<double> mean, std::initializer_list<double> std) {
  return normalize(x, std::span(mean.begin(), mean.size()), std::span(std.begin(), std.size()));
}

// One channel: 0.2989 red + 0.587 green + 0.114 blue; u8 is truncated. An image of one channel passes unchanged.
Tensor rgb_to_grayscale(const Tensor& x);
// One channel three times. An image of three channels passes unchanged.
Tensor grayscale_to_rgb(const Tensor& x);

// Floating-point, 3 channels: hue, saturation and value, each in [0, 1], and back.
Tensor rgb_to_hsv(const Tensor& x);
Tensor hsv_to_rgb(const Tensor& x);

// On 1 or 3 channels; factor 1 changes nothing. Results are clamped; u8 ones truncated.
Tensor adjust_brightness(const Tensor& x, double factor);  // times factor >= 0
Tensor adjust_contrast(const Tensor& x, double factor);    // away from the mean of the image's grey values
Tensor adjust_saturation(const Tensor& x, double factor);  // away from each pixel's grey value
Tensor adjust_hue(const Tensor& x, double shift);          // turns the hue by shift in [-0.5, 0.5] of the circle
Tensor adjust_gamma(const Tensor& x, double gamma, double gain = 1);  // gain * x^gamma
// 1 - x, or 255 - x.
Tensor invert(const Tensor& x);

}  // namespace hearth::vision
