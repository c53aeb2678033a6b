#include "text/unicode/utf8.h"

#include <cstring>

namespace hearth::text {
namespace {

// The length of the well-formed character at p, or 0; then *bad is the length of the maximal ill-formed part.
int well_formed(const unsigned char* p, const unsigned char* end, int* bad) {
  *bad = 1;
  const unsigned char lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (end - p < 2 || p[1] < low || p[1] > high) return 0;
  for (int i = 2; i < length; ++i) {
    *bad = i;
    if (end - p <= i || (p[i] & 0xC0) != 0x80) return 0;
  }
  return length;
}

const unsigned char* skip_ascii(const unsigned char* p, const unsigned char* end) {
  constexpr uint64_t kHigh = 0x8080808080808080;
  while (end - p >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, p, 8);
    if (word & kHigh) break;
    p += 8;
  }
  while (p < end && *p < 0x80) ++p;
  return p;
}

}  // namespace

bool is_ascii(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  return skip_ascii(p, p + text.size()) == p + text.size();
}

size_t find_invalid_utf8(std::string_view text) {
  const auto* const begin = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = begin + text.size();
  const unsigned char* p = begin;
  for (;;) {
    p = skip_ascii(p, end);
    if (p == end) return std::string_view::npos;
    int bad = 0;
    const int length = well_formed(p, end, &bad);
    if (length == 0) return static_cast<size_t>(p - begin);
    p += length;
  }
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = p + text.size();
  while (p < end) {
    const size_t good = find_invalid_utf8({reinterpret_cast<const char*>(p), static_cast<size_t>(end - p)});
    const size_t n = good == std::string_view::npos ? static_cast<size_t>(end - p) : good;
    out.append(reinterpret_cast<const char*>(p), n);
    p += n;
    if (p == end) break;
    int bad = 0;
    well_formed(p, end, &bad);
    out += "\xEF\xBF\xBD";
    p += bad;
  }
  return out;
}

size_t count_chars(std::string_view text) {
  size_t n = 0;
  for (const char byte : text) n += !is_continuation(byte);
  return n;
}

}  // namespace hearth::text
