// Tokenizer: text to the numbers that models read, and back; the same numbers as Hugging Face's `tokenizers` makes.
//
//   absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load("tokenizer.json");
//   absl::StatusOr<Encoding> encoding = tokenizer->encode("Hello, world!");
//   encoding->ids; encoding->char_offsets;
//   absl::StatusOr<std::string> text = tokenizer->decode(encoding->ids);
//
// A tokenizer is a value that never changes on its own: copies share everything, and const calls may be concurrent.
// What comes from outside, files and text, is answered with a Status: nothing throws, waits or grows without limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "text/tokenizer/added_token.h"
#include "text/tokenizer/encoding.h"

namespace hearth::text {

/// Which text of a pair is cut.
enum class TruncationStrategy : uint8_t {
  kLongestFirst,  ///< The longer one, then both alike.
  kOnlyFirst,     ///< The first; an error if that is not enough.
  kOnlySecond,    ///< The second; an error if that is not enough or there is none.
};

/// Cutting of what is too long.
struct Truncation {
  size_t max_length = 512;                                          ///< Tokens, with the special ones.
  TruncationStrategy strategy = TruncationStrategy::kLongestFirst;  ///< Which text is cut.
  size_t stride = 0;                                                ///< Tokens that overflowing pieces share.
  Side direction = Side::kRight;                                    ///< The side that is cut.
};

/// Filling up of what is too short.
struct Padding {
  std::optional<size_t> length;   ///< To this length; without one, to the longest of the batch.
  Side direction = Side::kRight;  ///< The side where padding is added.
  size_t multiple_of = 0;         ///< The length is rounded up to a multiple of this, unless it is 0.
  int32_t id = 0;                 ///< The id of the padding token.
  int32_t type_id = 0;            ///< Its type id.
  std::string token = "[PAD]";    ///< Its text.
};

/// Options of encode() and its kin.
struct EncodeOptions {
  bool add_special_tokens = true;      ///< Add what the post-processor adds (`[CLS]`, `[SEP]`, `<s>`, ...).
  bool encode_special_tokens = false;  ///< Read special tokens in the text as plain text: for text from strangers.
  bool replace_invalid_utf8 = false;   ///< Replace malformed UTF-8 by U+FFFD; otherwise it is an error.
  bool overflowing = true;             ///< Keep what truncation cuts off (Encoding::overflowing).
  uint64_t seed = 0;                   ///< For BPE dropout: the same seed gives the same tokens.
};

/// The longest text that is encoded at once, in bytes: 1 GiB.
constexpr size_t kMaxText = size_t{1} << 30;

/// Normalizer, pre-tokenizer, model, post-processor and decoder, with added tokens, truncation and padding.
class Tokenizer {
 public:
  /// Reads a tokenizer.json, or that of a directory. kNotFound and other errors of the file name the path;
  /// kInvalidArgument: it is no such file or contradicts itself; kUnimplemented: a component is not known (it is
  /// named). Ids of added tokens that the vocabulary does not have are given in the order of the file, as `tokenizers`
  /// does, whatever the file says.
  static absl::StatusOr<Tokenizer> load(const std::string& path);
  /// The same from the file's text.
  static absl::StatusOr<Tokenizer> parse(std::string_view json);
  /// Writes a tokenizer.json, atomically.
  absl::Status save(const std::string& path) const;
  /// The text of a tokenizer.json.
  std::string to_json() const;

  /// The tokens of a text. kInvalidArgument: malformed UTF-8, more than kMaxText bytes, or an unknown character where
  /// the model has no unknown token; kResourceExhausted: a pattern of the tokenizer backtracks too often, or what
  /// truncation cuts off would be more than 2^24 tokens (and more than twice those of the text) with what its pieces
  /// share.
  absl::StatusOr<Encoding> encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// The tokens of two texts that belong together (question and passage).
  absl::StatusOr<Encoding> encode(std::string_view text, std::string_view pair,
                                  const EncodeOptions& options = {}) const;
  /// The tokens of a text that is cut into words already. Offsets and word_ids are those of each word.
  absl::StatusOr<Encoding> encode_words(std::span<const std::string> words, const EncodeOptions& options = {}) const;
  /// Two such texts.
  absl::StatusOr<Encoding> encode_words(std::span<const std::string> words, std::span<const std::string> pair,
                                        const EncodeOptions& options = {}) const;
  /// The ids of a text alone, faster than encode().
  absl::StatusOr<std::vector<int32_t>> encode_ids(std::string_view text, const EncodeOptions& options = {}) const;
  /// Each text of a batch, on all cores (num_threads() in core/base/parallel.h); padding without a length goes to the
  /// longest. The first error is returned. Same results for any number of threads.
  absl::StatusOr<std::vector<Encoding>> encode_batch(std::span<const std::string> texts,
                                                     const EncodeOptions& options = {}) const;
  /// The same for pairs.
  absl::StatusOr<std::vector<Encoding>> encode_batch(std::span<const std::pair<std::string, std::string>> texts,
                                                     const EncodeOptions& options = {}) const;
  /// encode_ids() of each text, on all cores.
  absl::StatusOr<std::vector<std::vector<int32_t>>> encode_ids_batch(std::span<const std::string> texts,
                                                                     const EncodeOptions& options = {}) const;

  /// The text of ids; ids that no token has are left out. Without a decoder tokens are joined by spaces.
  absl::StatusOr<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;
  /// The same for each of several lists, on all cores.
  absl::StatusOr<std::vector<std::string>> decode_batch(std::span<const std::vector<int32_t>> ids,
                                                        bool skip_special_tokens = true) const;

  /// The number of tokens, with or without the added ones.
  size_t vocab_size(bool with_added_tokens = true) const;
  /// The id of a token, if there is such a token.
  std::optional<int32_t> token_to_id(std::string_view token) const;
  /// The token of an id, if there is one.
  std::optional<std::string> id_to_token(int32_t id) const;
  /// All tokens and their ids, ascending by id.
  std::vector<std::pair<std::string, int32_t>> vocabulary() const;
  /// Added tokens, ascending by id.
  std::vector<std::pair<AddedToken, int32_t>> added_tokens() const;
  /// Adds tokens: one that the vocabulary has keeps its id, others get the next free ones. kInvalidArgument: one is
  /// longer than 1024 bytes or no UTF-8.
  absl::Status add_tokens(const std::vector<AddedToken>& tokens);

  /// How texts are cut; none by default.
  const std::optional<Truncation>& truncation() const;
  /// Sets it. kInvalidArgument: the special tokens do not fit into max_length, or the stride leaves no room beside
  /// them. For pairs, which may have more special tokens, encode() tells.
  absl::Status set_truncation(std::optional<Truncation> truncation);
  /// Cuts texts at so many tokens, special ones among them. Of the truncation so far, if there is one, the strategy and
  /// the direction stay, and so does the stride unless it leaves no room. kInvalidArgument: the special tokens do not
  /// fit into max_length.
  absl::Status truncate_at(size_t max_length);
  /// How texts are filled up; not by default.
  const std::optional<Padding>& padding() const;
  /// Sets it. kInvalidArgument: a length of more than 2^24 tokens, a token of more than 1024 bytes, or 2^28 bytes of
  /// these in one encoding.
  absl::Status set_padding(std::optional<Padding> padding);

 private:
  friend class TokenizerFactory;
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// Text of tokens as they come, for streaming: never half a character.
class DecodeStream {
 public:
  /// Begins a text.
  explicit DecodeStream(Tokenizer tokenizer, bool skip_special_tokens = true);
  /// Takes the next token; returns the text that is complete with it, often empty. Bytes that cannot become a character
  /// any more come out as U+FFFD.
  absl::StatusOr<std::string> step(int32_t id);
  /// Ends the text: returns what has been held back.
  absl::StatusOr<std::string> finish();

 private:
  absl::StatusOr<std::string> emit(bool all);
  Tokenizer tokenizer_;
  bool skip_special_tokens_;
  std::vector<int32_t> ids_;  // the last tokens
  size_t shown_ = 0;          // how many of them are out completely
  std::string out_;           // their text as far as it is out
};

}  // namespace hearth::text
