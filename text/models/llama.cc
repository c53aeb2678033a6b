#include "text/models/llama.h"

#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/view.h"
#include "text/models/decoder_step_internal.h"

namespace hearth::text {
namespace {

const LlamaConfig& checked(const LlamaConfig& config) {
  check_config(config);
  return config;
}

}  // namespace

LlamaAttention::LlamaAttention(nn::ModuleBase* parent, const char* name, const LlamaConfig& c, int64_t layer)
    : Module(parent, name),
      q_proj(this, "q_proj", c.hidden_size, c.num_attention_heads * c.head_dim, {.bias = c.qkv_bias}),
      k_proj(this, "k_proj", c.hidden_size, c.num_key_value_heads * c.head_dim, {.bias = c.qkv_bias}),
      v_proj(this, "v_proj", c.hidden_size, c.num_key_value_heads * c.head_dim, {.bias = c.qkv_bias}),
      o_proj(this, "o_proj", c.num_attention_heads * c.head_dim, c.hidden_size, {.bias = c.output_bias}),
      head_dim_(c.head_dim),
      layer_(layer),
      window_(c.window(layer)),
      dropout_(c.attention_dropout) {
  if (!c.qk_norm) return;
  q_norm.emplace(this, "q_norm", Shape{c.head_dim}, nn::RMSNormOptions{.eps = c.rms_norm_eps});
  k_norm.emplace(this, "k_norm", Shape{c.head_dim}, nn::RMSNormOptions{.eps = c.rms_norm_eps});
}

Tensor LlamaAttention::forward(const Tensor& x, const RopeTables& rope, DecoderStep& step) const {
  // [batch, tokens, heads, head_dim] until attention.
  const auto heads = [&](const Tensor& y) { return y.unflatten(-1, {-1, head_dim_}); };
  Tensor q = heads(q_proj(x)), k = heads(k_proj(x));
  if (q_norm) q = (*q_norm)(q);
  if (k_norm) k = (*k_norm)(k);
  const Tensor y =
      step.attend({.index = layer_, .window = window_, .dropout = training() ? dropout_ : 0},
                  rotate(q, rope).transpose(1, 2), rotate(k, rope).transpose(1, 2), heads(v_proj(x)).transpose(1, 2));
  return o_proj(y.transpose(1, 2).flatten(2));
}

LlamaMlp::LlamaMlp(nn::ModuleBase* parent, const char* name, const LlamaConfig& c)
    : Module(parent, name),
      gate_proj(this, "gate_proj", c.hidden_size, c.intermediate_size, {.bias = c.mlp_bias}),
      up_proj(this, "up_proj", c.hidden_size, c.intermediate_size, {.bias = c.mlp_bias}),
      down_proj(this, "down_proj", c.intermediate_size, c.hidden_size, {.bias = c.mlp_bias}),
      activation_(activation_or_throw(c.hidden_act, "hidden_act")) {}

Tensor LlamaMlp::forward(const Tensor& x) const { return down_proj(activate(activation_, gate_proj(x)) * up_proj(x)); }

LlamaLayer::LlamaLayer(const LlamaConfig& c, int64_t layer)
    : input_layernorm(this, "input_layernorm", {c.hidden_size}, {.eps = c.rms_norm_eps}),
      self_attn(this, "self_attn", c, layer),
      post_attention_layernorm(this, "post_attention_layernorm", {c.hidden_size}, {.eps = c.rms_norm_eps}),
      mlp(this, "mlp", c) {}

Tensor LlamaLayer::forward(const Tensor& x, const RopeTables& rope, DecoderStep& step) const {
  const Tensor y = x + self_attn(input_layernorm(x), rope, step);
  return y + mlp(post_attention_layernorm(y));
}

LlamaModel::LlamaModel(nn::ModuleBase* parent, const char* name, const LlamaConfig& c)
    : Module(parent, name),
      embed_tokens(this, "embed_tokens", c.vocab_size, c.hidden_size),
      layers(this, "layers"),
      norm(this, "norm", {c.hidden_size}, {.eps = c.rms_norm_eps}),
      rope_(c.rope, c.head_dim, c.max_position_embeddings),
      std_(c.initializer_range) {
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) layers.emplace_back(c, i);
  reset_parameters();
}
void LlamaModel::reset_parameters() {
  nn::init::normal_(embed_tokens.weight, 0, std_);
  apply([&](nn::ModuleBase& m) {
    auto* linear = m.as<nn::Linear>();
    if (!linear) return;
    nn::init::normal_(linear->weight, 0, std_);
    if (linear->bias) nn::init::zeros_(*linear->bias);
  });
}

Tensor LlamaModel::forward(const Tensor& ids, DecoderStep& step) const {
  Tensor x = embed_tokens(ids);
  const RopeTables rope = rope_.tables(step.positions());
  for (const LlamaLayer& layer : layers) x = layer(x, rope, step);
  return norm(x);
}

LlamaForCausalLm::LlamaForCausalLm(const LlamaConfig& config)
    : config_(checked(config)),
      model(this, "model", config_),
      lm_head(config_.tie_word_embeddings
                  ? LmHead(this, "lm_head", model.embed_tokens.weight)
                  : LmHead(this, "lm_head", config_.vocab_size, config_.hidden_size, config_.initializer_range)) {}

Tensor LlamaForCausalLm::logits(const CausalLmInput& input) const {
  std::optional<InferenceMode> inference;
  if (input.cache) inference.emplace();
  DecoderStep step("LlamaForCausalLm", input, max_positions());
  Tensor x = model(input.ids, step);
  if (input.last_only) x = x.narrow(1, step.tokens() - 1, 1);
  x = lm_head(x);
  step.finish();
  return x;
}

std::unique_ptr<KvCache> LlamaForCausalLm::make_cache(int64_t batch) const {
  std::vector<std::optional<int64_t>> windows;
  for (int64_t i = 0; i < config_.num_hidden_layers; ++i) windows.push_back(config_.window(i));
  return std::make_unique<KvCache>(KvCacheOptions{.batch = batch,
                                                  .heads = config_.num_key_value_heads,
                                                  .head_dim = config_.head_dim,
                                                  .windows = windows,
                                                  .dtype = model.embed_tokens.weight.dtype(),
                                                  .device = model.embed_tokens.weight.device()});
}

}  // namespace hearth::text
