#include "serve/base/json_writer.h"

namespace hearth::serve {
namespace {

// Quoted. Control characters and what is no UTF-8 are escaped, so that the text is JSON whatever came in.
void append_quoted(std::string& out, std::string_view v) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < v.size(); ++i) {
    const auto c = static_cast<unsigned char>(v[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += v[i];
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else if (c < 0x80) {
      out += v[i];
    } else {
      const int more = c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 && c < 0xe0 ? 1 : 0;
      bool valid = more > 0 && c < 0xf5 && i + static_cast<size_t>(more) < v.size();
      for (int k = 1; valid && k <= more; ++k)
        valid = (static_cast<unsigned char>(v[i + static_cast<size_t>(k)]) & 0xc0) == 0x80;
      if (valid && more > 1) {
        // No overlong forms, surrogates or numbers above U+10FFFF.
        const auto d = static_cast<unsigned char>(v[i + 1]);
        valid = !(c == 0xe0 && d < 0xa0) && !(c == 0xed && d >= 0xa0) && !(c == 0xf0 && d < 0x90) &&
                !(c == 0xf4 && d >= 0x90);
      }
      if (valid) {
        out.append(v.substr(i, static_cast<size_t>(more) + 1));
        i += static_cast<size_t>(more);
      } else {
        out += "\\ufffd";
      }
    }
  }
  out += '"';
}

}  // namespace

JsonWriter& JsonWriter::key(std::string_view k) {
  separate();
  append_quoted(out_, k);
  out_ += ':';
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::value(std::string_view v) {
  separate();
  append_quoted(out_, v);
  return *this;
}
JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}
JsonWriter& JsonWriter::open(char c) {
  separate();
  out_ += c;
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::close(char c) {
  out_ += c;
  comma_ = true;
  return *this;
}

}  // namespace hearth::serve
