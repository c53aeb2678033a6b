#include "text/models/gpt2.h"

#include <cmath>
#include <optional>

#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/dropout.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"
#include "text/models/decoder_step_internal.h"

namespace hearth::text {
namespace {

const Gpt2Config& checked(const Gpt2Config& config) {
  check_config(config);
  return config;
}

int64_t inner(const Gpt2Config& c) { return c.n_inner.value_or(4 * c.n_embd); }

// What adds to the residual stream starts smaller the more layers do (Radford et al., section 2.3).
double residual_std(const Gpt2Config& c) {
  return c.initializer_range / std::sqrt(2.0 * static_cast<double>(c.n_layer));
}

double attention_scale(const Gpt2Config& c, int64_t layer) {
  const int64_t head_dim = c.n_embd / c.n_head;
  double scale = c.scale_attn_weights ? 1 / std::sqrt(static_cast<double>(head_dim)) : 1;
  if (c.scale_attn_by_inverse_layer_idx) scale /= static_cast<double>(layer + 1);
  return scale;
}

}  // namespace

Conv1D::Conv1D(nn::ModuleBase* parent, const char* name, int64_t in, int64_t out, double std)
    : Module(parent, name), weight(this, "weight", empty({in, out})), bias(this, "bias", empty({out})), std_(std) {
  reset_parameters();
}
void Conv1D::reset_parameters() {
  nn::init::normal_(weight, 0, std_);
  nn::init::zeros_(bias);
}
Tensor Conv1D::forward(const Tensor& x) const { return linear(x, weight.transpose(0, 1), bias); }

Gpt2Attention::Gpt2Attention(nn::ModuleBase* parent, const char* name, const Gpt2Config& c, int64_t layer)
    : Module(parent, name),
      c_attn(this, "c_attn", c.n_embd, 3 * c.n_embd, c.initializer_range),
      c_proj(this, "c_proj", c.n_embd, c.n_embd, residual_std(c)),
      heads_(c.n_head),
      layer_(layer),
      scale_(attention_scale(c, layer)),
      attention_dropout_(c.attn_pdrop),
      dropout_(c.resid_pdrop) {}

Tensor Gpt2Attention::forward(const Tensor& x, DecoderStep& step) const {
  const Tensor all = c_attn(x);
  const int64_t size = x.size(-1);
  const auto part = [&](int64_t i) { return all.narrow(2, i * size, size).unflatten(2, {heads_, -1}).transpose(1, 2); };
  const Tensor y = step.attend({.index = layer_, .scale = scale_, .dropout = training() ? attention_dropout_ : 0},
                               part(0), part(1), part(2));
  return dropout(c_proj(y.transpose(1, 2).flatten(2)), dropout_, training());
}

Gpt2Mlp::Gpt2Mlp(nn::ModuleBase* parent, const char* name, const Gpt2Config& c)
    : Module(parent, name),
      c_fc(this, "c_fc", c.n_embd, inner(c), c.initializer_range),
      c_proj(this, "c_proj", inner(c), c.n_embd, residual_std(c)),
      activation_(activation_or_throw(c.activation_function, "activation_function")),
      dropout_(c.resid_pdrop) {}

Tensor Gpt2Mlp::forward(const Tensor& x) const {
  return dropout(c_proj(activate(activation_, c_fc(x))), dropout_, training());
}

Gpt2Block::Gpt2Block(const Gpt2Config& c, int64_t layer)
    : ln_1(this, "ln_1", {c.n_embd}, {.eps = c.layer_norm_epsilon}),
      attn(this, "attn", c, layer),
      ln_2(this, "ln_2", {c.n_embd}, {.eps = c.layer_norm_epsilon}),
      mlp(this, "mlp", c) {}

Tensor Gpt2Block::forward(const Tensor& x, DecoderStep& step) const {
  const Tensor y = x + attn(ln_1(x), step);
  return y + mlp(ln_2(y));
}

Gpt2Model::Gpt2Model(nn::ModuleBase* parent, const char* name, const Gpt2Config& c)
    : Module(parent, name),
      wte(this, "wte", c.vocab_size, c.n_embd),
      wpe(this, "wpe", c.n_positions, c.n_embd),
      h(this, "h"),
      ln_f(this, "ln_f", {c.n_embd}, {.eps = c.layer_norm_epsilon}),
      dropout_(c.embd_pdrop),
      std_(c.initializer_range) {
  for (int64_t i = 0; i < c.n_layer; ++i) h.emplace_back(c, i);
  reset_parameters();
}
void Gpt2Model::reset_parameters() {
  nn::init::normal_(wte.weight, 0, std_);
  nn::init::normal_(wpe.weight, 0, std_);
}

Tensor Gpt2Model::forward(const Tensor& ids, DecoderStep& step) const {
  Tensor x = dropout(wte(ids) + wpe(step.positions()), dropout_, training());
  for (const Gpt2Block& block : h) x = block(x, step);
  return ln_f(x);
}

Gpt2LmHead::Gpt2LmHead(const Gpt2Config& config)
    : config_(checked(config)),
      transformer(this, "transformer", config_),
      lm_head(config_.tie_word_embeddings
                  ? LmHead(this, "lm_head", transformer.wte.weight)
                  : LmHead(this, "lm_head", config_.vocab_size, config_.n_embd, config_.initializer_range)) {}

Tensor Gpt2LmHead::logits(const CausalLmInput& input) const {
  std::optional<InferenceMode> inference;
  if (input.cache) inference.emplace();
  DecoderStep step("Gpt2LmHead", input, max_positions());
  Tensor x = transformer(input.ids, step);
  if (input.last_only) x = x.narrow(1, step.tokens() - 1, 1);
  x = lm_head(x);
  step.finish();
  return x;
}

std::unique_ptr<KvCache> Gpt2LmHead::make_cache(int64_t batch) const {
  return std::make_unique<KvCache>(
      KvCacheOptions{.batch = batch,
                     .heads = config_.n_head,
                     .head_dim = config_.n_embd / config_.n_head,
                     .windows = std::vector<std::optional<int64_t>>(static_cast<size_t>(config_.n_layer)),
                     .dtype = transformer.wte.weight.dtype(),
                     .device = transformer.wte.weight.device()});
}

}  // namespace hearth::text
