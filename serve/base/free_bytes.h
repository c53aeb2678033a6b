// Frees what a string holds.
#pragma once

#include <string>

namespace hearth::serve {

/// Makes a string empty and frees its memory, which it keeps if an empty one is assigned to it.
inline void free_bytes(std::string& s) { std::string().swap(s); }

}  // namespace hearth::serve
