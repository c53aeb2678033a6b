#include "core/base/utf8.h"

#include <cstdint>
#include <cstring>

namespace hearth {
namespace {

struct Beginning {
  size_t character;   // the bytes of the character; 0 if there is none
  size_t ill_formed;  // then those of the maximal ill-formed part
};

// What a text that is not empty begins with.
Beginning beginning(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, 0};
  if (lead < 0xc2 || lead > 0xf4) return {0, 1};
  const size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return {0, 1};
  for (size_t i = 2; i < n; ++i) {
    if (i == text.size() || (byte(i) & 0xc0U) != 0x80) return {0, i};
  }
  return {n, 0};
}

// The only character of a text.
char32_t decode(std::string_view character) {
  const size_t n = character.size();
  const auto lead = static_cast<unsigned char>(character[0]);
  char32_t c = n == 1 ? lead : lead & (0xffU >> (n + 1));
  for (const char byte : character.substr(1)) c = c << 6U | (static_cast<unsigned char>(byte) & 0x3fU);
  return c;
}

bool controls(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

size_t find_non_ascii(std::string_view text) {
  constexpr uint64_t kHigh = 0x8080808080808080;
  size_t i = 0;
  for (uint64_t word = 0; text.size() - i >= sizeof word; i += sizeof word) {
    std::memcpy(&word, text.data() + i, sizeof word);
    if ((word & kHigh) != 0) break;
  }
  for (; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return i;
  }
  return std::string_view::npos;
}

size_t find_invalid_utf8(std::string_view text) {
  for (std::string_view rest = text;;) {
    const size_t ascii = find_non_ascii(rest);
    if (ascii == std::string_view::npos) return ascii;
    rest.remove_prefix(ascii);
    const size_t n = beginning(rest).character;
    if (n == 0) return text.size() - rest.size();
    rest.remove_prefix(n);
  }
}

size_t ill_formed_utf8(std::string_view text) { return text.empty() ? 0 : beginning(text).ill_formed; }

std::string printable(std::string_view text, size_t longest) {
  std::string out;
  while (!text.empty()) {
    const size_t n = beginning(text).character;
    const std::string_view character = text.substr(0, n);
    const std::string_view part = n == 0 ? "?" : controls(decode(character)) ? " " : character;
    if (out.size() + part.size() > longest) return out + "...";
    out += part;
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

}  // namespace hearth
