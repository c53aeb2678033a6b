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
/// unknown one become special tokens, user-defined symbols added tokens. The ids are SentencePiece's, with these
/// exceptions. Special tokens are found in the text (see EncodeOptions), and SentencePiece puts the space before a text
/// elsewhere if the text begins with one of them or with a symbol. Symbols with a space in them are found.
/// Decomposed characters and other clusters may be normalised otherwise. Of two Unigram ways to cut a text that are as
/// good as each other either may be taken, and in a text the name of a Unigram piece (`<0x41>`) is that piece.
///
/// Errors name the path. kInvalidArgument: no such file (see SentencePiece::load()), or an option asks for a piece that
/// the model does not have; kUnimplemented: a model of words, spaces behind words or not escaped, unused pieces, or a
/// BPE piece with a character that is no piece.
absl::StatusOr<Tokenizer> load_sentencepiece(const std::string& path, const SentencePieceOptions& options = {});

/// The same from the file's bytes.
absl::StatusOr<Tokenizer> parse_sentencepiece(std::string_view bytes, const SentencePieceOptions& options = {});

}  // namespace hearth::text
