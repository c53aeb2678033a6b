// What becomes of texts that are longer than a model takes.
#pragma once

#include <cstdint>

namespace hearth::text {

/// What becomes of a text with more tokens than the model takes.
enum class TooLong : uint8_t {
  kCut,     ///< What is too much is left out, as sentence-transformers does.
  kRefuse,  ///< It is an error that names the limit.
};

}  // namespace hearth::text
