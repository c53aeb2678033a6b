// What a finished training leaves behind: the exported model and the report.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "core/graph/graph.h"
#include "examples/common/classifier_training.h"
#include "examples/fashion/net.h"
#include "vision/datasets/fashion_mnist.h"

namespace hearth::fashion {

struct Results {
  Net& net;
  const graph::Graph& preprocess;
  const examples::ClassifierHistory& history;
  const vision::FashionMnist& test;
  Tensor probabilities;  // f32 [n, 10], of the first n test images
  int64_t training_images, held_out_images, epochs;
  double seconds;
};

// Writes directory/model, directory/report.png and a few test images to try the model on, directory/samples.
absl::Status write_results(const Results& r, const std::string& directory);

}  // namespace hearth::fashion
