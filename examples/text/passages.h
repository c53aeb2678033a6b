// A text cut into passages of a few sentences: what a question is compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hearth::examples {

// Where a passage is.
struct Passage {
  int64_t begin, end;  // bytes
  int64_t line;        // of its first character, from 1
};

// Passages end at a blank line if they have at least `enough` bytes, and otherwise at the end of the line before they
// would have more than `most`. A longer line is cut between words or, without any, between characters. Blank lines are
// in none. `text` is UTF-8.
std::vector<Passage> passages_of(std::string_view text, int64_t enough = 400, int64_t most = 800);

}  // namespace hearth::examples
