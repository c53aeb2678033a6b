// Recognises what //examples/audio:ctc has learned, with the exported model. Nothing of the net's code is linked in.
//
//   recognise [--model=DIRECTORY] FILE...      wav, flac, ogg, mp3, aiff
//   recognise --raw [--rate=N] < PCM           raw samples as they arrive, such as those of a microphone
//
// A file is decoded by prefix beam search, samples greedily, as they arrive: the net hears forward only, and goes on
// with the state that the samples before have left.

#include <cstdio>
#include <exception>
#include <map>
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
#include "audio/recognition/ctc_decoder.h"
#include "audio/recognition/ctc_speller.h"
#include "audio/stream/frame_stream.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "examples/audio/raw_input.h"
#include "examples/audio/sound.h"

ABSL_FLAG(std::string, model, "runs/demo/digits/model", "directory of the exported model");
ABSL_FLAG(int64_t, beams, 20, "texts that the search keeps after each step");
ABSL_FLAG(bool, raw, false,
          "read samples from standard input, little-endian integers of 16 bits, and answer as they arrive");
ABSL_FLAG(int64_t, rate, 0, "--raw: samples of a channel in a second; 0: the model's own");
ABSL_FLAG(int64_t, channels, 1, "--raw: samples that belong to one moment; the model hears their mean");

namespace hearth::audio {
namespace {

class Recogniser {
 public:
  static absl::StatusOr<Recogniser> load(const std::string& directory) {
    auto model = graph::load(directory);
    if (!model.ok()) return model.status();
    Recogniser r(*std::move(model));
    const auto number = [](const std::map<std::string, std::string>& in, const char* name, int64_t& value) {
      const auto at = in.find(name);
      return at != in.end() && absl::SimpleAtoi(at->second, &value) && value > 0;
    };
    const graph::Signature& s = r.model_.signature;
    const auto at = s.metadata.find("decoder");
    if (!r.model_.preprocess || at == s.metadata.end() || at->second != "ctc" || s.inputs.size() != 2 ||
        s.outputs.size() != 2 || !number(s.preprocess_input, "sample_rate", r.rate_) ||
        !number(s.metadata, "stream_samples", r.layout_.size) || !number(s.metadata, "stream_hop", r.layout_.hop))
      return absl::InvalidArgumentError(absl::StrCat(directory, " is no model that //examples/audio:ctc has trained"));
    return r;
  }

  int64_t rate() const { return rate_; }

  // What is said in samples [1, n].
  std::string text(const Tensor& samples, int64_t beams) const {
    const std::vector<Tensor> in = preprocess(at_least_a_step(samples));
    const Tensor log_probs = log_softmax(run(in[0], in[1].unsqueeze(0)).first, 1);
    std::string text;
    const std::vector<std::string>& labels = model_.signature.labels;
    CtcSpeller speller(labels);
    speller(ctc_beam_search(log_probs, {.labels = labels, .beam_size = beams})[0].tokens, text);
    return text;
  }

  // Samples in parts, and what they add to the text.
  class Stream {
   public:
    explicit Stream(const Recogniser& r)
        : r_(r),
          speller_(r.model_.signature.labels),
          steps_(layout(r), [&r](const Tensor& x) { return r.preprocess(x.unsqueeze(0))[0]; }) {}
    // true if the text has grown.
    bool feed(const Tensor& samples) {
      const Tensor features = steps_(samples[0]);
      if (features.size(0) == 0) return false;
      if (!state_.defined()) state_ = r_.preprocess(zeros({1, r_.layout_.size}))[1].unsqueeze(0);
      const auto [scores, state] = r_.run(features, state_);
      state_ = state;
      const size_t before = text_.size();
      speller_(greedy_(scores), text_);
      return text_.size() > before;
    }
    const std::string& text() const { return text_; }

   private:
    static FrameLayout layout(const Recogniser& r) {
      FrameLayout l = r.layout_;
      l.dim = -3;
      return l;
    }
    const Recogniser& r_;
    CtcSpeller speller_;
    FrameStream steps_;
    Tensor state_;
    CtcGreedyStream greedy_;
    std::string text_;
  };

 private:
  explicit Recogniser(graph::Exported model) : model_(std::move(model)) {}

  Tensor at_least_a_step(const Tensor& samples) const {
    return samples.size(1) < layout_.size ? cat({samples, zeros({1, layout_.size - samples.size(1)})}, 1) : samples;
  }
  std::vector<Tensor> preprocess(const Tensor& samples) const {
    const Tensor in[] = {samples};
    return model_.preprocess->run(in);
  }
  // Scores [steps, classes] and the state for what follows.
  std::pair<Tensor, Tensor> run(const Tensor& features, const Tensor& state) const {
    const Tensor in[] = {features.unsqueeze(0), state};
    const std::vector<Tensor> out = model_.main.run(in);
    const auto classes = static_cast<int64_t>(model_.signature.labels.size());
    HEARTH_CHECK(out[0].dim() == 3 && out[0].size(0) == 1 && out[0].size(2) == classes, "the model gives scores ",
                 out[0].shape(), ", but it should give [1, steps, ", classes, "], for its ", classes, " labels");
    return {out[0][0], out[1]};
  }

  graph::Exported model_;
  int64_t rate_ = 0;
  FrameLayout layout_;
};

absl::Status recognise_files(const Recogniser& r, const std::vector<std::string>& paths) {
  int failed = 0;
  const auto complain = [&](absl::string_view what) {
    ++failed;
    absl::FPrintF(stderr, "recognise: %s\n", what);
  };
  for (const std::string& path : paths) {
    const auto samples = load_sound(path, r.rate());
    if (!samples.ok()) {
      complain(samples.status().message());
      continue;
    }
    try {
      absl::PrintF("%s   %s\n", path, r.text(*samples, absl::GetFlag(FLAGS_beams)));
    } catch (const std::exception& e) {
      complain(absl::StrCat(path, ": ", e.what()));
    }
  }
  if (failed > 0) return absl::InvalidArgumentError(absl::StrCat(failed, " of the sounds could not be recognised"));
  return absl::OkStatus();
}

absl::Status recognise_stream(const Recogniser& r) {
  const int64_t rate = absl::GetFlag(FLAGS_rate) == 0 ? r.rate() : absl::GetFlag(FLAGS_rate);
  Recogniser::Stream stream(r);
  int64_t heard = 0;
  const auto hear = [&](const Tensor& samples) {
    heard += samples.size(1);
    if (!stream.feed(samples)) return;
    absl::PrintF("%6.2f s   %s\n", static_cast<double>(heard) / static_cast<double>(r.rate()), stream.text());
    std::fflush(stdout);
  };
  const absl::Status heard_all = hear_raw_input({absl::GetFlag(FLAGS_channels), rate, r.rate()}, hear);
  if (!heard_all.ok()) return heard_all;
  absl::PrintF("%6.2f s   %s\n", static_cast<double>(heard) / static_cast<double>(r.rate()), stream.text());
  return absl::OkStatus();
}

absl::Status check_flags() {
  const auto bad = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (absl::GetFlag(FLAGS_beams) < 1) return bad("--beams must be at least 1");
  if (absl::GetFlag(FLAGS_rate) < 0) return bad("--rate must not be negative");
  if (absl::GetFlag(FLAGS_channels) < 1 || absl::GetFlag(FLAGS_channels) > 1024)
    return bad("--channels must be from 1 to 1024");
  return absl::OkStatus();
}

absl::Status run(const std::vector<std::string>& paths) {
  const auto recogniser = Recogniser::load(absl::GetFlag(FLAGS_model));
  if (!recogniser.ok()) return recogniser.status();
  return absl::GetFlag(FLAGS_raw) ? recognise_stream(*recogniser) : recognise_files(*recogniser, paths);
}

int complain(const absl::Status& s, int code) {
  std::fprintf(stderr, "recognise: %s\n", std::string(s.message()).c_str());
  return code;
}

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("recognise [--model=DIR] FILE...   or   recognise [--model=DIR] --raw [--rate=N] < PCM");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if ((rest.size() > 1) == absl::GetFlag(FLAGS_raw)) {
    std::fprintf(stderr, "recognise: name sound files, or give --raw and samples on standard input (see --help)\n");
    return 2;
  }
  if (const absl::Status s = hearth::audio::check_flags(); !s.ok()) return hearth::audio::complain(s, 2);
  const hearth::NoGrad off;
  absl::Status s;
  try {
    s = hearth::audio::run({rest.begin() + 1, rest.end()});
  } catch (const std::exception& e) {
    s = absl::InternalError(e.what());
  }
  return s.ok() ? 0 : hearth::audio::complain(s, 1);
}
