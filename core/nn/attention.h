// Multi-head attention.
#pragma once

#include <optional>
#include <tuple>

#include "core/nn/linear.h"

namespace hearth::nn {

/// Options of MultiheadAttention.
struct MultiheadAttentionOptions {
  /// In training each attention weight becomes 0 with this probability, and the others are divided by 1 - dropout.
  double dropout = 0;
  /// Adds a bias to the projections of query, key and value, and to that of the result.
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
  /// The tensors, for hooks of modules (core/nn/tensors_of.h).
  auto tensors() { return std::tie(attention, padding); }
};
/// Attention of several heads (Vaswani et al., 2017). Parameters as in PyTorch: in_proj_weight [3 embed, embed],
/// in_proj_bias, out_proj.weight, out_proj.bias.
class MultiheadAttention : public Module<MultiheadAttention> {
 public:
  /// Queries, keys and values of `embed` features, of which each head takes embed / heads. Throws Error unless `heads`
  /// divides `embed`, both are at least 1, and dropout is from 0 to 1.
  MultiheadAttention(int64_t embed, int64_t heads, const MultiheadAttentionOptions& options = {})
      : MultiheadAttention(nullptr, "", embed, heads, options) {}
  /// The same as a member of `parent`.
  MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                     const MultiheadAttentionOptions& options = {});

  /// Gives the parameters their first values anew: in_proj_weight xavier-uniform, the biases 0, out_proj's weight as
  /// Linear's, which its own reset_parameters() gives.
  void reset_parameters();

  /// query [time, batch, embed], key and value [keys, batch, embed]; or all three without a batch. The result has the
  /// shape of the query. A query that may attend to no key gets the bias of out_proj, or 0. Throws Error if shapes of
  /// operands or masks do not fit.
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks = {}) const;
  /// Takes {.padding = ...} too.
  using Module::operator();
  /// forward(query, key, value, masks), called as a module.
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks) const {
    return Module::operator()(query, key, value, masks);
  }

  /// The projections of query, key and value, one below the other: [3 embed, embed].
  Parameter in_proj_weight;
  /// Their biases: [3 embed].
  std::optional<Parameter> in_proj_bias;
  /// The projection of the heads' results, which lie side by side.
  Linear out_proj;

 private:
  int64_t heads_;
  MultiheadAttentionOptions options_;
};

}  // namespace hearth::nn
