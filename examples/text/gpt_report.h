// Draws the picture of a finished training of a language model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "examples/common/page.h"

namespace hearth::examples {

// A text that the model wrote after so many steps.
struct WrittenText {
  int64_t step;
  std::string prompt, text;
};

struct GptReport {
  Page page;
  std::vector<WrittenText> texts;  // the first, the last and some between are drawn
};

// Writes the report as a PNG of 2400 pixels' width.
absl::Status draw_gpt_report(const GptReport& report, const std::string& path);

}  // namespace hearth::examples
