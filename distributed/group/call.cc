#include "distributed/group/call.h"

#include "core/base/error.h"

namespace hearth::distributed {

std::string to_string(OpType t) {
  constexpr const char* kNames[] = {"all_reduce",     "reduce", "broadcast", "all_gather",
                                    "reduce_scatter", "gather", "scatter",   "all_to_all",
                                    "barrier",        "send",   "recv"};
  return kNames[static_cast<size_t>(t)];
}

std::string to_string(ReduceOp r) {
  constexpr const char* kNames[] = {"sum", "avg", "min", "max", "product"};
  return kNames[static_cast<size_t>(r)];
}

uint32_t Call::fingerprint() const {
  uint64_t h = 0x9E3779B97F4A7C15u;
  const auto mix = [&](uint64_t v) {
    h = (h ^ v) * 0xBF58476D1CE4E5B9u;
    h ^= h >> 29;
  };
  // A send and the receive that takes it are one transfer.
  const bool direct = type == OpType::kSend || type == OpType::kReceive;
  mix(static_cast<uint64_t>(direct ? OpType::kSend : type) | static_cast<uint64_t>(dtype) << 8 |
      static_cast<uint64_t>(reduce) << 16 | static_cast<uint64_t>(static_cast<uint32_t>(root)) << 24);
  mix(sequence);
  mix(static_cast<uint64_t>(tag) << 32 | static_cast<uint64_t>(static_cast<uint32_t>(tensors)));
  mix(shapes);
  mix(static_cast<uint64_t>(shape.rank()));
  for (const int64_t size : shape) mix(static_cast<uint64_t>(size));
  return static_cast<uint32_t>(h ^ h >> 32);
}

std::string Call::text() const {
  std::string s = concat(to_string(type), " #", sequence);
  if (type == OpType::kBarrier) return s;
  s += concat(" of ", dtype, " ", shape);
  if (tensors > 1) s += concat(" in ", tensors, " tensors");
  switch (type) {
    case OpType::kAllReduce:
    case OpType::kReduceScatter:
      return s + ", " + to_string(reduce);
    case OpType::kReduce:
      return concat(s, ", ", to_string(reduce), ", to rank ", root);
    case OpType::kGather:
      return concat(s, " to rank ", root);
    case OpType::kBroadcast:
    case OpType::kScatter:
      return concat(s, " from rank ", root);
    case OpType::kSend:
      return concat(s, " to rank ", peer, ", tag ", tag);
    case OpType::kReceive:
      return concat(s, " from rank ", peer, ", tag ", tag);
    default:
      return s;
  }
}

}  // namespace hearth::distributed
