// The part of cuSOLVER that Hearth uses, by LAPACK. Values are the library's. While its stream is captured, what
// iterates, and may wait for the GPU, is refused.
#pragma once

#include "cublas_api.h"

#define CUSOLVER_VERSION 12004

enum cusolverStatus_t {
  CUSOLVER_STATUS_SUCCESS = 0,
  CUSOLVER_STATUS_NOT_INITIALIZED = 1,
  CUSOLVER_STATUS_INVALID_VALUE = 3,
  CUSOLVER_STATUS_INTERNAL_ERROR = 7,
  CUSOLVER_STATUS_NOT_SUPPORTED = 9,
};
enum cusolverEigMode_t { CUSOLVER_EIG_MODE_NOVECTOR = 0, CUSOLVER_EIG_MODE_VECTOR = 1 };

struct cusolverDnContext;
typedef cusolverDnContext* cusolverDnHandle_t;
struct cusolverDnParams;
typedef cusolverDnParams* cusolverDnParams_t;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle);
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle);
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream);
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* params);
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params);

// P: the letter of the type T, whose real numbers are R; he: sy or he; org, orm: its orgqr and ormqr.
#define HEARTH_EMULATED_CUSOLVER(P, T, R, he, org, orm)                                                               \
  cusolverStatus_t cusolverDn##P##potrf_bufferSize(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, T* A,     \
                                                   int lda, int* Lwork);                                              \
  cusolverStatus_t cusolverDn##P##potrf(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, T* A, int lda,       \
                                        T* Workspace, int Lwork, int* devInfo);                                       \
  cusolverStatus_t cusolverDn##P##potrfBatched(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, T* Aarray[],  \
                                               int lda, int* infoArray, int batchSize);                               \
  cusolverStatus_t cusolverDn##P##getrf_bufferSize(cusolverDnHandle_t handle, int m, int n, T* A, int lda,            \
                                                   int* Lwork);                                                       \
  cusolverStatus_t cusolverDn##P##getrf(cusolverDnHandle_t handle, int m, int n, T* A, int lda, T* Workspace,         \
                                        int* devIpiv, int* devInfo);                                                  \
  cusolverStatus_t cusolverDn##P##getrs(cusolverDnHandle_t handle, cublasOperation_t trans, int n, int nrhs,          \
                                        const T* A, int lda, const int* devIpiv, T* B, int ldb, int* devInfo);        \
  cusolverStatus_t cusolverDn##P##geqrf_bufferSize(cusolverDnHandle_t handle, int m, int n, T* A, int lda,            \
                                                   int* lwork);                                                       \
  cusolverStatus_t cusolverDn##P##geqrf(cusolverDnHandle_t handle, int m, int n, T* A, int lda, T* TAU, T* Workspace, \
                                        int Lwork, int* devInfo);                                                     \
  cusolverStatus_t cusolverDn##P##org##_bufferSize(cusolverDnHandle_t handle, int m, int n, int k, const T* A,        \
                                                   int lda, const T* tau, int* lwork);                                \
  cusolverStatus_t cusolverDn##P##org(cusolverDnHandle_t handle, int m, int n, int k, T* A, int lda, const T* tau,    \
                                      T* work, int lwork, int* info);                                                 \
  cusolverStatus_t cusolverDn##P##orm##_bufferSize(cusolverDnHandle_t handle, cublasSideMode_t side,                  \
                                                   cublasOperation_t trans, int m, int n, int k, const T* A, int lda, \
                                                   const T* tau, const T* C, int ldc, int* lwork);                    \
  cusolverStatus_t cusolverDn##P##orm(cusolverDnHandle_t handle, cublasSideMode_t side, cublasOperation_t trans,      \
                                      int m, int n, int k, const T* A, int lda, const T* tau, T* C, int ldc, T* work, \
                                      int lwork, int* devInfo);                                                       \
  cusolverStatus_t cusolverDn##P##he##evd_bufferSize(cusolverDnHandle_t handle, cusolverEigMode_t jobz,               \
                                                     cublasFillMode_t uplo, int n, const T* A, int lda, const R* W,   \
                                                     int* lwork);                                                     \
  cusolverStatus_t cusolverDn##P##he##evd(cusolverDnHandle_t handle, cusolverEigMode_t jobz, cublasFillMode_t uplo,   \
                                          int n, T* A, int lda, R* W, T* work, int lwork, int* info);                 \
  cusolverStatus_t cusolverDn##P##gesvd_bufferSize(cusolverDnHandle_t handle, int m, int n, int* lwork);              \
  cusolverStatus_t cusolverDn##P##gesvd(cusolverDnHandle_t handle, signed char jobu, signed char jobvt, int m, int n, \
                                        T* A, int lda, R* S, T* U, int ldu, T* VT, int ldvt, T* work, int lwork,      \
                                        R* rwork, int* info);
HEARTH_EMULATED_CUSOLVER(S, float, float, sy, orgqr, ormqr)
HEARTH_EMULATED_CUSOLVER(D, double, double, sy, orgqr, ormqr)
HEARTH_EMULATED_CUSOLVER(C, cuComplex, float, he, ungqr, unmqr)
HEARTH_EMULATED_CUSOLVER(Z, cuDoubleComplex, double, he, ungqr, unmqr)
#undef HEARTH_EMULATED_CUSOLVER

cusolverStatus_t cusolverDnXgeev_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                            cusolverEigMode_t jobvl, cusolverEigMode_t jobvr, int64_t n,
                                            cudaDataType dataTypeA, const void* A, int64_t lda, cudaDataType dataTypeW,
                                            const void* W, cudaDataType dataTypeVL, const void* VL, int64_t ldvl,
                                            cudaDataType dataTypeVR, const void* VR, int64_t ldvr,
                                            cudaDataType computeType, size_t* workspaceInBytesOnDevice,
                                            size_t* workspaceInBytesOnHost);
cusolverStatus_t cusolverDnXgeev(cusolverDnHandle_t handle, cusolverDnParams_t params, cusolverEigMode_t jobvl,
                                 cusolverEigMode_t jobvr, int64_t n, cudaDataType dataTypeA, void* A, int64_t lda,
                                 cudaDataType dataTypeW, void* W, cudaDataType dataTypeVL, void* VL, int64_t ldvl,
                                 cudaDataType dataTypeVR, void* VR, int64_t ldvr, cudaDataType computeType,
                                 void* bufferOnDevice, size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                 size_t workspaceInBytesOnHost, int* info);
