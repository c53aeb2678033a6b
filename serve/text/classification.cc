// The kind "text-classification": labels of texts by a Hugging Face directory of a sequence classification.
#include <memory>
#include <utility>

#include "serve/base/error_status.h"
#include "serve/model/servable.h"
#include "serve/text/text_model_internal.h"
#include "text/models/text_classifier.h"

namespace hearth::serve {
namespace {

class TextClassification final : public Servable {
 public:
  TextClassification(text::TextClassifier classifier, TextModelSignature served)
      : classifier_(std::move(classifier)), served_(std::move(served)) {
    if (classifier_.scores() != text::ClassScores::kLogits) served_.signature.metadata["scores"] = "probabilities";
  }

  const graph::Signature& signature() const override { return served_.signature; }

  absl::StatusOr<std::vector<Value>> run(std::span<const Value> inputs) const override {
    try {
      const auto tokens = tokens_of(inputs[0], [&](const std::vector<std::string>& texts) {
        return classifier_.tokens(texts, served_.too_long);
      });
      if (!tokens.ok()) return tokens.status();
      auto scores = classifier_.classify_tokens(*tokens);
      if (!scores.ok()) return scores.status();
      return std::vector<Value>{*std::move(scores)};
    } catch (...) {
      return current_exception_status();
    }
  }

  std::vector<Value> example(int64_t rows) const override {
    const text::BertConfig& config = classifier_.model().config();
    return {example_tokens(rows, classifier_.max_tokens(), config.vocab_size, config.special.pad.value_or(0))};
  }

 private:
  const text::TextClassifier classifier_;
  TextModelSignature served_;
};

absl::StatusOr<std::unique_ptr<Servable>> load(const std::string& directory) {
  // Copied, not mapped: a later change of the directory changes nothing here.
  auto classifier = text::TextClassifier::load(directory, {.writable = true});
  if (!classifier.ok()) return classifier.status();
  const auto count = static_cast<int64_t>(classifier->labels().size());
  auto served = read_text_signature(directory, {{.name = "scores", .shape = {{-1, "batch", {}}, {count, "", {}}}}},
                                    classifier->labels());
  if (!served.ok()) return served.status();
  return std::make_unique<TextClassification>(*std::move(classifier), *std::move(served));
}

}  // namespace

constexpr ServableKind kTextClassification{"text-classification", load};
HEARTH_SERVABLE(kTextClassification);

}  // namespace hearth::serve
