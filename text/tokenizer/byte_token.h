// The tokens by which vocabularies with byte fallback write single bytes.
#pragma once

#include <string>

namespace hearth::text {

// "<0x0A>" for 10.
inline std::string byte_token(unsigned byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}

}  // namespace hearth::text
