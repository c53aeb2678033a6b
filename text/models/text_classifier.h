// Classes of texts: an encoder with the head of a sequence classification, and its tokenizer.
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

class EncoderTokenizer;

/// What logits become, as the text-classification pipeline of transformers chooses it.
enum class ClassScores : uint8_t {
  kSoftmax,  ///< Several labels of which one is right: a softmax.
  kSigmoid,  ///< One label, or problem_type "multi_label_classification": a sigmoid of each.
  kLogits,   ///< problem_type "regression": the logits.
};

/// Options of TextClassifier's functions.
struct TextClassifierOptions {
  /// What becomes of a text that is too long.
  TooLong too_long = TooLong::kCut;
  /// Tokens that are computed at once, padding included; texts of like length are put together.
  int64_t batch_tokens = 4096;
  /// What messages call a text.
  TextName name = {};
};

/// Texts to classes. Const calls may run concurrently.
class TextClassifier {
 public:
  /// Reads a directory with config.json, the weights and tokenizer.json. The model must have the head
  /// BertHead::kSequenceClassification. Errors as of load_pretrained() and Tokenizer::load().
  static absl::StatusOr<TextClassifier> load(const std::string& directory, const LoadOptions& options = {});

  /// The tokens of each text with the special ones. kInvalidArgument: a text that is not valid UTF-8, or one that is
  /// too long and is not to be cut.
  absl::StatusOr<std::vector<std::vector<int32_t>>> tokens(std::span<const std::string> texts,
                                                           TooLong too_long = TooLong::kCut,
                                                           const TextName& name = {}) const;
  /// The scores of each label for texts as tokens, [texts, labels] f32: logits, or what scores() makes of them. Throws
  /// nothing. kInvalidArgument: an id that the model does not have, or too many ids.
  absl::StatusOr<Tensor> classify_tokens(std::span<const std::vector<int32_t>> ids,
                                         const TextClassifierOptions& options = {}) const;
  /// The scores for texts: those of their tokens. Throws nothing. Errors of tokens() and classify_tokens().
  absl::StatusOr<Tensor> classify(std::span<const std::string> texts, const TextClassifierOptions& options = {}) const;

  /// The labels, in the order of the scores.
  const std::vector<std::string>& labels() const { return model_->config().labels; }
  /// What the scores are.
  ClassScores scores() const { return scores_; }
  /// The most tokens of a text.
  int64_t max_tokens() const;
  /// The encoder with its head.
  const BertModel& model() const { return *model_; }
  /// The tokenizer, which cuts at max_tokens().
  const Tokenizer& tokenizer() const;

 private:
  TextClassifier(std::shared_ptr<const BertModel> model, std::shared_ptr<const EncoderTokenizer> tokenizer);
  std::shared_ptr<const BertModel> model_;
  std::shared_ptr<const EncoderTokenizer> tokenizer_;
  ClassScores scores_;
};

}  // namespace hearth::text
