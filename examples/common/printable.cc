#include "examples/common/printable.h"

#include "text/unicode/utf8.h"

namespace hearth::examples {

std::string printable(std::string_view text, std::string_view kept) {
  const std::string valid = text::replace_invalid_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (const char* p = valid.data(); p != valid.data() + valid.size();) {
    const char32_t c = text::next_char(p);
    const bool controls = c < 0x20 || (c >= 0x7F && c < 0xA0);
    if (controls && (c >= 0x80 || kept.find(static_cast<char>(c)) == std::string_view::npos)) out += ' ';
    else text::append_utf8(out, c);
  }
  return out;
}

}  // namespace hearth::examples
