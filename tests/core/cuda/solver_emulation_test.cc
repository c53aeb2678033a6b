// What the emulated cuBLAS and cuSOLVER must refuse, as the libraries do or where these would break: wrong leading
// dimensions and workspaces, memory that is not the device's, and what cannot be captured.
#include <cublas_v2.h>
#include <cusolverDn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/device/cuda/runtime.h"

namespace hearth::cuda {
namespace {

constexpr int kN = 4;

class EmulatedSolver : public ::testing::Test {
 protected:
  cudaStream_t s_ = stream(0);
  cusolverDnHandle_t solver_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  double *a_ = nullptr, *work_ = nullptr;
  int *pivots_ = nullptr, *info_ = nullptr, lwork_ = 0;

  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ASSERT_EQ(cusolverDnCreate(&solver_), CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cublasCreate(&blas_), CUBLAS_STATUS_SUCCESS);
    cusolverDnSetStream(solver_, s_);
    cublasSetStream(blas_, s_);
    a_ = memory<double>(kN * kN);
    pivots_ = memory<int>(kN);
    info_ = memory<int>(1);
    check(cudaMemsetAsync(a_, 0, kN * kN * sizeof(double), s_), "memset");
    ASSERT_EQ(cusolverDnDgetrf_bufferSize(solver_, kN, kN, a_, kN, &lwork_), CUSOLVER_STATUS_SUCCESS);
    work_ = memory<double>(lwork_);
  }
  void TearDown() override {
    for (void* p :
         {static_cast<void*>(a_), static_cast<void*>(work_), static_cast<void*>(pivots_), static_cast<void*>(info_)})
      check(cudaFreeAsync(p, s_), "free");
    check(cudaStreamSynchronize(s_), "wait");
    cusolverDnDestroy(solver_);
    cublasDestroy(blas_);
  }
  template <class T>
  T* memory(int n) {
    void* p = nullptr;
    check(cudaMallocAsync(&p, static_cast<size_t>(n) * sizeof(T), s_), "memory");
    return static_cast<T*>(p);
  }
  cusolverStatus_t factor(double* a, int lda, double* work) {
    return cusolverDnDgetrf(solver_, kN, kN, a, lda, work, pivots_, info_);
  }
  int info() {
    int v = -1;
    check(cudaMemcpyAsync(&v, info_, sizeof v, cudaMemcpyDefault, s_), "copy");
    check(cudaStreamSynchronize(s_), "wait");
    return v;
  }
  // The body in a process of its own, which ends well if nothing is found.
  template <class F>
  void contained(F f) {
    f();
    check(cudaStreamSynchronize(s_), "wait");
    std::exit(0);
  }
};

TEST_F(EmulatedSolver, ComputesLate) {
  EXPECT_EQ(factor(a_, kN, work_), CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(info(), 1);  // a matrix of zeros
}

TEST_F(EmulatedSolver, SizesAndWorkspaces) {
  EXPECT_EQ(factor(a_, kN - 1, work_), CUSOLVER_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusolverDnDpotrf(solver_, CUBLAS_FILL_MODE_UPPER, kN, a_, kN, work_, 1, info_),
            CUSOLVER_STATUS_INVALID_VALUE);
  const double one = 1;
  EXPECT_EQ(cublasDtrsm(blas_, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, CUBLAS_DIAG_UNIT, kN, 1, &one, a_,
                        kN - 1, a_, kN),
            CUBLAS_STATUS_INVALID_VALUE);
  // Singular values of wide matrices: there is no such function.
  EXPECT_EQ(
      cusolverDnDgesvd(solver_, 'N', 'N', 2, kN, a_, 2, a_, nullptr, 2, nullptr, kN, work_, 1 << 20, nullptr, info_),
      CUSOLVER_STATUS_INVALID_VALUE);
  EXPECT_DEATH(contained([&] { factor(a_, kN, memory<double>(lwork_ - 1)); }), "cusolver getrf: bytes 0 to");
}

TEST_F(EmulatedSolver, MemoryOfTheHost) {
  double host[kN * kN] = {};
  EXPECT_DEATH(contained([&] { factor(host, kN, work_); }), "cusolver getrf: .* is not in the memory of device 0");
}

TEST_F(EmulatedSolver, AfterFreeing) {
  EXPECT_DEATH(contained([&] {
                 double* p = memory<double>(kN * kN);
                 check(cudaFreeAsync(p, s_), "free");
                 factor(p, kN, work_);
               }),
               "cusolver getrf: .* was freed");
}

TEST_F(EmulatedSolver, WhatTheHostComputesIsNotCaptured) {
  cusolverStatus_t status = CUSOLVER_STATUS_SUCCESS;
  check(cudaStreamBeginCapture(s_, cudaStreamCaptureModeThreadLocal), "capture");
  status = cusolverDnDsyevd(solver_, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_UPPER, kN, a_, kN, a_, work_, 1 << 20,
                            info_);
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(s_, &graph), "capture");
  cudaGraphDestroy(graph);
  EXPECT_EQ(status, CUSOLVER_STATUS_INTERNAL_ERROR);
}

}  // namespace
}  // namespace hearth::cuda
