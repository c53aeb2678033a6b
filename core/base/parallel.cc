#include "core/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>

#include "core/base/error.h"
#include "core/base/thread_state.h"

#ifdef __clang__
// Clang does not find the omp.h of GCC's runtime, which is the one that oneDNN brings (tools/build/cc.bzl).
extern "C" int omp_get_max_threads();
extern "C" int omp_get_num_threads();
extern "C" int omp_get_thread_num();
extern "C" void omp_set_num_threads(int);
#else
#include <omp.h>
#endif

// Built without ThreadSanitizer: GCC's OpenMP runtime is not instrumented, so the fork and the join are announced by
// hand. The rest of the program stays instrumented and real races inside bodies are still found.
#ifdef HEARTH_TSAN
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#define HEARTH_TSAN_ACQUIRE(p) __tsan_acquire(p)
#define HEARTH_TSAN_RELEASE(p) __tsan_release(p)
#else
#define HEARTH_TSAN_ACQUIRE(p) (void)(p)
#define HEARTH_TSAN_RELEASE(p) (void)(p)
#endif

namespace hearth {
namespace {

constexpr int kMaxWidth = 1024;

int default_width() {
  static const int width = [] {
    if (const char* text = std::getenv("HEARTH_NUM_THREADS"); text && *text) {
      char* end = nullptr;
      long v = std::strtol(text, &end, 10);
      if (*end != '\0' || v < 1 || v > kMaxWidth) {
        fail("HEARTH_NUM_THREADS must be a whole number from 1 to ", kMaxWidth, ", but is '", text, "'");
      }
      return static_cast<int>(v);
    }
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::clamp(CPU_COUNT(&set), 1, kMaxWidth);
    return 1;
  }();
  return width;
}

// Makes nested calls run on the calling thread alone.
struct NestedScope {
  int16_t previous = thread_state.width;
  NestedScope() { thread_state.width = 1; }
  ~NestedScope() { thread_state.width = previous; }
};

}  // namespace

int num_threads() { return thread_state.width > 0 ? thread_state.width : default_width(); }

ThreadWidth::ThreadWidth(int width) : previous_(thread_state.width) {
  HEARTH_CHECK(width >= 1 && width <= kMaxWidth, "thread width must be from 1 to ", kMaxWidth, ", but is ", width);
  thread_state.width = static_cast<int16_t>(width);
}
ThreadWidth::~ThreadWidth() { thread_state.width = previous_; }

OmpWidthGuard::OmpWidthGuard() : previous_(omp_get_max_threads()) {
  if (int width = num_threads(); width != previous_) omp_set_num_threads(width);
}
OmpWidthGuard::~OmpWidthGuard() {
  if (omp_get_max_threads() != previous_) omp_set_num_threads(previous_);
}

void detail::parallel_run(int64_t n, int64_t grain, void* context, void (*body)(void*, int64_t, int64_t)) {
  const int64_t blocks = (n + grain - 1) / grain;
  const int width = static_cast<int>(std::min<int64_t>(num_threads(), blocks));
  if (width <= 1) {
    for (int64_t i = 0; i < blocks; ++i) body(context, i * grain, std::min(n, (i + 1) * grain));
    return;
  }
  std::exception_ptr error;
  std::mutex error_mutex;
  std::atomic<bool> failed{false};
  char fork_point = 0, join_point = 0;
  HEARTH_TSAN_RELEASE(&fork_point);
#pragma omp parallel num_threads(width)
  {
    HEARTH_TSAN_ACQUIRE(&fork_point);
    {
      NestedScope nested;
      const int64_t team = omp_get_num_threads(), rank = omp_get_thread_num();
      const int64_t first = blocks * rank / team, last = blocks * (rank + 1) / team;
      try {
        for (int64_t i = first; i < last && !failed.load(std::memory_order_relaxed); ++i) {
          body(context, i * grain, std::min(n, (i + 1) * grain));
        }
      } catch (...) {
        std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        failed.store(true, std::memory_order_relaxed);
      }
    }
    HEARTH_TSAN_RELEASE(&join_point);
  }
  HEARTH_TSAN_ACQUIRE(&join_point);
  if (error) std::rethrow_exception(error);
}

}  // namespace hearth
