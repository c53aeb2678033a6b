// Random changes of training images, with the distributions of torchvision.transforms.v2. An image is [c, h, w]; all
// images of a batch [n, c, h, w] are changed alike. All randomness comes from the given generator: with the one that
// data::Dataset::get() is given, an example looks the same for any number of loader threads.
//
//   data::MapDataset train(images, [](data::Example e, Generator& random) {
//     Tensor& x = e["input"];
//     x = random_horizontal_flip(random_crop(x, 28, random, {.padding = Padding(2)}), random);
//     return e;
//   });
#pragma once

#include <optional>

#include "core/data/random.h"
#include "core/tensor/generator.h"
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"

namespace hearth::vision {

/// Exchanges left and right with probability p.
Tensor random_horizontal_flip(const Tensor& x, Generator& random, double p = 0.5);
/// Exchanges top and bottom with probability p.
Tensor random_vertical_flip(const Tensor& x, Generator& random, double p = 0.5);
/// Makes the image grey with probability p, with as many channels as before.
Tensor random_grayscale(const Tensor& x, Generator& random, double p = 0.1);

/// Options of random_crop().
struct RandomCropOptions {
  std::optional<Padding> padding = std::nullopt;  ///< Pixels added before the crop.
  bool pad_if_needed = false;                     ///< Pad a smaller image on both sides by as much as it lacks.
  PadMode mode = PadMode::kConstant;              ///< What the added pixels are.
  Scalar fill = 0;                                ///< Their value, for kConstant.
};
/// The part of height and width `size` at a random place. Throws Error if the padded image is smaller.
Tensor random_crop(const Tensor& x, Extent2 size, Generator& random, const RandomCropOptions& options = {});

/// The numbers from low to high, from which an option is drawn.
using data::Range;
/// Options of random_resized_crop().
struct RandomResizedCropOptions {
  Range scale = {0.08, 1.0};                               ///< The part's share of the image's area.
  Range ratio = {3.0 / 4.0, 4.0 / 3.0};                    ///< Width / height; its logarithm is drawn uniformly.
  Interpolation interpolation = Interpolation::kBilinear;  ///< How pixels are computed.
  bool antialias = true;                                   ///< Widen the filter where the image shrinks.
};
/// A part of random area, aspect ratio and place, resized to `size` (Szegedy et al., "Going deeper with convolutions",
/// 2014). If ten draws do not fit into the image: the largest part in the middle with an allowed aspect ratio.
Tensor random_resized_crop(const Tensor& x, Extent2 size, Generator& random,
                           const RandomResizedCropOptions& options = {});

/// Options of color_jitter(). 0 leaves an adjustment out.
struct ColorJitterOptions {
  double brightness = 0;  ///< The factor of adjust_brightness() is drawn from [max(0, 1 - v), 1 + v].
  double contrast = 0;    ///< The factor of adjust_contrast() is drawn from [max(0, 1 - v), 1 + v].
  double saturation = 0;  ///< The factor of adjust_saturation() is drawn from [max(0, 1 - v), 1 + v].
  double hue = 0;         ///< The shift of adjust_hue() is drawn from [-v, v]; at most 0.5.
};
/// Adjusts brightness, contrast, saturation and hue by random amounts, in random order.
Tensor color_jitter(const Tensor& x, Generator& random, const ColorJitterOptions& options);

/// Options of random_erasing().
struct RandomErasingOptions {
  double p = 0.5;              ///< The probability that something is erased.
  Range scale = {0.02, 0.33};  ///< The rectangle's share of the image's area.
  Range ratio = {0.3, 3.3};    ///< Height / width; its logarithm is drawn uniformly.
  double value = 0;            ///< The value of erased pixels.
  bool noise = false;          ///< Standard normal numbers in place of `value`, for floating-point images.
};
/// Overwrites a random rectangle with probability p (Zhong et al., "Random erasing data augmentation", 2017). If none
/// of ten draws is smaller than the image, the image stays as it is.
Tensor random_erasing(const Tensor& x, Generator& random, const RandomErasingOptions& options = {});

}  // namespace hearth::vision
