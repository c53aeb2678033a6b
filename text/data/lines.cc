#include "text/data/lines.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/with_path.h"
#include "text/unicode/utf8.h"

namespace hearth::text {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r') && end != std::string_view::npos) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::vector<std::string> documents_of(std::string_view text) {
  std::vector<std::string> documents;
  bool inside = false;
  for (const std::string_view line : lines_of(text)) {
    const bool blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
    if (!blank) {
      if (inside) documents.back().append("\n").append(line);
      else documents.emplace_back(line);
    }
    inside = !blank;
  }
  return documents;
}

absl::StatusOr<std::string> read_text(const std::string& path, uint64_t max_bytes) {
  absl::StatusOr<std::string> text = io::read_file(path, max_bytes);
  if (!text.ok()) return text;
  if (const size_t at = find_invalid_utf8(*text); at != std::string_view::npos) {
    const auto line = 1 + std::count(text->begin(), text->begin() + static_cast<std::ptrdiff_t>(at), '\n');
    return io::with_path(path, absl::InvalidArgumentError(concat("line ", line, " is not valid UTF-8")));
  }
  if (text->starts_with("\xEF\xBB\xBF")) text->erase(0, 3);
  return text;
}

}  // namespace hearth::text
