// When run() calls autograd.
#pragma once

#include <cstdint>

namespace hearth {

enum class RecordPhase : uint8_t {
  kBeforeWrite,  // before a bound output is overwritten: may refuse, and keeps what backward needs of it
  kAfter,        // the outputs are there
};

}  // namespace hearth
