// A checksum of what SentencePiece makes of a text, by the same rules as tools/golden/text_sentencepiece.py.
#pragma once

#include <zlib.h>

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "text/sentencepiece/sentencepiece.h"

namespace hearth::text {

class Sum {
 public:
  void number(int64_t v) {
    const auto n = static_cast<int32_t>(v);
    add(&n, sizeof n);
  }
  void real(float v) { number(std::bit_cast<int32_t>(v)); }
  void text(std::string_view s) {
    number(static_cast<int64_t>(s.size()));
    add(s.data(), s.size());
  }
  void ids(std::span<const int32_t> ids) {
    number(static_cast<int64_t>(ids.size()));
    for (const int32_t id : ids) number(id);
  }
  // Pieces, where they are, and the text of their ids.
  void all_of(const SentencePiece& model, std::string_view from) {
    const auto pieces = model.encode_pieces(from).value();
    number(static_cast<int64_t>(pieces.size()));
    std::vector<int32_t> ids;
    for (const TextPiece& p : pieces) {
      number(p.id), text(p.piece), number(p.char_offset.begin), number(p.char_offset.end);
      ids.push_back(p.id);
    }
    text(model.decode(ids).value());
  }
  uint32_t value() const { return static_cast<uint32_t>(crc_); }

 private:
  void add(const void* p, size_t n) {
    crc_ = crc32(crc_, static_cast<const unsigned char*>(p), static_cast<unsigned>(n));
  }
  unsigned long crc_ = 0;
};

}  // namespace hearth::text
