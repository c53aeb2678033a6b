// The most probable class of each frame of a CTC model.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The labels of the most probable class in each frame of log_probs or logits [frames, classes], repeated ones once and
/// without blanks. Of equal classes the first counts. Throws Error for NaN and infinity; minus infinity may be there.
std::vector<int64_t> ctc_greedy_decode(const Tensor& log_probs, int64_t blank = 0);

/// ctc_greedy_decode() of frames as they come.
class CtcGreedyStream {
 public:
  /// The blank's class.
  explicit CtcGreedyStream(int64_t blank = 0) : blank_(blank) {}
  /// The labels that the next frames [frames, classes] add.
  std::vector<int64_t> operator()(const Tensor& log_probs);
  /// Begins a new text.
  void reset() { last_ = -1; }

 private:
  int64_t blank_, last_ = -1;
};

}  // namespace hearth::audio
