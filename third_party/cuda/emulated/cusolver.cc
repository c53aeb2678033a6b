#include <type_traits>
#include <utility>

#include "cusolverDn.h"
#include "dense.h"

using namespace cuda_emulated;

struct cusolverDnContext {
  int device = 0;
  cudaStream_t stream = nullptr;
};
struct cusolverDnParams {};

// ---- LAPACK, of one name for the four types of numbers. `real` is for complex ones alone.
#define HEARTH_LAPACK(p, T, org, orm)                                                                                  \
  extern "C" {                                                                                                         \
  void p##getrf_(const int*, const int*, T*, const int*, int*, int*);                                                  \
  void p##getrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*, const int*, int*, size_t); \
  void p##potrf_(const char*, const int*, T*, const int*, int*, size_t);                                               \
  void p##geqrf_(const int*, const int*, T*, const int*, T*, T*, const int*, int*);                                    \
  void p##org##_(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, int*);                  \
  void p##orm##_(const char*, const char*, const int*, const int*, const int*, const T*, const int*, const T*, T*,     \
                 const int*, T*, const int*, int*, size_t, size_t);                                                    \
  }                                                                                                                    \
  static int getrf(int m, int n, T* a, int lda, int* pivots) {                                                         \
    int info = 0;                                                                                                      \
    p##getrf_(&m, &n, a, &lda, pivots, &info);                                                                         \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int getrs(char trans, int n, int k, const T* a, int lda, const int* pivots, T* b, int ldb) {                  \
    int info = 0;                                                                                                      \
    p##getrs_(&trans, &n, &k, a, &lda, pivots, b, &ldb, &info, 1);                                                     \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int potrf(char uplo, int n, T* a, int lda) {                                                                  \
    int info = 0;                                                                                                      \
    p##potrf_(&uplo, &n, a, &lda, &info, 1);                                                                           \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int geqrf(int m, int n, T* a, int lda, T* tau, T* work, int lwork) {                                          \
    int info = 0;                                                                                                      \
    p##geqrf_(&m, &n, a, &lda, tau, work, &lwork, &info);                                                              \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int orgqr(int m, int n, int k, T* a, int lda, const T* tau, T* work, int lwork) {                             \
    int info = 0;                                                                                                      \
    p##org##_(&m, &n, &k, a, &lda, tau, work, &lwork, &info);                                                          \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int ormqr(char side, char trans, int m, int n, int k, const T* a, int lda, const T* tau, T* c, int ldc,       \
                   T* work, int lwork) {                                                                               \
    int info = 0;                                                                                                      \
    p##orm##_(&side, &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1);                            \
    return info;                                                                                                       \
  }
HEARTH_LAPACK(s, float, orgqr, ormqr)
HEARTH_LAPACK(d, double, orgqr, ormqr)
HEARTH_LAPACK(c, std::complex<float>, ungqr, unmqr)
HEARTH_LAPACK(z, std::complex<double>, ungqr, unmqr)
#undef HEARTH_LAPACK

#define HEARTH_LAPACK_REAL(p, T)                                                                                       \
  extern "C" {                                                                                                         \
  void p##syev_(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, int*, size_t, size_t);       \
  void p##gesvd_(const char*, const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*, const int*, \
                 T*, const int*, int*, size_t, size_t);                                                                \
  void p##geev_(const char*, const char*, const int*, T*, const int*, T*, T*, T*, const int*, T*, const int*, T*,      \
                const int*, int*, size_t, size_t);                                                                     \
  }                                                                                                                    \
  static int heev(char job, char uplo, int n, T* a, int lda, T* w, T* work, int lwork, T* /*real*/) {                  \
    int info = 0;                                                                                                      \
    p##syev_(&job, &uplo, &n, a, &lda, w, work, &lwork, &info, 1, 1);                                                  \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int gesvd(char ju, char jv, int m, int n, T* a, int lda, T* s, T* u, int ldu, T* vt, int ldvt, T* work,       \
                   int lwork, T* /*real*/) {                                                                           \
    int info = 0;                                                                                                      \
    p##gesvd_(&ju, &jv, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, &info, 1, 1);                            \
    return info;                                                                                                       \
  }                                                                                                                    \
  /* w: the real parts, then the imaginary ones. */                                                                    \
  static int geev(char job, int n, T* a, int lda, T* w, T* v, int ldv, T* work, int lwork, T* /*real*/) {              \
    int info = 0;                                                                                                      \
    const char left = 'N';                                                                                             \
    const int one = 1;                                                                                                 \
    p##geev_(&left, &job, &n, a, &lda, w, w + n, nullptr, &one, v, &ldv, work, &lwork, &info, 1, 1);                   \
    return info;                                                                                                       \
  }
HEARTH_LAPACK_REAL(s, float)
HEARTH_LAPACK_REAL(d, double)
#undef HEARTH_LAPACK_REAL

#define HEARTH_LAPACK_COMPLEX(p, R)                                                                                    \
  extern "C" {                                                                                                         \
  void p##heev_(const char*, const char*, const int*, std::complex<R>*, const int*, R*, std::complex<R>*, const int*,  \
                R*, int*, size_t, size_t);                                                                             \
  void p##gesvd_(const char*, const char*, const int*, const int*, std::complex<R>*, const int*, R*, std::complex<R>*, \
                 const int*, std::complex<R>*, const int*, std::complex<R>*, const int*, R*, int*, size_t, size_t);    \
  void p##geev_(const char*, const char*, const int*, std::complex<R>*, const int*, std::complex<R>*,                  \
                std::complex<R>*, const int*, std::complex<R>*, const int*, std::complex<R>*, const int*, R*, int*,    \
                size_t, size_t);                                                                                       \
  }                                                                                                                    \
  static int heev(char job, char uplo, int n, std::complex<R>* a, int lda, R* w, std::complex<R>* work, int lwork,     \
                  R* real) {                                                                                           \
    int info = 0;                                                                                                      \
    p##heev_(&job, &uplo, &n, a, &lda, w, work, &lwork, real, &info, 1, 1);                                            \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int gesvd(char ju, char jv, int m, int n, std::complex<R>* a, int lda, R* s, std::complex<R>* u, int ldu,     \
                   std::complex<R>* vt, int ldvt, std::complex<R>* work, int lwork, R* real) {                         \
    int info = 0;                                                                                                      \
    p##gesvd_(&ju, &jv, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, real, &info, 1, 1);                      \
    return info;                                                                                                       \
  }                                                                                                                    \
  static int geev(char job, int n, std::complex<R>* a, int lda, std::complex<R>* w, std::complex<R>* v, int ldv,       \
                  std::complex<R>* work, int lwork, R* real) {                                                         \
    int info = 0;                                                                                                      \
    const char left = 'N';                                                                                             \
    const int one = 1;                                                                                                 \
    p##geev_(&left, &job, &n, a, &lda, w, nullptr, &one, v, &ldv, work, &lwork, real, &info, 1, 1);                    \
    return info;                                                                                                       \
  }
HEARTH_LAPACK_COMPLEX(c, float)
HEARTH_LAPACK_COMPLEX(z, double)
#undef HEARTH_LAPACK_COMPLEX

namespace {

template <class T>
struct RealOf {
  using type = T;
};
template <class R>
struct RealOf<std::complex<R>> {
  using type = R;
};
template <class T>
using Real = typename RealOf<T>::type;

// Elements of a workspace. The library's differ by routine and size; so do these.
int room(int routine, int64_t m, int64_t n) { return static_cast<int>(16 + routine * std::max<int64_t>(m, n)); }
enum Routine { kPotrf = 3, kGetrf = 5, kGeqrf = 7, kOrgqr = 9, kOrmqr = 11, kHeevd = 13, kGesvd = 15, kGeev = 17 };

int leading(int64_t rows) { return static_cast<int>(std::max<int64_t>(rows, 1)); }
char letter(cublasFillMode_t uplo) { return uplo == CUBLAS_FILL_MODE_LOWER ? 'L' : 'U'; }
char letter(cublasOperation_t t) { return t == CUBLAS_OP_N ? 'N' : t == CUBLAS_OP_T ? 'T' : 'C'; }

cusolverStatus_t usable(cusolverDnHandle_t h) {
  return h && h->stream && device_of(h->stream) == h->device ? CUSOLVER_STATUS_SUCCESS
                                                             : CUSOLVER_STATUS_NOT_INITIALIZED;
}
bool captured(cusolverDnHandle_t h) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamIsCapturing(h->stream, &status);
  return status != cudaStreamCaptureStatusNone;
}

template <class T>
cusolverStatus_t give_room(cusolverDnHandle_t h, int routine, const Dense<T>& a, int* lwork) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid()) return CUSOLVER_STATUS_INVALID_VALUE;
  *lwork = room(routine, a.rows, a.cols);
  return CUSOLVER_STATUS_SUCCESS;
}

// A call: what it was given is checked now, and computed late.
template <class T>
class Call {
 public:
  Call(cusolverDnHandle_t h, const char* name) : stream_(h->stream), name_(name) {}
  template <class U>
  Call& uses(const Dense<U>& m) {
    expect_on_device(stream_, m, name_);
    return *this;
  }
  // f() gives what the library writes to info.
  template <class F>
  cusolverStatus_t run(T* work, int elements, int* info, F f) {
    const Dense<T> space = vector_of(work, elements);
    uses(space).uses(vector_of(info, 1));
    enqueue(stream_, [=] {
      __tsan_write_range(work, space.bytes());
      spoil(reinterpret_cast<char*>(work), space.bytes());
      const OneThread one;
      const int found = f();
      __tsan_write_range(info, sizeof(int));
      *info = found;
    });
    return CUSOLVER_STATUS_SUCCESS;
  }

 private:
  cudaStream_t stream_;
  const char* name_;
};

// LAPACK's own workspace: f(work, lwork), asked for its size first.
template <class T, class F>
int with_work(F f) {
  T answer(0);
  f(&answer, -1);
  std::vector<T> work(static_cast<size_t>(std::real(answer)) + 1);
  return f(work.data(), static_cast<int>(work.size()));
}

template <class T>
cusolverStatus_t cholesky(cusolverDnHandle_t h, cublasFillMode_t uplo, const Dense<T>& a, T* work, int lwork,
                          int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid() || lwork < room(kPotrf, a.rows, a.cols)) return CUSOLVER_STATUS_INVALID_VALUE;
  return Call<T>(h, "cusolver potrf").uses(a).run(work, lwork, info, [=] {
    std::vector<T> v = a.take();
    const int found = potrf(letter(uplo), static_cast<int>(a.rows), v.data(), leading(a.rows));
    a.put(v);
    return found;
  });
}

template <class T>
cusolverStatus_t choleskys(cusolverDnHandle_t h, cublasFillMode_t uplo, const Pointers<T>& a, int* infos) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid()) return CUSOLVER_STATUS_INVALID_VALUE;
  a.expect(h->stream, "cusolver potrfBatched: the addresses");
  expect_on_device(h->stream, vector_of(infos, a.count), "cusolver potrfBatched: info");
  enqueue(h->stream, [=, s = h->stream] {
    const OneThread one;
    for (int i = 0; i < a.count; ++i) {
      const Dense<T> m = a.matrix(s, i, "cusolver potrfBatched: A");
      std::vector<T> v = m.take();
      const int found = potrf(letter(uplo), static_cast<int>(m.rows), v.data(), leading(m.rows));
      m.put(v);
      vector_of(infos + i, 1).put({found});
    }
  });
  return CUSOLVER_STATUS_SUCCESS;
}

template <class T>
cusolverStatus_t lu(cusolverDnHandle_t h, const Dense<T>& a, T* work, int* pivots_at, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid() || !pivots_at) return CUSOLVER_STATUS_INVALID_VALUE;  // without pivots: not emulated
  const Dense<int> pivots = vector_of(pivots_at, std::min(a.rows, a.cols));
  return Call<T>(h, "cusolver getrf").uses(a).uses(pivots).run(work, room(kGetrf, a.rows, a.cols), info, [=] {
    std::vector<T> v = a.take();
    std::vector<int> p(static_cast<size_t>(pivots.rows));
    const int found = getrf(static_cast<int>(a.rows), static_cast<int>(a.cols), v.data(), leading(a.rows), p.data());
    a.put(v);
    pivots.put(p);
    return found;
  });
}

template <class T>
cusolverStatus_t lu_solve(cusolverDnHandle_t h, cublasOperation_t trans, const Dense<T>& a, const int* pivots_at,
                          const Dense<T>& b, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid() || !b.valid()) return CUSOLVER_STATUS_INVALID_VALUE;
  const Dense<int> pivots = vector_of(const_cast<int*>(pivots_at), a.rows);
  return Call<T>(h, "cusolver getrs").uses(a).uses(b).uses(pivots).run(nullptr, 0, info, [=] {
    const std::vector<T> v = a.take();
    std::vector<T> x = b.take();
    const std::vector<int> p = pivots.take();
    const int found = getrs(letter(trans), static_cast<int>(a.rows), static_cast<int>(b.cols), v.data(),
                            leading(a.rows), p.data(), x.data(), leading(b.rows));
    b.put(x);
    return found;
  });
}

template <class T>
cusolverStatus_t qr(cusolverDnHandle_t h, const Dense<T>& a, T* tau_at, T* work, int lwork, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid() || lwork < room(kGeqrf, a.rows, a.cols)) return CUSOLVER_STATUS_INVALID_VALUE;
  const Dense<T> tau = vector_of(tau_at, std::min(a.rows, a.cols));
  return Call<T>(h, "cusolver geqrf").uses(a).uses(tau).run(work, lwork, info, [=] {
    std::vector<T> v = a.take(), t(static_cast<size_t>(tau.rows));
    const int found = with_work<T>([&](T* w, int n) {
      return geqrf(static_cast<int>(a.rows), static_cast<int>(a.cols), v.data(), leading(a.rows), t.data(), w, n);
    });
    a.put(v);
    tau.put(t);
    return found;
  });
}

template <class T>
cusolverStatus_t make_q(cusolverDnHandle_t h, int k, const Dense<T>& a, T* tau_at, T* work, int lwork, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid() || a.cols > a.rows || k < 0 || k > a.cols || lwork < room(kOrgqr, a.rows, a.cols))
    return CUSOLVER_STATUS_INVALID_VALUE;
  const Dense<T> tau = vector_of(tau_at, k);
  return Call<T>(h, "cusolver orgqr").uses(a).uses(tau).run(work, lwork, info, [=] {
    std::vector<T> v = a.take();
    const std::vector<T> t = tau.take();
    const int found = with_work<T>([&](T* w, int n) {
      return orgqr(static_cast<int>(a.rows), static_cast<int>(a.cols), k, v.data(), leading(a.rows), t.data(), w, n);
    });
    a.put(v);
    return found;
  });
}

template <class T>
cusolverStatus_t multiply_q(cusolverDnHandle_t h, cublasSideMode_t side, cublasOperation_t trans, int k, T* a_at,
                            int lda, T* tau_at, const Dense<T>& c, T* work, int lwork, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  const bool left = side == CUBLAS_SIDE_LEFT;
  const Dense<T> a{a_at, left ? c.rows : c.cols, k, lda}, tau = vector_of(tau_at, k);
  // Of complex numbers there is Q and its adjoint, no transpose.
  const bool complex = !std::is_same_v<T, Real<T>>;
  if (!a.valid() || !c.valid() || k > a.rows || lwork < room(kOrmqr, c.rows, c.cols) ||
      trans == (complex ? CUBLAS_OP_T : CUBLAS_OP_C))
    return CUSOLVER_STATUS_INVALID_VALUE;
  return Call<T>(h, "cusolver ormqr").uses(a).uses(tau).uses(c).run(work, lwork, info, [=] {
    const std::vector<T> v = a.take(), t = tau.take();
    std::vector<T> x = c.take();
    const int found = with_work<T>([&](T* w, int n) {
      return ormqr(left ? 'L' : 'R', letter(trans), static_cast<int>(c.rows), static_cast<int>(c.cols), k, v.data(),
                   leading(a.rows), t.data(), x.data(), leading(c.rows), w, n);
    });
    c.put(x);
    return found;
  });
}

template <class T>
cusolverStatus_t eigen(cusolverDnHandle_t h, cusolverEigMode_t job, cublasFillMode_t uplo, const Dense<T>& a,
                       Real<T>* w_at, T* work, int lwork, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  if (!a.valid() || lwork < room(kHeevd, a.rows, a.cols)) return CUSOLVER_STATUS_INVALID_VALUE;
  if (captured(h)) return CUSOLVER_STATUS_INTERNAL_ERROR;
  const Dense<Real<T>> w = vector_of(w_at, a.rows);
  return Call<T>(h, "cusolver syevd").uses(a).uses(w).run(work, lwork, info, [=] {
    std::vector<T> v = a.take();
    std::vector<Real<T>> values(static_cast<size_t>(a.rows)), real(static_cast<size_t>(3 * a.rows + 1));
    const int found = with_work<T>([&](T* x, int n) {
      return heev(job == CUSOLVER_EIG_MODE_VECTOR ? 'V' : 'N', letter(uplo), static_cast<int>(a.rows), v.data(),
                  leading(a.rows), values.data(), x, n, real.data());
    });
    a.put(v);
    w.put(values);
    return found;
  });
}

template <class T>
cusolverStatus_t singular(cusolverDnHandle_t h, signed char ju, signed char jv, const Dense<T>& a, Real<T>* s_at,
                          T* u_at, int ldu, T* vt_at, int ldvt, T* work, int lwork, Real<T>* rwork, int* info) {
  if (usable(h) != CUSOLVER_STATUS_SUCCESS) return usable(h);
  const auto wanted = [](signed char job) { return job == 'A' || job == 'S'; };
  const Dense<T> u{u_at, wanted(ju) ? a.rows : 0, !wanted(ju) ? 0 : ju == 'A' ? a.rows : a.cols, ldu};
  const Dense<T> vt{vt_at, wanted(jv) ? a.cols : 0, wanted(jv) ? a.cols : 0, ldvt};
  const Dense<Real<T>> s = vector_of(s_at, a.cols);
  // Of wide matrices there is none.
  if (!a.valid() || !u.valid() || !vt.valid() || a.rows < a.cols || lwork < room(kGesvd, a.rows, a.cols) ||
      (!wanted(ju) && ju != 'N') || (!wanted(jv) && jv != 'N'))
    return CUSOLVER_STATUS_INVALID_VALUE;
  if (captured(h)) return CUSOLVER_STATUS_INTERNAL_ERROR;
  const Dense<Real<T>> rest = vector_of(rwork, rwork ? std::max<int64_t>(a.cols - 1, 0) : 0);
  return Call<T>(h, "cusolver gesvd").uses(a).uses(u).uses(vt).uses(s).uses(rest).run(work, lwork, info, [=] {
    std::vector<T> v = a.take(), left = u.take(), right = vt.take();
    std::vector<Real<T>> values(static_cast<size_t>(a.cols)), real(static_cast<size_t>(5 * a.cols + 1));
    const int found = with_work<T>([&](T* w, int n) {
      return gesvd(static_cast<char>(ju), static_cast<char>(jv), static_cast<int>(a.rows), static_cast<int>(a.cols),
                   v.data(), leading(a.rows), values.data(), left.data(), leading(a.rows), right.data(),
                   leading(a.cols), w, n, real.data());
    });
    spoil(reinterpret_cast<char*>(rwork), rest.bytes());
    a.put(v);
    u.put(left);
    vt.put(right);
    s.put(values);
    return found;
  });
}

// What geev gives for a real matrix: real and imaginary parts of eigenvalues, and vectors packed by pairs.
template <class T>
cusolverStatus_t general(cusolverDnHandle_t h, cusolverEigMode_t job, const Dense<T>& a, T* w_at, T* v_at, int64_t ldv,
                         void* work, size_t bytes, int* info) {
  constexpr bool real = std::is_same_v<T, Real<T>>;
  const bool wanted = job == CUSOLVER_EIG_MODE_VECTOR;
  const Dense<T> v{v_at, wanted ? a.rows : 0, wanted ? a.cols : 0, ldv}, w = vector_of(w_at, (real ? 2 : 1) * a.rows);
  if (!a.valid() || !v.valid() || bytes < static_cast<size_t>(room(kGeev, a.rows, a.cols)) * sizeof(T))
    return CUSOLVER_STATUS_INVALID_VALUE;
  return Call<T>(h, "cusolver geev")
      .uses(a)
      .uses(v)
      .uses(w)
      .run(static_cast<T*>(work), room(kGeev, a.rows, a.cols), info, [=] {
        std::vector<T> x = a.take(), vectors(static_cast<size_t>(a.rows * a.cols)), values(static_cast<size_t>(w.rows));
        std::vector<Real<T>> parts(static_cast<size_t>(2 * a.rows + 1));
        const int found = with_work<T>([&](T* s, int n) {
          return geev(wanted ? 'V' : 'N', static_cast<int>(a.rows), x.data(), leading(a.rows), values.data(),
                      vectors.data(), leading(a.rows), s, n, parts.data());
        });
        a.put(x);
        v.put(vectors);
        w.put(values);
        return found;
      });
}

// f(T()) of a type that all of these are.
template <class F>
cusolverStatus_t by_type(cudaDataType t, cudaDataType w, cudaDataType vl, cudaDataType vr, cudaDataType compute, F f) {
  // Complex eigenvalues of a real matrix can be asked for as well: not emulated.
  if (w != t || vl != t || vr != t || compute != t) return CUSOLVER_STATUS_NOT_SUPPORTED;
  switch (t) {
    case CUDA_R_32F:
      return f(float());
    case CUDA_R_64F:
      return f(double());
    case CUDA_C_32F:
      return f(std::complex<float>());
    case CUDA_C_64F:
      return f(std::complex<double>());
    default:
      return CUSOLVER_STATUS_NOT_SUPPORTED;
  }
}
constexpr size_t kHostBytes = 1000;

}  // namespace

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  *handle = new cusolverDnContext;
  cudaGetDevice(&(*handle)->device);
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
  delete handle;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* params) {
  *params = new cusolverDnParams;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params) {
  delete params;
  return CUSOLVER_STATUS_SUCCESS;
}

#define HEARTH_CUSOLVER(P, T, R, he, org, orm)                                                                        \
  cusolverStatus_t cusolverDn##P##potrf_bufferSize(cusolverDnHandle_t handle, cublasFillMode_t, int n, T* A, int lda, \
                                                   int* Lwork) {                                                      \
    return give_room(handle, kPotrf, Dense{numbers(A), n, n, lda}, Lwork);                                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##potrf(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, T* A, int lda,       \
                                        T* Workspace, int Lwork, int* devInfo) {                                      \
    return cholesky(handle, uplo, Dense{numbers(A), n, n, lda}, numbers(Workspace), Lwork, devInfo);                  \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##potrfBatched(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, T* Aarray[],  \
                                               int lda, int* infoArray, int batchSize) {                              \
    return choleskys(handle, uplo, Pointers{addresses(Aarray), n, n, lda, batchSize}, infoArray);                     \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##getrf_bufferSize(cusolverDnHandle_t handle, int m, int n, T* A, int lda,            \
                                                   int* Lwork) {                                                      \
    return give_room(handle, kGetrf, Dense{numbers(A), m, n, lda}, Lwork);                                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##getrf(cusolverDnHandle_t handle, int m, int n, T* A, int lda, T* Workspace,         \
                                        int* devIpiv, int* devInfo) {                                                 \
    return lu(handle, Dense{numbers(A), m, n, lda}, numbers(Workspace), devIpiv, devInfo);                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##getrs(cusolverDnHandle_t handle, cublasOperation_t trans, int n, int nrhs,          \
                                        const T* A, int lda, const int* devIpiv, T* B, int ldb, int* devInfo) {       \
    return lu_solve(handle, trans, Dense{numbers(A), n, n, lda}, devIpiv, Dense{numbers(B), n, nrhs, ldb}, devInfo);  \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##geqrf_bufferSize(cusolverDnHandle_t handle, int m, int n, T* A, int lda,            \
                                                   int* lwork) {                                                      \
    return give_room(handle, kGeqrf, Dense{numbers(A), m, n, lda}, lwork);                                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##geqrf(cusolverDnHandle_t handle, int m, int n, T* A, int lda, T* TAU, T* Workspace, \
                                        int Lwork, int* devInfo) {                                                    \
    return qr(handle, Dense{numbers(A), m, n, lda}, numbers(TAU), numbers(Workspace), Lwork, devInfo);                \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##org##_bufferSize(cusolverDnHandle_t handle, int m, int n, int, const T* A, int lda, \
                                                   const T*, int* lwork) {                                            \
    return give_room(handle, kOrgqr, Dense{numbers(A), m, n, lda}, lwork);                                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##org(cusolverDnHandle_t handle, int m, int n, int k, T* A, int lda, const T* tau,    \
                                      T* work, int lwork, int* info) {                                                \
    return make_q(handle, k, Dense{numbers(A), m, n, lda}, numbers(tau), numbers(work), lwork, info);                 \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##orm##_bufferSize(cusolverDnHandle_t handle, cublasSideMode_t, cublasOperation_t,    \
                                                   int m, int n, int, const T*, int, const T*, const T* C, int ldc,   \
                                                   int* lwork) {                                                      \
    return give_room(handle, kOrmqr, Dense{numbers(C), m, n, ldc}, lwork);                                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##orm(cusolverDnHandle_t handle, cublasSideMode_t side, cublasOperation_t trans,      \
                                      int m, int n, int k, const T* A, int lda, const T* tau, T* C, int ldc, T* work, \
                                      int lwork, int* devInfo) {                                                      \
    return multiply_q(handle, side, trans, k, numbers(A), lda, numbers(tau), Dense{numbers(C), m, n, ldc},            \
                      numbers(work), lwork, devInfo);                                                                 \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##he##evd_bufferSize(cusolverDnHandle_t handle, cusolverEigMode_t, cublasFillMode_t,  \
                                                     int n, const T* A, int lda, const R*, int* lwork) {              \
    return give_room(handle, kHeevd, Dense{numbers(A), n, n, lda}, lwork);                                            \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##he##evd(cusolverDnHandle_t handle, cusolverEigMode_t jobz, cublasFillMode_t uplo,   \
                                          int n, T* A, int lda, R* W, T* work, int lwork, int* info) {                \
    return eigen(handle, jobz, uplo, Dense{numbers(A), n, n, lda}, W, numbers(work), lwork, info);                    \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##gesvd_bufferSize(cusolverDnHandle_t handle, int m, int n, int* lwork) {             \
    return give_room(handle, kGesvd, Dense<T>{nullptr, m, n, leading(m)}, lwork);                                     \
  }                                                                                                                   \
  cusolverStatus_t cusolverDn##P##gesvd(cusolverDnHandle_t handle, signed char jobu, signed char jobvt, int m, int n, \
                                        T* A, int lda, R* S, T* U, int ldu, T* VT, int ldvt, T* work, int lwork,      \
                                        R* rwork, int* info) {                                                        \
    return singular(handle, jobu, jobvt, Dense{numbers(A), m, n, lda}, S, numbers(U), ldu, numbers(VT), ldvt,         \
                    numbers(work), lwork, rwork, info);                                                               \
  }
HEARTH_CUSOLVER(S, float, float, sy, orgqr, ormqr)
HEARTH_CUSOLVER(D, double, double, sy, orgqr, ormqr)
HEARTH_CUSOLVER(C, cuComplex, float, he, ungqr, unmqr)
HEARTH_CUSOLVER(Z, cuDoubleComplex, double, he, ungqr, unmqr)
#undef HEARTH_CUSOLVER

cusolverStatus_t cusolverDnXgeev_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                            cusolverEigMode_t jobvl, cusolverEigMode_t, int64_t n,
                                            cudaDataType dataTypeA, const void*, int64_t lda, cudaDataType dataTypeW,
                                            const void*, cudaDataType dataTypeVL, const void*, int64_t,
                                            cudaDataType dataTypeVR, const void*, int64_t, cudaDataType computeType,
                                            size_t* workspaceInBytesOnDevice, size_t* workspaceInBytesOnHost) {
  if (usable(handle) != CUSOLVER_STATUS_SUCCESS) return usable(handle);
  if (!params || jobvl != CUSOLVER_EIG_MODE_NOVECTOR || n < 0 || lda < n) return CUSOLVER_STATUS_INVALID_VALUE;
  return by_type(dataTypeA, dataTypeW, dataTypeVL, dataTypeVR, computeType, [&]<class T>(T) {
    *workspaceInBytesOnDevice = static_cast<size_t>(room(kGeev, n, n)) * sizeof(T);
    *workspaceInBytesOnHost = kHostBytes;
    return CUSOLVER_STATUS_SUCCESS;
  });
}
cusolverStatus_t cusolverDnXgeev(cusolverDnHandle_t handle, cusolverDnParams_t params, cusolverEigMode_t jobvl,
                                 cusolverEigMode_t jobvr, int64_t n, cudaDataType dataTypeA, void* A, int64_t lda,
                                 cudaDataType dataTypeW, void* W, cudaDataType dataTypeVL, void*, int64_t ldvl,
                                 cudaDataType dataTypeVR, void* VR, int64_t ldvr, cudaDataType computeType,
                                 void* bufferOnDevice, size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                 size_t workspaceInBytesOnHost, int* info) {
  if (usable(handle) != CUSOLVER_STATUS_SUCCESS) return usable(handle);
  // Of vectors there are right ones alone.
  if (!params || jobvl != CUSOLVER_EIG_MODE_NOVECTOR || ldvl < 1 || workspaceInBytesOnHost < kHostBytes)
    return CUSOLVER_STATUS_INVALID_VALUE;
  if (captured(handle)) return CUSOLVER_STATUS_INTERNAL_ERROR;
  return by_type(dataTypeA, dataTypeW, dataTypeVL, dataTypeVR, computeType, [&]<class T>(T) {
    std::memset(bufferOnHost, 0xff, kHostBytes);
    return general(handle, jobvr, Dense<T>{static_cast<T*>(A), n, n, lda}, static_cast<T*>(W), static_cast<T*>(VR),
                   ldvr, bufferOnDevice, workspaceInBytesOnDevice, info);
  });
}
