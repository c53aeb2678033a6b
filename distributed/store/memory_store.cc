#include "distributed/store/memory_store.h"

#include <condition_variable>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/mutex.h"

namespace hearth::distributed {
namespace {

// What a waiting thread and the one that sets the value share; the setter may be in its last lines when the waiter
// goes.
struct Answer {
  Mutex mutex;
  std::condition_variable_any changed;
  std::optional<std::string> value ABSL_GUARDED_BY(mutex);
};

}  // namespace

absl::StatusOr<std::string> MemoryStore::wait(const std::string& key, std::chrono::milliseconds timeout,
                                              const std::stop_token& stop) {
  const auto answer = std::make_shared<Answer>();
  const auto number = table_.when_set(key, [answer](const std::string& value) {
    {
      const MutexLock lock(answer->mutex);
      answer->value = value;
    }
    answer->changed.notify_all();
  });
  if (!number.ok()) return number.status();
  {
    MutexLock lock(answer->mutex);
    answer->changed.wait_until(lock, stop, std::chrono::steady_clock::now() + timeout,
                               [&]()
                                   ABSL_EXCLUSIVE_LOCKS_REQUIRED(answer->mutex) { return answer->value.has_value(); });
    if (std::optional<std::string> value = answer->value) return *std::move(value);
  }
  if (!table_.forget(*number)) {
    // It was set a moment ago.
    const MutexLock lock(answer->mutex);
    if (std::optional<std::string> value = answer->value) return *std::move(value);
  }
  if (stop.stop_requested()) return absl::CancelledError("store: the wait was ended");
  return absl::DeadlineExceededError(absl::StrCat("store: no \"", key, "\" within ", timeout.count(), " ms"));
}

}  // namespace hearth::distributed
