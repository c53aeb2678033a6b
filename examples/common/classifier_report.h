// Draws the picture of a classifier's finished training with Cairo, from plain numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "examples/common/page.h"

namespace hearth::examples {

// One example as a picture, what it is and what the model made of it.
struct Sample {
  std::vector<uint8_t> pixels;  // height * width greys, row-major, 255 is ink
  int height = 28, width = 28;
  int truth = 0;
  std::vector<double> probabilities;  // one for each class
};

struct ClassifierReport {
  Page page;
  std::vector<std::string> classes;
  std::vector<int64_t> confusion;       // [truth][guess], classes squared counts
  std::vector<Sample> right, mistakes;  // at most 5 of each are drawn
  std::string samples_title = "What it sees";
};

// Fills the confusion matrix and five samples of each kind, of other classes as long as there are some, the mistakes of
// which it was surest first. `probabilities` are [n, classes], row-major; `picture` gives a sample's pixels and size.
void add_answers(ClassifierReport& report, std::span<const float> probabilities, std::span<const int64_t> truths,
                 const std::function<Sample(int64_t)>& picture);

// Writes the report as a PNG of 2400 pixels' width. kInvalidArgument if its parts do not fit together.
absl::Status draw_report(const ClassifierReport& report, const std::string& path);

}  // namespace hearth::examples
