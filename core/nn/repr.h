// Pieces of what layers tell of themselves: see ModuleBase::extra_repr().
#pragma once

#include <charconv>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/ops/extent.h"
#include "core/tensor/shape.h"

namespace hearth::nn::detail {

inline std::string repr(bool v) { return v ? "True" : "False"; }
inline std::string repr(int64_t v) { return std::to_string(v); }
// As Python prints numbers.
inline std::string repr(double v) {
  char buffer[64];
  const double size = v < 0 ? -v : v;
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto style = plain ? std::chars_format::fixed : std::chars_format::scientific;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, v, style).ptr);
  if (plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}
inline std::string repr(const std::string& v) { return v; }
inline std::string repr(const char* v) { return v; }
inline std::string repr(const Extent2& e) { return concat("(", e.h, ", ", e.w, ")"); }
inline std::string repr(const Extent3& e) { return concat("(", e.d, ", ", e.h, ", ", e.w, ")"); }
inline std::string repr(const Dims& d) {
  std::string text = "(";
  for (int i = 0; i < d.rank(); ++i) text += concat(i ? ", " : "", d[i]);
  return text + (d.rank() == 1 ? ",)" : ")");
}
template <class T>
std::string repr(const std::optional<T>& v) {
  return v ? repr(*v) : "None";
}

// Extents of pools: one number where they are equal.
inline std::string brief(int64_t v) { return repr(v); }
inline std::string brief(const Extent2& e) { return e.h == e.w ? repr(e.h) : repr(e); }

// Sizes of a result, of which -1 is that of the input.
inline std::string output(int64_t v) { return v == -1 ? "None" : repr(v); }
inline std::string brief_output(const Extent2& e) {
  return e.h == e.w ? output(e.h) : concat("(", output(e.h), ", ", output(e.w), ")");
}

// ", name=value".
template <class T>
std::string field(const char* name, const T& value) {
  return concat(", ", name, "=", repr(value));
}
// The same where it is not the default.
template <class T>
std::string unless(const T& usual, const char* name, const T& value) {
  return repr(value) == repr(usual) ? "" : field(name, value);
}

}  // namespace hearth::nn::detail
