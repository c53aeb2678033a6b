// Text files as lines and as documents.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::text {

/// The lines of a text, without their ends ("\n" or "\r\n"). An end at the very end of the text begins no further line;
/// an empty text has none.
std::vector<std::string_view> lines_of(std::string_view text);

/// The documents of a text: stretches of lines between blank ones (without anything but spaces and tabs). The lines of
/// a document are joined by "\n", without one at its end.
std::vector<std::string> documents_of(std::string_view text);

/// Reads a file of UTF-8. A byte order mark at its start is left out. kInvalidArgument names the line whose bytes are
/// not UTF-8; other errors as of io::read_file().
absl::StatusOr<std::string> read_text(const std::string& path, uint64_t max_bytes = uint64_t{1} << 30);

}  // namespace hearth::text
