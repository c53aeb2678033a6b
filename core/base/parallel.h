// The only way in Hearth to run on several cores: threads of its own, started when first needed, that sleep when there
// is nothing to do.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace hearth {

/// The number of threads that parallel_for may use when called from this thread: what a ThreadWidth says, or else
/// HEARTH_NUM_THREADS, or else the number of processors that the process may run on (its affinity), or that its control
/// groups grant it time of (a container's CPU limit, rounded up), whichever is less. Read once. Inside a parallel_for
/// body it is 1.
int num_threads();

// Sets this thread's width while it lives. Throws Error unless 1 <= width <= 1024.
class ThreadWidth {
 public:
  explicit ThreadWidth(int width);
  ~ThreadWidth();
  ThreadWidth(const ThreadWidth&) = delete;
  ThreadWidth& operator=(const ThreadWidth&) = delete;

 private:
  int16_t previous_;
};

namespace detail {
void parallel_run(int64_t n, int64_t grain, void* context, void (*body)(void* context, int64_t begin, int64_t end));
}

// Calls f(begin, end) once for each block [i * grain, min(n, (i + 1) * grain)). Blocks depend on n and grain only,
// never on the number of threads, so sums made per block have the same bits at any width. Blocks run in any order. The
// first exception thrown by f is rethrown here, after all running blocks have ended. Requires grain >= 1.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= grain) {
    if (n > 0) f(int64_t{0}, n);
    return;
  }
  detail::parallel_run(n, grain, const_cast<void*>(static_cast<const void*>(std::addressof(f))),
                       [](void* context, int64_t begin, int64_t end) {
                         (*static_cast<std::remove_reference_t<F>*>(context))(begin, end);
                       });
}

}  // namespace hearth
