#include "examples/fashion/results.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "examples/common/progress.h"
#include "examples/fashion/report.h"
#include "vision/image/codec.h"

namespace hearth::fashion {
namespace {

using examples::duration;
using examples::Series;
using examples::smoothed;
using examples::with_commas;

constexpr int64_t kClasses = vision::FashionMnist::kClasses;

Series per_epoch(const char* name, const std::vector<double>& values, bool second) {
  Series s{name, {}, second};
  for (size_t i = 0; i < values.size(); ++i) s.points.emplace_back(static_cast<double>(i + 1), values[i]);
  return s;
}

Sample sample(const Results& r, int64_t i, const std::vector<float>& probabilities) {
  const auto at = static_cast<size_t>(i * kClasses);
  Sample s;
  s.pixels = r.test.images()[i].contiguous().to_vector<uint8_t>();
  s.truth = r.test.labels()[i].item<int>();
  s.probabilities.assign(probabilities.begin() + static_cast<std::ptrdiff_t>(at),
                         probabilities.begin() + static_cast<std::ptrdiff_t>(at + kClasses));
  return s;
}

// Five of the images in `from`, each of another class as long as there is one.
std::vector<Sample> five(const Results& r, const std::vector<int64_t>& from, const std::vector<float>& probabilities) {
  std::vector<Sample> out;
  std::set<int64_t> taken;
  std::set<int> classes;
  for (bool any : {false, true}) {
    for (int64_t i : from) {
      if (out.size() == 5) return out;
      if (taken.contains(i)) continue;
      Sample s = sample(r, i, probabilities);
      if (!any && !classes.insert(s.truth).second) continue;
      taken.insert(i);
      out.push_back(std::move(s));
    }
  }
  return out;
}

Report report(const Results& r) {
  const std::vector<float> p = r.probabilities.contiguous().to_vector<float>();
  const std::vector<int64_t> guesses = r.probabilities.argmax(1).to_vector<int64_t>(),
                             truths = r.test.labels().to_vector<int64_t>();
  const auto n = static_cast<int64_t>(guesses.size());
  std::vector<int64_t> confusion(static_cast<size_t>(kClasses * kClasses)), right, mistakes;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t truth = truths[static_cast<size_t>(i)], guess = guesses[static_cast<size_t>(i)];
    ++confusion[static_cast<size_t>(truth * kClasses + guess)];
    (truth == guess ? right : mistakes).push_back(i);
  }
  // The mistakes of which it is surest come first.
  const auto surety = [&](int64_t i) { return p[static_cast<size_t>(i * kClasses + guesses[static_cast<size_t>(i)])]; };
  std::ranges::stable_sort(mistakes, std::greater<>(), surety);

  Report out;
  out.page.title = "Fashion-MNIST, three convolutions";
  out.page.subtitle =
      absl::StrFormat("%d epochs of %s images, %s held out for every choice, tested once on %s", r.epochs,
                      with_commas(r.training_images), with_commas(r.held_out_images), with_commas(n));
  out.page.footer = "Data: Xiao, Rasul, Vollgraf, 2017";
  out.page.figures = {
      {absl::StrFormat("%.2f %%", 100.0 * static_cast<double>(right.size()) / static_cast<double>(n)), "test accuracy"},
      {with_commas(r.net.parameter_count()), "parameters"},
      {std::to_string(r.epochs), "epochs"}};
  if (r.seconds > 0) out.page.figures.insert(out.page.figures.begin() + 1, {duration(r.seconds), "training"});
  const History& h = r.history;
  out.page.charts = {
      {"Loss",
       "epoch",
       {smoothed("training", h.step_loss, static_cast<double>(r.epochs)),
        per_epoch("held out", h.held_out_loss, true)}},
      {"Accuracy",
       "epoch",
       {per_epoch("training", h.training_accuracy, false), per_epoch("held out", h.held_out_accuracy, true)},
       true},
      {"Learning rate", "epoch", {smoothed("", h.learning_rate, static_cast<double>(r.epochs))}}};
  out.classes.assign(vision::FashionMnist::kClassNames.begin(), vision::FashionMnist::kClassNames.end());
  out.confusion = std::move(confusion);
  out.right = five(r, right, p);
  out.mistakes = five(r, mistakes, p);
  return out;
}

}  // namespace

namespace {

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
