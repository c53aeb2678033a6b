#include "text/unicode/utf8.h"

#include "core/base/utf8.h"

namespace hearth::text {

bool is_ascii(std::string_view text) { return find_non_ascii(text) == std::string_view::npos; }

size_t find_invalid_utf8(std::string_view text) { return hearth::find_invalid_utf8(text); }

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const std::string_view good = text.substr(0, find_invalid_utf8(text));
    out += good;
    text.remove_prefix(good.size());
    if (text.empty()) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(ill_formed_utf8(text));
  }
}

size_t count_chars(std::string_view text) {
  size_t n = 0;
  for (const char byte : text) n += !is_continuation(byte);
  return n;
}

}  // namespace hearth::text
