// What comes over a connection of gRPC, without the network. The first byte says how large the pieces are in which it
// comes, and whether the model is one of tensors or of strings. Whatever it is, what the connection holds stays within
// its bounds, and nothing is held when it is gone.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "serve/grpc/session.h"
#include "tests/serve/models.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::serve;
  if (size < 1) return 0;
  static const auto scale = Repository::of("scale", std::make_shared<testing::Scale>());
  static const auto reverse = Repository::of("reverse", std::make_shared<testing::Reverse>());
  static const auto memory = std::make_shared<MemoryBudget>(1 << 20);
  static GrpcShared& tensors = *new GrpcShared({.max_message_bytes = 1 << 16, .memory = memory}, *scale);
  static GrpcShared& strings = *new GrpcShared({.max_message_bytes = 1 << 16, .memory = memory}, *reverse);
  GrpcShared& shared = data[0] < 128 ? tensors : strings;
  using Make = absl::AnyInvocable<absl::StatusOr<std::string>()>;
  std::vector<std::pair<uint32_t, Make>> answers;
  std::mutex mutex;
  const int64_t running = shared.running;
  {
    GrpcSession session(shared, "peer", [&](uint32_t stream, Make make) {
      const std::lock_guard lock(mutex);
      answers.emplace_back(stream, std::move(make));
    });
    const size_t step = static_cast<size_t>(data[0] % 128) + 1;
    std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
    bool good = session.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    size_t out = 0;
    while (good && !rest.empty()) {
      good = session.receive(rest.substr(0, step));
      rest.remove_prefix(std::min(step, rest.size()));
      out += session.take_output().size();
    }
    while (shared.running > running) {
      std::vector<std::pair<uint32_t, Make>> now;
      {
        const std::lock_guard lock(mutex);
        now.swap(answers);
      }
      for (auto& [stream, make] : now) session.answer(stream, std::move(make));
      if (now.empty()) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    while (true) {
      const size_t n = session.take_output().size();
      if (n == 0) break;
      out += n;
    }
    if (out > (4 << 20) + 100 * size) std::abort();
  }
  if (memory->in_use() != 0) std::abort();
  return 0;
}
