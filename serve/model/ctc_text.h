// CtcText: the text of a model whose signature says metadata "decoder" "ctc".
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

/// Whether the model's first output is the scores of CTC: [1, steps, classes], and class 0 is the blank.
bool is_ctc(const graph::Signature& signature);

/// The most probable class of each step, repeated ones once and without blanks, as steps come. Labels of several
/// characters have spaces between them.
class CtcText {
 public:
  /// Keeps a reference to the signature.
  explicit CtcText(const graph::Signature& signature);
  /// Adds the next steps. kFailedPrecondition for scores of another shape, kInternal for some that are not finite.
  absl::Status add(const Tensor& scores);
  /// The text so far.
  const std::string& text() const { return text_; }

 private:
  const graph::Signature& signature_;
  bool spaced_ = false;
  int64_t last_ = 0;
  std::string text_;
};

}  // namespace hearth::serve
