#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "vision/datasets/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kLimit = 1 << 20;
  auto t = hearth::vision::parse_idx({reinterpret_cast<const std::byte*>(data), size}, kLimit);
  if (t.ok() && t->nbytes() > kLimit) std::abort();
  return 0;
}
