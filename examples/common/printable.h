// Text of strangers for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace hearth::examples {

// The text with a space in place of each character that controls a terminal (C0, DEL and C1) and is not among `kept`;
// what is not valid UTF-8 becomes U+FFFD.
std::string printable(std::string_view text, std::string_view kept = "");

}  // namespace hearth::examples
