// Texts of files. For files of this package only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth::io {

bool is_utf8(std::string_view s);

// For messages: at most so many characters of it, with a '?' for each that cannot be printed.
std::string printable(std::string_view s, size_t most = 80);

}  // namespace hearth::io
