// Multi-head attention.
#pragma once

#include <optional>

#include "core/nn/linear.h"

namespace hearth::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;
  bool bias = true;
  bool batch_first = false;  // [batch, time, embed] in place of [time, batch, embed]
};
struct AttentionMasks {
  std::optional<Tensor> attention =
      std::nullopt;  // bool, true: not attended to; or float, added; [time, keys] or broadcastable
  std::optional<Tensor> padding = std::nullopt;  // bool [batch, keys], true: not attended to
  bool causal = false;
};
// Attention of several heads (Vaswani et al., 2017). Parameters as in PyTorch: in_proj_weight [3 embed, embed],
// in_proj_bias, out_proj.weight, out_proj.bias.
class MultiheadAttention : public Module<MultiheadAttention> {
 public:
  MultiheadAttention(int64_t embed, int64_t heads, const MultiheadAttentionOptions& options = {})
      : MultiheadAttention(nullptr, "", embed, heads, options) {}
  MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                     const MultiheadAttentionOptions& options = {});

  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks = {}) const;

  Parameter in_proj_weight;
  std::optional<Parameter> in_proj_bias;
  Linear out_proj;

 private:
  int64_t heads_;
  MultiheadAttentionOptions options_;
};

}  // namespace hearth::nn
