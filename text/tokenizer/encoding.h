// Encoding: what a tokenizer makes of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::text {

/// A part of the text that was given, [begin, end).
struct Offset {
  uint32_t begin;  ///< The first position.
  uint32_t end;    ///< The position behind the last.
  /// Both are equal.
  friend bool operator==(const Offset&, const Offset&) = default;
};

/// From which side a text is cut, or padded.
enum class Side : uint8_t {
  kLeft,   ///< At its beginning.
  kRight,  ///< At its end.
};

/// The tokens of a text or of a pair of texts. All vectors but `overflowing` and `sequences` have one element a token.
struct Encoding {
  std::vector<int32_t> ids;                  ///< Ids of the vocabulary.
  std::vector<int32_t> type_ids;             ///< 0 for the first text, 1 for the second, or as the template says.
  std::vector<std::string> tokens;           ///< The tokens as the vocabulary writes them.
  std::vector<Offset> byte_offsets;          ///< The part of the text, in bytes; [0, 0) for special tokens and padding.
  std::vector<Offset> char_offsets;          ///< The same in characters (code points), as Python counts.
  std::vector<int32_t> word_ids;             ///< Which word of its text, or -1 for special tokens and padding.
  std::vector<uint8_t> special_tokens_mask;  ///< 1 for tokens that the post-processor or the padding added.
  std::vector<uint8_t> attention_mask;       ///< 0 for padding.
  std::vector<Encoding> overflowing;         ///< What truncation cut off, in pieces of the same length.
  std::vector<std::pair<size_t, size_t>> sequences;  ///< Where the tokens of each text are, [begin, end).

  /// The number of tokens.
  size_t size() const { return ids.size(); }
  /// Which text each token is from: 0 or 1, or -1 for special tokens and padding.
  std::vector<int32_t> sequence_ids() const;

  /// Keeps `max_length` tokens at the side that is not cut; the rest goes to `overflowing`, in pieces of at most
  /// max_length that overlap by `stride` tokens. A stride that is not below max_length counts as max_length - 1.
  void truncate(size_t max_length, size_t stride, Side cut);
  /// Keeps `max_length` tokens at the side that is not cut; the rest is dropped.
  void drop(size_t max_length, Side cut);
  /// Adds padding up to `length` tokens, to what overflowed too. Longer encodings stay.
  void pad(size_t length, int32_t id, int32_t type_id, std::string_view token, Side side);
  /// Appends the other's tokens. What overflowed of both is combined: each piece with each.
  void append(const Encoding& other);
};

}  // namespace hearth::text
