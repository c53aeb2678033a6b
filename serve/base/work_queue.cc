#include "serve/base/work_queue.h"

#include <cstdint>
#include <utility>

#include "core/base/mutex.h"
#include "core/base/parallel.h"

namespace hearth::serve {

WorkQueue::WorkQueue(int threads, size_t limit) : limit_(limit), threads_([this] { stop(); }) {
  threads_.start("the server's work queue", threads, [this](int) { serve(); });
}

WorkQueue::~WorkQueue() = default;

void WorkQueue::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

bool WorkQueue::run(absl::AnyInvocable<void()> work) { return add(std::move(work), limit_); }
void WorkQueue::run_always(absl::AnyInvocable<void()> work) { add(std::move(work), SIZE_MAX); }

bool WorkQueue::add(absl::AnyInvocable<void()> work, size_t limit) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= limit) return false;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

void WorkQueue::serve() {
  const ThreadWidth one(1);
  MutexLock lock(mutex_);
  while (true) {
    lock.wait(changed_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    absl::AnyInvocable<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace hearth::serve
