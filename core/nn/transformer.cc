#include "core/nn/transformer.h"

#include <limits>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/rearrange.h"

namespace hearth::nn {
namespace {

MultiheadAttentionOptions attention_of(const TransformerLayerOptions& o) {
  return {.dropout = o.dropout, .bias = o.bias, .batch_first = o.batch_first};
}
LayerNormOptions norm_of(const TransformerLayerOptions& o) { return {.eps = o.layer_norm_eps, .bias = o.bias}; }

void check_layer(const char* layer, const TransformerLayerOptions& o) {
  HEARTH_CHECK(o.dim_feedforward >= 1, layer, ": dim_feedforward must be at least 1, but is ", o.dim_feedforward);
  HEARTH_CHECK(o.activation, layer, ": there is no activation");
}

// The sum of x and f of it, normalised before f or behind the sum.
template <class F>
Tensor with_residual(const Tensor& x, const LayerNorm& norm, bool norm_first, F f) {
  return norm_first ? x + f(norm(x)) : norm(x + f(x));
}

template <class Layer>
void fill_stack(const char* stack, ModuleBase* self, const Layer& layer, int64_t count, ModuleList<Layer>& layers,
                const std::optional<LayerNorm>& given, std::optional<Member<LayerNorm>>& norm) {
  HEARTH_CHECK(count >= 0, stack, ": the number of layers must not be negative, but is ", count);
  for (int64_t i = 0; i < count; ++i) layers.emplace_back(*clone(layer));
  if (given) norm.emplace(self, "norm", *given);
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                                                 const TransformerLayerOptions& options)
    : Module(parent, name),
      self_attn(this, "self_attn", embed, heads, attention_of(options)),
      linear1(this, "linear1", embed, options.dim_feedforward, {.bias = options.bias}),
      dropout(this, "dropout", options.dropout),
      linear2(this, "linear2", options.dim_feedforward, embed, {.bias = options.bias}),
      norm1(this, "norm1", {embed}, norm_of(options)),
      norm2(this, "norm2", {embed}, norm_of(options)),
      dropout1(this, "dropout1", options.dropout),
      dropout2(this, "dropout2", options.dropout),
      activation_(options.activation),
      norm_first_(options.norm_first) {
  check_layer("TransformerEncoderLayer", options);
}

Tensor TransformerEncoderLayer::forward(const Tensor& x, const AttentionMasks& masks) const {
  const Tensor attended =
      with_residual(x, norm1, norm_first_, [&](const Tensor& t) { return dropout1(self_attn(t, t, t, masks)); });
  return with_residual(attended, norm2, norm_first_,
                       [&](const Tensor& t) { return dropout2(linear2(dropout(activation_(linear1(t))))); });
}

TransformerDecoderLayer::TransformerDecoderLayer(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                                                 const TransformerLayerOptions& options)
    : Module(parent, name),
      self_attn(this, "self_attn", embed, heads, attention_of(options)),
      multihead_attn(this, "multihead_attn", embed, heads, attention_of(options)),
      linear1(this, "linear1", embed, options.dim_feedforward, {.bias = options.bias}),
      dropout(this, "dropout", options.dropout),
      linear2(this, "linear2", options.dim_feedforward, embed, {.bias = options.bias}),
      norm1(this, "norm1", {embed}, norm_of(options)),
      norm2(this, "norm2", {embed}, norm_of(options)),
      norm3(this, "norm3", {embed}, norm_of(options)),
      dropout1(this, "dropout1", options.dropout),
      dropout2(this, "dropout2", options.dropout),
      dropout3(this, "dropout3", options.dropout),
      activation_(options.activation),
      norm_first_(options.norm_first) {
  check_layer("TransformerDecoderLayer", options);
}

Tensor TransformerDecoderLayer::forward(const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                                        const AttentionMasks& memory_masks) const {
  Tensor y = with_residual(x, norm1, norm_first_, [&](const Tensor& t) { return dropout1(self_attn(t, t, t, masks)); });
  y = with_residual(y, norm2, norm_first_,
                    [&](const Tensor& t) { return dropout2(multihead_attn(t, memory, memory, memory_masks)); });
  return with_residual(y, norm3, norm_first_,
                       [&](const Tensor& t) { return dropout3(linear2(dropout(activation_(linear1(t))))); });
}

TransformerEncoder::TransformerEncoder(ModuleBase* parent, const char* name, const TransformerEncoderLayer& layer,
                                       int64_t count, const std::optional<LayerNorm>& given)
    : Module(parent, name), layers(this, "layers") {
  fill_stack("TransformerEncoder", this, layer, count, layers, given, norm);
}

Tensor TransformerEncoder::forward(const Tensor& x, const AttentionMasks& masks) const {
  Tensor y = x;
  for (const TransformerEncoderLayer& layer : layers) y = layer(y, masks);
  return norm ? (*norm)(y) : y;
}

TransformerDecoder::TransformerDecoder(ModuleBase* parent, const char* name, const TransformerDecoderLayer& layer,
                                       int64_t count, const std::optional<LayerNorm>& given)
    : Module(parent, name), layers(this, "layers") {
  fill_stack("TransformerDecoder", this, layer, count, layers, given, norm);
}

Tensor TransformerDecoder::forward(const Tensor& x, const Tensor& memory, const AttentionMasks& masks,
                                   const AttentionMasks& memory_masks) const {
  Tensor y = x;
  for (const TransformerDecoderLayer& layer : layers) y = layer(y, memory, masks, memory_masks);
  return norm ? (*norm)(y) : y;
}

Transformer::Transformer(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                         const TransformerOptions& options)
    : Module(parent, name),
      encoder(this, "encoder", TransformerEncoderLayer(embed, heads, options.layer), options.encoder_layers,
              LayerNorm({embed}, norm_of(options.layer))),
      decoder(this, "decoder", TransformerDecoderLayer(embed, heads, options.layer), options.decoder_layers,
              LayerNorm({embed}, norm_of(options.layer))) {
  reset_parameters();
}

void Transformer::reset_parameters() {
  for (Tensor& t : parameters()) {
    if (t.dim() > 1) init::xavier_uniform_(t);
  }
}

Tensor Transformer::forward(const Tensor& src, const Tensor& tgt, const TransformerMasks& masks) const {
  return decoder(tgt, encoder(src, masks.src), masks.tgt, masks.memory);
}

Tensor Transformer::generate_square_subsequent_mask(int64_t size, const TensorOptions& options) {
  HEARTH_CHECK(size >= 0, "generate_square_subsequent_mask: the size must not be negative, but is ", size);
  return triu(full({size, size}, -std::numeric_limits<double>::infinity(), options), 1);
}

}  // namespace hearth::nn
