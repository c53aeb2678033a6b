// Eigenvalues and singular values.
#include <memory>
#include <type_traits>
#include <vector>

#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/singular_values.h"
#include "core/kernels/cuda/solver.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cuda {

template <class T>
void singular_values(const OpCall& c, const Solver& solver, char job, T* a, int64_t count, int m, int n,
                     typename Lib<T>::R* values, T* u, T* vh, int* infos) {
  const int lwork = solver.size("gesvd", [&](auto h, int* size) { return Lib<T>::gesvd_size(h, m, n, size); });
  const Workspace work(c.device.index, static_cast<size_t>(lwork) * sizeof(T));
  const Workspace rest(c.device.index, static_cast<size_t>(n) * sizeof(typename Lib<T>::R));
  const auto letter = static_cast<signed char>(job);
  const int64_t u_size = job == 'N' ? 0 : int64_t{m} * (job == 'A' ? m : n), vh_size = job == 'N' ? 0 : int64_t{n} * n;
  for (int64_t b = 0; b < count; ++b) {
    solver.run("gesvd", [&](auto h) {
      return Lib<T>::gesvd(h, letter, letter, m, n, a + b * m * n, m, values + b * n, u + b * u_size, m,
                           vh + b * vh_size, n, static_cast<T*>(work.get()), lwork,
                           static_cast<typename Lib<T>::R*>(rest.get()), infos + b);
    });
  }
}
#define HEARTH_NUMBERS(T) \
  template void singular_values<T>(const OpCall&, const Solver&, char, T*, int64_t, int, int, Lib<T>::R*, T*, T*, int*);
HEARTH_NUMBERS(float)
HEARTH_NUMBERS(double)
HEARTH_NUMBERS(cuComplex)
HEARTH_NUMBERS(cuDoubleComplex)
#undef HEARTH_NUMBERS

namespace {

// Whether infer() has made room for vectors: they are wanted, or backward needs them.
bool is_wanted(const Tensor& vectors) { return vectors.dim() >= 2; }

// What is known of the matrices of a batch.
struct Infos {
  Tensor flags, found;
  Infos(const OpCall& c, int64_t count) : flags(scratch(c, count, DType::kI32)), found(scratch(c, count, DType::kI32)) {
    clear(c, data_of<int>(flags), flags.nbytes());
  }
  void complain(const OpCall& c) const {
    complain_of_infos(c, flags.numel(), data_of<int>(flags), data_of<int>(found), not_converged);
  }
};

template <class T>
void eigh_all(OpCall& c) {
  using R = typename Lib<T>::R;
  const auto& attrs = c.attrs_as<SpectralAttrs>();
  const Tensor& a = c.input(0);
  const int n = solver_size(c, a.size(-1));
  if (a.numel() == 0) return;
  expect_no_capture(c);
  const bool wanted = is_wanted(c.out[1]);
  const cusolverEigMode_t job = wanted ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
  const cublasFillMode_t uplo = attrs.upper ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER;
  const int64_t count = c.out[0].numel() / n;
  const Tensor work = column_major_copy(a);
  const Infos infos(c, count);
  T* const p = data_of<T>(work);
  R* const values = data_of<R>(c.out[0]);
  clear_not_finite(c, p, count, n, n, attrs.upper ? Part::kUpper : Part::kLower, data_of<int>(infos.flags));
  const Solver solver(c);
  const int lwork =
      solver.size("syevd", [&](auto h, int* size) { return Lib<T>::heevd_size(h, job, uplo, n, p, n, values, size); });
  const Workspace space(c.device.index, static_cast<size_t>(lwork) * sizeof(T));
  for (int64_t b = 0; b < count; ++b) {
    solver.run("syevd", [&](auto h) {
      return Lib<T>::heevd(h, job, uplo, n, p + b * n * n, n, values + b * n, static_cast<T*>(space.get()), lwork,
                           data_of<int>(infos.found) + b);
    });
  }
  if (wanted) copy_tensor(c.out[1], work);
  infos.complain(c);
}

template <class T>
void svd_all(OpCall& c) {
  using R = typename Lib<T>::R;
  const auto& attrs = c.attrs_as<SpectralAttrs>();
  const Tensor &a = c.input(0), &u = c.out[0], &s = c.out[1], &vh = c.out[2];
  const bool wanted = is_wanted(u);
  const int rows = solver_size(c, a.size(-2)), cols = solver_size(c, a.size(-1)), k = std::min(rows, cols);
  const int64_t count = Matrices<T>(a).count();
  if (count == 0) return;
  if (k == 0) {
    // Nothing to turn: U and V are identities.
    if (!wanted || !attrs.full) return;
    set_identity(c, data_of<T>(u), count, rows);
    return set_identity(c, data_of<T>(vh), count, cols);
  }
  expect_no_capture(c);
  const char job = !wanted ? 'N' : attrs.full ? 'A' : 'S';
  // Of a wide matrix the transpose, which a row-major one is: A^T = U' S V'^H, A = conj(V') S U'^T. U' and V'^H are,
  // row-major, V^H and U.
  const bool wide = cols > rows;
  const Tensor work = wide ? row_major_copy(a) : column_major_copy(a);
  const Infos infos(c, count);
  T* const p = data_of<T>(work);
  const int m = std::max(rows, cols);
  clear_not_finite(c, p, count, m, k, Part::kAll, data_of<int>(infos.flags));
  const Solver solver(c);
  const auto found = [&](T* left, T* right) {
    singular_values(c, solver, job, p, count, m, k, data_of<R>(s), left, right, data_of<int>(infos.found));
  };
  if (!wanted) {
    found(nullptr, nullptr);
  } else if (wide) {
    found(data_of<T>(vh), data_of<T>(u));
  } else {
    const Tensor left = column_major(u.shape(), a.dtype(), a.device());
    const Tensor right = column_major(vh.shape(), a.dtype(), a.device());
    found(data_of<T>(left), data_of<T>(right));
    copy_tensor(u, left);
    copy_tensor(vh, right);
  }
  infos.complain(c);
}

// Eigenvalues of real matrices, for each matrix n real parts and n imaginary ones.
template <class R, class C>
HEARTH_KERNEL void join_values_kernel(const R* w, int64_t elements, int64_t n, C* to) {
  for_each_item(elements, [&](int64_t e) {
    const int64_t b = e / n, j = e % n;
    to[e] = {w[2 * b * n + j], w[(2 * b + 1) * n + j]};
  });
}
// Vectors of real matrices: of a conjugate pair of columns the real and then the imaginary parts, the eigenvalue with
// the positive imaginary part first. The result is row-major.
template <class R, class C>
HEARTH_KERNEL void unpack_vectors_kernel(const R* w, const R* packed, int64_t elements, int64_t n, C* to) {
  for_each_item(elements, [&](int64_t e) {
    const int64_t b = e / (n * n), i = e % (n * n) / n, j = e % n;
    const R im = w[(2 * b + 1) * n + j];
    const R* const row = packed + b * n * n + i;
    if (im > 0 && j + 1 < n) to[e] = {row[j * n], row[(j + 1) * n]};
    else if (im < 0 && j > 0) to[e] = {row[(j - 1) * n], -row[j * n]};
    else to[e] = {row[j * n], R(0)};
  });
}

#if CUSOLVER_VERSION >= 11702
template <class T>
void eig_all(OpCall& c) {
  using R = typename Lib<T>::R;
  using C = std::conditional_t<std::is_same_v<R, float>, cuComplex, cuDoubleComplex>;
  constexpr bool kReal = std::is_same_v<T, R>;
  constexpr cudaDataType type = Lib<T>::kType;
  const Tensor& a = c.input(0);
  const int n = solver_size(c, a.size(-1));
  if (a.numel() == 0) return;
  expect_no_capture(c);
  const bool wanted = is_wanted(c.out[1]);
  const cusolverEigMode_t none = CUSOLVER_EIG_MODE_NOVECTOR, job = wanted ? CUSOLVER_EIG_MODE_VECTOR : none;
  const int64_t count = c.out[0].numel() / n, w_size = (kReal ? 2 : 1) * int64_t{n};
  const Tensor work = column_major_copy(a);
  const Tensor vectors = wanted ? column_major(a.shape(), a.dtype(), a.device()) : Tensor();
  const Tensor values = kReal ? scratch(c, count * w_size, a.dtype()) : c.out[0];
  const Infos infos(c, count);
  T *const p = data_of<T>(work), *const w = data_of<T>(values), *const v = wanted ? data_of<T>(vectors) : nullptr;
  clear_not_finite(c, p, count, n, n, Part::kAll, data_of<int>(infos.flags));
  const Solver solver(c);
  cusolverDnParams_t params = nullptr;
  check(cusolverDnCreateParams(&params), c, "parameters");
  const std::unique_ptr<std::remove_pointer_t<cusolverDnParams_t>, decltype(&cusolverDnDestroyParams)> owner(
      params, &cusolverDnDestroyParams);
  size_t on_device = 0, on_host = 0;
  solver.run("geev", [&](auto h) {
    return cusolverDnXgeev_bufferSize(h, params, none, job, n, type, p, n, type, w, type, nullptr, 1, type, v, n, type,
                                      &on_device, &on_host);
  });
  const Workspace space(c.device.index, on_device);
  std::vector<char> host(on_host);
  for (int64_t b = 0; b < count; ++b) {
    solver.run("geev", [&](auto h) {
      return cusolverDnXgeev(h, params, none, job, n, type, p + b * n * n, n, type, w + b * w_size, type, nullptr, 1,
                             type, wanted ? v + b * n * n : nullptr, n, type, space.get(), on_device, host.data(),
                             on_host, data_of<int>(infos.found) + b);
    });
  }
  if constexpr (kReal) {
    launch(over(c, count * n), join_values_kernel<R, C>, w, count * n, n, data_of<C>(c.out[0]));
    if (wanted) launch(over(c, a.numel()), unpack_vectors_kernel<R, C>, w, v, a.numel(), n, data_of<C>(c.out[1]));
  } else if (wanted) {
    copy_tensor(c.out[1], vectors);
  }
  infos.complain(c);
}
#else
template <class T>
void eig_all(OpCall& c) {
  fail(ErrorKind::kUnsupported, c.op.name,
       ": there is no CUDA kernel for it: it needs the cuSOLVER of CUDA 12.8, and this program is built with an older "
       "one");
}
#endif

}  // namespace

void linalg_eigh(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { eigh_all<T>(c); });
}
void linalg_svd(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { svd_all<T>(c); });
}
void linalg_eig(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { eig_all<T>(c); });
}

}  // namespace hearth::cuda
