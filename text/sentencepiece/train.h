// Training of SentencePiece models by their own library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "text/sentencepiece/sentencepiece.h"

namespace hearth::text {

/// How characters are normalised before training, and by the model ever after.
enum class SentencePieceNormalization : uint8_t {
  kNmtNfkc,      ///< NFKC, and spaces of every kind become a space.
  kNmtNfkcFold,  ///< The same, and case is folded.
  kNfkc,         ///< NFKC (Unicode, Annex 15).
  kNfkcFold,     ///< NFKC, and case is folded.
  kIdentity,     ///< Not at all.
};

/// Options of train_sentencepiece(); defaults are the library's.
struct SentencePieceTrainerOptions {
  SentencePieceModel model = SentencePieceModel::kUnigram;  ///< How pieces are made.
  size_t vocab_size = 8000;                                 ///< Pieces, with all others than text.
  bool hard_vocab_limit = true;         ///< An error if the text does not give so many; otherwise Unigram takes fewer.
  double character_coverage = 0.9995;   ///< Characters that cover so much of the text are kept, 0.98 to 1.
  size_t max_piece_length = 16;         ///< The longest piece, in characters, 1 to 512.
  bool byte_fallback = false;           ///< Characters that are not kept become bytes, with 256 pieces for these.
  bool split_by_whitespace = true;      ///< No piece goes across a space.
  bool split_by_unicode_script = true;  ///< No piece goes across scripts (Han and Kana count as one).
  bool split_by_number = true;          ///< No piece goes from digits to letters.
  bool split_digits = false;            ///< Each digit is a piece.
  bool treat_whitespace_as_suffix = false;  ///< The space of a word is behind it.
  SentencePieceNormalization normalization = SentencePieceNormalization::kNmtNfkc;  ///< What is done to characters.
  bool add_dummy_prefix = true;                                                     ///< A space is put before the text.
  bool remove_extra_whitespaces = true;                ///< Spaces at the ends go, and of several in a row one stays.
  std::vector<std::string> control_symbols = {};       ///< Pieces that no text becomes.
  std::vector<std::string> user_defined_symbols = {};  ///< Text that is always one piece.
  int32_t unk_id = 0;                                  ///< The id of `<unk>`.
  std::optional<int32_t> bos_id = 1;                   ///< The id of `<s>`, if there is to be one.
  std::optional<int32_t> eos_id = 2;                   ///< The id of `</s>`, if there is to be one.
  std::optional<int32_t> pad_id = {};                  ///< The id of `<pad>`, if there is to be one.
  size_t max_sentence_length = 4192;                   ///< Sentences of more bytes are left out.
};

/// Learns a model from sentences. The same pieces for any number of cores. kInvalidArgument: malformed UTF-8, an option
/// out of its range, no sentence with text in it, or a vocab_size that the text does not give (the message says which
/// it does). Sentences with a NUL or U+2585, which the library keeps for itself, are left out.
absl::StatusOr<SentencePiece> train_sentencepiece(std::span<const std::string> sentences,
                                                  const SentencePieceTrainerOptions& options = {});

/// The same from the lines of text files. Errors of a file name it and the line.
absl::StatusOr<SentencePiece> train_sentencepiece_files(std::span<const std::string> paths,
                                                        const SentencePieceTrainerOptions& options = {});

}  // namespace hearth::text
