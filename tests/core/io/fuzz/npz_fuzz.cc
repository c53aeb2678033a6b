#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/io/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kLimit = 1 << 24;
  const auto a = hearth::io::parse_npz({reinterpret_cast<const char*>(data), size}, "file", kLimit);
  if (!a.ok()) return 0;
  uint64_t total = 0;
  for (const auto& [name, t] : *a) total += t.nbytes();
  if (total > kLimit) std::abort();
  return 0;
}
