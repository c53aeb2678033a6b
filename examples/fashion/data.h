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

// From "image" u8 [1, height, width] to f32 [1, 28, 28], normalised. White on black, as the data are.
graph::Graph preprocess_graph();

// Another dataset's images after the graph.
data::DatasetPtr prepared(data::DatasetPtr images, std::shared_ptr<const graph::Graph> preprocess);
// Images shifted by up to two pixels and mirrored in half of all cases, drawn anew for each epoch.
data::DatasetPtr augmented(data::DatasetPtr images);

}  // namespace hearth::fashion
