// The map of characters in a SentencePiece model's normaliser.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"

namespace hearth::text {

// Checks that nothing a text may look up leads outside of the map: four bytes with the size of a trie (Darts-clone's
// double array), the trie, and replacements that end in NULs. Returns the length of the longest replacement in bytes.
// An empty map is good. kInvalidArgument: a way through the trie leaves it, goes round in a circle or meets more
// replacements than the library has room for; a replacement is outside, too long or not UTF-8.
absl::StatusOr<size_t> check_charsmap(std::string_view map);

}  // namespace hearth::text
