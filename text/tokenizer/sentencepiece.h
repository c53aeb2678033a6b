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
/// unknown one become special tokens, user-defined symbols added tokens. The ids are SentencePiece's, but for:
/// - special tokens, which are found in the text (see EncodeOptions), and the space before what follows them or follows
/// a
///   user-defined symbol at the beginning;
/// - decomposed characters and other clusters, where the normaliser of tokenizer.json differs from SentencePiece's;
/// - Unigram: of two ways to cut a text that are as good as each other either may be taken, and the name of a piece in
/// the
///   text (`<0x41>`) is that piece.
/// Errors name the path. kInvalidArgument: no such file (see SentencePiece::load()), or an option asks for a piece that
/// the model does not have; kUnimplemented: a model of words, spaces behind words or not escaped, unused pieces, or a
/// BPE piece with a character that is no piece.
absl::StatusOr<Tokenizer> load_sentencepiece(const std::string& path, const SentencePieceOptions& options = {});

/// The same from the file's bytes.
absl::StatusOr<Tokenizer> parse_sentencepiece(std::string_view bytes, const SentencePieceOptions& options = {});

}  // namespace hearth::text
