#include "text/sentencepiece/model_file.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "core/base/error.h"
#include "text/sentencepiece/charsmap_internal.h"
#include "text/sentencepiece/nesting_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxPieces = size_t{1} << 24;
constexpr size_t kMaxSelfTest = size_t{1} << 20;

// A field of a protocol buffer: its number and its value.
struct Field {
  uint32_t number = 0;
  uint8_t wire = 0;             // 0 a number, 1 eight bytes, 2 bytes, 5 four bytes
  uint64_t value = 0;           // of 0, 1 and 5
  std::string_view bytes = {};  // of 2
};

// Reads the fields of a message one after the other.
class Message {
 public:
  Message(std::string_view bytes, std::string what, size_t begin = 0)
      : bytes_(bytes), what_(std::move(what)), begin_(begin) {}

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  // The place of what was read last, in the file.
  size_t place() const { return begin_ + last_; }
  void fail(std::string_view why) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(concat(what_, ", byte ", place(), ": ", why));
  }

  // false: there is no more, or an error.
  bool next(Field& field) {
    if (!ok() || at_ == bytes_.size()) return false;
    last_ = at_;
    uint64_t key = 0;
    field = {};
    if (!varint(key)) return false;
    field.number = static_cast<uint32_t>(key >> 3);
    field.wire = static_cast<uint8_t>(key & 7);
    if (key >> 32 != 0 || field.number == 0) {
      fail("it is not a SentencePiece model");
      return false;
    }
    switch (field.wire) {
      case 0:
        return varint(field.value);
      case 1:
        return fixed(8, field.value);
      case 5:
        return fixed(4, field.value);
      case 2: {
        uint64_t size = 0;
        if (!varint(size)) return false;
        if (size > bytes_.size() - at_) {
          fail(concat("the file is cut short: ", size, " bytes are wanted, but only ", bytes_.size() - at_, " follow"));
          return false;
        }
        last_ = at_;
        field.bytes = bytes_.substr(at_, size);
        at_ += size;
        return true;
      }
      default:
        fail("it is not a SentencePiece model");
        return false;
    }
  }

  // Values of fields, with checks of their wire type.
  std::string_view text(const Field& f) {
    if (f.wire != 2) fail(concat("field ", f.number, " is not bytes"));
    return f.bytes;
  }
  uint64_t number(const Field& f) {
    if (f.wire != 0) fail(concat("field ", f.number, " is not a number"));
    return f.value;
  }
  bool boolean(const Field& f) { return number(f) != 0; }
  float real(const Field& f) {
    if (f.wire != 5) fail(concat("field ", f.number, " is not a real number"));
    return std::bit_cast<float>(static_cast<uint32_t>(f.value));
  }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == bytes_.size()) {
        fail("the file is cut short");
        return false;
      }
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    fail("it is not a SentencePiece model");
    return false;
  }
  bool fixed(size_t size, uint64_t& value) {
    if (bytes_.size() - at_ < size) {
      fail("the file is cut short");
      return false;
    }
    std::memcpy(&value, bytes_.data() + at_, size);
    at_ += size;
    return true;
  }

  std::string_view bytes_;
  std::string what_;
  size_t begin_;
  size_t at_ = 0;
  size_t last_ = 0;
  absl::Status status_;
};

absl::StatusOr<ModelPiece> read_piece(Message m) {
  ModelPiece piece;
  for (Field f; m.next(f);) {
    if (f.number == 1) piece.text = m.text(f);
    if (f.number == 2) piece.score = m.real(f);
    if (f.number != 3) continue;
    if (const uint64_t type = m.number(f); type < 1 || type > 6) {
      m.fail(concat("a piece of type ", type, " is not known"));
    } else {
      piece.type = static_cast<PieceType>(type);
    }
  }
  if (piece.text.empty()) m.fail("the piece is empty");
  if (piece.text.size() > kMaxPiece) m.fail(concat("the piece has more than ", kMaxPiece, " bytes"));
  if (piece.text.find('\0') != std::string::npos) m.fail("the piece has a NUL");
  if (find_invalid_utf8(piece.text) != std::string_view::npos) m.fail("the piece is not valid UTF-8");
  if (!std::isfinite(piece.score)) m.fail("the score is not finite");
  if (!m.ok()) return m.status();
  return piece;
}

absl::Status read_trainer(Message m, SentencePieceFile& file) {
  constexpr size_t kMaxSurface = 256;
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 3:
        if (const uint64_t model = m.number(f); model < 1 || model > 4) {
          m.fail(concat("a model of type ", model, " is not known"));
        } else {
          file.model = static_cast<SentencePieceModel>(model);
        }
        break;
      case 24:
        file.treat_whitespace_as_suffix = m.boolean(f);
        break;
      case 35:
        file.byte_fallback = m.boolean(f);
        break;
      case 44:
        if (m.text(f).size() > kMaxSurface) m.fail("the text of the unknown piece is too long");
        break;
      case 45:
        file.unk_piece = m.text(f);
        break;
      case 46:
        file.bos_piece = m.text(f);
        break;
      case 47:
        file.eos_piece = m.text(f);
        break;
      case 48:
        file.pad_piece = m.text(f);
        break;
      default:
        break;
    }
  }
  return m.status();
}

// `file` is null for the map that decoding uses.
absl::Status read_normalizer(Message m, SentencePieceFile* file) {
  std::string_view map;
  for (Field f; m.next(f);) {
    if (f.number == 2) {
      map = m.text(f);
      const absl::StatusOr<size_t> longest = check_charsmap(map);
      if (!longest.ok()) {
        const absl::string_view why = longest.status().message();
        m.fail(concat("the map of characters: ", std::string_view(why.data(), why.size())));
      } else if (file) {
        file->longest_replacement = std::max(file->longest_replacement, *longest);
      }
    }
    if (!file) continue;
    if (f.number == 3) file->add_dummy_prefix = m.boolean(f);
    if (f.number == 4) file->remove_extra_whitespaces = m.boolean(f);
    if (f.number == 5) file->escape_whitespaces = m.boolean(f);
  }
  if (file && m.ok()) file->charsmap = map;
  return m.status();
}

// The byte of `<0x41>`, or -1.
int byte_of(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const int high = digit(text[3]), low = digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

absl::Status check_pieces(const SentencePieceFile& file) {
  const auto bad = [](size_t i, std::string_view why) {
    return absl::InvalidArgumentError(concat("piece ", i, ": ", why));
  };
  absl::flat_hash_map<std::string, size_t> seen;
  size_t unknown = 0, text = 0;
  std::array<bool, 256> bytes{};
  size_t byte_pieces = 0;
  std::vector<std::string_view> symbols;
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    const ModelPiece& piece = file.pieces[i];
    if (!seen.emplace(piece.text, i).second) return bad(i, concat("\"", piece.text, "\" stands twice"));
    unknown += piece.type == PieceType::kUnknown;
    text += piece.type == PieceType::kNormal || piece.type == PieceType::kUserDefined;
    if (piece.type == PieceType::kUserDefined) symbols.push_back(piece.text);
    if (piece.type != PieceType::kByte) continue;
    const int byte = byte_of(piece.text);
    if (byte < 0) return bad(i, concat("\"", piece.text, "\" is not a byte"));
    if (!file.byte_fallback) return bad(i, "it is a byte, but the model does not use bytes");
    bytes[static_cast<size_t>(byte)] = true;
    ++byte_pieces;
  }
  if (unknown != 1) return absl::InvalidArgumentError(concat("one unknown piece is wanted, but there are ", unknown));
  if (const size_t deepest = deepest_nesting(std::move(symbols)); deepest > kMaxNestedSymbols) {
    return absl::InvalidArgumentError(concat("of the user-defined symbols ", deepest,
                                             " begin with each other, but at most ", kMaxNestedSymbols, " may"));
  }
  if (text == 0) return absl::InvalidArgumentError("no piece stands for text");
  if (file.byte_fallback && byte_pieces != 256) {
    return absl::InvalidArgumentError(concat("256 pieces of a byte are wanted, but there are ", byte_pieces));
  }
  return absl::OkStatus();
}

}  // namespace

int32_t SentencePieceFile::find(std::string_view text) const {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].text == text) return static_cast<int32_t>(i);
  }
  return -1;
}

absl::StatusOr<SentencePieceFile> parse_sentencepiece_file(std::string_view bytes) {
  SentencePieceFile file;
  Message m(bytes, "model");
  std::array<bool, 6> seen{};
  for (Field f; m.next(f);) {
    if (f.number > 5) continue;
    const std::string_view part = m.text(f);
    if (!m.ok()) break;
    // The library would merge a part that stands twice with the one before.
    if (f.number > 1 && std::exchange(seen[f.number], true)) m.fail(concat("part ", f.number, " stands twice"));
    absl::Status status;
    switch (f.number) {
      case 1: {
        if (file.pieces.size() == kMaxPieces) {
          m.fail(concat("more than ", kMaxPieces, " pieces"));
          break;
        }
        absl::StatusOr<ModelPiece> piece = read_piece(Message(part, concat("piece ", file.pieces.size()), m.place()));
        status = piece.status();
        if (piece.ok()) file.pieces.push_back(std::move(*piece));
        break;
      }
      case 2:
        status = read_trainer(Message(part, "trainer_spec", m.place()), file);
        break;
      case 3:
        status = read_normalizer(Message(part, "normalizer_spec", m.place()), &file);
        break;
      case 4:
        if (part.size() > kMaxSelfTest) m.fail("the model's own test is too long");
        break;
      default:
        status = read_normalizer(Message(part, "denormalizer_spec", m.place()), nullptr);
        break;
    }
    if (!status.ok()) return status;
  }
  if (!m.ok()) return m.status();
  if (file.pieces.empty()) return absl::InvalidArgumentError("it has no pieces");
  if (absl::Status status = check_pieces(file); !status.ok()) return status;
  return file;
}

}  // namespace hearth::text
