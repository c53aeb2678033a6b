// What a finished training leaves behind: the exported model and the report.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/graph/graph.h"
#include "examples/fashion/net.h"
#include "vision/datasets/fashion_mnist.h"

namespace hearth::fashion {

// Curves of a training.
struct History {
  std::vector<double> step_loss, learning_rate;                                            // one for each step
  std::vector<double> training_loss, training_accuracy, held_out_loss, held_out_accuracy;  // one for each epoch

  std::vector<std::pair<const char*, std::vector<double>*>> curves() {
    return {{"step loss", &step_loss},         {"learning rate", &learning_rate},
            {"training loss", &training_loss}, {"training accuracy", &training_accuracy},
            {"held-out loss", &held_out_loss}, {"held-out accuracy", &held_out_accuracy}};
  }
};

struct Results {
  Net& net;
  const graph::Graph& preprocess;
  const History& history;
  const vision::FashionMnist& test;
  Tensor probabilities;  // f32 [n, 10], of the first n test images
  int64_t training_images, held_out_images, epochs;
  double seconds;
};

// Writes directory/model, directory/report.png and a few test images to try the model on, directory/samples.
absl::Status write_results(const Results& r, const std::string& directory);

}  // namespace hearth::fashion
