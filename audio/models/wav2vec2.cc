#include "audio/models/wav2vec2.h"

#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace wav2vec2 {
namespace {

nn::LayerNormOptions norm_of(const Wav2Vec2Config& c) { return {.eps = c.layer_norm_eps}; }

}  // namespace

ConvLayer::ConvLayer(const Wav2Vec2Config& c, size_t i)
    : conv(this, "conv", i == 0 ? 1 : c.conv_dim[i - 1], c.conv_dim[i], c.conv_kernel[i],
           {.stride = c.conv_stride[i], .bias = c.conv_bias}) {
  if (c.layer_norm_everywhere) layer_norm.emplace(this, "layer_norm", Shape{c.conv_dim[i]});
  else if (i == 0) group_norm.emplace(this, "layer_norm", c.conv_dim[i], c.conv_dim[i]);
}
Tensor ConvLayer::forward(const Tensor& x) const {
  const Tensor y = conv(x);
  if (group_norm) return gelu((*group_norm)(y));
  return gelu(layer_norm ? (*layer_norm)(y.transpose(1, 2)).transpose(1, 2) : y);
}

FeatureExtractor::FeatureExtractor(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name), conv_layers(this, "conv_layers") {
  for (size_t i = 0; i < c.conv_dim.size(); ++i) conv_layers.emplace_back(c, i);
}

FeatureProjection::FeatureProjection(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name),
      layer_norm(this, "layer_norm", Shape{c.conv_dim.back()}, norm_of(c)),
      projection(this, "projection", c.conv_dim.back(), c.hidden_size) {}

NormedConv::NormedConv(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name),
      weight_g(this, "weight_g", ones({1, 1, c.num_conv_pos_embeddings})),
      weight_v(this, "weight_v",
               ones({c.hidden_size, c.hidden_size / c.num_conv_pos_embedding_groups, c.num_conv_pos_embeddings})),
      bias(this, "bias", zeros({c.hidden_size})),
      groups_(c.num_conv_pos_embedding_groups) {}
Tensor NormedConv::forward(const Tensor& x) const {
  const Tensor& v = weight_v;
  const Tensor weight = v * (weight_g / sqrt(sum(square(v), {0, 1}, true)));
  const int64_t kernel = v.size(2);
  const Tensor y = conv1d(x, weight, Tensor(bias), {.padding = kernel / 2, .groups = groups_});
  return slice(y, 2, 0, x.size(2));
}

PositionConv::PositionConv(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name), conv(this, "conv", c) {}

Attention::Attention(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name),
      k_proj(this, "k_proj", c.hidden_size, c.hidden_size),
      v_proj(this, "v_proj", c.hidden_size, c.hidden_size),
      q_proj(this, "q_proj", c.hidden_size, c.hidden_size),
      out_proj(this, "out_proj", c.hidden_size, c.hidden_size),
      heads_(c.num_attention_heads) {}
Tensor Attention::forward(const Tensor& x) const {
  const auto heads = [&](const Tensor& t) {
    return t.view({t.size(0), t.size(1), heads_, t.size(2) / heads_}).transpose(1, 2);
  };
  const Tensor y = scaled_dot_product_attention(heads(q_proj(x)), heads(k_proj(x)), heads(v_proj(x)));
  return out_proj(y.transpose(1, 2).flatten(2));
}

FeedForward::FeedForward(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name),
      intermediate_dense(this, "intermediate_dense", c.hidden_size, c.intermediate_size),
      output_dense(this, "output_dense", c.intermediate_size, c.hidden_size) {}

EncoderLayer::EncoderLayer(const Wav2Vec2Config& c)
    : attention(this, "attention", c),
      layer_norm(this, "layer_norm", Shape{c.hidden_size}, norm_of(c)),
      feed_forward(this, "feed_forward", c),
      final_layer_norm(this, "final_layer_norm", Shape{c.hidden_size}, norm_of(c)),
      before_(c.do_stable_layer_norm) {}
Tensor EncoderLayer::forward(const Tensor& x) const {
  const auto linear = [&](const Tensor& t) {
    return feed_forward.output_dense(gelu(feed_forward.intermediate_dense(t)));
  };
  if (before_) {
    const Tensor y = x + attention(layer_norm(x));
    return y + linear(final_layer_norm(y));
  }
  const Tensor y = layer_norm(x + attention(x));
  return final_layer_norm(y + linear(y));
}

Encoder::Encoder(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name),
      pos_conv_embed(this, "pos_conv_embed", c),
      layer_norm(this, "layer_norm", Shape{c.hidden_size}, norm_of(c)),
      layers(this, "layers"),
      before_(c.do_stable_layer_norm) {
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) layers.emplace_back(c);
}
Tensor Encoder::forward(const Tensor& x) const {
  Tensor y = x + gelu(pos_conv_embed.conv(x.transpose(1, 2))).transpose(1, 2);
  if (!before_) y = layer_norm(y);
  for (auto& layer : layers) y = layer(y);
  return before_ ? layer_norm(y) : y;
}

Base::Base(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& c)
    : Module(parent, name),
      feature_extractor(this, "feature_extractor", c),
      feature_projection(this, "feature_projection", c),
      encoder(this, "encoder", c) {}

}  // namespace wav2vec2

Wav2Vec2ForCtc::Wav2Vec2ForCtc(const Wav2Vec2Config& config)
    : config_(config),
      wav2vec2_(this, "wav2vec2", config),
      lm_head_(this, "lm_head", config.hidden_size, config.vocab_size) {}

Tensor Wav2Vec2ForCtc::forward(const Tensor& x) const {
  HEARTH_CHECK(x.defined() && x.dim() == 2, "Wav2Vec2ForCtc: expected sound [batch, samples], but got ",
               x.defined() ? concat(x.shape()) : "an undefined tensor");
  Tensor y = x.unsqueeze(1);
  for (auto& layer : wav2vec2_.feature_extractor.conv_layers) y = layer(y);
  const wav2vec2::FeatureProjection& p = wav2vec2_.feature_projection;
  return lm_head_(wav2vec2_.encoder(p.projection(p.layer_norm(y.transpose(1, 2)))));
}

Tensor normalized_waveform(const Tensor& x) {
  const Tensor centered = x - mean(x, {-1}, true);
  return centered / sqrt(mean(square(centered), {-1}, true) + 1e-7);
}

}  // namespace hearth::audio
