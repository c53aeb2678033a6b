#include "core/base/parallel.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace hearth {
namespace {

// Every block once, and no other.
TEST(ParallelFor, CallsEachBlockOnce) {
  for (int width : {1, 2, 3, 8, 40}) {
    const ThreadWidth guard(width);
    for (int64_t n : {0, 1, 7, 64, 1000, 4097}) {
      for (int64_t grain : {1, 3, 64, 5000}) {
        std::vector<int> count(static_cast<size_t>(n));
        std::atomic<int64_t> calls{0};
        parallel_for(n, grain, [&](int64_t begin, int64_t end) {
          ASSERT_EQ(begin % grain, 0);
          ASSERT_TRUE(end == n || end == begin + grain);
          for (int64_t i = begin; i < end; ++i) ++count[static_cast<size_t>(i)];
          ++calls;
        });
        EXPECT_EQ(calls, (n + grain - 1) / grain);
        for (int c : count) ASSERT_EQ(c, 1);
      }
    }
  }
}

TEST(ParallelFor, RunsOnSeveralThreads) {
  const ThreadWidth guard(4);
  // Blocks that wait for one another can only end when four threads are in them.
  std::atomic<int> inside{0};
  parallel_for(4, 1, [&](int64_t, int64_t) {
    ++inside;
    while (inside < 4) std::this_thread::yield();
  });
  EXPECT_EQ(inside, 4);
}

TEST(ParallelFor, NestedRunsInTheSameThread) {
  const ThreadWidth guard(4);
  parallel_for(8, 1, [&](int64_t, int64_t) {
    EXPECT_EQ(num_threads(), 1);
    const auto me = std::this_thread::get_id();
    parallel_for(8, 1, [&](int64_t, int64_t) { EXPECT_EQ(std::this_thread::get_id(), me); });
  });
  EXPECT_EQ(num_threads(), 4);
}

TEST(ParallelFor, RethrowsTheFirstException) {
  const ThreadWidth guard(3);
  for (int i = 0; i < 50; ++i) {
    std::atomic<int> running{0};
    EXPECT_THROW(parallel_for(100, 1,
                              [&](int64_t begin, int64_t) {
                                ++running;
                                if (begin == 41) {
                                  --running;
                                  throw std::runtime_error("41");
                                }
                                --running;
                              }),
                 std::runtime_error);
    EXPECT_EQ(running, 0);
  }
}

TEST(ParallelFor, ManyCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> total{0};
  for (int t = 0; t < 6; ++t) {
    callers.emplace_back([&, t] {
      const ThreadWidth guard(1 + t % 3);
      for (int round = 0; round < 200; ++round) {
        std::vector<int64_t> part(64);
        parallel_for(64, 1, [&](int64_t begin, int64_t) { part[static_cast<size_t>(begin)] = begin; });
        for (int64_t p : part) total += p;
      }
    });
  }
  for (std::thread& c : callers) c.join();
  EXPECT_EQ(total, 6 * 200 * (63 * 64 / 2));
}

TEST(ParallelFor, WorksInAForkedChild) {
#ifdef HEARTH_TSAN
  GTEST_SKIP() << "ThreadSanitizer ends a child that starts threads";
#endif
  const ThreadWidth guard(2);
  std::atomic<int> before{0};
  parallel_for(16, 1, [&](int64_t, int64_t) { ++before; });
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> after{0};
    parallel_for(16, 1, [&](int64_t, int64_t) { ++after; });
    _exit(after == 16 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(ThreadWidth, RefusesWhatIsNoWidth) {
  EXPECT_THROW(ThreadWidth(0), Error);
  EXPECT_THROW(ThreadWidth(1025), Error);
}

}  // namespace
}  // namespace hearth
