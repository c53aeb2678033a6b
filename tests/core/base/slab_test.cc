// Blocks that pass from thread to thread are not lost.
#include "core/base/slab.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth {
namespace {

constexpr size_t kBytes = 1024;

std::vector<void*> blocks(int count) {
  std::vector<void*> out;
  for (int i = 0; i < count; ++i) out.push_back(slab::allocate(kBytes));
  return out;
}
void free_all(const std::vector<void*>& list) {
  for (void* p : list) slab::deallocate(p, kBytes);
}

// Each round's blocks are made here and freed by a thread that makes none.
size_t growth(int rounds, int count) {
  const auto round = [&] {
    const std::vector<void*> list = blocks(count);
    std::thread([&] { free_all(list); }).join();
  };
  for (int i = 0; i < 4; ++i) round();
  const size_t before = slab::reserved_bytes();
  for (int i = 0; i < rounds; ++i) round();
  return slab::reserved_bytes() - before;
}

TEST(Slab, AThreadThatOnlyFreesHandsBlocksOn) {
  EXPECT_EQ(growth(200, 20), 0u);   // fewer than a thread keeps
  EXPECT_EQ(growth(200, 500), 0u);  // more
}

TEST(Slab, AlsoWhileThreadsLive) {
  std::vector<void*> list;
  bool done = false;
  std::mutex m;
  std::condition_variable changed;
  std::thread reaper([&] {
    std::unique_lock lock(m);
    while (true) {
      changed.wait(lock, [&] { return done || !list.empty(); });
      free_all(list);
      list.clear();
      changed.notify_all();
      if (done) return;
    }
  });
  size_t before = 0;
  for (int i = 0; i < 300; ++i) {
    if (i == 20) before = slab::reserved_bytes();
    std::vector<void*> made = blocks(100);
    std::unique_lock lock(m);
    list = std::move(made);
    changed.notify_all();
    changed.wait(lock, [&] { return list.empty(); });
  }
  EXPECT_EQ(slab::reserved_bytes(), before);
  {
    std::lock_guard lock(m);
    done = true;
  }
  changed.notify_all();
  reaper.join();
}

// Freed by a destructor that runs after the thread's own.
TEST(Slab, AThreadMayFreeWhileItEnds) {
  struct Late {
    std::vector<void*> list;
    ~Late() { free_all(list); }
  };
  const auto round = [] {
    std::thread([] {
      thread_local Late late;
      late.list = blocks(40);
    }).join();
  };
  for (int i = 0; i < 4; ++i) round();
  const size_t before = slab::reserved_bytes();
  for (int i = 0; i < 100; ++i) round();
  EXPECT_EQ(slab::reserved_bytes(), before);
}

}  // namespace
}  // namespace hearth
