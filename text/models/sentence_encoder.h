// Sentence embeddings, as the directories of sentence-transformers describe them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"
#include "text/models/bert.h"
#include "text/models/pretrained.h"
#include "text/models/text_name.h"
#include "text/models/too_long.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// How the hidden states of a text's tokens become one vector.
enum class Pooling : uint8_t {
  kCls,           ///< The first token's.
  kMax,           ///< The greatest of each feature.
  kMean,          ///< The mean.
  kMeanSqrt,      ///< The sum divided by the square root of the number of tokens.
  kWeightedMean,  ///< The mean with the weights 1, 2, 3, ...
  kLastToken,     ///< The last token's.
};

/// Hidden states [batch, tokens, features] to [batch, features], f32. `attention_mask` is [batch, tokens] bool, false
/// where there is padding. A text without tokens gives zeros (max: the least number).
Tensor pool(const Tensor& hidden_states, const Tensor& attention_mask, Pooling pooling);

/// Options of SentenceEncoder::encode().
struct SentenceOptions {
  /// What becomes of a text that is too long.
  TooLong too_long = TooLong::kCut;
  /// Tokens that are computed at once, padding included; texts of like length are put together.
  int64_t batch_tokens = 4096;
  /// What messages call a text.
  TextName name = {};
};

class EncoderTokenizer;

/// Texts to vectors: a tokenizer, an encoder, pooling and, where the directory says so, division by the length. Const
/// calls may run concurrently.
class SentenceEncoder {
 public:
  /// Reads a directory with config.json, the weights and tokenizer.json. modules.json and 1_Pooling/config.json say
  /// what follows the encoder; without modules.json it is the mean, as it is. The prompt that
  /// config_sentence_transformers.json calls default_prompt_name is put before every text. The most tokens of a text
  /// are those of max_seq_length in sentence_bert_config.json or, without it, of model_max_length in
  /// tokenizer_config.json, but never more than the model has positions. kUnimplemented names a
  /// module or a pooling that is not known, or a default prompt that pooling leaves out. Other errors as of
  /// load_pretrained() and Tokenizer::load().
  static absl::StatusOr<SentenceEncoder> load(const std::string& directory, const LoadOptions& options = {});

  /// The tokens of each text, with the default prompt and the special tokens. kInvalidArgument: a text that is not
  /// valid UTF-8, or one that is too long and is not to be cut.
  absl::StatusOr<std::vector<std::vector<int32_t>>> tokens(std::span<const std::string> texts,
                                                           TooLong too_long = TooLong::kCut,
                                                           const TextName& name = {}) const;
  /// One vector for each text as tokens, [texts, dimension()] f32, in their order. Throws nothing. kInvalidArgument: an
  /// id that the model does not have, or more ids than its positions.
  absl::StatusOr<Tensor> encode_tokens(std::span<const std::vector<int32_t>> ids,
                                       const SentenceOptions& options = {}) const;
  /// One vector for each text: those of its tokens. Throws nothing. Errors of tokens() and encode_tokens(), such as for
  /// a token which the tokenizer knows and the model does not.
  absl::StatusOr<Tensor> encode(std::span<const std::string> texts, const SentenceOptions& options = {}) const;
  /// The number of elements of a vector.
  int64_t dimension() const;
  /// The most tokens of a text.
  int64_t max_tokens() const;
  /// The encoder.
  const BertModel& model() const { return *model_; }
  /// The tokenizer, which cuts at max_tokens().
  const Tokenizer& tokenizer() const;
  /// The files that were read, by their paths in the directory, in order: all that decides the vectors.
  const std::vector<std::string>& files() const { return files_; }

 private:
  SentenceEncoder(std::shared_ptr<const BertModel> model, std::shared_ptr<const EncoderTokenizer> tokenizer)
      : model_(std::move(model)), tokenizer_(std::move(tokenizer)) {}
  std::shared_ptr<const BertModel> model_;
  std::shared_ptr<const EncoderTokenizer> tokenizer_;
  std::vector<Pooling> pooling_ = {Pooling::kMean};
  bool normalize_ = false;
  std::string prompt_;
  std::vector<std::string> files_;
};

}  // namespace hearth::text
