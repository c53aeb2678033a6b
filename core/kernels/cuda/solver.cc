#include "core/kernels/cuda/solver.h"

#include <array>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.h"

namespace hearth::cuda {
namespace {

// Handles that nobody uses are kept, each for the stream that it was used in: work there may still need what is its
// own.
struct Handles {
  cusolverDnHandle_t solver = nullptr;
  cublasHandle_t blas = nullptr;
};
struct Kept {
  Mutex mutex;
  std::unordered_map<cudaStream_t, std::vector<Handles>> of_stream ABSL_GUARDED_BY(mutex);
};
Kept& kept(int device) {
  static auto& all = *new std::array<Kept, kMaxDevices>;
  return all[static_cast<size_t>(device)];
}

}  // namespace

void expect_no_capture(const OpCall& c) {
  if (capturing())
    fail(c.op.name,
         ": a capture: this op waits for the GPU, in cuSOLVER or by itself, and nothing may while work is captured");
}

void check(cusolverStatus_t s, const OpCall& c, const char* what) {
  if (s != CUSOLVER_STATUS_SUCCESS)
    fail(ErrorKind::kInternal, c.op.name, ": cuSOLVER: ", what, ": status ", static_cast<int>(s));
}
void check(cublasStatus_t s, const OpCall& c, const char* what) {
  if (s != CUBLAS_STATUS_SUCCESS)
    fail(ErrorKind::kInternal, c.op.name, ": cuBLAS: ", what, ": status ", static_cast<int>(s));
}

Solver::Solver(const OpCall& c) : call_(c), stream_(stream(c.device.index)) {
  Handles h;
  Kept& k = kept(c.device.index);
  {
    const MutexLock lock(k.mutex);
    std::vector<Handles>& all = k.of_stream[stream_];
    if (!all.empty()) {
      h = all.back();
      all.pop_back();
    }
  }
  if (!h.solver) {
    const Uncaptured uncaptured;
    check(cusolverDnCreate(&h.solver), c, "start");
    check(cublasCreate(&h.blas), c, "start");
  }
  check(cusolverDnSetStream(h.solver, stream_), c, "stream");
  check(cublasSetStream(h.blas, stream_), c, "stream");
  solver_ = h.solver;
  blas_ = h.blas;
}
Solver::~Solver() {
  Kept& k = kept(call_.device.index);
  const MutexLock lock(k.mutex);
  k.of_stream[stream_].push_back({solver_, blas_});
}

}  // namespace hearth::cuda
