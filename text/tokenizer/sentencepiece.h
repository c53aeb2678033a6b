// Tokenizers from SentencePiece models.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// Options of load_sentencepiece().
struct SentencePieceOptions {
  bool add_bos = false;  ///< Put `<s>` before a text, as Llama does.
  bool add_eos = false;  ///< Put `</s>` behind it, as T5 does.
};

/// Reads a SentencePiece `.model` (Unigram, BPE or characters) as `tokenizers` would take it: control pieces and the
/// unknown one become special tokens, user-defined symbols added tokens. It gives the ids of SentencePiece itself, but
/// for what stands in the text as the name of a piece: special tokens are found in the text; behind them, or behind a
/// user-defined symbol at the beginning, the space that SentencePiece puts before a text may be missing or be put
/// again; and a Unigram model takes the text `<0x41>` for the byte's piece. Errors name the path. kInvalidArgument: no
/// such file (see SentencePiece::load()), or an option asks for a piece that the model does not have; kUnimplemented: a
/// model of words, spaces behind words or not escaped, unused pieces, or a BPE piece with a character that is no piece.
absl::StatusOr<Tokenizer> load_sentencepiece(const std::string& path, const SentencePieceOptions& options = {});

/// The same from the file's bytes.
absl::StatusOr<Tokenizer> parse_sentencepiece(std::string_view bytes, const SentencePieceOptions& options = {});

}  // namespace hearth::text
