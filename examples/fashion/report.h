// Draws the picture of a finished training run with Cairo, from plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "examples/common/page.h"

namespace hearth::fashion {

// One picture, what it shows and what the model made of it.
struct Sample {
  std::vector<uint8_t> pixels;  // height * width greys, row-major, 255 is ink
  int height = 28, width = 28;
  int truth = 0;
  std::vector<double> probabilities;  // one for each class
};

struct Report {
  examples::Page page;
  std::vector<std::string> classes;
  std::vector<int64_t> confusion;       // [truth][guess], classes squared counts
  std::vector<Sample> right, mistakes;  // at most 5 of each are drawn
};

// Writes the report as a PNG of 2400 pixels' width. kInvalidArgument if its parts do not fit together.
absl::Status draw_report(const Report& report, const std::string& path);

}  // namespace hearth::fashion
