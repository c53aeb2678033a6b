// The only way in Hearth to run on several cores: threads of its own, started when first needed, that sleep when there
// is nothing to do.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace hearth {

/// The number of threads that parallel_for may use when this thread calls it: the ThreadWidth of this thread, otherwise
/// the environment variable HEARTH_NUM_THREADS, otherwise the number of processors that the process may run on (its
/// affinity) or that its control groups grant it (a container's CPU limit, rounded up), whichever is less. Read once.
/// Inside the body of a parallel_for it is 1. Throws Error if HEARTH_NUM_THREADS is not a whole number from 1 to 1024.
int num_threads();

/// Sets the number of threads that this thread's calls may use while it lives.
class ThreadWidth {
 public:
  /// Sets the number to `width`. Throws Error unless 1 <= width <= 1024.
  explicit ThreadWidth(int width);
  /// Restores the previous number.
  ~ThreadWidth();
  ThreadWidth(const ThreadWidth&) = delete;
  ThreadWidth& operator=(const ThreadWidth&) = delete;

 private:
  int16_t previous_;
};

namespace detail {
void parallel_run(int64_t n, int64_t grain, void* context, void (*body)(void* context, int64_t begin, int64_t end));
}

/// Calls f(begin, end) once for each block [i * grain, min(n, (i + 1) * grain)), on up to num_threads() threads. Blocks
/// depend on n and grain only, never on the number of threads, so sums made per block have the same bits for any number
/// of threads. Blocks run in any order. If f throws, the first exception is rethrown here after all running blocks have
/// ended. Requires grain >= 1.
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
