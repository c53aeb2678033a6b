// What the classifier learns from: Fashion-MNIST, prepared by the graph that the exported model carries.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/graph/graph.h"
#include "vision/datasets/fashion_mnist.h"

namespace hearth::fashion {

constexpr int64_t kHeldOut = 5000;  // of the 60,000: for every choice made while training

// From "image" u8 [1, height, width], light on dark as the data are, to f32 [1, 28, 28], normalised.
graph::Graph preprocess_graph();

// Images mirrored in half of all cases, drawn anew for each epoch.
data::DatasetPtr augmented(data::DatasetPtr images);

}  // namespace hearth::fashion
