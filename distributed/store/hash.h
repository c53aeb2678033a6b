// A hash of bytes that is the same in every process.
#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::distributed {

/// FNV-1a of 64 bits (Fowler, Noll, Vo). Not for names that an enemy chooses.
constexpr uint64_t hash_of(std::string_view bytes) {
  uint64_t h = 0xcbf29ce484222325u;
  for (const char c : bytes) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return h;
}

}  // namespace hearth::distributed
