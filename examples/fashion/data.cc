#include "examples/fashion/data.h"

#include "vision/vision.h"

namespace hearth::fashion {
namespace {

// Of the training images' pixels, between 0 and 1.
constexpr double kMean = 0.2860, kStd = 0.3530;

}  // namespace

graph::Graph preprocess_graph() {
  return vision::trace_preprocess(
      [](const Tensor& image) {
        return vision::normalize(vision::to_float(vision::resize(image, 28)), {kMean}, {kStd});
      },
      {.channels = 1});
}

data::DatasetPtr augmented(data::DatasetPtr images) {
  return std::make_shared<data::MapDataset>(std::move(images), [](data::Example e, Generator& random) {
    Tensor& image = e["input"];
    image = vision::random_horizontal_flip(image, random);
    return e;
  });
}

}  // namespace hearth::fashion
