// Text from outside, as of files and other processes: whether it is UTF-8, and how it is made fit for a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth {

/// The position of the first byte from 0x80 on, or std::string_view::npos.
size_t find_non_ascii(std::string_view text);

/// The position of the first byte that is not well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing
/// above U+10FFFF), or std::string_view::npos if all of `text` is.
size_t find_invalid_utf8(std::string_view text);

/// Whether all of it is UTF-8.
inline bool is_utf8(std::string_view text) { return find_invalid_utf8(text) == std::string_view::npos; }

/// The bytes of the maximal ill-formed part (Unicode, chapter 3, "U+FFFD Substitution of Maximal Subparts") that the
/// text begins with; 0 if it is empty or begins with a character.
size_t ill_formed_utf8(std::string_view text);

/// The bytes that printable() leaves of a name in a message.
constexpr size_t kPrintedName = 80;
/// The bytes that printable() leaves of a message itself.
constexpr size_t kPrintedMessage = 2000;

/// The text on one line: each control character (also U+0080 to U+009F, and the marks U+2028 to U+202E and U+2066 to
/// U+2069 that break lines and turn the writing direction) is a space, each byte that is not UTF-8 a '?'. At most
/// `longest` bytes; "..." stands where more were cut off.
std::string printable(std::string_view text, size_t longest = kPrintedName);

}  // namespace hearth
