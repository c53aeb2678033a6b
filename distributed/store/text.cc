#include "distributed/store/text.h"

#include <cstdint>

namespace hearth::distributed {
namespace {

// The bytes of the UTF-8 character at the beginning of the text, and which it is; 0 bytes: it is none.
size_t decode(std::string_view text, uint32_t& character) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  size_t n = 1;
  if (first < 0x80) character = first;
  else if (first >= 0xc2 && first < 0xe0) n = 2, character = first & 0x1f;
  else if (first >= 0xe0 && first < 0xf0) n = 3, character = first & 0x0f;
  else if (first >= 0xf0 && first < 0xf5) n = 4, character = first & 0x07;
  else return 0;
  if (text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3f);
  }
  const bool too_long = (n == 3 && character < 0x800) || (n == 4 && character < 0x10000);
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  return too_long || surrogate || character > 0x10ffff ? 0 : n;
}

bool controls(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text, size_t longest) {
  std::string out;
  while (!text.empty()) {
    uint32_t character = 0;
    const size_t n = decode(text, character);
    const std::string_view part = n == 0 ? "?" : controls(character) ? " " : text.substr(0, n);
    if (out.size() + part.size() > longest) return out + "...";
    out += part;
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

bool is_utf8(std::string_view text) {
  uint32_t character = 0;
  for (size_t n = 0; !text.empty(); text.remove_prefix(n)) {
    n = decode(text, character);
    if (n == 0) return false;
  }
  return true;
}

}  // namespace hearth::distributed
