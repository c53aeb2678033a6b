#include "distributed/store/memory_store.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"

namespace hearth::distributed {
namespace {

// What a waiting thread and the one that sets the value share; the setter may be in its last lines when the waiter
// goes.
struct Answer {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<std::string> value;
};

}  // namespace

absl::StatusOr<std::string> MemoryStore::wait(const std::string& key, std::chrono::milliseconds timeout,
                                              const std::stop_token& stop) {
  const auto answer = std::make_shared<Answer>();
  const auto number = table_.when_set(key, [answer](const std::string& value) {
    {
      const std::lock_guard lock(answer->mutex);
      answer->value = value;
    }
    answer->changed.notify_all();
  });
  if (!number.ok()) return number.status();
  {
    std::unique_lock lock(answer->mutex);
    answer->changed.wait_until(lock, stop, std::chrono::steady_clock::now() + timeout,
                               [&] { return answer->value.has_value(); });
    if (answer->value) return *answer->value;
  }
  if (!table_.forget(*number)) {
    // It was set a moment ago.
    const std::lock_guard lock(answer->mutex);
    if (answer->value) return *answer->value;
  }
  if (stop.stop_requested()) return absl::CancelledError("store: the wait was ended");
  return absl::DeadlineExceededError(absl::StrCat("store: no \"", key, "\" within ", timeout.count(), " ms"));
}

}  // namespace hearth::distributed
