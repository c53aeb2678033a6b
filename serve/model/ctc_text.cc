#include "serve/model/ctc_text.h"

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/ops/compare.h"
#include "core/ops/reduce.h"

namespace hearth::serve {

bool is_ctc(const graph::Signature& signature) {
  const auto at = signature.metadata.find("decoder");
  return at != signature.metadata.end() && at->second == "ctc";
}

CtcText::CtcText(const graph::Signature& signature) : signature_(signature) {
  // The first label is the blank's.
  for (size_t i = 1; i < signature.labels.size(); ++i) spaced_ = spaced_ || signature.labels[i].size() > 1;
}

absl::Status CtcText::add(const Tensor& scores) {
  if (!scores.is_floating_point() || scores.dim() != 3 || scores.size(0) != 1)
    return absl::FailedPreconditionError("the model's first output is not the scores of one sound's steps");
  if (scores.numel() == 0) return absl::OkStatus();
  if (!isfinite(scores).all().item<bool>()) return absl::InternalError("the model's scores are not finite numbers");
  for (const int64_t best : scores[0].argmax(1).to_vector<int64_t>()) {
    if (best != last_ && best != 0) {
      if (spaced_ && !text_.empty()) text_ += ' ';
      const auto i = static_cast<size_t>(best);
      text_ += i < signature_.labels.size() ? signature_.labels[i] : concat("class ", best);
    }
    last_ = best;
  }
  return absl::OkStatus();
}

}  // namespace hearth::serve
