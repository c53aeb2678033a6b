#include "examples/audio/results.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "examples/common/classifier_report.h"

namespace hearth::audio {
namespace {

namespace fs = std::filesystem;

absl::Status write_model(const Results& r, const std::string& path) {
  r.net.eval();
  graph::Exported model{.main = graph::trace(r.net, {{"features", f32, {"batch", 1, kMels, kFrames}}}),
                        .preprocess = r.preprocess,
                        .signature = {}};
  r.net.train();
  model.signature.description = r.title;
  model.signature.labels = r.classes;
  model.signature.preprocess_input = {
      {"type", "audio"}, {"sample_rate", std::to_string(kSampleRate)}, {"channels", "1"}};
  // How much of a stream makes one answer.
  model.signature.metadata = {{"window_samples", std::to_string(kSamples)}};
  return graph::save(model, path);
}

absl::Status write_samples(const Results& r, const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return absl::UnknownError(absl::StrCat("cannot make ", directory, ": ", error.message()));
  for (size_t c = 0; c < r.classes.size(); ++c) {
    const auto at = std::ranges::find(r.test, static_cast<int64_t>(c), &Clip::label);
    if (at == r.test.end()) continue;
    const fs::path to = fs::path(directory) / (r.classes[c] + fs::path(at->path).extension().string());
    fs::copy_file(at->path, to, fs::copy_options::overwrite_existing, error);
    if (error) return absl::UnknownError(absl::StrCat("cannot write ", to.string(), ": ", error.message()));
  }
  return absl::OkStatus();
}

// Low frequencies at the bottom, loud is dark; after the sound's end there is nothing.
examples::Sample spectrogram(const Tensor& features) {
  const Tensor there = (features[0] != 0).to(f32), ink = (clamp((features[0] + 1) * 80, 0, 255) * there).to(u8);
  return {.pixels = flip(ink, {0}).contiguous().to_vector<uint8_t>(),
          .height = static_cast<int>(ink.size(0)),
          .width = static_cast<int>(ink.size(1))};
}

absl::Status write_report(const Results& r, const std::string& path) {
  examples::ClassifierReport report;
  report.page = {.title = r.title,
                 .subtitle = r.subtitle,
                 .footer = r.footer,
                 .figures = r.figures,
                 .charts = r.history.charts(r.epochs)};
  report.classes = r.classes;
  report.samples_title = "What it hears";
  add_answers(report, r.answers.probabilities.contiguous().to_vector<float>(), r.answers.labels.to_vector<int64_t>(),
              [&](int64_t i) { return spectrogram(r.features[i]); });
  return draw_report(report, path);
}

}  // namespace

absl::Status write_results(const Results& r, const std::string& directory) {
  if (absl::Status s = write_model(r, directory + "/model"); !s.ok()) return s;
  if (absl::Status s = write_samples(r, directory + "/samples"); !s.ok()) return s;
  return write_report(r, directory + "/report.png");
}

}  // namespace hearth::audio
