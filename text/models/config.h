// Configurations: what a Hugging Face directory's config.json says of a model. Fields have the file's names where the
// families agree on one, and transformers' defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::text {

/// Ids with a meaning of their own.
struct SpecialIds {
  std::optional<int64_t> bos;  ///< Begins a text.
  std::vector<int64_t> eos;    ///< Each of them ends a text.
  std::optional<int64_t> pad;  ///< Fills up what is too short.
};

/// What the head of an encoder gives.
enum class BertHead : uint8_t {
  kNone,                    ///< The hidden states alone.
  kSequenceClassification,  ///< A class of the text.
  kTokenClassification,     ///< A class of each token.
  kMaskedLm,                ///< The token behind each mask.
};

/// BERT (Devlin et al., 2018), RoBERTa (Liu et al., 2019) and DistilBERT (Sanh et al., 2019).
struct BertConfig {
  /// The kind of encoder: it decides what the tensors are called, and the details that the comments below name.
  enum class Family : uint8_t {
    kBert,        ///< model_type "bert".
    kRoberta,     ///< model_type "roberta": positions are counted from pad + 1.
    kDistilBert,  ///< model_type "distilbert": no types of tokens, no pooler.
  };
  Family family = Family::kBert;     ///< The architecture.
  int64_t vocab_size = 30522;        ///< The number of ids.
  int64_t hidden_size = 768;         ///< Features of a token. DistilBERT: dim.
  int64_t num_hidden_layers = 12;    ///< DistilBERT: n_layers.
  int64_t num_attention_heads = 12;  ///< They divide hidden_size. DistilBERT: n_heads.
  int64_t intermediate_size = 3072;  ///< Features in the middle of a feed-forward layer. DistilBERT: hidden_dim.
  std::string hidden_act = "gelu";   ///< See Activation. DistilBERT: activation.
  double hidden_dropout_prob = 0.1;  ///< DistilBERT: dropout.
  double attention_probs_dropout_prob = 0.1;  ///< DistilBERT: attention_dropout.
  /// Before a classifier; hidden_dropout_prob without one. DistilBERT: seq_classif_dropout, of texts but not of tokens.
  std::optional<double> classifier_dropout;
  int64_t max_position_embeddings = 512;                     ///< Rows of the table of positions.
  int64_t type_vocab_size = 2;                               ///< Types of tokens.
  double layer_norm_eps = 1e-12;                             ///< Of every layer norm.
  double initializer_range = 0.02;                           ///< Standard deviation of first values.
  std::vector<std::string> labels = {"LABEL_0", "LABEL_1"};  ///< The classes, in the order of their ids.
  /// What the classes of a text mean: "regression", "single_label_classification" (softmax) or
  /// "multi_label_classification" (a sigmoid of each). Kept for whoever reads the logits.
  std::optional<std::string> problem_type = {};
  SpecialIds special{.bos = {}, .eos = {}, .pad = 0};  ///< RoBERTa's positions need `pad`.
  BertHead head = BertHead::kNone;                     ///< As `architectures` says.
};

/// GPT-2 (Radford et al., 2019).
struct Gpt2Config {
  int64_t vocab_size = 50257;                    ///< The number of ids.
  int64_t n_positions = 1024;                    ///< The longest text.
  int64_t n_embd = 768;                          ///< Features of a token.
  int64_t n_layer = 12;                          ///< The number of layers.
  int64_t n_head = 12;                           ///< They divide n_embd.
  std::optional<int64_t> n_inner;                ///< Features in the middle of a feed-forward layer; 4 n_embd without.
  std::string activation_function = "gelu_new";  ///< See Activation.
  double resid_pdrop = 0.1;                      ///< Dropout after each part of a layer.
  double embd_pdrop = 0.1;                       ///< Dropout of the embeddings.
  double attn_pdrop = 0.1;                       ///< Dropout of attention weights.
  double layer_norm_epsilon = 1e-5;              ///< Of every layer norm.
  double initializer_range = 0.02;               ///< Standard deviation of first values.
  bool scale_attn_weights = true;                ///< Scores are divided by sqrt(head size).
  bool scale_attn_by_inverse_layer_idx = false;  ///< And by the number of the layer, from 1.
  bool tie_word_embeddings = true;               ///< The head's weight is the table of embeddings.
  SpecialIds special{.bos = 50256, .eos = {50256}, .pad = {}};  ///< <|endoftext|>.
};

/// How rotary embeddings are stretched to longer texts.
struct RopeConfig {
  /// The kinds that transformers knows.
  enum class Type : uint8_t {
    kDefault,   ///< As they were made (Su et al., "RoFormer", 2021).
    kLinear,    ///< Positions divided by `factor` (Chen et al., 2023).
    kDynamic,   ///< A base that grows with the text (NTK-aware scaling).
    kYarn,      ///< Peng et al., "YaRN", 2023.
    kLongRope,  ///< Ding et al., "LongRoPE", 2024: a factor for each frequency.
    kLlama3,    ///< Llama 3.1: low frequencies are divided by `factor`.
  };
  Type type = Type::kDefault;                    ///< How frequencies are changed for longer texts.
  double theta = 10000;                          ///< The base.
  double factor = 1;                             ///< By how much texts are longer.
  int64_t original_max_position_embeddings = 0;  ///< The longest text before; 0: max_position_embeddings.
  std::optional<double> attention_factor = {};   ///< What cos and sin are multiplied by. yarn, longrope.
  double low_freq_factor = 1;                    ///< llama3.
  double high_freq_factor = 4;                   ///< llama3.
  double beta_fast = 32;                         ///< yarn.
  double beta_slow = 1;                          ///< yarn.
  std::optional<double> mscale = {};             ///< yarn, as DeepSeek has it.
  std::optional<double> mscale_all_dim = {};     ///< yarn, as DeepSeek has it.
  bool truncate = true;                          ///< yarn: the ramp begins and ends at whole frequencies.
  std::vector<double> short_factor = {};  ///< longrope: head_dim / 2 factors for texts up to the original length.
  std::vector<double> long_factor = {};   ///< longrope: the same for longer ones.

  /// The longest text before it was stretched, of a model with this max_position_embeddings.
  int64_t original_length(int64_t max_position_embeddings) const {
    return original_max_position_embeddings > 0 ? original_max_position_embeddings : max_position_embeddings;
  }
};

/// Llama (Touvron et al., 2023) and its kin.
struct LlamaConfig {
  /// The model_type; the fields below say what it means.
  enum class Family : uint8_t {
    kLlama,    ///< "llama".
    kMistral,  ///< "mistral".
    kQwen2,    ///< "qwen2".
    kQwen3,    ///< "qwen3".
  };
  Family family = Family::kLlama;          ///< The architecture.
  int64_t vocab_size = 32000;              ///< The number of ids.
  int64_t hidden_size = 4096;              ///< Features of a token.
  int64_t intermediate_size = 11008;       ///< Features in the middle of a feed-forward layer.
  int64_t num_hidden_layers = 32;          ///< The number of layers.
  int64_t num_attention_heads = 32;        ///< Query heads.
  int64_t num_key_value_heads = 32;        ///< Key heads; they divide the query heads.
  int64_t head_dim = 128;                  ///< The size of a head, an even number.
  std::string hidden_act = "silu";         ///< See Activation.
  int64_t max_position_embeddings = 2048;  ///< The longest text, if the rotary embeddings do not stretch it.
  double rms_norm_eps = 1e-6;              ///< Of every norm.
  double initializer_range = 0.02;         ///< Standard deviation of first values.
  double attention_dropout = 0;            ///< Dropout of attention weights.
  bool qkv_bias = false;                   ///< Queries, keys and values have biases.
  bool output_bias = false;                ///< So has the projection after attention.
  bool mlp_bias = false;                   ///< So has the feed-forward layer.
  bool qk_norm = false;                    ///< Queries and keys of each head are normalised.
  std::optional<int64_t> sliding_window;   ///< How many positions a query of such a layer sees, itself included.
  int64_t full_layers = 0;                 ///< The first layers without the window, if `windowed` is empty.
  std::vector<bool> windowed;              ///< For each layer whether it has the window (layer_types).
  RopeConfig rope;                         ///< The rotary embeddings.
  bool tie_word_embeddings = false;        ///< The head's weight is the table of embeddings.
  SpecialIds special{.bos = 1, .eos = {2}, .pad = {}};  ///< <s> and </s>.

  /// The window of a layer; nullopt where it sees everything.
  std::optional<int64_t> window(int64_t layer) const;
  /// The longest text: linear and dynamic multiply max_position_embeddings by their factor, yarn multiplies the
  /// original length if that gives more; otherwise it is max_position_embeddings.
  int64_t max_positions() const;
};

/// The configuration of a model of any family.
using ModelConfig = std::variant<BertConfig, Gpt2Config, LlamaConfig>;

/// What was read, and what of it was left aside.
struct ConfigFile {
  ModelConfig config;                      ///< The configuration.
  std::vector<std::string> architectures;  ///< As the file names them; may be empty.
  std::vector<std::string> unknown_keys;   ///< Keys that are neither known nor used: tell the user.
};

/// Reads a config.json. kInvalidArgument names the key that is missing, of a wrong type or out of range; sizes are
/// limited, so that no file asks for endless layers. kUnimplemented names a model_type, an architecture, an activation,
/// a kind of rotary embedding, or an option that would change what the model computes and is not known.
absl::StatusOr<ConfigFile> read_config(const std::string& path);
/// The same from the file's text. `place` stands for the path in messages.
absl::StatusOr<ConfigFile> parse_config(std::string_view json, const std::string& place = "config.json");

/// The config.json that transformers reads, for a model of this configuration.
std::string config_to_json(const ModelConfig& config);

/// What a model's constructor checks, in the same words as parse_config(): throws Error if a size is out of range or
/// sizes do not fit each other.
void check_config(const ModelConfig& config);

}  // namespace hearth::text
