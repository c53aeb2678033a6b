#include "examples/text/passages.h"

#include <algorithm>

namespace hearth::examples {
namespace {

constexpr std::string_view kBlank = " \t\r";

// Where a line that begins at `begin` and is too long is cut.
int64_t cut(std::string_view text, int64_t begin, int64_t most) {
  const std::string_view piece = text.substr(static_cast<size_t>(begin), static_cast<size_t>(most) + 1);
  const size_t space = piece.find_last_of(kBlank);
  if (space != std::string_view::npos && space > 0) return begin + static_cast<int64_t>(space);
  int64_t at = begin + most;
  while (at > begin + 1 && (static_cast<unsigned char>(text[static_cast<size_t>(at)]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace

std::vector<Passage> passages_of(std::string_view text, int64_t enough, int64_t most) {
  std::vector<Passage> out;
  const auto size = static_cast<int64_t>(text.size());
  Passage now{-1, -1, 0};  // begin < 0: nothing so far
  const auto finish = [&] {
    if (now.begin >= 0) out.push_back(now);
    now.begin = -1;
  };
  int64_t number = 0;
  for (int64_t at = 0; at < size;) {
    ++number;
    const size_t newline = text.find('\n', static_cast<size_t>(at));
    const int64_t next = newline == std::string_view::npos ? size : static_cast<int64_t>(newline) + 1;
    int64_t end = newline == std::string_view::npos ? size : static_cast<int64_t>(newline);
    while (end > at && kBlank.find(text[static_cast<size_t>(end - 1)]) != std::string_view::npos) --end;
    while (at < end && kBlank.find(text[static_cast<size_t>(at)]) != std::string_view::npos) ++at;
    if (at == end) {
      if (now.begin >= 0 && now.end - now.begin >= enough) finish();
    } else {
      if (now.begin >= 0 && end - now.begin > most) finish();
      while (end - at > most) {
        const int64_t stop = cut(text, at, most);
        out.push_back({at, stop, number});
        at = stop;
        while (at < end && kBlank.find(text[static_cast<size_t>(at)]) != std::string_view::npos) ++at;
      }
      if (now.begin < 0) now = {at, end, number};
      now.end = end;
    }
    at = next;
  }
  finish();
  return out;
}

}  // namespace hearth::examples
