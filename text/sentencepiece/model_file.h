// What stands in a SentencePiece `.model`: read without the library, with checks.
//
// The library trusts its models: a map of characters that points outside of itself makes it read wild memory. So every
// model is read here first. The format is the protocol buffer `ModelProto` of sentencepiece_model.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::text {

/// How a model makes pieces of a text.
enum class SentencePieceModel : uint8_t {
  kUnigram = 1,  ///< The most probable pieces (Kudo, "Subword Regularization", 2018).
  kBpe = 2,      ///< Byte-pair merges (Sennrich et al., 2016).
  kWord = 3,     ///< Words between spaces.
  kChar = 4,     ///< Characters.
};

/// What a piece stands for.
enum class PieceType : uint8_t {
  kNormal = 1,       ///< Text.
  kUnknown = 2,      ///< What the vocabulary does not have.
  kControl = 3,      ///< A mark that no text becomes: `<s>`, `</s>`.
  kUserDefined = 4,  ///< Text that is always this piece.
  kUnused = 5,       ///< Text that is taken apart again.
  kByte = 6,         ///< One byte, `<0x00>` to `<0xFF>`.
};

/// A piece of the vocabulary.
struct ModelPiece {
  std::string text;                     ///< With U+2581 for a space.
  float score = 0;                      ///< The logarithm of its probability, or minus its rank.
  PieceType type = PieceType::kNormal;  ///< What it stands for.
};

/// A `.model`.
struct SentencePieceFile {
  std::vector<ModelPiece> pieces;                           ///< By id.
  SentencePieceModel model = SentencePieceModel::kUnigram;  ///< How pieces are made.
  bool byte_fallback = false;                               ///< Characters that no piece has become bytes.
  bool treat_whitespace_as_suffix = false;                  ///< The space of a word is behind it.
  std::string unk_piece = "<unk>";                          ///< The piece of kind kUnknown.
  std::string bos_piece = "<s>";                            ///< Begins a text, if there is such a piece.
  std::string eos_piece = "</s>";                           ///< Ends it.
  std::string pad_piece = "<pad>";                          ///< Fills it up.
  std::string charsmap;                  ///< What characters become (Darts-clone's trie and texts), or empty.
  bool add_dummy_prefix = true;          ///< A space is put before the text.
  bool remove_extra_whitespaces = true;  ///< Spaces at the ends go, and of several in a row one stays.
  bool escape_whitespaces = true;        ///< Spaces become U+2581.
  size_t longest_replacement = 3;        ///< The most bytes that the normaliser makes of one character.

  /// The id of the first piece of that text, or -1.
  int32_t find(std::string_view text) const;
};

/// The longest piece that is taken, in bytes.
constexpr size_t kMaxPiece = 1024;

/// Reads the bytes of a `.model`. kInvalidArgument, with the place in the bytes or the piece: cut short, no such
/// file, a piece that is empty, not UTF-8 or stands twice, a score that is not finite, no or several unknown pieces,
/// bytes that lack pieces, more than 64 user-defined symbols that begin with each other, or a map of characters that
/// points outside of itself.
absl::StatusOr<SentencePieceFile> parse_sentencepiece_file(std::string_view bytes);

}  // namespace hearth::text
