// The one exception type of Hearth, and the macro that throws it.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hearth {

/// What kind of thing went wrong.
enum class ErrorKind : uint8_t {
  kInvalidArgument,  ///< The caller's operands, options or data are wrong.
  kUnsupported,      ///< The request is well-formed, but this op, dtype, device or format cannot do it.
  kOutOfMemory,      ///< An allocation was refused. The program can go on.
  kIo,               ///< A file or the operating system refused.
  kInternal,         ///< A defect in Hearth.
};

/// The exception of the tensor API. The message names the op, what was expected and what came. Inside a module's
/// forward the path of the module comes first ("in encoder.layers.3.attn: …"). A function that is made of ops puts its
/// own name before that of the op (CalledAs in core/base/called_as.h).
class Error : public std::exception {
 public:
  /// An error with this message.
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  /// The message.
  const char* what() const noexcept override { return message_.c_str(); }
  /// The message.
  const std::string& message() const noexcept { return message_; }
  /// The kind of error.
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

/// The text of all arguments, one after another. An argument is a string, a character, a number, a bool, or a value of
/// any type with a to_string() found by argument-dependent lookup.
template <class... A>
[[gnu::cold, gnu::noinline]] std::string concat(const A&... a) {
  std::string out;
  (detail::append(out, a), ...);
  return out;
}

/// Throws Error of the given kind. Its message is the text of the other arguments, as by concat(), with the module path
/// and the called function in front.
template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, const A&... a) {
  detail::throw_error(kind, concat(a...));
}
/// Throws Error(kInvalidArgument) as above.
template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const A&... a) {
  detail::throw_error(ErrorKind::kInvalidArgument, concat(a...));
}

}  // namespace hearth

/// Throws hearth::Error(kInvalidArgument) with the text of the other arguments unless `condition` holds. The arguments
/// are evaluated only if it does not.
#define HEARTH_CHECK(condition, ...) \
  do {                               \
    if (!(condition)) [[unlikely]]   \
      ::hearth::fail(__VA_ARGS__);   \
  } while (false)
