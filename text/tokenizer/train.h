// Training of vocabularies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// Options of train_bpe() and train_word_piece().
struct BpeTrainerOptions {
  size_t vocab_size = 30000;                                  ///< Tokens, with the special ones.
  uint64_t min_frequency = 0;                                 ///< Pairs that are rarer are not merged.
  std::vector<std::string> special_tokens = {};               ///< The first ids, in this order.
  std::optional<size_t> limit_alphabet = {};                  ///< Keep only so many of the most frequent characters.
  bool byte_alphabet = false;                                 ///< Have all 256 characters of byte-level vocabularies.
  std::optional<std::string> continuing_subword_prefix = {};  ///< Before tokens that do not begin a word.
  std::optional<std::string> end_of_word_suffix = {};         ///< Behind tokens that end a word.
  std::optional<size_t> max_token_length = {};                ///< The longest token, in characters.
  std::optional<std::string> unk_token = {};                  ///< The model's unknown token.
};

/// A tokenizer without vocabulary that cuts text into words of bytes, as GPT-2's does: what train_bpe() starts from.
Tokenizer byte_level_pipeline();

/// Learns byte-pair merges (Sennrich et al., 2016) from texts, which `pipeline` normalises and cuts into words; the
/// result has the pipeline's other parts. The merges are those of `tokenizers` on the same text; with a prefix, a
/// suffix or limit_alphabet, ids and merges of `tokenizers` depend on chance, and they are not. kInvalidArgument:
/// malformed UTF-8, an empty special token or a vocab_size above 2^24.
absl::StatusOr<Tokenizer> train_bpe(const Tokenizer& pipeline, std::span<const std::string> texts,
                                    const BpeTrainerOptions& options = {});

/// Learns a WordPiece vocabulary: merges as train_bpe() with the prefix "##" unless another is given, of which only the
/// tokens are kept. `unk_token` is "[UNK]" unless another is given; it is put among the special tokens.
absl::StatusOr<Tokenizer> train_word_piece(const Tokenizer& pipeline, std::span<const std::string> texts,
                                           const BpeTrainerOptions& options = {});

}  // namespace hearth::text
