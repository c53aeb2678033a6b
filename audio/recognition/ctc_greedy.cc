#include "audio/recognition/ctc_greedy.h"

#include <algorithm>

#include "audio/recognition/frames_internal.h"
#include "core/base/error.h"

namespace hearth::audio {

std::vector<int64_t> CtcGreedyStream::operator()(const Tensor& log_probs) {
  const Tensor frames = detail::frames_of("ctc_greedy_decode", log_probs);
  const int64_t classes = frames.size(1);
  HEARTH_CHECK(blank_ >= 0 && blank_ < classes, "ctc_greedy_decode: the blank ", blank_, " is out of range for ",
               classes, " classes");
  std::vector<int64_t> labels;
  for (int64_t t = 0; t < frames.size(0); ++t) {
    const double* const row = frames.data<double>() + t * classes;
    const int64_t best = std::max_element(row, row + classes) - row;
    if (best != blank_ && best != last_) labels.push_back(best);
    last_ = best;
  }
  return labels;
}

std::vector<int64_t> ctc_greedy_decode(const Tensor& log_probs, int64_t blank) {
  return CtcGreedyStream(blank)(log_probs);
}

}  // namespace hearth::audio
