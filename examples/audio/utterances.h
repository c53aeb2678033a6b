// Utterances of several symbols, put together of recordings of single ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/data/example.h"
#include "examples/audio/clips.h"

namespace hearth::audio {

// Recordings of one voice: of each symbol those that there are.
struct Voice {
  std::string name;  // the directory of the recordings
  // A symbol, and its recording at 8 kHz without silence around it, [samples], at each of some speeds; the middle one
  // is as it was spoken.
  std::vector<std::pair<int64_t, std::vector<Tensor>>> recordings;
};

// The recordings by their directories: of each directory one voice. Each is read, and a file that is no sound, or holds
// silence alone, is an error.
absl::StatusOr<std::vector<Voice>> load_voices(const std::vector<Clip>& clips);

struct UtteranceOptions {
  int64_t count = 1000;         // utterances in an epoch
  int64_t least = 1, most = 4;  // symbols of an utterance
  bool augment = false;         // other speeds, loudness, noise, timbre, masks; drawn anew in each epoch
  uint64_t seed = 1;            // without augment: of all that is drawn
};

// Utterances of one voice each: random recordings of it with silence between them. An example has "features"
// [steps, 24, 32] and "symbols" i64 [n]: the symbols plus 1, for 0 is the blank.
class Utterances final : public data::Dataset {
 public:
  Utterances(std::vector<Voice> voices, const UtteranceOptions& options);
  int64_t size() const override { return options_.count; }
  data::Example get(int64_t i, Generator& random) const override;
  // The sound of utterance i, [samples], and its symbols plus 1.
  std::pair<Tensor, std::vector<int64_t>> sound(int64_t i, Generator& random) const;

 private:
  std::vector<Voice> voices_;
  UtteranceOptions options_;
};

}  // namespace hearth::audio
