#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/io/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto t = hearth::io::parse_npy({reinterpret_cast<const char*>(data), size}, "file");
  if (t.ok() && t->nbytes() > size) std::abort();
  return 0;
}
