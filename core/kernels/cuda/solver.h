// cuSOLVER and cuBLAS in this thread's stream, under one name for the four types of numbers. Matrices are column-major,
// in the device's memory; see the libraries' manuals for arguments.
#pragma once

#include <cublas_v2.h>
#include <cusolverDn.h>

#include <algorithm>
#include <climits>
#include <type_traits>

#include "core/base/error.h"
#include "core/device/cuda/runtime.h"
#include "core/op/op_call.h"

namespace hearth::cuda {

// The libraries' functions for numbers T, of which R are the parts. NAME_size asks for the elements of a workspace.
template <class T>
struct Lib;
#define HEARTH_LIB(T, Real, P, he, org, orm, type, adjoint)             \
  template <>                                                           \
  struct Lib<T> {                                                       \
    using R = Real;                                                     \
    static constexpr cudaDataType kType = type;                         \
    static constexpr cublasOperation_t kAdjoint = adjoint;              \
    static constexpr auto potrf = cusolverDn##P##potrf;                 \
    static constexpr auto potrf_size = cusolverDn##P##potrf_bufferSize; \
    static constexpr auto potrf_batched = cusolverDn##P##potrfBatched;  \
    static constexpr auto getrf = cusolverDn##P##getrf;                 \
    static constexpr auto getrf_size = cusolverDn##P##getrf_bufferSize; \
    static constexpr auto getrs = cusolverDn##P##getrs;                 \
    static constexpr auto geqrf = cusolverDn##P##geqrf;                 \
    static constexpr auto geqrf_size = cusolverDn##P##geqrf_bufferSize; \
    static constexpr auto orgqr = cusolverDn##P##org;                   \
    static constexpr auto orgqr_size = cusolverDn##P##org##_bufferSize; \
    static constexpr auto ormqr = cusolverDn##P##orm;                   \
    static constexpr auto ormqr_size = cusolverDn##P##orm##_bufferSize; \
    static constexpr auto heevd = cusolverDn##P##he;                    \
    static constexpr auto heevd_size = cusolverDn##P##he##_bufferSize;  \
    static constexpr auto gesvd = cusolverDn##P##gesvd;                 \
    static constexpr auto gesvd_size = cusolverDn##P##gesvd_bufferSize; \
    static constexpr auto trsm = cublas##P##trsm;                       \
    static constexpr auto trsm_batched = cublas##P##trsmBatched;        \
    static constexpr auto getrf_batched = cublas##P##getrfBatched;      \
    static constexpr auto getrs_batched = cublas##P##getrsBatched;      \
    static constexpr auto gemm = cublas##P##gemmStridedBatched;         \
  };
HEARTH_LIB(float, float, S, syevd, orgqr, ormqr, CUDA_R_32F, CUBLAS_OP_T)
HEARTH_LIB(double, double, D, syevd, orgqr, ormqr, CUDA_R_64F, CUBLAS_OP_T)
HEARTH_LIB(cuComplex, float, C, heevd, ungqr, unmqr, CUDA_C_32F, CUBLAS_OP_C)
HEARTH_LIB(cuDoubleComplex, double, Z, heevd, ungqr, unmqr, CUDA_C_64F, CUBLAS_OP_C)
#undef HEARTH_LIB

// A real number as T.
template <class T>
T number(double re) {
  if constexpr (std::is_floating_point_v<T>) return static_cast<T>(re);
  else return {static_cast<typename Lib<T>::R>(re), 0};
}

// f(T) of the call's type of numbers.
template <class F>
void for_numbers(DType t, F f) {
  switch (t) {
    case DType::kF32:
      return f.template operator()<float>();
    case DType::kF64:
      return f.template operator()<double>();
    case DType::kC64:
      return f.template operator()<cuComplex>();
    default:
      return f.template operator()<cuDoubleComplex>();
  }
}

// A size as the libraries take it. Throws Error if it is too large.
inline int solver_size(const OpCall& c, int64_t n) {
  HEARTH_CHECK(n <= INT_MAX, c.op.name, ": ", n, " is more than cuSOLVER, whose integers have 32 bits, can take");
  return static_cast<int>(n);
}
// Whether many matrices of n rows are given to the libraries at once: large ones fill a GPU by themselves.
inline bool at_once(int64_t count, int64_t n) { return count > 1 && count <= INT_MAX && n <= 512; }
// A leading dimension.
inline int leading(int rows) { return std::max(rows, 1); }

// Throws Error while work is captured: for ops that wait for the GPU, as cuSOLVER may where it iterates.
void expect_no_capture(const OpCall& c);

void check(cusolverStatus_t s, const OpCall& c, const char* what);
void check(cublasStatus_t s, const OpCall& c, const char* what);

// A handle of each library for this thread's stream, for as long as the object lives.
class Solver {
 public:
  explicit Solver(const OpCall& c);
  ~Solver();
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  // f(handle) of cuSOLVER or of cuBLAS.
  template <class F>
  void run(const char* what, F f) const {
    check(f(solver_), call_, what);
  }
  template <class F>
  void run_blas(const char* what, F f) const {
    check(f(blas_), call_, what);
  }
  // The elements of a workspace: f(handle, int* elements).
  template <class F>
  int size(const char* what, F f) const {
    int n = 0;
    check(f(solver_, &n), call_, what);
    HEARTH_CHECK(n >= 0, call_.op.name, ": matrices of shape ", call_.input(0).shape(),
                 " are too large for cuSOLVER, whose integers have 32 bits");
    return std::max(n, 1);
  }

 private:
  const OpCall& call_;
  cudaStream_t stream_;
  cusolverDnHandle_t solver_ = nullptr;
  cublasHandle_t blas_ = nullptr;
};

}  // namespace hearth::cuda
