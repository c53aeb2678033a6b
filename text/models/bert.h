// BERT (Devlin et al., 2018), RoBERTa (Liu et al., 2019) and DistilBERT (Sanh et al., 2019): encoders with heads.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "text/models/activation.h"
#include "text/models/config.h"

namespace hearth::text {

/// What an encoder reads.
struct BertInput {
  /// [batch, tokens] i64.
  Tensor ids;
  /// [batch, tokens] bool (or integers, 0: false): false where there is padding, which belongs at the right: positions
  /// are counted from the first token on, and the first token stands for the text. Without a mask no token is padding.
  Tensor attention_mask;
  /// [batch, tokens] i64: 0 for the first text, 1 for the second; all 0 without. Not for DistilBERT.
  Tensor token_type_ids;
  /// The tensors, for hooks of modules (core/nn/tensors_of.h).
  auto tensors() { return std::tie(ids, attention_mask, token_type_ids); }
};

namespace bert {

/// What files call the model without a head: "bert", "roberta" or "distilbert".
const char* base_name_of(BertConfig::Family family);

/// Tables of tokens, positions and types, and a norm.
class Embeddings : public nn::Module<Embeddings> {
 public:
  /// As the configuration says.
  Embeddings(nn::ModuleBase* parent, const char* name, const BertConfig& config);
  /// Gives [batch, tokens, hidden_size].
  Tensor forward(const BertInput& input) const;

  nn::Embedding word_embeddings;                       ///< Tokens.
  nn::Embedding position_embeddings;                   ///< Positions.
  std::optional<nn::Embedding> token_type_embeddings;  ///< Types; not in DistilBERT.
  nn::LayerNorm LayerNorm;                             ///< Named as in the files.

 private:
  bool roberta_;
  int64_t pad_;
  double dropout_;
};

/// Queries, keys and values.
struct SelfAttention : nn::Module<SelfAttention> {
  /// Of `size` features.
  SelfAttention(nn::ModuleBase* parent, const char* name, int64_t size);
  nn::Linear query;  ///< Queries.
  nn::Linear key;    ///< Keys.
  nn::Linear value;  ///< Values.
};
/// A product and the norm after what it is added to.
struct DenseNorm : nn::Module<DenseNorm> {
  /// From `in` features to `out`.
  DenseNorm(nn::ModuleBase* parent, const char* name, int64_t in, int64_t out, double eps);
  nn::Linear dense;         ///< The product.
  nn::LayerNorm LayerNorm;  ///< Named as in the files.
};
/// A product alone, under the name that the files give it.
struct Dense : nn::Module<Dense> {
  /// From `in` features to `out`.
  Dense(nn::ModuleBase* parent, const char* name, int64_t in, int64_t out);
  nn::Linear dense;  ///< The product.
};
/// Attention of one layer.
struct Attention : nn::Module<Attention> {
  /// As the configuration says.
  Attention(nn::ModuleBase* parent, const char* name, const BertConfig& config);
  SelfAttention self;  ///< Queries, keys and values.
  DenseNorm output;    ///< After attention.
};

/// What a layer is made of, whatever its names.
struct LayerParts {
  const nn::Linear& query;              ///< Queries.
  const nn::Linear& key;                ///< Keys.
  const nn::Linear& value;              ///< Values.
  const nn::Linear& attention_output;   ///< After attention.
  const nn::LayerNorm& attention_norm;  ///< After that is added.
  const nn::Linear& inner;              ///< To the middle of the feed-forward part.
  const nn::Linear& output;             ///< And back.
  const nn::LayerNorm& output_norm;     ///< After that is added.
};
/// How a layer computes.
struct LayerOptions {
  int64_t heads;                    ///< Attention heads.
  Activation activation;            ///< In the feed-forward part.
  double output_dropout;            ///< After the feed-forward part, in training.
  double attention_output_dropout;  ///< After the attention part, in training; DistilBERT has none.
  double attention_dropout;         ///< Of attention weights, in training.
};

/// One layer of BERT and RoBERTa.
class Layer : public nn::Module<Layer> {
 public:
  /// As the configuration says.
  explicit Layer(const BertConfig& config);
  /// x [batch, tokens, hidden_size], mask broadcasts to [batch, heads, tokens, tokens]; the result has the shape of x.
  Tensor forward(const Tensor& x, const std::optional<Tensor>& mask) const;

  Attention attention;  ///< Attention.
  Dense intermediate;   ///< To the middle.
  DenseNorm output;     ///< And back.

 private:
  LayerOptions options_;
};
/// The layers of BERT and RoBERTa.
struct Layers : nn::Module<Layers> {
  /// As the configuration says.
  Layers(nn::ModuleBase* parent, const char* name, const BertConfig& config);
  nn::ModuleList<Layer> layer;  ///< In their order.
};

/// Attention of one layer of DistilBERT.
struct DistilAttention : nn::Module<DistilAttention> {
  /// Of `size` features.
  DistilAttention(nn::ModuleBase* parent, const char* name, int64_t size);
  nn::Linear q_lin;    ///< Queries.
  nn::Linear k_lin;    ///< Keys.
  nn::Linear v_lin;    ///< Values.
  nn::Linear out_lin;  ///< After attention.
};
/// The feed-forward part of one layer of DistilBERT.
struct DistilFeedForward : nn::Module<DistilFeedForward> {
  /// From `size` features to `inner`, and back.
  DistilFeedForward(nn::ModuleBase* parent, const char* name, int64_t size, int64_t inner);
  nn::Linear lin1;  ///< To the middle.
  nn::Linear lin2;  ///< And back.
};
/// One layer of DistilBERT.
class DistilLayer : public nn::Module<DistilLayer> {
 public:
  /// As the configuration says.
  explicit DistilLayer(const BertConfig& config);
  /// As Layer::forward().
  Tensor forward(const Tensor& x, const std::optional<Tensor>& mask) const;

  DistilAttention attention;        ///< Attention.
  nn::LayerNorm sa_layer_norm;      ///< After attention is added.
  DistilFeedForward ffn;            ///< The feed-forward part.
  nn::LayerNorm output_layer_norm;  ///< After that is added.

 private:
  LayerOptions options_;
};
/// The layers of DistilBERT.
struct DistilLayers : nn::Module<DistilLayers> {
  /// As the configuration says.
  DistilLayers(nn::ModuleBase* parent, const char* name, const BertConfig& config);
  nn::ModuleList<DistilLayer> layer;  ///< In their order.
};

/// Everything but the head.
class Base : public nn::Module<Base> {
 public:
  /// As the configuration says; with a pooler only if asked for, and never in DistilBERT.
  Base(nn::ModuleBase* parent, const char* name, const BertConfig& config, bool pooler);
  /// Gives [batch, tokens, hidden_size].
  Tensor forward(const BertInput& input) const;

  Embeddings embeddings;                    ///< Tokens to features.
  std::optional<Layers> encoder;            ///< Layers of BERT and RoBERTa.
  std::optional<DistilLayers> transformer;  ///< Layers of DistilBERT.
  std::optional<Dense> pooler;              ///< Of the first token.

  /// The longest text, in tokens.
  int64_t max_positions() const { return max_positions_; }

 private:
  int64_t max_positions_;
};

/// RoBERTa's classifier of a text.
struct ClassificationHead : nn::Module<ClassificationHead> {
  /// As the configuration says.
  ClassificationHead(nn::ModuleBase* parent, const char* name, const BertConfig& config);
  nn::Linear dense;     ///< Of the first token.
  nn::Linear out_proj;  ///< To the classes.
};
/// x weight^T + bias, where the weight is the table of tokens.
class Decoder : public nn::Module<Decoder> {
 public:
  /// Shares `table` with the embeddings, and `bias` with the head that it belongs to.
  Decoder(nn::ModuleBase* parent, const char* name, const Tensor& table, const Tensor& bias);
  /// Gives [..., vocab_size].
  Tensor forward(const Tensor& x) const;
  /// The bias as zeros; the weight gets its values from the table.
  void reset_parameters();

  nn::Parameter weight;  ///< [vocab_size, hidden_size].
  nn::Parameter bias;    ///< [vocab_size].
};
/// BERT's head of masked tokens.
class Predictions : public nn::Module<Predictions> {
 public:
  /// Over the table of tokens.
  Predictions(nn::ModuleBase* parent, const char* name, const BertConfig& config, const Tensor& table);
  /// The bias as zeros.
  void reset_parameters();

  DenseNorm transform;  ///< Before the product.
  nn::Parameter bias;   ///< [vocab_size]; the decoder's too.
  Decoder decoder;      ///< The product.
};
/// What the files call cls.
struct Cls : nn::Module<Cls> {
  /// Over the table of tokens.
  Cls(nn::ModuleBase* parent, const char* name, const BertConfig& config, const Tensor& table);
  Predictions predictions;  ///< The head.
};
/// RoBERTa's head of masked tokens.
class RobertaLmHead : public nn::Module<RobertaLmHead> {
 public:
  /// Over the table of tokens.
  RobertaLmHead(nn::ModuleBase* parent, const char* name, const BertConfig& config, const Tensor& table);
  /// The bias as zeros.
  void reset_parameters();

  nn::Linear dense;          ///< Before the product.
  nn::LayerNorm layer_norm;  ///< After the activation.
  nn::Parameter bias;        ///< [vocab_size]; the decoder's too.
  Decoder decoder;           ///< The product.
};

}  // namespace bert

/// An encoder with the head that its configuration names. Parameters are named as in the files of a model with a head:
/// bert.encoder.layer.0.attention.self.query.weight, classifier.weight.
class BertModel : public nn::Module<BertModel> {
 public:
  /// With first values as transformers draws them. The pooler is made where the head needs it, and without a head if
  /// `pooler`. Throws Error if the configuration is impossible.
  explicit BertModel(const BertConfig& config, bool pooler = true);

  /// The hidden states of the last layer, [batch, tokens, hidden_size]; those of padding have no meaning. Throws Error
  /// where shapes do not fit, for ids that do not exist, and for more than max_positions() tokens.
  Tensor hidden_states(const BertInput& input) const;
  /// Of hidden states: tanh of a product with the first token's, [batch, hidden_size]. Throws Error without a pooler.
  Tensor pooled(const Tensor& hidden_states) const;
  /// What the head gives: [batch, labels], [batch, tokens, labels] or [batch, tokens, vocab_size]. Throws Error without
  /// a head, and as hidden_states().
  Tensor logits(const BertInput& input) const;
  /// logits(), or hidden_states() without a head.
  Tensor forward(const BertInput& input) const;

  /// The longest text, in tokens.
  int64_t max_positions() const { return base_.max_positions(); }
  /// Whether there is a pooler.
  bool has_pooler() const { return base().pooler.has_value(); }
  /// What it was made with.
  const BertConfig& config() const { return config_; }
  /// Everything but the head.
  const bert::Base& base() const { return base_; }
  /// What the files call it: "bert", "roberta" or "distilbert".
  const std::string& base_name() const { return base_.name(); }
  /// Gives embeddings and linear layers their first values anew: normal, with the configuration's initializer_range;
  /// biases are zeros.
  void reset_parameters();

 private:
  Tensor classify(const Tensor& hidden) const;
  Tensor drop(const Tensor& x) const;
  BertConfig config_;
  Activation activation_;
  bert::Base base_;
  std::optional<nn::Linear> pre_classifier_, classifier_, vocab_transform_;
  std::optional<bert::ClassificationHead> roberta_classifier_;
  std::optional<bert::Cls> cls_;
  std::optional<bert::RobertaLmHead> lm_head_;
  std::optional<nn::LayerNorm> vocab_layer_norm_;
  std::optional<bert::Decoder> vocab_projector_;
};

}  // namespace hearth::text
