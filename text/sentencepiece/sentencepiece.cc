#include "text/sentencepiece/sentencepiece.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/with_path.h"
#include "text/sentencepiece/engine_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

using sentencepiece_engine::Engine;
using sentencepiece_engine::Failure;

constexpr uint64_t kMaxFile = uint64_t{1} << 28;
// What the library may make of a text, in bytes after normalisation.
constexpr size_t kMaxNormalised = size_t{1} << 29;
// Cutting a text in several ways keeps the ways in memory, and each piece at each place of the text.
constexpr size_t kMaxWays = size_t{1} << 20, kMaxLattice = size_t{1} << 24;
constexpr int kMaxBest = 1024, kMaxSampleBest = 512;

absl::Status failed(const char* what, const Failure& failure) {
  return absl::InvalidArgumentError(concat("SentencePiece: ", what, ": ", failure));
}

}  // namespace

struct SentencePiece::Impl {
  SentencePieceFile file;
  std::string bytes;
  std::unique_ptr<Engine> engine;
  absl::flat_hash_map<std::string, int32_t> ids;
  size_t longest = 1;  // piece, in characters
  int32_t unk_id = 0;
  std::optional<int32_t> bos_id, eos_id, pad_id;

  absl::Status check_text(std::string_view text) const {
    const size_t most = std::min(kMaxText, kMaxNormalised / file.longest_replacement);
    if (text.size() > most) {
      return absl::InvalidArgumentError(
          concat("SentencePiece: the text has ", text.size(), " bytes, of which this model takes ", most));
    }
    if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
      return absl::InvalidArgumentError(concat("SentencePiece: the text is not valid UTF-8 at byte ", at));
    }
    return absl::OkStatus();
  }
  absl::Status check_lattice(std::string_view text, size_t count) const {
    // Of ordinary maps of characters, the longest replacement has 33 bytes.
    const size_t bytes = text.size() * (1 + file.longest_replacement / 34);
    if (bytes <= kMaxWays / count && bytes <= kMaxLattice / longest) return absl::OkStatus();
    return absl::ResourceExhaustedError(concat("SentencePiece: ", count, " ways to cut a text of ", text.size(),
                                               " bytes are too many; cut it into sentences"));
  }
  // The piece of that name, if it is a control piece.
  std::optional<int32_t> control(const std::string& name) const {
    const auto it = ids.find(name);
    if (it == ids.end() || file.pieces[static_cast<size_t>(it->second)].type != PieceType::kControl) {
      return std::nullopt;
    }
    return it->second;
  }
};

absl::StatusOr<SentencePiece> SentencePiece::parse(std::string_view bytes) {
  absl::StatusOr<SentencePieceFile> file = parse_sentencepiece_file(bytes);
  if (!file.ok()) return file.status();
  auto impl = std::make_shared<Impl>();
  impl->file = std::move(*file);
  impl->bytes = bytes;
  if (const Failure failure = Engine::load(bytes, impl->engine); !failure.empty()) return failed("load", failure);
  for (size_t i = 0; i < impl->file.pieces.size(); ++i) {
    const ModelPiece& piece = impl->file.pieces[i];
    impl->longest = std::max(impl->longest, count_chars(piece.text));
    impl->ids.emplace(piece.text, static_cast<int32_t>(i));
    if (piece.type == PieceType::kUnknown) impl->unk_id = static_cast<int32_t>(i);
  }
  impl->bos_id = impl->control(impl->file.bos_piece);
  impl->eos_id = impl->control(impl->file.eos_piece);
  impl->pad_id = impl->control(impl->file.pad_piece);
  return SentencePiece(std::move(impl));
}

absl::StatusOr<SentencePiece> SentencePiece::load(const std::string& path) {
  const absl::StatusOr<std::string> bytes = io::read_file(path, kMaxFile);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<SentencePiece> made = parse(*bytes);
  if (!made.ok()) return io::with_path(path, made.status());
  return made;
}

absl::Status SentencePiece::save(const std::string& path) const { return io::write_file(path, impl_->bytes); }
const std::string& SentencePiece::to_bytes() const { return impl_->bytes; }

absl::StatusOr<std::vector<int32_t>> SentencePiece::encode(std::string_view text) const {
  if (absl::Status status = impl_->check_text(text); !status.ok()) return status;
  std::vector<int32_t> ids;
  if (const Failure failure = impl_->engine->encode(text, ids); !failure.empty()) return failed("encode", failure);
  return ids;
}

absl::StatusOr<std::vector<TextPiece>> SentencePiece::encode_pieces(std::string_view text) const {
  if (absl::Status status = impl_->check_text(text); !status.ok()) return status;
  std::vector<sentencepiece_engine::Piece> pieces;
  if (const Failure failure = impl_->engine->encode(text, pieces); !failure.empty()) return failed("encode", failure);
  std::vector<TextPiece> out;
  out.reserve(pieces.size());
  // Places ascend, so characters are counted on from the last one.
  size_t at = 0, chars = 0;
  const auto chars_at = [&](size_t byte) {
    if (byte < at) at = chars = 0;
    chars += count_chars(text.substr(at, byte - at));
    at = byte;
    return static_cast<uint32_t>(chars);
  };
  for (auto& piece : pieces) {
    const Offset bytes{piece.begin, piece.end};
    const uint32_t begin = chars_at(piece.begin);
    out.push_back({piece.id, std::move(piece.text), bytes, {begin, chars_at(piece.end)}});
  }
  return out;
}

absl::StatusOr<std::vector<std::vector<int32_t>>> SentencePiece::encode_best(std::string_view text, int count) const {
  if (impl_->file.model != SentencePieceModel::kUnigram) {
    return absl::InvalidArgumentError("SentencePiece: the best ways to cut a text are known to Unigram models only");
  }
  if (count < 1 || count > kMaxBest) {
    return absl::InvalidArgumentError(concat("SentencePiece: count is ", count, ", but 1 to ", kMaxBest, " is wanted"));
  }
  if (absl::Status status = impl_->check_text(text); !status.ok()) return status;
  if (absl::Status status = impl_->check_lattice(text, static_cast<size_t>(count)); !status.ok()) return status;
  std::vector<std::vector<int32_t>> ids;
  if (const Failure failure = impl_->engine->best(text, count, ids); !failure.empty()) {
    return failed("encode_best", failure);
  }
  return ids;
}

absl::StatusOr<std::vector<int32_t>> SentencePiece::sample(std::string_view text,
                                                           const SamplingOptions& options) const {
  constexpr float kMaxAlpha = 1000;
  const bool bpe = impl_->file.model == SentencePieceModel::kBpe;
  if (!bpe && impl_->file.model != SentencePieceModel::kUnigram) {
    return absl::InvalidArgumentError("SentencePiece: sampling is for Unigram and BPE models only");
  }
  // Also false for NaN.
  if (!(options.alpha >= 0 && options.alpha <= (bpe ? 1.0F : kMaxAlpha))) {
    return absl::InvalidArgumentError(
        concat("SentencePiece: alpha is ", options.alpha, ", but 0 to ", bpe ? 1.0F : kMaxAlpha, " is wanted"));
  }
  const int n = options.nbest_size;
  if (!bpe && n != -1 && (n < 2 || n > kMaxSampleBest)) {
    return absl::InvalidArgumentError(
        concat("SentencePiece: nbest_size is ", n, ", but 2 to ", kMaxSampleBest, ", or -1 for all, is wanted"));
  }
  if (absl::Status status = impl_->check_text(text); !status.ok()) return status;
  const size_t kept = !bpe && n > 0 ? static_cast<size_t>(n) : 1;
  if (absl::Status status = impl_->check_lattice(text, kept); !status.ok()) return status;
  std::vector<int32_t> ids;
  const Failure failure = impl_->engine->sample(text, bpe ? -1 : n, options.alpha, options.seed, ids);
  if (!failure.empty()) return failed("sample", failure);
  return ids;
}

absl::StatusOr<std::string> SentencePiece::decode(std::span<const int32_t> ids) const {
  for (const int32_t id : ids) {
    if (id < 0 || static_cast<size_t>(id) >= vocab_size()) {
      return absl::InvalidArgumentError(
          concat("SentencePiece: decode: ", id, " is not an id of the model, which has ", vocab_size(), " pieces"));
    }
  }
  std::string text;
  if (const Failure failure = impl_->engine->decode(std::vector<int>(ids.begin(), ids.end()), text); !failure.empty()) {
    return failed("decode", failure);
  }
  return text;
}

absl::StatusOr<std::string> SentencePiece::decode_pieces(std::span<const std::string> pieces) const {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (find_invalid_utf8(pieces[i]) != std::string_view::npos) {
      return absl::InvalidArgumentError(concat("SentencePiece: decode: piece ", i, " is not valid UTF-8"));
    }
  }
  std::string text;
  if (const Failure failure = impl_->engine->decode(std::vector<std::string>(pieces.begin(), pieces.end()), text);
      !failure.empty()) {
    return failed("decode", failure);
  }
  return text;
}

SentencePieceModel SentencePiece::model() const { return impl_->file.model; }
size_t SentencePiece::vocab_size() const { return impl_->file.pieces.size(); }
const std::vector<ModelPiece>& SentencePiece::pieces() const { return impl_->file.pieces; }
std::optional<int32_t> SentencePiece::piece_to_id(std::string_view piece) const {
  const auto it = impl_->ids.find(std::string(piece));
  return it == impl_->ids.end() ? std::nullopt : std::optional<int32_t>(it->second);
}
int32_t SentencePiece::unk_id() const { return impl_->unk_id; }
std::optional<int32_t> SentencePiece::bos_id() const { return impl_->bos_id; }
std::optional<int32_t> SentencePiece::eos_id() const { return impl_->eos_id; }
std::optional<int32_t> SentencePiece::pad_id() const { return impl_->pad_id; }

}  // namespace hearth::text
