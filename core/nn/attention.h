// Multi-head attention.
#pragma once

#include <optional>
#include <tuple>

#include "core/nn/linear.h"

namespace hearth::nn {

struct MultiheadAttentionOptions {
  /// Of the attention weights, in training.
  double dropout = 0;
  bool bias = true;
  /// [batch, time, embed] in place of [time, batch, embed].
  bool batch_first = false;
};
/// What queries do not attend to. What any of the three leaves out is left out.
struct AttentionMasks {
  /// bool, true: not attended to; or floating-point, added to the scores. [time, keys]; [batch * heads, time, keys],
  /// one for each head of each example; or what broadcasts to [batch, heads, time, keys].
  std::optional<Tensor> attention = std::nullopt;
  /// [batch, keys], or [keys] without a batch; likewise.
  std::optional<Tensor> padding = std::nullopt;
  /// Query i sees the keys up to i.
  bool causal = false;
  auto tensors() { return std::tie(attention, padding); }
};
/// Attention of several heads (Vaswani et al., 2017). Parameters as in PyTorch: in_proj_weight [3 embed, embed],
/// in_proj_bias, out_proj.weight, out_proj.bias.
class MultiheadAttention : public Module<MultiheadAttention> {
 public:
  MultiheadAttention(int64_t embed, int64_t heads, const MultiheadAttentionOptions& options = {})
      : MultiheadAttention(nullptr, "", embed, heads, options) {}
  MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                     const MultiheadAttentionOptions& options = {});

  /// Gives the parameters their first values anew: in_proj_weight xavier-uniform, the biases 0, out_proj's weight as
  /// Linear's, which its own reset_parameters() gives.
  void reset_parameters();

  /// query [time, batch, embed], key and value [keys, batch, embed]; or all three without a batch.
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks = {}) const;
  /// Takes {.padding = ...} too.
  using Module::operator();
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks) const {
    return Module::operator()(query, key, value, masks);
  }

  Parameter in_proj_weight;
  std::optional<Parameter> in_proj_bias;
  Linear out_proj;

 private:
  int64_t heads_;
  MultiheadAttentionOptions options_;
};

}  // namespace hearth::nn
