// What config.json says of a Wav2Vec2 model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::audio {

/// The sizes of a Wav2Vec2 model, named and set as transformers'.
struct Wav2Vec2Config {
  int64_t vocab_size = 32;                                              ///< Classes of the CTC head.
  int64_t hidden_size = 768;                                            ///< Features of a frame.
  int64_t num_hidden_layers = 12;                                       ///< Layers of the encoder.
  int64_t num_attention_heads = 12;                                     ///< Heads of each.
  int64_t intermediate_size = 3072;                                     ///< Features between their two linear layers.
  std::vector<int64_t> conv_dim = {512, 512, 512, 512, 512, 512, 512};  ///< Channels of the convolutions,
  std::vector<int64_t> conv_stride = {5, 2, 2, 2, 2, 2, 2};             ///< their strides,
  std::vector<int64_t> conv_kernel = {10, 3, 3, 3, 3, 2, 2};            ///< and their kernels.
  bool conv_bias = false;                                               ///< They have a bias (large layouts).
  bool layer_norm_everywhere = false;          ///< feat_extract_norm "layer": each has a norm, and not the first alone.
  bool do_stable_layer_norm = false;           ///< Norms are before attention and linear layers (large layouts).
  int64_t num_conv_pos_embeddings = 128;       ///< The kernel of the convolution that tells positions.
  int64_t num_conv_pos_embedding_groups = 16;  ///< Its groups.
  double layer_norm_eps = 1e-5;                ///< Of the norms.
  int64_t pad_token_id = 0;                    ///< The blank of the CTC head.
};

/// Reads config.json. kInvalidArgument, naming the key, for another kind of model, for sizes that are not possible, and
/// for values of keys that this implementation does not have: activations but gelu, adapters.
absl::StatusOr<Wav2Vec2Config> parse_wav2vec2_config(std::string_view json);

}  // namespace hearth::audio
