// What the examples' reports have above and below: a title, the figures that matter, charts and a last line.
#pragma once

#include <string>
#include <vector>

#include "examples/common/chart.h"

namespace hearth::examples {

struct Figure {
  std::string value, label;  // "93.1 %", "test accuracy"
};

struct Page {
  std::string title, subtitle, footer;
  std::vector<Figure> figures;  // at most 5; the first is set off by colour
  std::vector<Chart> charts;    // at most 3, side by side
};

// Fills a page of this height; the rest belongs into the box that is left: below the charts, above the last line.
Box draw_page(Canvas& canvas, const Page& page, double height);

}  // namespace hearth::examples
