#include "cublas_v2.h"

#include "dense.h"

using namespace cuda_emulated;

struct cublasContext {
  int device = 0;
  cudaStream_t stream = nullptr;
};

#define HEARTH_BLAS(p, T)                                                                                              \
  extern "C" {                                                                                                         \
  void p##trsm_(const char*, const char*, const char*, const char*, const int*, const int*, const T*, const T*,        \
                const int*, T*, const int*, size_t, size_t, size_t, size_t);                                           \
  void p##gemm_(const char*, const char*, const int*, const int*, const int*, const T*, const T*, const int*,          \
                const T*, const int*, const T*, T*, const int*, size_t, size_t);                                       \
  void p##getrf_(const int*, const int*, T*, const int*, int*, int*);                                                  \
  void p##getrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*, const int*, int*, size_t); \
  }                                                                                                                    \
  static void trsm(char side, char uplo, char trans, char diag, int m, int n, T alpha, const T* a, int lda, T* b,      \
                   int ldb) {                                                                                          \
    p##trsm_(&side, &uplo, &trans, &diag, &m, &n, &alpha, a, &lda, b, &ldb, 1, 1, 1, 1);                               \
  }                                                                                                                    \
  static void gemm(char ta, char tb, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta,   \
                   T* c, int ldc) {                                                                                    \
    p##gemm_(&ta, &tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);                                    \
  }                                                                                                                    \
  static int getrf(int n, T* a, int* pivots) {                                                                         \
    int info = 0;                                                                                                      \
    p##getrf_(&n, &n, a, &n, pivots, &info);                                                                           \
    return info;                                                                                                       \
  }                                                                                                                    \
  static void getrs(char trans, int n, int k, const T* a, const int* pivots, T* b) {                                   \
    int info = 0;                                                                                                      \
    p##getrs_(&trans, &n, &k, a, &n, pivots, b, &n, &info, 1);                                                         \
  }
HEARTH_BLAS(s, float)
HEARTH_BLAS(d, double)
HEARTH_BLAS(c, std::complex<float>)
HEARTH_BLAS(z, std::complex<double>)
#undef HEARTH_BLAS

namespace {

char letter(cublasOperation_t t) { return t == CUBLAS_OP_N ? 'N' : t == CUBLAS_OP_T ? 'T' : 'C'; }
int leading(int64_t rows) { return static_cast<int>(std::max<int64_t>(rows, 1)); }

cublasStatus_t usable(cublasHandle_t h) {
  if (!h || !h->stream || device_of(h->stream) != h->device) return CUBLAS_STATUS_NOT_INITIALIZED;
  return CUBLAS_STATUS_SUCCESS;
}

// What is asked of a triangular solve.
struct Triangle {
  cublasSideMode_t side;
  cublasFillMode_t uplo;
  cublasOperation_t trans;
  cublasDiagType_t diag;

  int64_t size(int m, int n) const { return side == CUBLAS_SIDE_LEFT ? m : n; }
  template <class T>
  void solve(T alpha, const Dense<T>& a, const Dense<T>& b) const {
    const std::vector<T> left = a.take();
    std::vector<T> x = b.take();
    const OneThread one;
    trsm(side == CUBLAS_SIDE_LEFT ? 'L' : 'R', uplo == CUBLAS_FILL_MODE_LOWER ? 'L' : 'U', letter(trans),
         diag == CUBLAS_DIAG_UNIT ? 'U' : 'N', static_cast<int>(b.rows), static_cast<int>(b.cols), alpha, left.data(),
         leading(a.rows), x.data(), leading(b.rows));
    b.put(x);
  }
};

template <class T>
cublasStatus_t solve_triangle(cublasHandle_t h, const Triangle& t, T alpha, const Dense<T>& a, const Dense<T>& b) {
  if (const cublasStatus_t s = usable(h); s != CUBLAS_STATUS_SUCCESS) return s;
  if (!a.valid() || !b.valid()) return CUBLAS_STATUS_INVALID_VALUE;
  expect_on_device(h->stream, a, "cublas trsm: A");
  expect_on_device(h->stream, b, "cublas trsm: B");
  enqueue(h->stream, [=] { t.solve(alpha, a, b); });
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t solve_triangles(cublasHandle_t h, const Triangle& t, T alpha, const Pointers<T>& a,
                               const Pointers<T>& b) {
  if (const cublasStatus_t s = usable(h); s != CUBLAS_STATUS_SUCCESS) return s;
  if (!a.valid() || !b.valid()) return CUBLAS_STATUS_INVALID_VALUE;
  a.expect(h->stream, "cublas trsmBatched: the addresses of A");
  b.expect(h->stream, "cublas trsmBatched: the addresses of B");
  enqueue(h->stream, [=, s = h->stream] {
    for (int i = 0; i < b.count; ++i)
      t.solve(alpha, a.matrix(s, i, "cublas trsmBatched: A"), b.matrix(s, i, "cublas trsmBatched: B"));
  });
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t factor(cublasHandle_t h, const Pointers<T>& a, int* pivots, int* infos) {
  if (const cublasStatus_t s = usable(h); s != CUBLAS_STATUS_SUCCESS) return s;
  if (!a.valid() || !pivots) return CUBLAS_STATUS_INVALID_VALUE;  // without pivots: not emulated
  a.expect(h->stream, "cublas getrfBatched: the addresses of A");
  expect_on_device(h->stream, vector_of(pivots, a.count * a.rows), "cublas getrfBatched: pivots");
  expect_on_device(h->stream, vector_of(infos, a.count), "cublas getrfBatched: info");
  enqueue(h->stream, [=, s = h->stream] {
    const OneThread one;
    for (int i = 0; i < a.count; ++i) {
      const Dense<T> m = a.matrix(s, i, "cublas getrfBatched: A");
      std::vector<T> v = m.take();
      std::vector<int> p(static_cast<size_t>(a.rows));
      const int found = getrf(static_cast<int>(a.rows), v.data(), p.data());
      m.put(v);
      vector_of(pivots + i * a.rows, a.rows).put(p);
      vector_of(infos + i, 1).put({found});
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t solve(cublasHandle_t h, cublasOperation_t trans, const Pointers<T>& a, const int* pivots,
                     const Pointers<T>& b, int* info) {
  if (const cublasStatus_t s = usable(h); s != CUBLAS_STATUS_SUCCESS) return s;
  *info = 0;
  if (!a.valid() || !b.valid()) return CUBLAS_STATUS_INVALID_VALUE;
  a.expect(h->stream, "cublas getrsBatched: the addresses of A");
  b.expect(h->stream, "cublas getrsBatched: the addresses of B");
  const Dense<int> order = vector_of(const_cast<int*>(pivots), a.count * a.rows);
  expect_on_device(h->stream, order, "cublas getrsBatched: pivots");
  enqueue(h->stream, [=, s = h->stream] {
    const OneThread one;
    const std::vector<int> p = order.take();
    for (int i = 0; i < a.count; ++i) {
      const Dense<T> to = b.matrix(s, i, "cublas getrsBatched: B");
      std::vector<T> x = to.take();
      getrs(letter(trans), static_cast<int>(a.rows), static_cast<int>(b.cols),
            a.matrix(s, i, "cublas getrsBatched: A").take().data(), p.data() + i * a.rows, x.data());
      to.put(x);
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

// A matrix of a batch.
template <class T>
Dense<T> of_batch(const Dense<T>& first, int64_t stride, int64_t i) {
  return {first.at + stride * i, first.rows, first.cols, first.ld};
}

template <class T>
cublasStatus_t multiply(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int k, T alpha, const Dense<T>& a,
                        int64_t a_stride, const Dense<T>& b, int64_t b_stride, T beta, const Dense<T>& c,
                        int64_t c_stride, int count) {
  if (const cublasStatus_t s = usable(h); s != CUBLAS_STATUS_SUCCESS) return s;
  if (!a.valid() || !b.valid() || !c.valid() || k < 0 || count < 0) return CUBLAS_STATUS_INVALID_VALUE;
  for (int i = 0; i < count; ++i) {
    expect_on_device(h->stream, of_batch(a, a_stride, i), "cublas gemm: A");
    expect_on_device(h->stream, of_batch(b, b_stride, i), "cublas gemm: B");
    expect_on_device(h->stream, of_batch(c, c_stride, i), "cublas gemm: C");
  }
  enqueue(h->stream, [=] {
    const OneThread one;
    for (int i = 0; i < count; ++i) {
      const Dense<T> to = of_batch(c, c_stride, i);
      const std::vector<T> left = of_batch(a, a_stride, i).take(), right = of_batch(b, b_stride, i).take();
      std::vector<T> out(static_cast<size_t>(c.rows * c.cols));
      if (beta != T(0)) out = to.take();
      gemm(letter(ta), letter(tb), static_cast<int>(c.rows), static_cast<int>(c.cols), k, alpha, left.data(),
           leading(a.rows), right.data(), leading(b.rows), beta, out.data(), leading(c.rows));
      to.put(out);
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new cublasContext;
  cudaGetDevice(&(*handle)->device);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

#define HEARTH_CUBLAS(P, T)                                                                                           \
  cublasStatus_t cublas##P##trsm(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,                 \
                                 cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const T* alpha,        \
                                 const T* A, int lda, T* B, int ldb) {                                                \
    const Triangle t{side, uplo, trans, diag};                                                                        \
    return solve_triangle(handle, t, *numbers(alpha), Dense{numbers(A), t.size(m, n), t.size(m, n), lda},             \
                          Dense{numbers(B), m, n, ldb});                                                              \
  }                                                                                                                   \
  cublasStatus_t cublas##P##gemmStridedBatched(                                                                       \
      cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k, const T* alpha, \
      const T* A, int lda, long long int strideA, const T* B, int ldb, long long int strideB, const T* beta, T* C,    \
      int ldc, long long int strideC, int batchCount) {                                                               \
    const bool na = transa == CUBLAS_OP_N, nb = transb == CUBLAS_OP_N;                                                \
    return multiply(handle, transa, transb, k, *numbers(alpha), Dense{numbers(A), na ? m : k, na ? k : m, lda},       \
                    strideA, Dense{numbers(B), nb ? k : n, nb ? n : k, ldb}, strideB, *numbers(beta),                 \
                    Dense{numbers(C), m, n, ldc}, strideC, batchCount);                                               \
  }                                                                                                                   \
  cublasStatus_t cublas##P##trsmBatched(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,          \
                                        cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const T* alpha, \
                                        const T* const A[], int lda, T* const B[], int ldb, int batchCount) {         \
    const Triangle t{side, uplo, trans, diag};                                                                        \
    return solve_triangles(handle, t, *numbers(alpha),                                                                \
                           Pointers{addresses(A), t.size(m, n), t.size(m, n), lda, batchCount},                       \
                           Pointers{addresses(B), m, n, ldb, batchCount});                                            \
  }                                                                                                                   \
  cublasStatus_t cublas##P##getrfBatched(cublasHandle_t handle, int n, T* const A[], int lda, int* pivots, int* info, \
                                         int batchSize) {                                                             \
    return factor(handle, Pointers{addresses(A), n, n, lda, batchSize}, pivots, info);                                \
  }                                                                                                                   \
  cublasStatus_t cublas##P##getrsBatched(cublasHandle_t handle, cublasOperation_t trans, int n, int nrhs,             \
                                         const T* const Aarray[], int lda, const int* devIpiv, T* const Barray[],     \
                                         int ldb, int* info, int batchSize) {                                         \
    return solve(handle, trans, Pointers{addresses(Aarray), n, n, lda, batchSize}, devIpiv,                           \
                 Pointers{addresses(Barray), n, nrhs, ldb, batchSize}, info);                                         \
  }
HEARTH_CUBLAS(S, float)
HEARTH_CUBLAS(D, double)
HEARTH_CUBLAS(C, cuComplex)
HEARTH_CUBLAS(Z, cuDoubleComplex)
#undef HEARTH_CUBLAS
