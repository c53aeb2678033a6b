#include "examples/fashion/results.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "examples/common/classifier_report.h"
#include "examples/common/progress.h"
#include "vision/image/codec.h"

namespace hearth::fashion {
namespace {

using examples::ClassifierReport;
using examples::duration;
using examples::with_commas;

constexpr int64_t kClasses = vision::FashionMnist::kClasses;

ClassifierReport report(const Results& r) {
  const std::vector<float> p = r.probabilities.contiguous().to_vector<float>();
  const auto n = r.probabilities.size(0);
  const double accuracy = (r.probabilities.argmax(1) == r.test.labels().slice(0, 0, n)).to(f64).mean().item<double>();
  ClassifierReport out;
  out.page.title = "Fashion-MNIST, three convolutions";
  out.page.subtitle =
      absl::StrFormat("%d epochs of %s images, %s held out for every choice, tested once on %s", r.epochs,
                      with_commas(r.training_images), with_commas(r.held_out_images), with_commas(n));
  out.page.footer = "Data: Xiao, Rasul, Vollgraf, 2017";
  out.page.figures = {{absl::StrFormat("%.2f %%", 100 * accuracy), "test accuracy"},
                      {with_commas(r.net.parameter_count()), "parameters"},
                      {std::to_string(r.epochs), "epochs"}};
  if (r.seconds > 0) out.page.figures.insert(out.page.figures.begin() + 1, {duration(r.seconds), "training"});
  out.page.charts = r.history.charts(r.epochs);
  out.classes.assign(vision::FashionMnist::kClassNames.begin(), vision::FashionMnist::kClassNames.end());
  add_answers(out, p, r.test.labels().slice(0, 0, n).to_vector<int64_t>(), [&](int64_t i) {
    return examples::Sample{.pixels = r.test.images()[i].contiguous().to_vector<uint8_t>()};
  });
  return out;
}

absl::Status write_model(const Results& r, const std::string& path) {
  r.net.eval();
  graph::Exported model{
      .main = graph::trace(r.net, {{"image", f32, {"batch", 1, 28, 28}}}), .preprocess = r.preprocess, .signature = {}};
  r.net.train();
  model.signature.description = "Clothing on grey pictures, light on dark (Fashion-MNIST)";
  for (const char* name : vision::FashionMnist::kClassNames) model.signature.labels.emplace_back(name);
  model.signature.preprocess_input = {{"type", "image"}, {"color", "gray"}};
  return graph::save(model, path);
}

// The first test image of each class, as pictures to try the model on.
absl::Status write_samples(const Results& r, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnknownError(absl::StrCat("cannot make ", directory, ": ", error.message()));
  const std::vector<int64_t> truths = r.test.labels().to_vector<int64_t>();
  for (int64_t c = 0; c < kClasses; ++c) {
    const auto at = std::ranges::find(truths, c);
    if (at == truths.end()) continue;
    std::string name = vision::FashionMnist::kClassNames[static_cast<size_t>(c)];
    for (char& ch : name) ch = ch == ' ' || ch == '/' ? '-' : static_cast<char>(std::tolower(ch));
    const absl::Status s =
        vision::write_image(absl::StrCat(directory, "/", name, ".png"), r.test.images()[at - truths.begin()]);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status write_results(const Results& r, const std::string& directory) {
  if (absl::Status s = write_model(r, directory + "/model"); !s.ok()) return s;
  if (absl::Status s = write_samples(r, directory + "/samples"); !s.ok()) return s;
  return draw_report(report(r), directory + "/report.png");
}

}  // namespace hearth::fashion
