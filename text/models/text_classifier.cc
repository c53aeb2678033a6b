#include "text/models/text_classifier.h"

#include <utility>

#include "core/base/error.h"
#include "core/io/with_path.h"
#include "core/ops/activation.h"
#include "core/ops/softmax.h"
#include "text/models/encoder_texts_internal.h"
#include "text/models/status_of_internal.h"

namespace hearth::text {
namespace {

ClassScores scores_of(const BertConfig& config) {
  const std::string problem = config.problem_type.value_or("");
  if (problem == "regression") return ClassScores::kLogits;
  const bool each = problem == "multi_label_classification" || config.labels.size() == 1;
  return each ? ClassScores::kSigmoid : ClassScores::kSoftmax;
}

}  // namespace

TextClassifier::TextClassifier(std::shared_ptr<const BertModel> model,
                               std::shared_ptr<const EncoderTokenizer> tokenizer)
    : model_(std::move(model)), tokenizer_(std::move(tokenizer)), scores_(scores_of(model_->config())) {}

absl::StatusOr<TextClassifier> TextClassifier::load(const std::string& directory, const LoadOptions& options) {
  absl::StatusOr<std::unique_ptr<BertModel>> model = load_pretrained<BertModel>(directory, options);
  if (!model.ok()) return model.status();
  if ((*model)->config().head != BertHead::kSequenceClassification)
    return absl::InvalidArgumentError(
        concat(directory, ": the model has no head of a sequence classification (architectures of config.json)"));
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  if (!tokenizer.ok()) return tokenizer.status();
  auto limited = EncoderTokenizer::make(*std::move(tokenizer), (*model)->max_positions());
  if (!limited.ok()) return io::with_path(directory, limited.status());
  return TextClassifier(*std::move(model), std::make_shared<const EncoderTokenizer>(*std::move(limited)));
}

int64_t TextClassifier::max_tokens() const { return tokenizer_->max_tokens(); }
const Tokenizer& TextClassifier::tokenizer() const { return tokenizer_->tokenizer(); }

absl::StatusOr<std::vector<std::vector<int32_t>>> TextClassifier::tokens(std::span<const std::string> texts,
                                                                         TooLong too_long, const TextName& name) const {
  return tokenizer_->tokens(texts, too_long, name);
}

absl::StatusOr<Tensor> TextClassifier::classify_tokens(std::span<const std::vector<int32_t>> ids,
                                                       const TextClassifierOptions& options) const {
  try {
    return run_by_length(*model_, ids, static_cast<int64_t>(labels().size()), options.batch_tokens, options.name,
                         [&](const BertInput& input) {
                           const Tensor logits = model_->logits(input).to(f32);
                           return scores_ == ClassScores::kSoftmax   ? softmax(logits, -1)
                                  : scores_ == ClassScores::kSigmoid ? sigmoid(logits)
                                                                     : logits;
                         });
  } catch (const Error& e) {
    return status_of(e);
  }
}

absl::StatusOr<Tensor> TextClassifier::classify(std::span<const std::string> texts,
                                                const TextClassifierOptions& options) const {
  const auto ids = tokens(texts, options.too_long, options.name);
  if (!ids.ok()) return ids.status();
  return classify_tokens(*ids, options);
}

}  // namespace hearth::text
