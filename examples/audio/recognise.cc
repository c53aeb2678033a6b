// Recognises what //examples/audio:ctc has learned, with the exported model. Nothing of the net's code is linked in.
//
//   recognise [--model=DIRECTORY] FILE...      wav, flac, ogg, mp3, aiff
//   recognise --raw [--rate=N] < PCM           raw samples as they arrive, such as those of a microphone
//
// A file is decoded by prefix beam search, samples greedily, as they arrive: the net hears forward only, and goes on
// with the state that the samples before have left.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "audio/recognition/ctc_decoder.h"
#include "audio/recognition/ctc_speller.h"
#include "audio/stream/frame_stream.h"
#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "examples/audio/sound_program.h"

ABSL_FLAG(std::string, model, "runs/demo/digits/model", "directory of the exported model");
ABSL_FLAG(int64_t, beams, 20, "texts that the search keeps after each step");

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

class RecognisingListener final : public Listener {
 public:
  explicit RecognisingListener(Recogniser recogniser) : recogniser_(std::move(recogniser)) {}

  int64_t rate() const override { return recogniser_.rate(); }
  std::string answer(const Tensor& samples) const override {
    return recogniser_.text(samples, absl::GetFlag(FLAGS_beams));
  }
  void hear(const Tensor& samples) override {
    heard_ += samples.size(1);
    if (stream_.feed(samples)) say(heard_, stream_.text());
  }
  void finish() override { say(heard_, stream_.text()); }

 private:
  const Recogniser recogniser_;
  Recogniser::Stream stream_{recogniser_};
  int64_t heard_ = 0;
};

absl::Status check_flags() {
  if (absl::GetFlag(FLAGS_beams) < 1) return absl::InvalidArgumentError("--beams must be at least 1");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Listener>> load() {
  auto recogniser = Recogniser::load(absl::GetFlag(FLAGS_model));
  if (!recogniser.ok()) return recogniser.status();
  return std::make_unique<RecognisingListener>(*std::move(recogniser));
}

constexpr SoundProgram kProgram{.name = "recognise", .done = "recognised", .check_flags = check_flags, .load = load};

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) { return hearth::audio::sound_main(argc, argv, hearth::audio::kProgram); }
