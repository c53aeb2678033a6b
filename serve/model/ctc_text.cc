#include "serve/model/ctc_text.h"

#include "core/base/error.h"
#include "core/ops/view.h"

namespace hearth::serve {

bool is_ctc(const graph::Signature& signature) {
  const auto at = signature.metadata.find("decoder");
  return at != signature.metadata.end() && at->second == "ctc";
}

absl::Status CtcText::add(const Tensor& scores) {
  if (!scores.is_floating_point() || scores.dim() != 3 || scores.size(0) != 1)
    return absl::FailedPreconditionError("the model's first output is not the scores of one sound's steps");
  if (scores.numel() == 0) return absl::OkStatus();
  try {
    speller_(greedy_(scores[0]), text_);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kInvalidArgument) throw;
    return absl::InternalError(concat("the model's scores cannot be read: ", e.message()));
  }
  return absl::OkStatus();
}

void CtcText::reset() {
  greedy_.reset();
  text_.clear();
}

}  // namespace hearth::serve
