// The routines of BLAS and LAPACK that are used, of one name for the four types of numbers. Matrices are
// column-major; see netlib's manual for arguments. Debian's OpenBLAS has 32-bit integers and no LAPACKE.
#pragma once

#include <complex>
#include <cstddef>
#include <type_traits>

namespace hearth::cpu::lapack {

template <class T>
struct RealOf {
  using type = T;
};
template <class R>
struct RealOf<std::complex<R>> {
  using type = R;
};
// The type of a number's parts.
template <class T>
using Real = typename RealOf<T>::type;

// Fortran is given the lengths of texts behind all other arguments.
#define HEARTH_LAPACK_ANY(p, T)                                                                                        \
  extern "C" {                                                                                                         \
  void p##getrf_(const int*, const int*, T*, const int*, int*, int*);                                                  \
  void p##getrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*, const int*, int*, size_t); \
  void p##potrf_(const char*, const int*, T*, const int*, int*, size_t);                                               \
  void p##trsm_(const char*, const char*, const char*, const char*, const int*, const int*, const T*, const T*,        \
                const int*, T*, const int*, size_t, size_t, size_t, size_t);                                           \
  void p##gemm_(const char*, const char*, const int*, const int*, const int*, const T*, const T*, const int*,          \
                const T*, const int*, const T*, T*, const int*, size_t, size_t);                                       \
  void p##geqrf_(const int*, const int*, T*, const int*, T*, T*, const int*, int*);                                    \
  }                                                                                                                    \
  inline int getrf(int m, int n, T* a, int lda, int* pivots) {                                                         \
    int info = 0;                                                                                                      \
    p##getrf_(&m, &n, a, &lda, pivots, &info);                                                                         \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline void getrs(char trans, int n, int k, const T* a, int lda, const int* pivots, T* b, int ldb) {                 \
    int info = 0;                                                                                                      \
    p##getrs_(&trans, &n, &k, a, &lda, pivots, b, &ldb, &info, 1);                                                     \
  }                                                                                                                    \
  inline int potrf(char uplo, int n, T* a, int lda) {                                                                  \
    int info = 0;                                                                                                      \
    p##potrf_(&uplo, &n, a, &lda, &info, 1);                                                                           \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline void trsm(char side, char uplo, char trans, char diag, int m, int n, const T* a, int lda, T* b, int ldb) {    \
    const T one(1);                                                                                                    \
    p##trsm_(&side, &uplo, &trans, &diag, &m, &n, &one, a, &lda, b, &ldb, 1, 1, 1, 1);                                 \
  }                                                                                                                    \
  inline void gemm(char ta, char tb, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta,   \
                   T* c, int ldc) {                                                                                    \
    p##gemm_(&ta, &tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);                                    \
  }                                                                                                                    \
  inline int geqrf(int m, int n, T* a, int lda, T* tau, T* work, int lwork) {                                          \
    int info = 0;                                                                                                      \
    p##geqrf_(&m, &n, a, &lda, tau, work, &lwork, &info);                                                              \
    return info;                                                                                                       \
  }

HEARTH_LAPACK_ANY(s, float)
HEARTH_LAPACK_ANY(d, double)
HEARTH_LAPACK_ANY(c, std::complex<float>)
HEARTH_LAPACK_ANY(z, std::complex<double>)
#undef HEARTH_LAPACK_ANY

// ---- Routines of other names or arguments for complex numbers. `real` is for those alone that are complex.
#define HEARTH_LAPACK_ORGQR(name, T)                                                                           \
  extern "C" void name##_(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, int*); \
  inline int orgqr(int m, int n, int k, T* a, int lda, const T* tau, T* work, int lwork) {                     \
    int info = 0;                                                                                              \
    name##_(&m, &n, &k, a, &lda, tau, work, &lwork, &info);                                                    \
    return info;                                                                                               \
  }
HEARTH_LAPACK_ORGQR(sorgqr, float)
HEARTH_LAPACK_ORGQR(dorgqr, double)
HEARTH_LAPACK_ORGQR(cungqr, std::complex<float>)
HEARTH_LAPACK_ORGQR(zungqr, std::complex<double>)
#undef HEARTH_LAPACK_ORGQR

#define HEARTH_LAPACK_REAL(p, T)                                                                                       \
  extern "C" {                                                                                                         \
  void p##syevd_(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, int*, const int*, int*,     \
                 size_t, size_t);                                                                                      \
  void p##gesdd_(const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*, const int*, T*,          \
                 const int*, int*, int*, size_t);                                                                      \
  void p##geev_(const char*, const char*, const int*, T*, const int*, T*, T*, T*, const int*, T*, const int*, T*,      \
                const int*, int*, size_t, size_t);                                                                     \
  void p##gelsy_(const int*, const int*, const int*, T*, const int*, T*, const int*, int*, const T*, int*, T*,         \
                 const int*, int*);                                                                                    \
  void p##gelsd_(const int*, const int*, const int*, T*, const int*, T*, const int*, T*, const T*, int*, T*,           \
                 const int*, int*, int*);                                                                              \
  void p##gelss_(const int*, const int*, const int*, T*, const int*, T*, const int*, T*, const T*, int*, T*,           \
                 const int*, int*);                                                                                    \
  void p##gels_(const char*, const int*, const int*, const int*, T*, const int*, T*, const int*, T*, const int*, int*, \
                size_t);                                                                                               \
  }                                                                                                                    \
  inline int heevd(char job, char uplo, int n, T* a, int lda, T* w, T* work, int lwork, T* /*real*/, int /*lreal*/,    \
                   int* iwork, int liwork) {                                                                           \
    int info = 0;                                                                                                      \
    p##syevd_(&job, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, 1, 1);                                 \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gesdd(char job, int m, int n, T* a, int lda, T* s, T* u, int ldu, T* vt, int ldvt, T* work, int lwork,    \
                   T* /*real*/, int* iwork) {                                                                          \
    int info = 0;                                                                                                      \
    p##gesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info, 1);                            \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int geev(char job, int n, T* a, int lda, T* re, T* im, T* v, int ldv, T* work, int lwork) {                   \
    int info = 0;                                                                                                      \
    const char left = 'N';                                                                                             \
    const int one = 1;                                                                                                 \
    p##geev_(&left, &job, &n, a, &lda, re, im, nullptr, &one, v, &ldv, work, &lwork, &info, 1, 1);                     \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gelsy(int m, int n, int k, T* a, int lda, T* b, int ldb, int* columns, T rcond, int* rank, T* work,       \
                   int lwork, T* /*real*/) {                                                                           \
    int info = 0;                                                                                                      \
    p##gelsy_(&m, &n, &k, a, &lda, b, &ldb, columns, &rcond, rank, work, &lwork, &info);                               \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gelsd(int m, int n, int k, T* a, int lda, T* b, int ldb, T* s, T rcond, int* rank, T* work, int lwork,    \
                   T* /*real*/, int* iwork) {                                                                          \
    int info = 0;                                                                                                      \
    p##gelsd_(&m, &n, &k, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, iwork, &info);                              \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gelss(int m, int n, int k, T* a, int lda, T* b, int ldb, T* s, T rcond, int* rank, T* work, int lwork,    \
                   T* /*real*/) {                                                                                      \
    int info = 0;                                                                                                      \
    p##gelss_(&m, &n, &k, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, &info);                                     \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gels(int m, int n, int k, T* a, int lda, T* b, int ldb, T* work, int lwork) {                             \
    int info = 0;                                                                                                      \
    const char trans = 'N';                                                                                            \
    p##gels_(&trans, &m, &n, &k, a, &lda, b, &ldb, work, &lwork, &info, 1);                                            \
    return info;                                                                                                       \
  }
HEARTH_LAPACK_REAL(s, float)
HEARTH_LAPACK_REAL(d, double)
#undef HEARTH_LAPACK_REAL

#define HEARTH_LAPACK_COMPLEX(p, R)                                                                                    \
  extern "C" {                                                                                                         \
  void p##heevd_(const char*, const char*, const int*, std::complex<R>*, const int*, R*, std::complex<R>*, const int*, \
                 R*, const int*, int*, const int*, int*, size_t, size_t);                                              \
  void p##gesdd_(const char*, const int*, const int*, std::complex<R>*, const int*, R*, std::complex<R>*, const int*,  \
                 std::complex<R>*, const int*, std::complex<R>*, const int*, R*, int*, int*, size_t);                  \
  void p##geev_(const char*, const char*, const int*, std::complex<R>*, const int*, std::complex<R>*,                  \
                std::complex<R>*, const int*, std::complex<R>*, const int*, std::complex<R>*, const int*, R*, int*,    \
                size_t, size_t);                                                                                       \
  void p##gelsy_(const int*, const int*, const int*, std::complex<R>*, const int*, std::complex<R>*, const int*, int*, \
                 const R*, int*, std::complex<R>*, const int*, R*, int*);                                              \
  void p##gelsd_(const int*, const int*, const int*, std::complex<R>*, const int*, std::complex<R>*, const int*, R*,   \
                 const R*, int*, std::complex<R>*, const int*, R*, int*, int*);                                        \
  void p##gelss_(const int*, const int*, const int*, std::complex<R>*, const int*, std::complex<R>*, const int*, R*,   \
                 const R*, int*, std::complex<R>*, const int*, R*, int*);                                              \
  void p##gels_(const char*, const int*, const int*, const int*, std::complex<R>*, const int*, std::complex<R>*,       \
                const int*, std::complex<R>*, const int*, int*, size_t);                                               \
  }                                                                                                                    \
  inline int heevd(char job, char uplo, int n, std::complex<R>* a, int lda, R* w, std::complex<R>* work, int lwork,    \
                   R* real, int lreal, int* iwork, int liwork) {                                                       \
    int info = 0;                                                                                                      \
    p##heevd_(&job, &uplo, &n, a, &lda, w, work, &lwork, real, &lreal, iwork, &liwork, &info, 1, 1);                   \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gesdd(char job, int m, int n, std::complex<R>* a, int lda, R* s, std::complex<R>* u, int ldu,             \
                   std::complex<R>* vt, int ldvt, std::complex<R>* work, int lwork, R* real, int* iwork) {             \
    int info = 0;                                                                                                      \
    p##gesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, real, iwork, &info, 1);                      \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int geev(char job, int n, std::complex<R>* a, int lda, std::complex<R>* w, std::complex<R>* v, int ldv,       \
                  std::complex<R>* work, int lwork, R* real) {                                                         \
    int info = 0;                                                                                                      \
    const char left = 'N';                                                                                             \
    const int one = 1;                                                                                                 \
    p##geev_(&left, &job, &n, a, &lda, w, nullptr, &one, v, &ldv, work, &lwork, real, &info, 1, 1);                    \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gelsy(int m, int n, int k, std::complex<R>* a, int lda, std::complex<R>* b, int ldb, int* columns,        \
                   R rcond, int* rank, std::complex<R>* work, int lwork, R* real) {                                    \
    int info = 0;                                                                                                      \
    p##gelsy_(&m, &n, &k, a, &lda, b, &ldb, columns, &rcond, rank, work, &lwork, real, &info);                         \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gelsd(int m, int n, int k, std::complex<R>* a, int lda, std::complex<R>* b, int ldb, R* s, R rcond,       \
                   int* rank, std::complex<R>* work, int lwork, R* real, int* iwork) {                                 \
    int info = 0;                                                                                                      \
    p##gelsd_(&m, &n, &k, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, real, iwork, &info);                        \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gelss(int m, int n, int k, std::complex<R>* a, int lda, std::complex<R>* b, int ldb, R* s, R rcond,       \
                   int* rank, std::complex<R>* work, int lwork, R* real) {                                             \
    int info = 0;                                                                                                      \
    p##gelss_(&m, &n, &k, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, real, &info);                               \
    return info;                                                                                                       \
  }                                                                                                                    \
  inline int gels(int m, int n, int k, std::complex<R>* a, int lda, std::complex<R>* b, int ldb,                       \
                  std::complex<R>* work, int lwork) {                                                                  \
    int info = 0;                                                                                                      \
    const char trans = 'N';                                                                                            \
    p##gels_(&trans, &m, &n, &k, a, &lda, b, &ldb, work, &lwork, &info, 1);                                            \
    return info;                                                                                                       \
  }
HEARTH_LAPACK_COMPLEX(c, float)
HEARTH_LAPACK_COMPLEX(z, double)
#undef HEARTH_LAPACK_COMPLEX

}  // namespace hearth::cpu::lapack
