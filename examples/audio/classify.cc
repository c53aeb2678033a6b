// Classifies sounds with an exported model. Nothing of the model's code is linked in: the graphs say what to do.
//
//   classify [--model=DIRECTORY] FILE...       wav, flac, ogg, mp3, aiff
//   classify --raw [--rate=N] < PCM            raw samples as they arrive, such as those of a microphone

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "examples/audio/raw_input.h"
#include "examples/audio/sound.h"

ABSL_FLAG(std::string, model, "runs/demo/audio/model", "directory of the exported model");
ABSL_FLAG(int, top, 3, "how many guesses are shown");
ABSL_FLAG(bool, raw, false,
          "read samples from standard input, little-endian integers of 16 bits, and answer as they arrive");
ABSL_FLAG(int64_t, rate, 0, "--raw: samples of a channel in a second; 0: the model's own");
ABSL_FLAG(int64_t, channels, 1, "--raw: samples that belong to one moment; the model hears their mean");
ABSL_FLAG(double, every, 0.5, "--raw: seconds from one answer to the next");

namespace hearth {
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
      absl::StrAppendFormat(&text, "  %s %.1f %%", i < labels_.size() ? labels_[i] : absl::StrCat("class ", i),
                            100.0 * v[i]);
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

absl::Status classify_files(const Classifier& classifier, const std::vector<std::string>& paths) {
  int failed = 0;
  const auto complain = [&](absl::string_view what) {
    ++failed;
    absl::FPrintF(stderr, "classify: %s\n", what);
  };
  for (const std::string& path : paths) {
    const auto samples = audio::load_sound(path, classifier.rate());
    if (!samples.ok()) {
      complain(samples.status().message());
      continue;
    }
    try {
      absl::PrintF("%s %s\n", path, classifier.answer(*samples, absl::GetFlag(FLAGS_top)));
    } catch (const Error& e) {
      complain(absl::StrCat(path, ": ", e.message()));
    }
  }
  if (failed > 0) return absl::InvalidArgumentError(absl::StrCat(failed, " of the sounds could not be classified"));
  return absl::OkStatus();
}

absl::Status classify_stream(const Classifier& classifier) {
  const int64_t rate = absl::GetFlag(FLAGS_rate) == 0 ? classifier.rate() : absl::GetFlag(FLAGS_rate);
  const int64_t step =
      std::max<int64_t>(std::llround(absl::GetFlag(FLAGS_every) * static_cast<double>(classifier.rate())), 1);
  Tensor heard = zeros({1, 0});  // the last window, and what waits for the next answer
  int64_t total = 0, next = step;
  const auto say = [&](const Tensor& window) {
    absl::PrintF("%6.2f s %s\n", static_cast<double>(total) / static_cast<double>(classifier.rate()),
                 classifier.answer(window, absl::GetFlag(FLAGS_top)));
    std::fflush(stdout);
  };
  const auto hear = [&](Tensor samples) {
    // An answer belongs to a moment, however the samples arrive.
    while (samples.size(1) > 0) {
      const int64_t n = std::min(samples.size(1), next - total);
      heard = cat({heard, samples.slice(1, 0, n)}, 1);
      heard = heard.slice(1, std::max<int64_t>(heard.size(1) - classifier.window(), 0), heard.size(1)).clone();
      samples = samples.slice(1, n, samples.size(1));
      total += n;
      if (total < next) continue;
      say(heard);
      next += step;
    }
  };
  const absl::Status heard_all = audio::hear_raw_input({absl::GetFlag(FLAGS_channels), rate, classifier.rate()}, hear);
  if (!heard_all.ok()) return heard_all;
  if (total > next - step) say(heard);  // what came after the last answer
  return absl::OkStatus();
}

absl::Status check_flags() {
  const auto bad = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (absl::GetFlag(FLAGS_top) < 1) return bad("--top must be at least 1");
  if (absl::GetFlag(FLAGS_rate) < 0) return bad("--rate must not be negative");
  if (absl::GetFlag(FLAGS_channels) < 1 || absl::GetFlag(FLAGS_channels) > 1024)
    return bad("--channels must be from 1 to 1024");
  const double every = absl::GetFlag(FLAGS_every);
  if (!(every >= 0.01 && every <= 3600)) return bad("--every must be from 0.01 to 3600 seconds");
  return absl::OkStatus();
}

absl::Status run(const std::vector<std::string>& paths) {
  const auto classifier = Classifier::load(absl::GetFlag(FLAGS_model));
  if (!classifier.ok()) return classifier.status();
  return absl::GetFlag(FLAGS_raw) ? classify_stream(*classifier) : classify_files(*classifier, paths);
}

int complain(const absl::Status& s, int code) {
  std::fprintf(stderr, "classify: %s\n", std::string(s.message()).c_str());
  return code;
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("classify [--model=DIR] FILE...   or   classify [--model=DIR] --raw [--rate=N] < PCM");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if ((rest.size() > 1) == absl::GetFlag(FLAGS_raw)) {
    std::fprintf(stderr, "classify: name sound files, or give --raw and samples on standard input (see --help)\n");
    return 2;
  }
  if (const absl::Status s = hearth::check_flags(); !s.ok()) return hearth::complain(s, 2);
  absl::Status s;
  try {
    s = hearth::run({rest.begin() + 1, rest.end()});
  } catch (const hearth::Error& e) {
    s = absl::InternalError(e.what());
  }
  return s.ok() ? 0 : hearth::complain(s, 1);
}
