// A checksum of all that an Encoding says: the golden files hold these, made by the same rules in
// tools/golden/text_tokenizers.py.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

class Digest {
 public:
  void number(int64_t v) {
    const auto n = static_cast<int32_t>(v);
    add(&n, sizeof n);
  }
  void text(std::string_view s) {
    number(static_cast<int64_t>(s.size()));
    add(s.data(), s.size());
  }
  void encoding(const Encoding& e, bool with_overflowing = true) {
    number(static_cast<int64_t>(e.size()));
    for (const int32_t v : e.ids) number(v);
    for (const int32_t v : e.type_ids) number(v);
    for (const Offset o : e.char_offsets) number(o.begin), number(o.end);
    for (const int32_t v : e.word_ids) number(v);
    for (const uint8_t v : e.special_tokens_mask) number(v);
    for (const uint8_t v : e.attention_mask) number(v);
    for (const std::string& t : e.tokens) text(t);
    if (!with_overflowing) return;
    number(static_cast<int64_t>(e.overflowing.size()));
    for (const Encoding& o : e.overflowing) encoding(o, false);
  }
  uint32_t value() const { return static_cast<uint32_t>(crc_); }

 private:
  void add(const void* p, size_t n) {
    crc_ = crc32(crc_, static_cast<const unsigned char*>(p), static_cast<unsigned>(n));
  }
  unsigned long crc_ = 0;
};

// The encoding (or "error") and what its ids decode to.
inline void digest_all(Digest& d, const Tokenizer& tokenizer, const absl::StatusOr<Encoding>& e) {
  if (!e.ok()) return d.text("error");
  d.encoding(*e);
  for (const bool skip : {true, false}) d.text(tokenizer.decode(e->ids, skip).value_or("error"));
}

}  // namespace hearth::text
