// The part of cuBLAS that Hearth uses, by OpenBLAS. Numbers such as alpha are in the host's memory, and so is the info
// of getrsBatched, which tells of its arguments alone.
#pragma once

#include "cublas_api.h"

struct cublasContext;
typedef cublasContext* cublasHandle_t;

cublasStatus_t cublasCreate(cublasHandle_t* handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);

#define HEARTH_EMULATED_CUBLAS(P, T)                                                                                  \
  cublasStatus_t cublas##P##trsm(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,                 \
                                 cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const T* alpha,        \
                                 const T* A, int lda, T* B, int ldb);                                                 \
  cublasStatus_t cublas##P##gemmStridedBatched(                                                                       \
      cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k, const T* alpha, \
      const T* A, int lda, long long int strideA, const T* B, int ldb, long long int strideB, const T* beta, T* C,    \
      int ldc, long long int strideC, int batchCount);                                                                \
  cublasStatus_t cublas##P##trsmBatched(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,          \
                                        cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const T* alpha, \
                                        const T* const A[], int lda, T* const B[], int ldb, int batchCount);          \
  cublasStatus_t cublas##P##getrfBatched(cublasHandle_t handle, int n, T* const A[], int lda, int* pivots, int* info, \
                                         int batchSize);                                                              \
  cublasStatus_t cublas##P##getrsBatched(cublasHandle_t handle, cublasOperation_t trans, int n, int nrhs,             \
                                         const T* const Aarray[], int lda, const int* devIpiv, T* const Barray[],     \
                                         int ldb, int* info, int batchSize);
HEARTH_EMULATED_CUBLAS(S, float)
HEARTH_EMULATED_CUBLAS(D, double)
HEARTH_EMULATED_CUBLAS(C, cuComplex)
HEARTH_EMULATED_CUBLAS(Z, cuDoubleComplex)
#undef HEARTH_EMULATED_CUBLAS
