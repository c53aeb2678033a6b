// Labelled recordings in directories, and their parts to train on, to hold out and to test on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::audio {

struct Clip {
  std::string path;
  int64_t label = 0;  // a place in Clips::labels
  int64_t group = 0;  // clips of a group stay together
};

struct Clips {
  std::vector<std::string> labels;  // sorted
  std::vector<Clip> clips;          // by path
  std::vector<std::string> files;   // all that were found, also those left out
  int64_t copies = 0;               // files left out, whose bytes another one has
  int64_t contradictory = 0;        // files left out, whose bytes stand under two labels
};

// All sound files below a directory whose path a regular expression finds. What its one group catches is the label;
// labels of fewer than `at_least` clips are left out. Two clips are in one group if their files have the same name but
// for the label, in whatever directories: mostly recordings of the same word. The same word under another name is in
// another group.
absl::StatusOr<Clips> find_clips(const std::string& directory, const std::string& label, int64_t at_least);

// The clips whose bytes none of these files has.
absl::StatusOr<std::vector<Clip>> without_copies(const std::vector<Clip>& clips,
                                                 const std::vector<std::string>& others);

struct Parts {
  std::vector<Clip> training, held_out, test;
};

// In the order of a shuffle with this seed. A tenth of the clips is held out, and a tenth is to test on, as far as
// groups can be divided.
Parts split(const std::vector<Clip>& clips, uint64_t seed);

}  // namespace hearth::audio
