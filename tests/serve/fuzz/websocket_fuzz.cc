// What comes to a WebSocket: the same messages in one piece and in several, held in bounded memory.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "serve/http/websocket.h"

namespace {

using hearth::serve::WebSocketReader;

constexpr size_t kLimit = 512;

// All that a reader makes of the bytes, as text.
std::string read(std::string_view bytes, size_t piece) {
  WebSocketReader r(kLimit);
  std::string all;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    r.put(bytes.substr(at, piece));
    while (const auto m = r.next()) {
      if (m->payload.size() > kLimit) std::abort();
      all += std::to_string(static_cast<int>(m->opcode)) + ":" + m->payload + "\n";
    }
    if (r.bytes() > 2 * (2 * kLimit + 14 + piece) + 32) std::abort();  // strings grow to twice their size
  }
  if (!r.failure()) return all;
  if (r.why().empty() || r.why().size() > 123) std::abort();
  return all + "failed " + std::to_string(static_cast<int>(*r.failure()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(bytes, size + 1);
  for (const size_t piece : {size_t{1}, size_t{5}}) {
    if (read(bytes, piece) != whole) std::abort();
  }
  return 0;
}
