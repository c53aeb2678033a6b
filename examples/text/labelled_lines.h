// Lines of text with labels, from a folder that has a folder of text files for each label.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::examples {

struct LabelledLine {
  std::string text;
  int64_t label;  // its place among the labels
};

struct LabelledLines {
  std::vector<std::string> labels;               // the folders' names, in their order
  std::vector<LabelledLine> training, held_out;  // label by label
  int64_t training_files = 0, held_out_files = 0;
};

struct LabelledLinesOptions {
  int64_t shortest = 20;       // lines of fewer bytes are left out
  int64_t longest = 400;       // and so are longer ones
  int64_t hold_out = 5;        // of so many files of a label one is held out, and at least one
  int64_t training_lines = 0;  // the most of a label, taken evenly from its files' lines; 0: all
  int64_t held_out_lines = 0;  // the same of the files that are held out
  uint64_t seed = 1;           // of the files that are held out
};

// No line is both in training and in held_out, whatever files it is in. Files are read in any depth; hidden ones, and
// those that are not UTF-8, are left out. kInvalidArgument: there are fewer than two labels, or one has fewer than two
// files with lines.
absl::StatusOr<LabelledLines> load_labelled_lines(const std::string& folder, const LabelledLinesOptions& options);

}  // namespace hearth::examples
