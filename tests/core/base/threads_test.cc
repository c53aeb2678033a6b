#include "core/base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>

#include "core/base/error.h"
#include "core/base/parallel.h"

namespace hearth {
namespace {

// Threads that wait until they are told to end.
struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::atomic<int> inside{0};
  ThreadGroup threads{[this] {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
  }};
  void wait(int) {
    ++inside;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stopping; });
    --inside;
  }
};

TEST(ThreadGroup, JoinsAtItsEnd) {
  std::atomic<int> ended{0};
  {
    Waiting w;
    w.threads.start("test", 3, [&](int i) {
      w.wait(i);
      ++ended;
    });
  }
  EXPECT_EQ(ended, 3);
}

TEST(ThreadGroup, AThreadThatCannotStart) {
  for (int allowed : {0, 1, 3}) {
    Waiting w;
    detail::limit_threads(allowed);
    try {
      w.threads.start("test", 4, [&](int i) { w.wait(i); });
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()), "test: thread " + std::to_string(allowed + 1) +
                                           " of 4 could not be started: Resource temporarily unavailable");
      EXPECT_EQ(e.kind(), ErrorKind::kIo);
    }
    detail::limit_threads(-1);
    EXPECT_EQ(w.inside, 0);  // joined
    w.stopping = false;
    w.threads.start("test", 4, [&](int i) { w.wait(i); });
    w.threads.join();
    EXPECT_EQ(w.inside, 0);
  }
}

TEST(ThreadGroup, KeepsTheFirstException) {
  Waiting w;
  w.threads.start("test", 3, [&](int i) {
    if (i == 1) throw std::runtime_error("from 1");
    w.wait(i);
    throw std::runtime_error("later");
  });
  // Thread 1 does not wait; the others throw after stop.
  while (w.inside < 2) std::this_thread::yield();
  EXPECT_THROW(w.threads.join(), std::runtime_error);
  w.threads.join();  // once

  Waiting dropped;
  dropped.threads.start("test", 1, [](int) { throw std::runtime_error("nobody asks"); });
}

TEST(ThreadGroup, SignalsAreForTheProgramsOwnThreads) {
  Waiting w;
  bool blocked = false;
  w.threads.start("test", 1, [&](int) {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    blocked = sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGSEGV) == 0;
  });
  w.threads.join();
  EXPECT_TRUE(blocked);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGTERM), 0);
}

TEST(ParallelFor, IsDoneByFewerIfThreadsCannotStart) {
  const ThreadWidth guard(9);
  detail::limit_threads(0);
  std::atomic<int> blocks{0};
  parallel_for(100, 1, [&](int64_t, int64_t) { ++blocks; });
  detail::limit_threads(-1);
  EXPECT_EQ(blocks, 100);
}

}  // namespace
}  // namespace hearth
