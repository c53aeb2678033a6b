// Draws the picture of a finished training run with Cairo, from plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace hearth::fashion {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x rising; a point that is not finite is left out
  bool second = false;                            // drawn in the second colour, with a dot at each point
};
struct Chart {
  std::string title, x_label;
  std::vector<Series> series;
  bool percent = false;  // values are fractions, labelled in percent
};

// One picture, what it shows and what the model made of it.
struct Sample {
  std::vector<uint8_t> pixels;  // height * width greys, row-major, 255 is ink
  int height = 28, width = 28;
  int truth = 0;
  std::vector<double> probabilities;  // one for each class
};

struct Figure {
  std::string value, label;  // "93.1 %", "test accuracy"
};

struct Report {
  std::string title, subtitle, footer;
  std::vector<Figure> figures;  // at most 5; the first is set off by colour
  std::vector<Chart> charts;    // at most 3
  std::vector<std::string> classes;
  std::vector<int64_t> confusion;       // [truth][guess], classes squared counts
  std::vector<Sample> right, mistakes;  // at most 5 of each are drawn
};

// Writes the report as a PNG of 2400 pixels' width. kInvalidArgument if its parts do not fit together.
absl::Status draw_report(const Report& report, const std::string& path);

}  // namespace hearth::fashion
