#include <algorithm>

#include "core/io/utf8_internal.h"

namespace hearth::io {
namespace {

// The bytes of the character that a text begins with; 0 if it is none.
size_t first_character(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned c = byte(0);
  const size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (n == 0 || n > s.size()) return 0;
  for (size_t k = 1; k < n; ++k) {
    if ((byte(k) & 0xc0U) != 0x80) return 0;
  }
  if (n == 3 && ((c == 0xe0 && byte(1) < 0xa0) || (c == 0xed && byte(1) > 0x9f))) return 0;
  if (n == 4 && ((c == 0xf0 && byte(1) < 0x90) || (c == 0xf4 && byte(1) > 0x8f))) return 0;
  return n;
}

// Control characters, up to U+009F.
bool is_control(std::string_view character) {
  const char c = character[0];
  if (character.size() == 1) return c < ' ' || c > '~';
  return character.size() == 2 && c == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const size_t n = first_character(s);
    if (n == 0) return false;
    s.remove_prefix(n);
  }
  return true;
}

std::string printable(std::string_view s, size_t most) {
  std::string out;
  for (size_t shown = 0; !s.empty() && shown < most; ++shown) {
    const std::string_view character = s.substr(0, std::max<size_t>(first_character(s), 1));
    out += is_control(character) ? "?" : character;
    s.remove_prefix(character.size());
  }
  return s.empty() ? out : out + "…";
}

}  // namespace hearth::io
