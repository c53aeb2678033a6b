// Curves over a common axis, as a card of a page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "examples/common/canvas.h"

namespace hearth::examples {

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

// The values at even distances up to `last`, in about 150 points: the means of the values there.
Series smoothed(const std::string& name, const std::vector<double>& values, double last);

void draw_chart(Canvas& canvas, const Chart& chart, const Box& card);

}  // namespace hearth::examples
