/// The layers of "Attention is all you need" (Vaswani et al., 2017). Parameters are named as in PyTorch.
///
/// Sequences are [time, batch, embed], or with batch_first [batch, time, embed], or [time, embed] without a batch.
/// Padded places are computed as any other: PyTorch's fast path of eval() puts 0 there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <tuple>

#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"

namespace hearth::nn {

/// Options of TransformerEncoderLayer and TransformerDecoderLayer.
struct TransformerLayerOptions {
  /// The features between the two linear layers.
  int64_t dim_feedforward = 2048;
  /// In training, the probability of zeros among attention weights, between the linear layers, and in what is added.
  double dropout = 0.1;
  /// Between the linear layers: .activation = [](const Tensor& x) { return gelu(x); }.
  std::function<Tensor(const Tensor&)> activation = [](const Tensor& x) { return relu(x); };
  /// Added to the variances of the norms.
  double layer_norm_eps = 1e-5;
  /// [batch, time, embed] in place of [time, batch, embed].
  bool batch_first = false;
  /// Norms stand before attention and linear layers (Xiong et al., 2020), not behind the sums.
  bool norm_first = false;
  /// Linear layers, attention and norms have biases.
  bool bias = true;
};

/// Self-attention and two linear layers, each added to what it is given and normalised.
class TransformerEncoderLayer : public Module<TransformerEncoderLayer> {
 public:
  /// Of `embed` features and so many heads. Throws Error as MultiheadAttention, if dim_feedforward is below 1, or if
  /// there is no activation.
  TransformerEncoderLayer(int64_t embed, int64_t heads, const TransformerLayerOptions& options = {})
      : TransformerEncoderLayer(nullptr, "", embed, heads, options) {}
  /// The same as a member of `parent`.
  TransformerEncoderLayer(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                          const TransformerLayerOptions& options = {});
  /// The result has the shape of x. The masks say which places no place attends to; see AttentionMasks. PyTorch:
  /// src_mask, src_key_padding_mask, is_causal; here `causal` is a mask of its own and needs no other.
  Tensor forward(const Tensor& x, const AttentionMasks& masks = {}) const;
  /// Takes {.padding = ...} too.
  using Module::operator();
  /// forward(x, masks), called as a module.
  Tensor operator()(const Tensor& x, const AttentionMasks& masks) const { return Module::operator()(x, masks); }

  MultiheadAttention self_attn;  ///< Of x to itself.
  Linear linear1;                ///< To the features between: [dim_feedforward, embed].
  Dropout dropout;               ///< Behind the activation.
  Linear linear2;                ///< Back: [embed, dim_feedforward].
  LayerNorm norm1;               ///< Of the attention.
  LayerNorm norm2;               ///< Of the linear layers.
  Dropout dropout1;              ///< Of what the attention adds.
  Dropout dropout2;              ///< Of what the linear layers add.

 private:
  std::function<Tensor(const Tensor&)> activation_;
  bool norm_first_;
};

/// Self-attention, attention to an encoder's result, and two linear layers, each added to what it is given and
/// normalised.
class TransformerDecoderLayer : public Module<TransformerDecoderLayer> {
 public:
  /// Of `embed` features and so many heads. Throws Error as TransformerEncoderLayer.
  TransformerDecoderLayer(int64_t embed, int64_t heads, const TransformerLayerOptions& options = {})
      : TransformerDecoderLayer(nullptr, "", embed, heads, options) {}
  /// The same as a member of `parent`.
  TransformerDecoderLayer(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                          const TransformerLayerOptions& options = {});
  /// The result has the shape of x. `memory` is the encoder's result, of any number of places. `masks` are of x to
  /// itself, `memory_masks` of x to the memory.
  Tensor forward(const Tensor& x, const Tensor& memory, const AttentionMasks& masks = {},
                 const AttentionMasks& memory_masks = {}) const;
  /// Takes {.causal = true} too.
  using Module::operator();
  /// forward(x, memory, masks, memory_masks), called as a module.
  Tensor operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                    const AttentionMasks& memory_masks = {}) const {
    return Module::operator()(x, memory, masks, memory_masks);
  }

  MultiheadAttention self_attn;       ///< Of x to itself.
  MultiheadAttention multihead_attn;  ///< Of x to the memory.
  Linear linear1;                     ///< To the features between: [dim_feedforward, embed].
  Dropout dropout;                    ///< Behind the activation.
  Linear linear2;                     ///< Back: [embed, dim_feedforward].
  LayerNorm norm1;                    ///< Of the self-attention.
  LayerNorm norm2;                    ///< Of the attention to the memory.
  LayerNorm norm3;                    ///< Of the linear layers.
  Dropout dropout1;                   ///< Of what the self-attention adds.
  Dropout dropout2;                   ///< Of what the attention to the memory adds.
  Dropout dropout3;                   ///< Of what the linear layers add.

 private:
  std::function<Tensor(const Tensor&)> activation_;
  bool norm_first_;
};

/// Encoder layers one after the other, and a norm behind them if one is given.
class TransformerEncoder : public Module<TransformerEncoder> {
 public:
  /// `count` copies of the layer, with tensors of their own, which begin with its values; initialize() gives each its
  /// own. Throws Error if the count is negative.
  TransformerEncoder(const TransformerEncoderLayer& layer, int64_t count, const std::optional<LayerNorm>& norm = {})
      : TransformerEncoder(nullptr, "", layer, count, norm) {}
  /// The same as a member of `parent`.
  TransformerEncoder(ModuleBase* parent, const char* name, const TransformerEncoderLayer& layer, int64_t count,
                     const std::optional<LayerNorm>& norm = {});
  /// The result has the shape of x. Every layer has the masks.
  Tensor forward(const Tensor& x, const AttentionMasks& masks = {}) const;
  /// Takes {.padding = ...} too.
  using Module::operator();
  /// forward(x, masks), called as a module.
  Tensor operator()(const Tensor& x, const AttentionMasks& masks) const { return Module::operator()(x, masks); }

  ModuleList<TransformerEncoderLayer> layers;  ///< "layers.0", ...
  std::optional<Member<LayerNorm>> norm;       ///< Behind the last.
};

/// Decoder layers one after the other, and a norm behind them if one is given.
class TransformerDecoder : public Module<TransformerDecoder> {
 public:
  /// `count` copies of the layer, with tensors of their own, which begin with its values; initialize() gives each its
  /// own. Throws Error if the count is negative.
  TransformerDecoder(const TransformerDecoderLayer& layer, int64_t count, const std::optional<LayerNorm>& norm = {})
      : TransformerDecoder(nullptr, "", layer, count, norm) {}
  /// The same as a member of `parent`.
  TransformerDecoder(ModuleBase* parent, const char* name, const TransformerDecoderLayer& layer, int64_t count,
                     const std::optional<LayerNorm>& norm = {});
  /// The result has the shape of x. Every layer has the memory and the masks.
  Tensor forward(const Tensor& x, const Tensor& memory, const AttentionMasks& masks = {},
                 const AttentionMasks& memory_masks = {}) const;
  /// Takes {.causal = true} too.
  using Module::operator();
  /// forward(x, memory, masks, memory_masks), called as a module.
  Tensor operator()(const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                    const AttentionMasks& memory_masks = {}) const {
    return Module::operator()(x, memory, masks, memory_masks);
  }

  ModuleList<TransformerDecoderLayer> layers;  ///< "layers.0", ...
  std::optional<Member<LayerNorm>> norm;       ///< Behind the last.
};

/// Options of Transformer.
struct TransformerOptions {
  int64_t encoder_layers = 6;     ///< PyTorch: num_encoder_layers.
  int64_t decoder_layers = 6;     ///< PyTorch: num_decoder_layers.
  TransformerLayerOptions layer;  ///< Of every layer; layer_norm_eps and bias also of the norms behind the last.
};
/// What places of a Transformer do not attend to.
struct TransformerMasks {
  AttentionMasks src = {};     ///< Of the source to itself.
  AttentionMasks tgt = {};     ///< Of the target to itself; {.causal = true} for the next word.
  AttentionMasks memory = {};  ///< Of the target to the encoder's result: where the source is padded, say so here too.
  /// The tensors, for hooks of modules (core/nn/tensors_of.h).
  auto tensors() { return std::tie(src, tgt, memory); }
};
/// An encoder and a decoder, each with a norm behind it. The layers of a stack begin as copies of one, but for their
/// weights of 2 or more dimensions; initialize() draws each layer's, so that it gives other values than constructors.
class Transformer : public Module<Transformer> {
 public:
  /// Of `embed` features and so many heads. Throws Error as the layers.
  explicit Transformer(int64_t embed = 512, int64_t heads = 8, const TransformerOptions& options = {})
      : Transformer(nullptr, "", embed, heads, options) {}
  /// The same as a member of `parent`.
  Transformer(ModuleBase* parent, const char* name, int64_t embed = 512, int64_t heads = 8,
              const TransformerOptions& options = {});
  /// The decoder of tgt and of the encoder's result of src: in the shape of tgt.
  Tensor forward(const Tensor& src, const Tensor& tgt, const TransformerMasks& masks = {}) const;
  /// Takes {.tgt = {.causal = true}} too.
  using Module::operator();
  /// forward(src, tgt, masks), called as a module.
  Tensor operator()(const Tensor& src, const Tensor& tgt, const TransformerMasks& masks) const {
    return Module::operator()(src, tgt, masks);
  }
  /// Gives all weights of 2 or more dimensions new xavier-uniform values, those of members included.
  void reset_parameters();
  /// A mask for `size` places, [size, size]: -infinity where a place is later, else 0. {.causal = true} does the same
  /// without a mask in memory.
  static Tensor generate_square_subsequent_mask(int64_t size, const TensorOptions& options = {});

  TransformerEncoder encoder;  ///< "encoder.layers.0", ..., "encoder.norm".
  TransformerDecoder decoder;  ///< "decoder.layers.0", ..., "decoder.norm".
};

}  // namespace hearth::nn
