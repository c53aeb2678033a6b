// Classifies sounds with an exported model. Nothing of the model's code is linked in: the graphs say what to do.
//
//   classify [--model=DIRECTORY] FILE...       wav, flac, ogg, mp3, aiff
//   classify --raw [--rate=N] < PCM            raw samples as they arrive, such as those of a microphone

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/graph/save.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "examples/audio/sound_program.h"

ABSL_FLAG(std::string, model, "runs/demo/audio/model", "directory of the exported model");
ABSL_FLAG(int, top, 3, "how many guesses are shown");
ABSL_FLAG(double, every, 0.5, "--raw: seconds from one answer to the next");

namespace hearth::audio {
namespace {

class Classifier {
 public:
  static absl::StatusOr<Classifier> load(const std::string& directory) {
    auto model = graph::load(directory);
    if (!model.ok()) return model.status();
    const auto option = [&](const char* name) {
      const auto at = model->signature.preprocess_input.find(name);
      return at == model->signature.preprocess_input.end() ? std::string() : at->second;
    };
    int64_t rate = 0, window = 0;
    if (!model->preprocess || option("type") != "audio" || option("channels") != "1" ||
        !absl::SimpleAtoi(option("sample_rate"), &rate) || rate < 1)
      return absl::InvalidArgumentError(absl::StrCat(directory, " is no model of sounds of one channel"));
    const auto& metadata = model->signature.metadata;
    const auto at = metadata.find("window_samples");
    if (at != metadata.end() && (!absl::SimpleAtoi(at->second, &window) || window < 1))
      return absl::InvalidArgumentError(absl::StrCat(directory, " has the window_samples ", at->second));
    return Classifier(std::move(model->main), *std::move(model->preprocess), std::move(model->signature.labels), rate,
                      window);
  }

  int64_t rate() const { return rate_; }
  // How much of a stream makes an answer: the model's own window, else ten seconds.
  int64_t window() const { return window_ > 0 ? window_ : 10 * rate_; }

  // Of samples [1, n] at the model's rate.
  std::string answer(const Tensor& samples, int top) const {
    const Tensor probabilities = softmax(main_(preprocess_(samples).unsqueeze(0)), -1)[0];
    const std::vector<float> v = probabilities.to_vector<float>();
    std::vector<size_t> order(v.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return v[i]; });
    order.resize(std::min(order.size(), static_cast<size_t>(top)));
    std::string text;
    for (size_t i : order) {
      absl::StrAppendFormat(&text, "%s%s %.1f %%", text.empty() ? "" : "  ",
                            i < labels_.size() ? labels_[i] : absl::StrCat("class ", i), 100.0 * v[i]);
    }
    return text;
  }

 private:
  Classifier(graph::Graph main, graph::Graph preprocess, std::vector<std::string> labels, int64_t rate, int64_t window)
      : main_(std::move(main)),
        preprocess_(std::move(preprocess)),
        labels_(std::move(labels)),
        rate_(rate),
        window_(window) {}

  graph::Graph main_, preprocess_;
  std::vector<std::string> labels_;
  int64_t rate_, window_;
};

// Answers a stream of the last window, each time that so many seconds have been heard.
class ClassifyingListener final : public Listener {
 public:
  explicit ClassifyingListener(Classifier classifier)
      : classifier_(std::move(classifier)),
        step_(std::max<int64_t>(std::llround(absl::GetFlag(FLAGS_every) * static_cast<double>(classifier_.rate())), 1)),
        next_(step_) {}

  int64_t rate() const override { return classifier_.rate(); }
  std::string answer(const Tensor& samples) const override {
    return classifier_.answer(samples, absl::GetFlag(FLAGS_top));
  }
  void hear(const Tensor& samples) override {
    // An answer belongs to a moment, however the samples arrive.
    for (Tensor rest = samples; rest.size(1) > 0;) {
      const int64_t n = std::min(rest.size(1), next_ - total_);
      heard_ = cat({heard_, rest.slice(1, 0, n)}, 1);
      heard_ = heard_.slice(1, std::max<int64_t>(heard_.size(1) - classifier_.window(), 0), heard_.size(1)).clone();
      rest = rest.slice(1, n, rest.size(1));
      total_ += n;
      if (total_ < next_) continue;
      say(total_, answer(heard_));
      next_ += step_;
    }
  }
  void finish() override {
    if (total_ > next_ - step_) say(total_, answer(heard_));  // what came after the last answer
  }

 private:
  const Classifier classifier_;
  const int64_t step_;
  Tensor heard_ = zeros({1, 0});  // the last window, and what waits for the next answer
  int64_t total_ = 0, next_;
};

absl::Status check_flags() {
  if (absl::GetFlag(FLAGS_top) < 1) return absl::InvalidArgumentError("--top must be at least 1");
  const double every = absl::GetFlag(FLAGS_every);
  if (!(every >= 0.01 && every <= 3600)) return absl::InvalidArgumentError("--every must be from 0.01 to 3600 seconds");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Listener>> load() {
  auto classifier = Classifier::load(absl::GetFlag(FLAGS_model));
  if (!classifier.ok()) return classifier.status();
  return std::make_unique<ClassifyingListener>(*std::move(classifier));
}

constexpr SoundProgram kProgram{.name = "classify", .done = "classified", .check_flags = check_flags, .load = load};

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) { return hearth::audio::sound_main(argc, argv, hearth::audio::kProgram); }
