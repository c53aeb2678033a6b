// Rotary position embeddings (Su et al., "RoFormer", 2021), and how they are stretched to longer texts.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"
#include "text/models/config.h"

namespace hearth::text {

/// Cosines and sines of a call's positions.
struct RopeTables {
  Tensor cos;  ///< [rows, tokens, 1, head_dim / 2] f32, to multiply with [batch, tokens, heads, head_dim / 2].
  Tensor sin;  ///< The same.
};

/// Rotations of pairs of features by angles that grow with the position. Feature i is paired with i + head_dim / 2, as
/// the files of transformers want it.
class Rope {
 public:
  /// For heads of `head_dim` features and texts of up to `max_position_embeddings`.
  Rope(const RopeConfig& config, int64_t head_dim, int64_t max_position_embeddings);
  /// The tables for positions [rows, tokens] i64. Dynamic and longrope take other frequencies for long texts: the
  /// length of a row is its greatest position plus 1, so that no row depends on another.
  RopeTables tables(const Tensor& positions) const;
  /// The frequencies for a text of this length: head_dim / 2 numbers.
  std::vector<float> frequencies(int64_t length) const;
  /// What cos and sin are multiplied by.
  double attention_factor() const { return attention_factor_; }

 private:
  RopeConfig config_;
  int64_t head_dim_, max_positions_, original_;
  double attention_factor_ = 1;
  std::vector<float> fixed_;  // the frequencies, where the length does not change them
};

/// x [..., tokens, heads, head_dim] rotated. f16 and bf16 are computed in f32 and rounded once.
Tensor rotate(const Tensor& x, const RopeTables& tables);

}  // namespace hearth::text
