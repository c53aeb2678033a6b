// Llama (Touvron et al., 2023), Mistral (Jiang et al., 2023), Qwen2 and Qwen3 (Yang et al., 2024 and 2025).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "text/models/activation.h"
#include "text/models/causal_lm.h"
#include "text/models/config.h"
#include "text/models/lm_head.h"
#include "text/models/rope.h"

namespace hearth::text {

class DecoderStep;

/// Grouped-query attention of one layer (Ainslie et al., "GQA", 2023).
class LlamaAttention : public nn::Module<LlamaAttention> {
 public:
  /// Of layer `layer`, counted from 0.
  LlamaAttention(nn::ModuleBase* parent, const char* name, const LlamaConfig& config, int64_t layer);
  /// x [batch, tokens, hidden_size]; the result has its shape.
  Tensor forward(const Tensor& x, const RopeTables& rope, DecoderStep& step) const;

  nn::Linear q_proj;                  ///< Queries.
  nn::Linear k_proj;                  ///< Keys.
  nn::Linear v_proj;                  ///< Values.
  nn::Linear o_proj;                  ///< After attention.
  std::optional<nn::RMSNorm> q_norm;  ///< Of each query head, where the configuration says so.
  std::optional<nn::RMSNorm> k_norm;  ///< Of each key head.

 private:
  int64_t head_dim_, layer_;
  std::optional<int64_t> window_;
  double dropout_;
};

/// The gated feed-forward part of one layer (Shazeer, "GLU Variants Improve Transformer", 2020).
class LlamaMlp : public nn::Module<LlamaMlp> {
 public:
  /// As the configuration says.
  LlamaMlp(nn::ModuleBase* parent, const char* name, const LlamaConfig& config);
  /// x [..., hidden_size]; the result has its shape.
  Tensor forward(const Tensor& x) const;

  nn::Linear gate_proj;  ///< The gate, through the activation.
  nn::Linear up_proj;    ///< What is gated.
  nn::Linear down_proj;  ///< Back.

 private:
  Activation activation_;
};

/// One layer.
class LlamaLayer : public nn::Module<LlamaLayer> {
 public:
  /// Layer `layer`, counted from 0.
  LlamaLayer(const LlamaConfig& config, int64_t layer);
  /// x [batch, tokens, hidden_size]; the result has its shape.
  Tensor forward(const Tensor& x, const RopeTables& rope, DecoderStep& step) const;

  nn::RMSNorm input_layernorm;           ///< Before attention.
  LlamaAttention self_attn;              ///< Attention.
  nn::RMSNorm post_attention_layernorm;  ///< Before the feed-forward part.
  LlamaMlp mlp;                          ///< The feed-forward part.
};

/// All layers: tokens to hidden states.
class LlamaModel : public nn::Module<LlamaModel> {
 public:
  /// As the configuration says.
  LlamaModel(nn::ModuleBase* parent, const char* name, const LlamaConfig& config);
  /// ids [batch, tokens] gives [batch, tokens, hidden_size].
  Tensor forward(const Tensor& ids, DecoderStep& step) const;
  /// Gives embeddings and linear layers their first values anew: normal, with the configuration's initializer_range;
  /// biases are zeros.
  void reset_parameters();

  nn::Embedding embed_tokens;         ///< Tokens.
  nn::ModuleList<LlamaLayer> layers;  ///< Layers.
  nn::RMSNorm norm;                   ///< After the last layer.

 private:
  Rope rope_;
  double std_;
};

/// Llama and its kin with their head. Parameters are named as in the files: model.layers.0.self_attn.q_proj.weight,
/// lm_head.weight.
class LlamaForCausalLm : public nn::Module<LlamaForCausalLm>, public CausalLm {
 public:
  /// With first values as transformers draws them. Throws Error if the configuration is impossible.
  explicit LlamaForCausalLm(const LlamaConfig& config);

  Tensor logits(const CausalLmInput& input) const override;
  int64_t vocabulary() const override { return config_.vocab_size; }
  int64_t max_positions() const override { return config_.max_positions(); }
  std::unique_ptr<KvCache> make_cache(int64_t batch) const override;
  nn::ModuleBase& module() override { return *this; }
  const nn::ModuleBase& module() const override { return *this; }
  /// logits() of ids [batch, tokens] alone.
  Tensor forward(const Tensor& ids) const { return logits({.ids = ids}); }
  /// What it was made with.
  const LlamaConfig& config() const { return config_; }

 private:
  LlamaConfig config_;

 public:
  LlamaModel model;  ///< Everything but the head.
  LmHead lm_head;    ///< Its weight is that of model.embed_tokens where the configuration ties them.
};

}  // namespace hearth::text
