// Random changes of training images, as torchvision.transforms.v2 draws them (from other random numbers). An image is
// [c, h, w]; a batch [n, c, h, w] is changed as one. All randomness comes from the generator: with the one that a
// data::Dataset is handed, an example looks the same for any number of loader threads.
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

// With probability p.
Tensor random_horizontal_flip(const Tensor& x, Generator& random, double p = 0.5);
Tensor random_vertical_flip(const Tensor& x, Generator& random, double p = 0.5);
// Grey with as many channels as before.
Tensor random_grayscale(const Tensor& x, Generator& random, double p = 0.1);

struct RandomCropOptions {
  std::optional<Padding> padding = std::nullopt;  // added before
  bool pad_if_needed = false;                     // a smaller image is padded on both sides by what it lacks
  PadMode mode = PadMode::kConstant;
  Scalar fill = 0;
};
// A part of `size` at a random place. Throws Error if the padded image is smaller.
Tensor random_crop(const Tensor& x, Extent2 size, Generator& random, const RandomCropOptions& options = {});

/// The numbers from low to high, from which an option is drawn.
using data::Range;
struct RandomResizedCropOptions {
  Range scale = {0.08, 1.0};             // of the image's area
  Range ratio = {3.0 / 4.0, 4.0 / 3.0};  // width / height; its logarithm is drawn uniformly
  Interpolation interpolation = Interpolation::kBilinear;
  bool antialias = true;
};
// A part of random area, aspect and place, resized (Szegedy et al., "Going deeper with convolutions", 2014). Where ten
// draws do not fit into the image: the largest middle part of an allowed aspect.
Tensor random_resized_crop(const Tensor& x, Extent2 size, Generator& random,
                           const RandomResizedCropOptions& options = {});

struct ColorJitterOptions {
  double brightness = 0, contrast = 0, saturation = 0;  // factors are drawn from [max(0, 1 - v), 1 + v]
  double hue = 0;                                       // the shift from [-hue, hue]; at most 0.5
};
// The four adjustments of ops/color.h in random order. 0 leaves one out.
Tensor color_jitter(const Tensor& x, Generator& random, const ColorJitterOptions& options);

struct RandomErasingOptions {
  double p = 0.5;
  Range scale = {0.02, 0.33};  // of the image's area
  Range ratio = {0.3, 3.3};    // height / width; its logarithm is drawn uniformly
  double value = 0;
  bool noise = false;  // standard normal numbers in place of value; floating-point images
};
// A random rectangle is overwritten (Zhong et al., "Random erasing data augmentation", 2017). An image for which ten
// draws give no smaller rectangle stays as it is.
Tensor random_erasing(const Tensor& x, Generator& random, const RandomErasingOptions& options = {});

}  // namespace hearth::vision
