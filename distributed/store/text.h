// Text from another process: what it is, and how it is made fit for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth::distributed {

/// The text on one line: each control character (also U+0080 to U+009F, and the marks U+2028 to U+202E and U+2066 to
/// U+2069 that break lines and turn the writing direction) is a space, each byte that is not UTF-8 a '?'. At most
/// `longest` bytes; "..." stands where more were cut off.
std::string printable(std::string_view text, size_t longest = 2000);

/// Whether all of it is UTF-8.
bool is_utf8(std::string_view text);

}  // namespace hearth::distributed
