// Least squares: by QR for the driver gels, by singular values for those that find the rank.
#include <limits>

#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/singular_values.h"
#include "core/kernels/cuda/solver.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cuda {
namespace {

// LstsqAttrs::driver; kGelsy and kGelss, 0 and 3, are computed as kGelsd.
constexpr int64_t kGels = 1, kGelsd = 2;

HEARTH_KERNEL void set_ranks_kernel(int64_t* ranks, int64_t count, int64_t rank) {
  for_each_item(count, [&](int64_t b) { ranks[b] = rank; });
}

// Counts the singular values above rcond times the first one.
template <class R>
HEARTH_KERNEL void count_ranks_kernel(const R* values, int64_t count, int64_t n, R rcond, int64_t* ranks) {
  for_each_item(count, [&](int64_t b) {
    const R* const s = values + b * n;
    int64_t rank = 0;
    while (rank < n && s[rank] > rcond * s[0]) ++rank;
    ranks[b] = rank;
  });
}
// Rows of y [count], n x k, divided by the singular values that count, or 0.
template <class T, class R>
HEARTH_KERNEL void divide_kernel(T* y, int64_t elements, int64_t n, int64_t k, const R* values, const int64_t* ranks) {
  using P = Parts<T>;
  for_each_item(elements, [&](int64_t e) {
    const int64_t b = e / (n * k), i = e % n;
    y[e] = i < ranks[b] ? P::scale(y[e], 1 / values[b * n + i]) : P::number(0);
  });
}

// Where nothing else is wrong: the place, from 1, of a zero on the triangular factor's diagonal.
template <class T>
HEARTH_KERNEL void check_rank_kernel(const T* a, int64_t count, int64_t ld, int64_t distance, int64_t n, int* infos) {
  for_each_item(count, [&](int64_t b) {
    for (int64_t i = 0; i < n && infos[b] == 0; ++i) {
      if (Parts<T>::zero(a[b * distance + i * (ld + 1)])) infos[b] = static_cast<int>(i + 1);
    }
  });
}

// min ||A X - B||, A m x n, B m x k. The work is done on `tall`, which is A or, of a wide one, A^H.
template <class T>
struct Problem {
  using R = typename Lib<T>::R;
  OpCall& c;
  int m, n, k, rows, cols;  // of A, of B; of `tall`
  int64_t count;
  bool wide;
  Tensor tall, side, flags;

  explicit Problem(OpCall& call)
      : c(call),
        m(solver_size(c, c.input(0).size(-2))),
        n(solver_size(c, c.input(0).size(-1))),
        k(solver_size(c, c.input(1).size(-1))),
        rows(std::max(m, n)),
        cols(std::min(m, n)),
        count(c.out[1].numel()),
        wide(n > m) {
    const Tensor& a = c.input(0);
    tall = wide ? row_major_copy(a) : column_major_copy(a);
    if (wide) conjugate(c, data_of<T>(tall), a.numel());
    // With room for X, which is longer than B where A is wide.
    side = column_major(c.input(1).shape(), a.dtype(), a.device(), rows, k);
    if (wide) clear(c, data_of<T>(side), sizeof(T) * static_cast<size_t>(count) * static_cast<size_t>(side_size()));
    copy_tensor(side, c.input(1));
    flags = scratch(c, count, DType::kI32);
    clear(c, data_of<int>(flags), flags.nbytes());
    clear_not_finite(c, data_of<T>(tall), count, rows, cols, Part::kAll, data_of<int>(flags));
    check_side();
  }

  int64_t side_size() const { return int64_t{rows} * k; }
  int64_t tall_size() const { return int64_t{rows} * cols; }
  T* a(int64_t b) const { return data_of<T>(tall) + b * tall_size(); }
  T* x(int64_t b) const { return data_of<T>(side) + b * side_size(); }
  void store() const { copy_tensor(c.out[0], corner(side, n, k)); }

 private:
  // B has m rows; what lies below them in memory for X is 0 where there is any.
  void check_side() const {
    clear_not_finite(c, data_of<T>(side), count, rows, k, Part::kAll, data_of<int>(flags), kSideNotFinite);
  }
};

template <class T>
void solve_by_qr(Problem<T>& p) {
  OpCall& c = p.c;
  constexpr cublasOperation_t adjoint = Lib<T>::kAdjoint;
  const Tensor tau = scratch(c, p.count * p.cols, c.dtype), unused = scratch(c, 1, DType::kI32);
  T* const t = data_of<T>(tau);
  int* const info = data_of<int>(unused);
  const Solver solver(c);
  // A = Q R: X = R^-1 Q^H B. A^H = Q R: X = Q R^-H B.
  const cublasOperation_t turn = p.wide ? CUBLAS_OP_N : adjoint;
  int lwork = solver.size(
      "geqrf", [&](auto h, int* size) { return Lib<T>::geqrf_size(h, p.rows, p.cols, p.a(0), p.rows, size); });
  if (p.k > 0) {
    lwork = std::max(lwork, solver.size("ormqr", [&](auto h, int* size) {
      return Lib<T>::ormqr_size(h, CUBLAS_SIDE_LEFT, turn, p.rows, p.k, p.cols, p.a(0), p.rows, t, p.x(0), p.rows,
                                size);
    }));
  }
  const Workspace workspace(c.device.index, static_cast<size_t>(lwork) * sizeof(T));
  auto* const space = static_cast<T*>(workspace.get());
  const T one = number<T>(1);
  for (int64_t b = 0; b < p.count; ++b) {
    T* const own = t + b * p.cols;
    solver.run("geqrf",
               [&](auto h) { return Lib<T>::geqrf(h, p.rows, p.cols, p.a(b), p.rows, own, space, lwork, info); });
    if (p.k == 0) continue;
    const auto turned = [&] {
      solver.run("ormqr", [&](auto h) {
        return Lib<T>::ormqr(h, CUBLAS_SIDE_LEFT, turn, p.rows, p.k, p.cols, p.a(b), p.rows, own, p.x(b), p.rows, space,
                             lwork, info);
      });
    };
    if (!p.wide) turned();
    solver.run_blas("trsm", [&](auto h) {
      return Lib<T>::trsm(h, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_UPPER, p.wide ? adjoint : CUBLAS_OP_N,
                          CUBLAS_DIAG_NON_UNIT, p.cols, p.k, &one, p.a(b), p.rows, p.x(b), p.rows);
    });
    if (p.wide) turned();
  }
  launch(over(c, p.count), set_ranks_kernel, data_of<int64_t>(c.out[1]), p.count, p.cols);
  launch(over(c, p.count), check_rank_kernel<T>, data_of<const T>(p.tall), p.count, p.rows, p.tall_size(), p.cols,
         data_of<int>(p.flags));
  p.store();
  complain_of_infos(c, p.count, nullptr, data_of<int>(p.flags), not_full_rank);
}

template <class T>
void solve_by_values(Problem<T>& p) {
  using R = typename Lib<T>::R;
  OpCall& c = p.c;
  const auto& attrs = c.attrs_as<LstsqAttrs>();
  expect_no_capture(c);
  const DType reals = real_type(c.dtype);
  const int64_t u_size = p.tall_size(), v_size = int64_t{p.cols} * p.cols, y_size = int64_t{p.cols} * p.k;
  const Tensor values = attrs.driver >= kGelsd ? c.out[2] : scratch(c, p.count * p.cols, reals);
  const Tensor u = scratch(c, p.count * u_size, c.dtype), vh = scratch(c, p.count * v_size, c.dtype);
  const Tensor y = scratch(c, p.count * y_size, c.dtype), infos = scratch(c, p.count, DType::kI32);
  const Solver solver(c);
  singular_values(c, solver, 'S', p.a(0), p.count, p.rows, p.cols, data_of<R>(values), data_of<T>(u), data_of<T>(vh),
                  data_of<int>(infos));
  auto* const ranks = data_of<int64_t>(c.out[1]);
  const R rcond = attrs.rcond < 0 ? std::numeric_limits<R>::epsilon() : static_cast<R>(attrs.rcond);
  launch(over(c, p.count), count_ranks_kernel<R>, data_of<const R>(values), p.count, p.cols, rcond, ranks);
  if (p.k > 0) {
    // A = U S V^H: X = V S^+ U^H B. A^H = U S V^H: X = U S^+ V^H B.
    constexpr cublasOperation_t adjoint = Lib<T>::kAdjoint;
    const T one = number<T>(1), zero = number<T>(0);
    const int count = solver_size(c, p.count);
    const auto multiply = [&](cublasOperation_t op, int m, int inner, const Tensor& a, int lda, int64_t a_size,
                              const Tensor& b, int ldb, int64_t b_size, const Tensor& to, int ld, int64_t size) {
      solver.run_blas("gemm", [&](auto h) {
        return Lib<T>::gemm(h, op, CUBLAS_OP_N, m, p.k, inner, &one, data_of<T>(a), lda, a_size, data_of<T>(b), ldb,
                            b_size, &zero, data_of<T>(to), ld, size, count);
      });
    };
    if (p.wide)
      multiply(CUBLAS_OP_N, p.cols, p.cols, vh, p.cols, v_size, p.side, p.rows, p.side_size(), y, p.cols, y_size);
    else multiply(adjoint, p.cols, p.rows, u, p.rows, u_size, p.side, p.rows, p.side_size(), y, p.cols, y_size);
    launch(over(c, p.count * y_size), divide_kernel<T, R>, data_of<T>(y), p.count * y_size, p.cols, p.k,
           data_of<const R>(values), ranks);
    if (p.wide)
      multiply(CUBLAS_OP_N, p.rows, p.cols, u, p.rows, u_size, y, p.cols, y_size, p.side, p.rows, p.side_size());
    else multiply(adjoint, p.cols, p.cols, vh, p.cols, v_size, y, p.cols, y_size, p.side, p.rows, p.side_size());
  }
  p.store();
  complain_of_infos(c, p.count, data_of<int>(p.flags), data_of<int>(infos), not_converged);
}

template <class T>
void lstsq_all(OpCall& c) {
  if (c.out[1].numel() == 0) return;
  if (c.input(0).numel() == 0) {
    clear(c, data_of<T>(c.out[0]), c.out[0].nbytes());
    return clear(c, data_of<int64_t>(c.out[1]), c.out[1].nbytes());
  }
  Problem<T> p(c);
  if (c.attrs_as<LstsqAttrs>().driver == kGels) solve_by_qr(p);
  else solve_by_values(p);
}

}  // namespace

void linalg_lstsq(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { lstsq_all<T>(c); });
}

}  // namespace hearth::cuda
