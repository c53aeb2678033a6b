// GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019).
#pragma once

#include <cstdint>
#include <memory>

#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "text/models/activation.h"
#include "text/models/causal_lm.h"
#include "text/models/config.h"
#include "text/models/lm_head.h"

namespace hearth::text {

class DecoderStep;

/// A linear layer whose weight lies as GPT-2's files have it: x weight + bias with weight [in, out].
class Conv1D : public nn::Module<Conv1D> {
 public:
  /// From `in` features to `out`. The weight starts normal with standard deviation `std`, the bias as zeros.
  Conv1D(nn::ModuleBase* parent, const char* name, int64_t in, int64_t out, double std);
  /// x [..., in] gives [..., out].
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// [in, out].
  nn::Parameter weight;
  /// [out].
  nn::Parameter bias;

 private:
  double std_;
};

/// Attention of one layer.
class Gpt2Attention : public nn::Module<Gpt2Attention> {
 public:
  /// Of layer `layer`, counted from 0.
  Gpt2Attention(nn::ModuleBase* parent, const char* name, const Gpt2Config& config, int64_t layer);
  /// x [batch, tokens, n_embd]; the result has its shape.
  Tensor forward(const Tensor& x, DecoderStep& step) const;

  /// Queries, keys and values side by side.
  Conv1D c_attn;
  /// After attention.
  Conv1D c_proj;

 private:
  int64_t heads_, layer_;
  double scale_, attention_dropout_, dropout_;
};

/// The feed-forward part of one layer.
class Gpt2Mlp : public nn::Module<Gpt2Mlp> {
 public:
  /// As the configuration says.
  Gpt2Mlp(nn::ModuleBase* parent, const char* name, const Gpt2Config& config);
  /// x [..., n_embd]; the result has its shape.
  Tensor forward(const Tensor& x) const;

  /// To the middle.
  Conv1D c_fc;
  /// And back.
  Conv1D c_proj;

 private:
  Activation activation_;
  double dropout_;
};

/// One layer.
class Gpt2Block : public nn::Module<Gpt2Block> {
 public:
  /// Layer `layer`, counted from 0.
  Gpt2Block(const Gpt2Config& config, int64_t layer);
  /// x [batch, tokens, n_embd]; the result has its shape.
  Tensor forward(const Tensor& x, DecoderStep& step) const;

  nn::LayerNorm ln_1;  ///< Before attention.
  Gpt2Attention attn;  ///< Attention.
  nn::LayerNorm ln_2;  ///< Before the feed-forward part.
  Gpt2Mlp mlp;         ///< The feed-forward part.
};

/// All layers: tokens to hidden states.
class Gpt2Model : public nn::Module<Gpt2Model> {
 public:
  /// As the configuration says.
  Gpt2Model(nn::ModuleBase* parent, const char* name, const Gpt2Config& config);
  /// ids [batch, tokens] gives [batch, tokens, n_embd].
  Tensor forward(const Tensor& ids, DecoderStep& step) const;
  /// Gives the tables their first values anew: normal, with the configuration's initializer_range.
  void reset_parameters();

  nn::Embedding wte;            ///< Tokens.
  nn::Embedding wpe;            ///< Positions.
  nn::ModuleList<Gpt2Block> h;  ///< Layers.
  nn::LayerNorm ln_f;           ///< After the last layer.

 private:
  double dropout_, std_;
};

/// GPT-2 with its head. Parameters are named as in the files: transformer.h.0.attn.c_attn.weight, lm_head.weight.
class Gpt2LmHead : public nn::Module<Gpt2LmHead>, public CausalLm {
 public:
  /// With first values as transformers draws them. Throws Error if the configuration is impossible.
  explicit Gpt2LmHead(const Gpt2Config& config);

  Tensor logits(const CausalLmInput& input) const override;
  int64_t vocabulary() const override { return config_.vocab_size; }
  int64_t max_positions() const override { return config_.n_positions; }
  std::unique_ptr<KvCache> make_cache(int64_t batch) const override;
  nn::ModuleBase& module() override { return *this; }
  const nn::ModuleBase& module() const override { return *this; }
  /// logits() of ids [batch, tokens] alone.
  Tensor forward(const Tensor& ids) const { return logits({.ids = ids}); }
  /// What it was made with.
  const Gpt2Config& config() const { return config_; }

 private:
  Gpt2Config config_;

 public:
  Gpt2Model transformer;  ///< Everything but the head.
  LmHead lm_head;         ///< Its weight is that of transformer.wte where the configuration ties them.
};

}  // namespace hearth::text
