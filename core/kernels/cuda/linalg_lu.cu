// LU factorisation, linear systems and determinants.
#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/solver.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cuda {
namespace {

// A thread for each matrix: f(u) for the elements of U's diagonal, in their order. Returns the sign of the exchanges.
template <class T, class F>
HEARTH_DEVICE int for_diagonal(const T* lu, const int* pivots, int64_t n, F f) {
  int sign = 1;
  for (int64_t i = 0; i < n; ++i) {
    if (pivots[i] != i + 1) sign = -sign;
    f(lu[i * (n + 1)]);
  }
  return sign;
}

template <class T>
HEARTH_KERNEL void det_kernel(const T* lu, const int* pivots, int64_t count, int64_t n, T* out) {
  using P = Parts<T>;
  for_each_item(count, [&](int64_t b) {
    T product = P::number(1);
    const int sign = for_diagonal(lu + b * n * n, pivots + b * n, n, [&](T u) { product = P::mul(product, u); });
    out[b] = sign < 0 ? P::scale(product, -1) : product;
  });
}

template <class T, class R>
HEARTH_KERNEL void slogdet_kernel(const T* lu, const int* pivots, int64_t count, int64_t n, T* signs, R* logs) {
  using P = Parts<T>;
  for_each_item(count, [&](int64_t b) {
    T sign = P::number(1);
    R sum = 0;
    const int exchanges = for_diagonal(lu + b * n * n, pivots + b * n, n, [&](T u) {
      sign = P::mul(sign, P::direction(u));
      sum += static_cast<R>(::log(static_cast<double>(P::size(u))));
    });
    signs[b] = exchanges < 0 ? P::scale(sign, -1) : sign;
    logs[b] = sum;
  });
}

// P L U in place of column-major matrices without gaps. m, n > 0.
template <class T>
void factor(const OpCall& c, const Solver& solver, const Matrices<T>& a, int m, int n, int* pivots, int* infos) {
  if (m == n && at_once(a.count(), n)) {
    const Addresses<T> all(c, a);
    return solver.run_blas("getrf", [&](auto h) {
      return Lib<T>::getrf_batched(h, n, all.get(), n, pivots, infos, static_cast<int>(a.count()));
    });
  }
  const int lwork =
      solver.size("getrf", [&](auto h, int* size) { return Lib<T>::getrf_size(h, m, n, a.at(0), leading(m), size); });
  const Workspace work(c.device.index, static_cast<size_t>(lwork) * sizeof(T));
  for (int64_t b = 0; b < a.count(); ++b) {
    solver.run("getrf", [&](auto h) {
      return Lib<T>::getrf(h, m, n, a.at(b), leading(m), static_cast<T*>(work.get()), pivots + b * std::min(m, n),
                           infos + b);
    });
  }
}

// A X = B with these factors, in the memory of B. n, k > 0.
template <class T>
void solve(const OpCall& c, const Solver& solver, const Matrices<T>& lu, const int* pivots, const Matrices<T>& x) {
  const int n = static_cast<int>(x.rows()), k = static_cast<int>(x.cols());
  if (at_once(x.count(), n)) {
    const Addresses<T> factors(c, lu), sides(c, x);
    int wrong = 0;  // in the host's memory: tells of arguments alone
    return solver.run_blas("getrs", [&](auto h) {
      return Lib<T>::getrs_batched(h, CUBLAS_OP_N, n, k, factors.get(), n, pivots, sides.get(), n, &wrong,
                                   static_cast<int>(x.count()));
    });
  }
  const Tensor unused = scratch(c, 1, DType::kI32);
  for (int64_t b = 0; b < x.count(); ++b) {
    solver.run("getrs", [&](auto h) {
      return Lib<T>::getrs(h, CUBLAS_OP_N, n, k, lu.at(b), n, pivots + b * n, x.at(b), n, data_of<int>(unused));
    });
  }
}

template <class T>
void factor_all(OpCall& c) {
  const Tensor &a = c.input(0), &pivots = c.out[1], &infos = c.out[2];
  const int m = solver_size(c, a.size(-2)), n = solver_size(c, a.size(-1));
  clear(c, data_of<int>(infos), infos.nbytes());
  if (a.numel() == 0) return;
  const Tensor work = column_major_copy(a);
  factor(c, Solver(c), Matrices<T>(work), m, n, data_of<int>(pivots), data_of<int>(infos));
  copy_tensor(c.out[0], work);
  if (c.attrs_as<FactorAttrs>().check) complain_of_infos(c, infos.numel(), nullptr, data_of<int>(infos), singular);
}

template <class T>
void solve_all(OpCall& c) {
  const Tensor &a = c.input(0), &rhs = c.input(1), &infos = c.out[1], &lu = c.out[2], &pivots = c.out[3];
  const int n = solver_size(c, a.size(-1)), k = solver_size(c, rhs.size(-1));
  clear(c, data_of<int>(infos), infos.nbytes());
  if (a.numel() == 0) return;
  const Solver solver(c);
  copy_tensor(lu, a);
  factor(c, solver, Matrices<T>(lu), n, n, data_of<int>(pivots), data_of<int>(infos));
  if (k > 0) {
    const Tensor x = column_major_copy(rhs);
    solve(c, solver, Matrices<T>(lu), data_of<int>(pivots), Matrices<T>(x));
    copy_tensor(c.out[0], x);
  }
  if (c.attrs_as<FactorAttrs>().check) complain_of_infos(c, infos.numel(), nullptr, data_of<int>(infos), singular);
}

// Factors of a copy, for determinants.
template <class T>
struct Factors {
  Tensor lu, pivots;
  Factors(const OpCall& c, int64_t count, int n) : lu(column_major_copy(c.input(0))) {
    pivots = scratch(c, count * n, DType::kI32);
    if (n == 0) return;
    const Tensor infos = scratch(c, count, DType::kI32);
    factor(c, Solver(c), Matrices<T>(lu), n, n, data_of<int>(pivots), data_of<int>(infos));
  }
};

template <class T>
void det_all(OpCall& c) {
  const int64_t count = c.out[0].numel();
  const int n = solver_size(c, c.input(0).size(-1));
  if (count == 0) return;
  const Factors<T> f(c, count, n);
  launch(over(c, count), det_kernel<T>, data_of<const T>(f.lu), data_of<const int>(f.pivots), count, n,
         data_of<T>(c.out[0]));
}

template <class T>
void slogdet_all(OpCall& c) {
  using R = typename Lib<T>::R;
  const int64_t count = c.out[0].numel();
  const int n = solver_size(c, c.input(0).size(-1));
  if (count == 0) return;
  const Factors<T> f(c, count, n);
  launch(over(c, count), slogdet_kernel<T, R>, data_of<const T>(f.lu), data_of<const int>(f.pivots), count, n,
         data_of<T>(c.out[0]), data_of<R>(c.out[1]));
}

}  // namespace

void linalg_lu_factor(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { factor_all<T>(c); });
}
void linalg_solve(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { solve_all<T>(c); });
}
void linalg_det(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { det_all<T>(c); });
}
void linalg_slogdet(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { slogdet_all<T>(c); });
}

}  // namespace hearth::cuda
