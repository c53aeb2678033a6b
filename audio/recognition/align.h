// When each label of a known text was said.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The most probable alignment of a target: one class for each frame.
struct Alignment {
  std::vector<int64_t> path;   ///< The class of each frame.
  std::vector<double> scores;  ///< The log-probability of that class in its frame.
};
/// Aligns target labels with log_probs [frames, classes] (f32, f64) as CTC does. As torchaudio's forced_align() of one
/// sequence. Throws Error if a label is out of range or the blank, a value is NaN, or there are fewer frames than
/// labels and the blanks between equal ones.
Alignment forced_align(const Tensor& log_probs, std::span<const int64_t> targets, int64_t blank = 0);

/// A label and its frames.
struct TokenSpan {
  int64_t token = 0;  ///< The label.
  int64_t start = 0;  ///< Its first frame.
  int64_t end = 0;    ///< The frame after its last.
  double score = 0;   ///< The mean log-probability of its frames.
};
/// The labels of an alignment, without blanks, as torchaudio's merge_tokens().
std::vector<TokenSpan> merge_tokens(const Alignment& alignment, int64_t blank = 0);

/// A word and when it was said.
struct WordTime {
  std::string word;  ///< The labels' names, joined.
  double start = 0;  ///< In seconds.
  double end = 0;    ///< In seconds.
  double score = 0;  ///< The mean log-probability of its labels' frames.
};
/// The words of an alignment: labels between those that are the delimiter. labels[k] is the name of class k; a frame
/// takes `frame_seconds`, 0.02 for Wav2Vec2. Throws Error for a class without a name.
std::vector<WordTime> word_times(std::span<const TokenSpan> spans, std::span<const std::string> labels,
                                 int64_t delimiter, double frame_seconds);

}  // namespace hearth::audio
