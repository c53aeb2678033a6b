#include "examples/fashion/data.h"

#include "core/base/error.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"

namespace hearth::fashion {
namespace {

// Of the training images' pixels, between 0 and 1.
constexpr double kMean = 0.2860, kStd = 0.3530;

}  // namespace

graph::Graph preprocess_graph() {
  const graph::Spec image{"image", u8, {1, "height", "width"}};
  return graph::trace(
      [](std::span<const Tensor> in) -> std::vector<Tensor> {
        return {(in[0].to(f32) / 255.0 - kMean) / kStd};
      },
      {&image, 1});
}

data::DatasetPtr prepared(data::DatasetPtr images, std::shared_ptr<const graph::Graph> preprocess) {
  return std::make_shared<data::MapDataset>(std::move(images), [preprocess](data::Example e, Generator&) {
    return data::Example{(*preprocess)(e.first), e.second};
  });
}

data::DatasetPtr augmented(data::DatasetPtr images) {
  return std::make_shared<data::MapDataset>(std::move(images), [](data::Example e, Generator& random) {
    if (random.next_u32() & 1) e.first = e.first.flip({2});
    return e;
  });
}

}  // namespace hearth::fashion
