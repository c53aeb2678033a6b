#include "core/base/omp.h"

// Of GCC's runtime, which is the one that oneDNN brings; declared here because Clang has another omp.h.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);

namespace hearth {

OmpSingleThread::OmpSingleThread() : previous_(omp_get_max_threads()) {
  if (previous_ != 1) omp_set_num_threads(1);
}
OmpSingleThread::~OmpSingleThread() {
  if (previous_ != 1) omp_set_num_threads(previous_);
}

}  // namespace hearth
