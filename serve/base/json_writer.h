// JsonWriter: writes JSON text piece by piece.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::serve {

/// Appends JSON to a string: values in the order of the calls, with the commas between them. The caller keeps the
/// nesting right: begin and end calls match, and a key comes before each value of an object. Every function returns the
/// writer, so that calls can be chained. In keys and strings, bytes that are not valid UTF-8 become U+FFFD.
class JsonWriter {
 public:
  /// `out` must outlive the writer.
  explicit JsonWriter(std::string& out) : out_(out) {}

  /// Begins an object.
  JsonWriter& begin_object() { return open('{'); }
  /// Ends the innermost object.
  JsonWriter& end_object() { return close('}'); }
  /// Begins an array.
  JsonWriter& begin_array() { return open('['); }
  /// Ends the innermost array.
  JsonWriter& end_array() { return close(']'); }
  /// The key of the next value, escaped.
  JsonWriter& key(std::string_view k);
  /// A string, escaped.
  JsonWriter& value(std::string_view v);
  /// A string that ends in a zero byte, escaped.
  JsonWriter& value(const char* v) { return value(std::string_view(v)); }
  /// true or false.
  JsonWriter& value(bool v) { return raw(v ? "true" : "false"); }
  /// A whole number.
  JsonWriter& value(int v) { return number(v); }
  /// A whole number.
  JsonWriter& value(int64_t v) { return number(v); }
  /// A whole number.
  JsonWriter& value(uint64_t v) { return number(v); }
  /// The shortest digits that read back as the same number. Must be finite. Negative zero becomes "-0.0": readers take
  /// "-0" for a whole number and lose the sign.
  JsonWriter& value(float v) { return v == 0 && std::signbit(v) ? raw("-0.0") : number(v); }
  /// As value(float), with the digits that a double needs.
  JsonWriter& value(double v) { return v == 0 && std::signbit(v) ? raw("-0.0") : number(v); }
  /// A value that is JSON text already. It is appended unchanged and not checked.
  JsonWriter& raw(std::string_view json);
  /// A key and its value: key(k) and value(v).
  template <class T>
  JsonWriter& field(std::string_view k, T&& v) {
    return key(k).value(static_cast<T&&>(v));
  }

 private:
  JsonWriter& open(char c);
  JsonWriter& close(char c);
  void separate() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  template <class T>
  JsonWriter& number(T v) {
    separate();
    char text[32];
    out_.append(text, std::to_chars(text, text + sizeof text, v).ptr);
    return *this;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace hearth::serve
