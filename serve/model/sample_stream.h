// SampleStream: sound that arrives in parts, for a model whose preprocessing takes samples.
//
// A model hears a stream in one of two ways. What its signature's metadata say of `stream_samples`, `stream_hop` and
// `stream_state` makes steps: the model gets each step once, of so many samples, each so many after the last one, and
// goes on with the state that the steps before have left ("input=output,..." names inputs and the outputs that are
// their next values; preprocessing gives the first ones). Put together the steps give what the whole sound would give.
// Any other model gets the last `window_samples` (else ten seconds), twice a second, and its text is that of these.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/model/ctc_text.h"
#include "serve/model/decoder.h"
#include "serve/model/servable.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// One sound. Not thread-safe.
class SampleStream {
 public:
  /// Of samples at this rate. kUnimplemented if the model takes no sound of one channel, or no decoder for it is
  /// linked; kInvalidArgument for a rate from which the model's cannot be made; kInternal if the signature's metadata
  /// do not fit. The model must outlive it.
  static absl::StatusOr<std::unique_ptr<SampleStream>> open(const Servable& model, int64_t rate);

  /// Takes the next samples, f32 [1, n]; `last`: the sound ends with them. Gives the inputs of a run of the model, or
  /// nothing if there is nothing to run yet. After a run take() comes before the next samples.
  absl::StatusOr<std::vector<Value>> feed(const Tensor& samples, bool last);
  /// Takes what that run gave.
  absl::Status take(std::span<const Value> outputs);

  /// Whether the result is a text (is_ctc()), and not the last run's outputs.
  bool has_text() const { return text_ != nullptr; }
  /// The text so far: of all steps, or of the last window.
  const std::string& text() const { return text_->text(); }
  /// The seconds of sound that have come.
  double seconds() const;
  /// The memory that it holds until more samples come, in bytes.
  int64_t bytes() const;

 private:
  struct Plan {
    int64_t rate = 0;                              // the model's
    int64_t samples = 0, hop = 0;                  // of a step, or of the window and between answers
    bool steps = false;                            // or a window
    std::vector<std::pair<size_t, size_t>> state;  // inputs and outputs
  };
  SampleStream(const Servable& model, Plan plan, int64_t rate, std::unique_ptr<Resampler> resampler);
  static absl::StatusOr<Plan> plan_of(const graph::Signature& s);
  Tensor next_steps();
  Tensor next_window(bool last);

  const Servable& model_;
  const Plan plan_;
  const int64_t rate_;
  const std::unique_ptr<Resampler> resampler_;
  Tensor waiting_;                 // [1, n]: the samples of steps that are not complete, or the window
  int64_t heard_ = 0, fresh_ = 0;  // samples: in all, as they came; at the model's rate, since the last run
  std::vector<Tensor> state_;      // one for each of plan_.state; empty before the first run
  std::unique_ptr<CtcText> text_;
};

}  // namespace hearth::serve
