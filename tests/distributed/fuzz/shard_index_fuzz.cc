// index.json of a sharded checkpoint.
#include <cstdint>
#include <string>

#include "distributed/io/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hearth::distributed::ShardIndex;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const bool whole : {true, false}) {
    const auto index = ShardIndex::parse(bytes, whole);
    if (!index.ok()) continue;
    const auto again = ShardIndex::parse(index->to_json(), whole);
    if (!again.ok() || again->to_json() != index->to_json()) __builtin_trap();
    for (const auto& [name, e] : index->tensors) {
      int64_t sum = 0;
      for (const auto& p : e.pieces) sum += p.count;
      if (whole && sum != e.shape.numel()) __builtin_trap();
    }
  }
  return 0;
}
