// The kind "text-embedding": vectors of texts by a directory of sentence-transformers.
#include <memory>
#include <utility>

#include "serve/base/error_status.h"
#include "serve/model/servable.h"
#include "serve/text/text_model_internal.h"
#include "text/models/sentence_encoder.h"

namespace hearth::serve {
namespace {

class TextEmbedding final : public Servable {
 public:
  TextEmbedding(text::SentenceEncoder encoder, TextModelSignature served)
      : encoder_(std::move(encoder)), served_(std::move(served)) {}

  const graph::Signature& signature() const override { return served_.signature; }

  absl::StatusOr<std::vector<Value>> run(std::span<const Value> inputs) const override {
    try {
      const auto tokens = tokens_of(
          inputs[0], [&](const std::vector<std::string>& texts) { return encoder_.tokens(texts, served_.too_long); });
      if (!tokens.ok()) return tokens.status();
      auto vectors = encoder_.encode_tokens(*tokens);
      if (!vectors.ok()) return vectors.status();
      return std::vector<Value>{*std::move(vectors), token_counts(*tokens)};
    } catch (...) {
      return current_exception_status();
    }
  }

  std::vector<Value> example(int64_t rows) const override {
    const text::BertConfig& config = encoder_.model().config();
    return {example_tokens(rows, encoder_.max_tokens(), config.vocab_size, config.special.pad.value_or(0))};
  }

  std::optional<TextEmbeddingLimits> text_embedding() const override {
    return TextEmbeddingLimits{.max_tokens = encoder_.max_tokens(), .vocabulary = encoder_.model().config().vocab_size};
  }

 private:
  const text::SentenceEncoder encoder_;
  const TextModelSignature served_;
};

absl::StatusOr<std::unique_ptr<Servable>> load(const std::string& directory) {
  // Copied, not mapped: a later change of the directory changes nothing here.
  auto encoder = text::SentenceEncoder::load(directory, {.writable = true});
  if (!encoder.ok()) return encoder.status();
  auto served = read_text_signature(
      directory, {{.name = "embedding", .shape = {{-1, "batch", {}}, {encoder->dimension(), "", {}}}},
                  {.name = "tokens", .dtype = DType::kI64, .shape = {{-1, "batch", {}}}}});
  if (!served.ok()) return served.status();
  return std::make_unique<TextEmbedding>(*std::move(encoder), *std::move(served));
}

}  // namespace

constexpr ServableKind kTextEmbedding{"text-embedding", load};
HEARTH_SERVABLE(kTextEmbedding);

}  // namespace hearth::serve
