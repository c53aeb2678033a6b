// The one exception type of Hearth, and the macro that throws it.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hearth {

enum class ErrorKind : uint8_t {
  kInvalidArgument,  // the caller's operands, options or data are wrong
  kUnsupported,      // well-formed, but this op, dtype, device or format cannot do it
  kOutOfMemory,      // an allocation was refused; the library stays usable
  kIo,               // a file or the system refused
  kInternal,         // a defect in Hearth
};

// Thrown by the tensor API. what() names the op, what was expected and what came, preceded by the module path
// ("in encoder.layers.3.attn: ...") when it was thrown inside a module's forward. A function that is made of ops names
// itself before the op (CalledAs, core/base/called_as.h).
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const noexcept { return message_; }
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

namespace detail {

void append_int(std::string& out, long long v);
void append_uint(std::string& out, unsigned long long v);
void append_double(std::string& out, double v);

// Appends a value's text: strings, numbers, bools, and any type with a to_string found by argument-dependent lookup.
template <class T>
void append(std::string& out, const T& v) {
  if constexpr (std::is_same_v<T, bool>) {
    out += v ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += v;
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out += std::string_view(v);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    append_int(out, v);
  } else if constexpr (std::is_integral_v<T>) {
    append_uint(out, v);
  } else if constexpr (std::is_floating_point_v<T>) {
    append_double(out, v);
  } else {
    out += to_string(v);
  }
}

[[noreturn]] void throw_error(ErrorKind kind, std::string message);

}  // namespace detail

// The text of all arguments, one after another.
template <class... A>
[[gnu::cold, gnu::noinline]] std::string concat(const A&... a) {
  std::string out;
  (detail::append(out, a), ...);
  return out;
}

// Throws an Error of the given kind whose text is the concatenation of the arguments.
template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, const A&... a) {
  detail::throw_error(kind, concat(a...));
}
template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const A&... a) {
  detail::throw_error(ErrorKind::kInvalidArgument, concat(a...));
}

}  // namespace hearth

// Throws hearth::Error(kInvalidArgument) with the concatenated text unless `condition` holds.
#define HEARTH_CHECK(condition, ...) \
  do {                               \
    if (!(condition)) [[unlikely]]   \
      ::hearth::fail(__VA_ARGS__);   \
  } while (false)
