#include "text/tokenizer/train_unigram.h"

namespace hearth::text {

absl::StatusOr<Tokenizer> train_unigram(std::span<const std::string> texts, const SentencePieceTrainerOptions& trainer,
                                        const SentencePieceOptions& options) {
  SentencePieceTrainerOptions unigram = trainer;
  unigram.model = SentencePieceModel::kUnigram;
  const absl::StatusOr<SentencePiece> model = train_sentencepiece(texts, unigram);
  if (!model.ok()) return model.status();
  return parse_sentencepiece(model->to_bytes(), options);
}

}  // namespace hearth::text
