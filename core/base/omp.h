// Libraries that bring OpenMP with them (oneDNN, OpenBLAS) run in the calling thread alone: Hearth cuts the work itself
// and calls them from inside of parallel_for. OpenMP's own threads, which would wait actively for a long time and fight
// with parallel_for's for the processors, are never started.
#pragma once

namespace hearth {

/// While it lives, OpenMP code called from this thread uses this thread alone. Other threads keep their settings.
class OmpSingleThread {
 public:
  /// Limits OpenMP to one thread.
  OmpSingleThread();
  /// Restores what the host program had set.
  ~OmpSingleThread();
  OmpSingleThread(const OmpSingleThread&) = delete;
  OmpSingleThread& operator=(const OmpSingleThread&) = delete;

 private:
  int previous_;
};

}  // namespace hearth
