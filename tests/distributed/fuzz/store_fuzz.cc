// Messages of the store, as its server takes them from the network, and what ranks read out of it.
#include <cstdint>
#include <string>

#include "distributed/group/peer_status.h"
#include "distributed/store/store.pb.h"
#include "distributed/store/table.h"

namespace {

using namespace hearth::distributed;

void expect(bool ok) {
  if (!ok) __builtin_trap();
}

}  // namespace

// Messages one after another: a kind, a length, that many bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostBytes = 4096;
  Table table(kMostBytes, 16);
  size_t called = 0;
  while (size >= 2) {
    const int kind = data[0] % 7;
    const size_t length = std::min<size_t>(data[1], size - 2);
    const std::string bytes(reinterpret_cast<const char*>(data) + 2, length);
    data += 2 + length;
    size -= 2 + length;
    StoreEntry entry;
    StoreKey key;
    StoreAmount amount;
    switch (kind) {
      case 0:
        if (entry.ParseFromString(bytes) && table.set(entry.key(), entry.value()).ok())
          expect(*table.get(entry.key()) == entry.value());
        break;
      case 1:
        if (entry.ParseFromString(bytes)) {
          const auto v = table.set_if_absent(entry.key(), entry.value());
          if (v.ok()) expect(*table.get(entry.key()) == *v);
        }
        break;
      case 2:
        if (key.ParseFromString(bytes)) (void)table.get(key.key());
        break;
      case 3:
        if (amount.ParseFromString(bytes)) {
          const auto sum = table.add(amount.key(), amount.amount());
          if (sum.ok()) expect(*table.get(amount.key()) == std::to_string(*sum));
        }
        break;
      case 4:
        if (key.ParseFromString(bytes)) (void)table.erase(key.key());
        break;
      case 5:
        if (key.ParseFromString(bytes)) {
          const auto n = table.when_set(key.key(), [&](const std::string&) { ++called; });
          if (n.ok() && *n % 3 == 1) (void)table.forget(*n);
        }
        break;
      default:
        if (const auto s = PeerStatus::parse(bytes); s.ok()) expect(PeerStatus::parse(s->to_json()).ok());
        break;
    }
  }
  size_t held = 0;
  for (const auto& [k, v] : table.entries("")) held += k.size() + v.size();
  expect(held <= kMostBytes);
  return 0;
}
