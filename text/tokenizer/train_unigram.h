// Training of Unigram vocabularies.
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "text/sentencepiece/train.h"
#include "text/tokenizer/sentencepiece.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// Learns a Unigram vocabulary (Kudo, "Subword Regularization", 2018) by SentencePiece's trainer; `trainer.model` is
/// taken as kUnigram. Errors are those of train_sentencepiece() and parse_sentencepiece().
absl::StatusOr<Tokenizer> train_unigram(std::span<const std::string> texts,
                                        const SentencePieceTrainerOptions& trainer = {},
                                        const SentencePieceOptions& options = {});

}  // namespace hearth::text
