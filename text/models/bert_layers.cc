#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "text/models/bert.h"

namespace hearth::text::bert {
namespace {

bool is_distil(const BertConfig& c) { return c.family == BertConfig::Family::kDistilBert; }

nn::EmbeddingOptions padding_row(const BertConfig& c, int64_t rows) {
  if (!c.special.pad || *c.special.pad >= rows) return {};
  return {.padding_idx = c.special.pad};
}

LayerOptions options_of(const BertConfig& c) {
  return {.heads = c.num_attention_heads,
          .activation = activation_or_throw(c.hidden_act, "hidden_act"),
          .output_dropout = c.hidden_dropout_prob,
          .attention_output_dropout = is_distil(c) ? 0 : c.hidden_dropout_prob,
          .attention_dropout = c.attention_probs_dropout_prob};
}

// Norms after what is added (Vaswani et al., 2017).
Tensor run_layer(const Tensor& x, const LayerParts& p, const std::optional<Tensor>& mask, const LayerOptions& o,
                 bool training) {
  const auto heads = [&](const Tensor& t) { return t.unflatten(-1, {o.heads, -1}).transpose(1, 2); };
  const Tensor attended = scaled_dot_product_attention(heads(p.query(x)), heads(p.key(x)), heads(p.value(x)),
                                                       {.mask = mask, .dropout = training ? o.attention_dropout : 0});
  const Tensor attention = p.attention_output(attended.transpose(1, 2).flatten(2));
  const Tensor y = p.attention_norm(x + dropout(attention, o.attention_output_dropout, training));
  return p.output_norm(y + dropout(p.output(activate(o.activation, p.inner(y))), o.output_dropout, training));
}

void check_like_ids(const char* what, const Tensor& t, const Shape& ids) {
  HEARTH_CHECK(!t.defined() || t.shape() == ids, "the ", what, " must have the shape of the ids, ", ids, ", but is ",
               t.shape());
}

void check_input(const BertInput& in, int64_t max_positions, bool has_types) {
  HEARTH_CHECK(in.ids.defined(), "the ids are undefined");
  const Shape& shape = in.ids.shape();
  HEARTH_CHECK(shape.rank() == 2, "ids must be [batch, tokens], but are ", shape);
  HEARTH_CHECK(shape[1] <= max_positions, "a text of ", shape[1], " tokens is longer than the model's ", max_positions,
               " positions");
  HEARTH_CHECK(!in.token_type_ids.defined() || has_types, "DistilBERT has no types of tokens");
  check_like_ids("attention mask", in.attention_mask, shape);
  check_like_ids("token_type_ids", in.token_type_ids, shape);
}

// As attention wants it; nothing where there is no padding.
std::optional<Tensor> mask_of(const Tensor& attention_mask) {
  if (!attention_mask.defined()) return std::nullopt;
  const Tensor seen = attention_mask.dtype() == DType::kBool ? attention_mask : ne(attention_mask, 0);
  if (all(seen).item<bool>()) return std::nullopt;
  return seen.unsqueeze(1).unsqueeze(1);
}

}  // namespace

Embeddings::Embeddings(nn::ModuleBase* parent, const char* name, const BertConfig& c)
    : Module(parent, name),
      word_embeddings(this, "word_embeddings", c.vocab_size, c.hidden_size, padding_row(c, c.vocab_size)),
      position_embeddings(this, "position_embeddings", c.max_position_embeddings, c.hidden_size),
      LayerNorm(this, "LayerNorm", {c.hidden_size}, {.eps = c.layer_norm_eps}),
      roberta_(c.family == BertConfig::Family::kRoberta),
      pad_(c.special.pad.value_or(0)),
      dropout_(c.hidden_dropout_prob) {
  if (!is_distil(c)) token_type_embeddings.emplace(this, "token_type_embeddings", c.type_vocab_size, c.hidden_size);
}

Tensor Embeddings::forward(const BertInput& in) const {
  Tensor x = word_embeddings(in.ids);
  if (token_type_embeddings) {
    x = x + (in.token_type_ids.defined() ? (*token_type_embeddings)(in.token_type_ids)
                                         : token_type_embeddings->weight.narrow(0, 0, 1));
  }
  if (roberta_) {
    const Tensor counted = ne(in.ids, pad_).to(i64);
    x = x + position_embeddings(cumsum(counted, 1) * counted + pad_);
  } else {
    x = x + position_embeddings.weight.narrow(0, 0, in.ids.size(1));
  }
  return dropout(LayerNorm(x), dropout_, training());
}

SelfAttention::SelfAttention(nn::ModuleBase* parent, const char* name, int64_t size)
    : Module(parent, name),
      query(this, "query", size, size),
      key(this, "key", size, size),
      value(this, "value", size, size) {}

DenseNorm::DenseNorm(nn::ModuleBase* parent, const char* name, int64_t in, int64_t out, double eps)
    : Module(parent, name), dense(this, "dense", in, out), LayerNorm(this, "LayerNorm", {out}, {.eps = eps}) {}

Dense::Dense(nn::ModuleBase* parent, const char* name, int64_t in, int64_t out)
    : Module(parent, name), dense(this, "dense", in, out) {}

Attention::Attention(nn::ModuleBase* parent, const char* name, const BertConfig& c)
    : Module(parent, name),
      self(this, "self", c.hidden_size),
      output(this, "output", c.hidden_size, c.hidden_size, c.layer_norm_eps) {}

Layer::Layer(const BertConfig& c)
    : attention(this, "attention", c),
      intermediate(this, "intermediate", c.hidden_size, c.intermediate_size),
      output(this, "output", c.intermediate_size, c.hidden_size, c.layer_norm_eps),
      options_(options_of(c)) {}

Tensor Layer::forward(const Tensor& x, const std::optional<Tensor>& mask) const {
  return run_layer(x,
                   {attention.self.query, attention.self.key, attention.self.value, attention.output.dense,
                    attention.output.LayerNorm, intermediate.dense, output.dense, output.LayerNorm},
                   mask, options_, training());
}

Layers::Layers(nn::ModuleBase* parent, const char* name, const BertConfig& c)
    : Module(parent, name), layer(this, "layer") {
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) layer.emplace_back(c);
}

DistilAttention::DistilAttention(nn::ModuleBase* parent, const char* name, int64_t size)
    : Module(parent, name),
      q_lin(this, "q_lin", size, size),
      k_lin(this, "k_lin", size, size),
      v_lin(this, "v_lin", size, size),
      out_lin(this, "out_lin", size, size) {}

DistilFeedForward::DistilFeedForward(nn::ModuleBase* parent, const char* name, int64_t size, int64_t inner)
    : Module(parent, name), lin1(this, "lin1", size, inner), lin2(this, "lin2", inner, size) {}

DistilLayer::DistilLayer(const BertConfig& c)
    : attention(this, "attention", c.hidden_size),
      sa_layer_norm(this, "sa_layer_norm", {c.hidden_size}, {.eps = c.layer_norm_eps}),
      ffn(this, "ffn", c.hidden_size, c.intermediate_size),
      output_layer_norm(this, "output_layer_norm", {c.hidden_size}, {.eps = c.layer_norm_eps}),
      options_(options_of(c)) {}

Tensor DistilLayer::forward(const Tensor& x, const std::optional<Tensor>& mask) const {
  return run_layer(x,
                   {attention.q_lin, attention.k_lin, attention.v_lin, attention.out_lin, sa_layer_norm, ffn.lin1,
                    ffn.lin2, output_layer_norm},
                   mask, options_, training());
}

DistilLayers::DistilLayers(nn::ModuleBase* parent, const char* name, const BertConfig& c)
    : Module(parent, name), layer(this, "layer") {
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) layer.emplace_back(c);
}

Base::Base(nn::ModuleBase* parent, const char* name, const BertConfig& c, bool with_pooler)
    : Module(parent, name),
      embeddings(this, "embeddings", c),
      max_positions_(c.family == BertConfig::Family::kRoberta
                         ? c.max_position_embeddings - c.special.pad.value_or(0) - 1
                         : c.max_position_embeddings) {
  if (is_distil(c)) transformer.emplace(this, "transformer", c);
  else encoder.emplace(this, "encoder", c);
  if (with_pooler && !is_distil(c)) pooler.emplace(this, "pooler", c.hidden_size, c.hidden_size);
}

Tensor Base::forward(const BertInput& in) const {
  check_input(in, max_positions_, encoder.has_value());
  const std::optional<Tensor> mask = mask_of(in.attention_mask);
  Tensor x = embeddings(in);
  if (encoder) {
    for (const Layer& layer : encoder->layer) x = layer(x, mask);
  }
  if (transformer) {
    for (const DistilLayer& layer : transformer->layer) x = layer(x, mask);
  }
  return x;
}

ClassificationHead::ClassificationHead(nn::ModuleBase* parent, const char* name, const BertConfig& c)
    : Module(parent, name),
      dense(this, "dense", c.hidden_size, c.hidden_size),
      out_proj(this, "out_proj", c.hidden_size, static_cast<int64_t>(c.labels.size())) {}

Decoder::Decoder(nn::ModuleBase* parent, const char* name, const Tensor& table, const Tensor& own_bias)
    : Module(parent, name), weight(this, "weight", table), bias(this, "bias", own_bias) {}
Tensor Decoder::forward(const Tensor& x) const { return linear(x, weight, bias); }
void Decoder::reset_parameters() { nn::init::zeros_(bias); }

Predictions::Predictions(nn::ModuleBase* parent, const char* name, const BertConfig& c, const Tensor& table)
    : Module(parent, name),
      transform(this, "transform", c.hidden_size, c.hidden_size, c.layer_norm_eps),
      bias(this, "bias", zeros({c.vocab_size})),
      decoder(this, "decoder", table, bias) {}
void Predictions::reset_parameters() { nn::init::zeros_(bias); }

Cls::Cls(nn::ModuleBase* parent, const char* name, const BertConfig& c, const Tensor& table)
    : Module(parent, name), predictions(this, "predictions", c, table) {}

RobertaLmHead::RobertaLmHead(nn::ModuleBase* parent, const char* name, const BertConfig& c, const Tensor& table)
    : Module(parent, name),
      dense(this, "dense", c.hidden_size, c.hidden_size),
      layer_norm(this, "layer_norm", {c.hidden_size}, {.eps = c.layer_norm_eps}),
      bias(this, "bias", zeros({c.vocab_size})),
      decoder(this, "decoder", table, bias) {}
void RobertaLmHead::reset_parameters() { nn::init::zeros_(bias); }

}  // namespace hearth::text::bert
