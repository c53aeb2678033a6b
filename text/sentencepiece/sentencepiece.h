// SentencePiece: subword models of their own library (Kudo and Richardson, "SentencePiece", 2018).
//
//   absl::StatusOr<SentencePiece> model = SentencePiece::load("spm.model");
//   absl::StatusOr<std::vector<int32_t>> ids = model->encode("Hello world");
//   absl::StatusOr<std::string> text = model->decode(*ids);
//
// These are the library's own results, its sampling and its trainers (train.h). load_sentencepiece() in
// text/tokenizer/sentencepiece.h makes a Tokenizer of the same file, which is faster and has what models need around it
// (special tokens, batches, padding, streaming).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "text/sentencepiece/model_file.h"
#include "text/tokenizer/encoding.h"

namespace hearth::text {

/// A piece of a text.
struct TextPiece {
  int32_t id;          ///< Its id.
  std::string piece;   ///< The piece; of an unknown one, its normalised text.
  Offset byte_offset;  ///< The part of the text, in bytes. The bytes of one character have it all at the last byte.
  Offset char_offset;  ///< The same in characters (code points).
  /// All fields are equal.
  friend bool operator==(const TextPiece&, const TextPiece&) = default;
};

/// Options of SentencePiece::sample().
struct SamplingOptions {
  int nbest_size = -1;  ///< Unigram: draw among so many best ones (2 to 512), or among all (-1). BPE takes no notice.
  float alpha = 0.1F;   ///< Unigram: how much the better ones are preferred; 0: all alike. BPE: how often a merge is
                        ///< left out, from 0 to 1.
  uint32_t seed = 0;    ///< The same seed gives the same pieces.
};

/// A SentencePiece model. A value that never changes: copies share everything, and calls may be concurrent.
class SentencePiece {
 public:
  /// The longest text that is taken at once, in bytes: 16 MiB; less where a character may become very long.
  static constexpr size_t kMaxText = size_t{1} << 24;

  /// Reads a `.model`. kNotFound and other errors of the file name the path; so does kInvalidArgument: it is no such
  /// file, cut short, or contradicts itself.
  static absl::StatusOr<SentencePiece> load(const std::string& path);
  /// The same from the file's bytes.
  static absl::StatusOr<SentencePiece> parse(std::string_view bytes);
  /// Writes a `.model`, atomically: the bytes that were read or trained.
  absl::Status save(const std::string& path) const;
  /// Those bytes.
  const std::string& to_bytes() const;

  /// The ids of a text. kInvalidArgument: malformed UTF-8 or more than kMaxText bytes.
  absl::StatusOr<std::vector<int32_t>> encode(std::string_view text) const;
  /// The pieces of a text and where they are in it.
  absl::StatusOr<std::vector<TextPiece>> encode_pieces(std::string_view text) const;
  /// The `count` (1 to 1024) most probable ways to cut a text, the best first. Unigram models only;
  /// kResourceExhausted: count times the text's bytes is above 2^20, or the longest piece's characters times these
  /// bytes above 2^24.
  absl::StatusOr<std::vector<std::vector<int32_t>>> encode_best(std::string_view text, int count) const;
  /// A random way to cut a text, for training that sees more than one (Kudo, "Subword Regularization", 2018; Provilkov
  /// et al., "BPE-Dropout", 2019). Unigram and BPE only. kInvalidArgument: an option out of its range;
  /// kResourceExhausted: as for encode_best().
  absl::StatusOr<std::vector<int32_t>> sample(std::string_view text, const SamplingOptions& options = {}) const;

  /// The text of ids. kInvalidArgument: an id that the model does not have.
  absl::StatusOr<std::string> decode(std::span<const int32_t> ids) const;
  /// The text of pieces; what is no piece of the model stands for itself. kInvalidArgument: malformed UTF-8.
  absl::StatusOr<std::string> decode_pieces(std::span<const std::string> pieces) const;

  /// How it makes pieces.
  SentencePieceModel model() const;
  /// The number of pieces.
  size_t vocab_size() const;
  /// All pieces by id.
  const std::vector<ModelPiece>& pieces() const;
  /// The id of a piece, if there is such a piece.
  std::optional<int32_t> piece_to_id(std::string_view piece) const;
  /// The piece of the unknown, which every model has.
  int32_t unk_id() const;
  /// The piece that begins a text (`<s>`), if there is one.
  std::optional<int32_t> bos_id() const;
  /// The piece that ends a text (`</s>`), if there is one.
  std::optional<int32_t> eos_id() const;
  /// The piece that fills a text up (`<pad>`), if there is one.
  std::optional<int32_t> pad_id() const;

 private:
  struct Impl;
  explicit SentencePiece(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace hearth::text
