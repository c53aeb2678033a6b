// CtcText: the text of a model whose signature says metadata "decoder" "ctc".
#pragma once

#include <string>

#include "absl/status/status.h"
#include "audio/recognition/ctc_greedy.h"
#include "audio/recognition/ctc_speller.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

/// Whether the model's first output is the scores of CTC: [1, steps, classes], and class 0 is the blank.
bool is_ctc(const graph::Signature& signature);

/// The most probable class of each step, repeated ones once and without blanks, as steps come (audio::CtcGreedyStream),
/// written as audio::CtcSpeller does.
class CtcText {
 public:
  /// Keeps a reference to the signature.
  explicit CtcText(const graph::Signature& signature) : speller_(signature.labels) {}
  /// Adds the next steps. kFailedPrecondition for scores of another shape, kInternal for some that are NaN or plus
  /// infinity.
  absl::Status add(const Tensor& scores);
  /// Begins a new text.
  void reset();
  /// The text so far.
  const std::string& text() const { return text_; }

 private:
  audio::CtcGreedyStream greedy_;
  audio::CtcSpeller speller_;
  std::string text_;
};

}  // namespace hearth::serve
