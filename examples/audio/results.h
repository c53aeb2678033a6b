// What a finished training of sounds leaves behind: the exported model, sounds to try it on, and the report.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "examples/audio/clips.h"
#include "examples/audio/net.h"
#include "examples/common/classifier_training.h"
#include "examples/common/page.h"

namespace hearth::audio {

struct Results {
  Net& net;
  const graph::Graph& preprocess;
  const examples::ClassifierHistory& history;
  std::vector<std::string> classes;     // names for people
  const std::vector<Clip>& test;        // the recordings
  Tensor features;                      // of them, f32 [n, 1, 64, 200]
  const examples::Evaluation& answers;  // to them
  std::string title, subtitle, footer;  // of the report
  std::vector<examples::Figure> figures;
  int64_t epochs;
};

// Writes directory/model, directory/report.png and a test recording of each class, directory/samples.
absl::Status write_results(const Results& r, const std::string& directory);

}  // namespace hearth::audio
