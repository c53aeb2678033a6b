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
  /// Has one key and one value more, which are trained and which every query sees, whatever the masks.
  bool add_bias_kv = false;
  /// Has one key and one value of zeros, behind the others, which every query sees, whatever the masks.
  bool add_zero_attn = false;
  /// The features of keys, where they are not `embed`.
  std::optional<int64_t> kdim = std::nullopt;
  /// The features of values, where they are not `embed`.
  std::optional<int64_t> vdim = std::nullopt;
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
/// What MultiheadAttention::with_weights() gives.
struct AttentionResult {
  Tensor output;   ///< What forward() gives.
  Tensor weights;  ///< How much each query takes of each key.
  /// The tensors, for hooks of modules (core/nn/tensors_of.h).
  auto tensors() { return std::tie(output, weights); }
};
/// Attention of several heads (Vaswani et al., 2017). Parameters as in PyTorch: in_proj_weight [3 embed, embed],
/// in_proj_bias, out_proj.weight, out_proj.bias; with kdim or vdim q_proj_weight, k_proj_weight and v_proj_weight in
/// place of in_proj_weight; bias_k and bias_v.
class MultiheadAttention : public Module<MultiheadAttention> {
 public:
  /// Queries, keys and values of `embed` features, of which each head takes embed / heads. Throws Error unless `heads`
  /// divides `embed`, all sizes are at least 1, and dropout is from 0 to 1.
  MultiheadAttention(int64_t embed, int64_t heads, const MultiheadAttentionOptions& options = {})
      : MultiheadAttention(nullptr, "", embed, heads, options) {}
  /// The same as a member of `parent`.
  MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                     const MultiheadAttentionOptions& options = {});

  /// Gives the parameters their first values anew: the weights of the projections xavier-uniform, bias_k and bias_v
  /// xavier-normal, the other biases 0, out_proj's weight as Linear's, which its own reset_parameters() gives; so are
  /// those of its bias where that is computed (core/nn/parametrization.h).
  void reset_parameters();

  /// query [time, batch, embed], key [keys, batch, kdim] and value [keys, batch, vdim]; or all three without a batch.
  /// The result has the shape of the query. A query that may attend to no key gets the bias of out_proj, or 0. Throws
  /// Error if shapes of operands or masks do not fit, and for a mask that is neither bool nor floating-point.
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks = {}) const;
  /// Takes {.padding = ...} too.
  using Module::operator();
  /// forward(query, key, value, masks), called as a module.
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks) const {
    return Module::operator()(query, key, value, masks);
  }
  /// forward(), and the weights: [batch, time, keys], the mean over the heads, or with `average` off [batch, heads,
  /// time, keys]; [time, keys] and [heads, time, keys] without a batch. Keys that the options add are the last. In
  /// training they are those after dropout. A query that may attend to no key has weights 0. PyTorch: need_weights and
  /// average_attn_weights. It keeps all weights in memory, which forward() does not, and runs no hooks.
  AttentionResult with_weights(const Tensor& query, const Tensor& key, const Tensor& value,
                               const AttentionMasks& masks = {}, bool average = true) const;

  /// The projections of query, key and value, one below the other: [3 embed, embed]. Undefined with kdim or vdim.
  Parameter in_proj_weight;
  /// The projections apart, with kdim or vdim: [embed, embed].
  std::optional<Parameter> q_proj_weight;
  /// [embed, kdim].
  std::optional<Parameter> k_proj_weight;
  /// [embed, vdim].
  std::optional<Parameter> v_proj_weight;
  /// Their biases: [3 embed].
  std::optional<Parameter> in_proj_bias;
  /// The key that is trained: [1, 1, embed], with add_bias_kv.
  std::optional<Parameter> bias_k;
  /// Its value: [1, 1, embed].
  std::optional<Parameter> bias_v;
  /// The projection of the heads' results, which lie side by side.
  Linear out_proj;

 private:
  // What forward() and with_weights() share: queries, keys and values of heads, [batch, heads, time, size], and one
  // mask of all: bool, true where a key may be attended to, or what is added to the scores.
  struct Heads {
    Tensor q, k, v;
    std::optional<Tensor> mask;
    bool causal, batched;
  };
  Heads heads(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks) const;
  Tensor projected(const Tensor& x, int64_t part, bool batched) const;
  void check(const Tensor& query, const Tensor& key, const Tensor& value) const;
  Tensor result(const Tensor& heads, bool batched) const;

  int64_t embed_, heads_;
  MultiheadAttentionOptions options_;
};

}  // namespace hearth::nn
