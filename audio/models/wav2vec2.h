// Wav2Vec2 with a CTC head (Baevski et al., 2020), from Hugging Face directories:
//
//   auto model = load_wav2vec2("wav2vec2-base-960h");
//   Tensor logits = (**model)(normalized_waveform(sound));   // [batch, frames, classes]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audio/models/wav2vec2_config.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"

namespace hearth::audio {

/// The parts of the model; members are named as in the files.
namespace wav2vec2 {

/// A convolution of the sound, a norm, and gelu.
struct ConvLayer : nn::Module<ConvLayer> {
  /// Number i of a model.
  ConvLayer(const Wav2Vec2Config& config, size_t i);
  /// x [batch, channels, time]. Gives the same with other sizes.
  Tensor forward(const Tensor& x) const;

  nn::Conv1d conv;                          ///< The convolution.
  std::optional<nn::GroupNorm> group_norm;  ///< Of each channel over time (base: the first layer's).
  std::optional<nn::LayerNorm> layer_norm;  ///< Over channels (large).
};
/// All convolutions of the sound.
struct FeatureExtractor : nn::Module<FeatureExtractor> {
  /// As the configuration says.
  FeatureExtractor(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  nn::ModuleList<ConvLayer> conv_layers;  ///< In their order.
};
/// From channels to the encoder's features.
struct FeatureProjection : nn::Module<FeatureProjection> {
  /// As the configuration says.
  FeatureProjection(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  nn::LayerNorm layer_norm;  ///< Over channels.
  nn::Linear projection;     ///< The product.
};
/// A convolution whose kernel is kept as lengths and directions (weight norm; Salimans and Kingma, 2016).
struct NormedConv : nn::Module<NormedConv> {
  /// As the configuration says.
  NormedConv(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  /// x [batch, features, frames].
  Tensor forward(const Tensor& x) const;

  nn::Parameter weight_g;  ///< Lengths, [1, 1, kernel].
  nn::Parameter weight_v;  ///< Directions, [features, features / groups, kernel].
  nn::Parameter bias;      ///< [features].

 private:
  int64_t groups_;
};
/// What tells the encoder positions.
struct PositionConv : nn::Module<PositionConv> {
  /// As the configuration says.
  PositionConv(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  NormedConv conv;  ///< The convolution.
};
/// Attention of a layer.
struct Attention : nn::Module<Attention> {
  /// As the configuration says.
  Attention(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  /// x [batch, frames, features].
  Tensor forward(const Tensor& x) const;

  nn::Linear k_proj;    ///< Keys.
  nn::Linear v_proj;    ///< Values.
  nn::Linear q_proj;    ///< Queries.
  nn::Linear out_proj;  ///< After attention.

 private:
  int64_t heads_;
};
/// The two linear layers of a layer.
struct FeedForward : nn::Module<FeedForward> {
  /// As the configuration says.
  FeedForward(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  nn::Linear intermediate_dense;  ///< The first, before gelu.
  nn::Linear output_dense;        ///< The second.
};
/// A layer of the encoder.
struct EncoderLayer : nn::Module<EncoderLayer> {
  /// As the configuration says.
  explicit EncoderLayer(const Wav2Vec2Config& config);
  /// x [batch, frames, features].
  Tensor forward(const Tensor& x) const;

  Attention attention;             ///< Attention.
  nn::LayerNorm layer_norm;        ///< Its norm.
  FeedForward feed_forward;        ///< The linear layers.
  nn::LayerNorm final_layer_norm;  ///< Their norm.

 private:
  bool before_;
};
/// The encoder.
struct Encoder : nn::Module<Encoder> {
  /// As the configuration says.
  Encoder(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  /// x [batch, frames, features].
  Tensor forward(const Tensor& x) const;

  PositionConv pos_conv_embed;          ///< Positions.
  nn::LayerNorm layer_norm;             ///< Before the layers, or behind them (large).
  nn::ModuleList<EncoderLayer> layers;  ///< In their order.

 private:
  bool before_;
};
/// All but the head.
struct Base : nn::Module<Base> {
  /// As the configuration says.
  Base(nn::ModuleBase* parent, const char* name, const Wav2Vec2Config& config);
  FeatureExtractor feature_extractor;    ///< Convolutions of the sound.
  FeatureProjection feature_projection;  ///< To the encoder's features.
  Encoder encoder;                       ///< The encoder.
};

}  // namespace wav2vec2

/// Wav2Vec2ForCTC of transformers, base and large layouts, for inference: it has no dropout, and sounds of a batch are
/// of one length.
class Wav2Vec2ForCtc : public nn::Module<Wav2Vec2ForCtc> {
 public:
  /// With first values.
  explicit Wav2Vec2ForCtc(const Wav2Vec2Config& config);
  /// Sound [batch, samples] at 16 kHz, normalized for models that were trained so. Gives logits [batch, frames,
  /// vocab_size], a frame for each 20 ms with the usual strides. Throws Error for fewer samples than one frame needs.
  Tensor forward(const Tensor& waveform) const;
  /// What the model was made of.
  const Wav2Vec2Config& config() const { return config_; }

 private:
  Wav2Vec2Config config_;
  wav2vec2::Base wav2vec2_;
  nn::Linear lm_head_;
};

/// Each signal [..., samples] less its mean, divided by its standard deviation, as Wav2Vec2FeatureExtractor does.
Tensor normalized_waveform(const Tensor& waveform);

/// The model of a directory with config.json and model.safetensors, in eval mode. The weights lie in the mapped file.
/// kInvalidArgument for a configuration as parse_wav2vec2_config(), and naming all tensors that are missing, unexpected
/// or of another shape.
absl::StatusOr<std::unique_ptr<Wav2Vec2ForCtc>> load_wav2vec2(const std::string& directory);
/// The names of the classes, of a directory with vocab.json: labels for CtcBeamSearch. kInvalidArgument unless it has
/// each number from 0 on once.
absl::StatusOr<std::vector<std::string>> load_ctc_labels(const std::string& directory);

}  // namespace hearth::audio
