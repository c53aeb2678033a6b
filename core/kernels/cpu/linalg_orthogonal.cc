// QR factorisation and least squares.
#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cpu {
namespace {

template <class T>
void qr_all(OpCall& c) {
  const auto& attrs = c.attrs_as<QrAttrs>();
  const Matrices<T> a(c.input(0)), r(c.out[1]);
  const int m = lapack_size(c, a.rows()), n = lapack_size(c, a.cols()), k = std::min(m, n);
  const int q_cols = !attrs.q ? 0 : attrs.complete ? m : k, width = std::max(n, q_cols);
  T answer(1), answer_q(1), none(0);
  if (k > 0) lapack::geqrf(m, n, &none, m, &none, &answer, -1);
  if (q_cols > 0) lapack::orgqr(m, q_cols, k, &none, leading(m), &none, &answer_q, -1);
  const int lwork = std::max(work_size(c, answer), work_size(c, answer_q));
  for_batch(a.count(), 2 * static_cast<double>(m) * n * k, [&](int64_t begin, int64_t end) {
    std::vector<T> work(static_cast<size_t>(lwork)), tau(static_cast<size_t>(k));
    auto copy = matrix_memory<T>(int64_t{m} * width);
    for (int64_t b = begin; b < end; ++b) {
      a.load(b, copy.data(), m);
      if (k > 0) lapack::geqrf(m, n, copy.data(), m, tau.data(), work.data(), lwork);
      T* const to = r.at(b);
      for (int64_t i = 0; i < r.rows(); ++i) {
        for (int64_t j = 0; j < n; ++j) to[i * n + j] = j < i ? T(0) : copy[static_cast<size_t>(j * m + i)];
      }
      if (q_cols == 0) continue;
      lapack::orgqr(m, q_cols, k, copy.data(), leading(m), tau.data(), work.data(), lwork);
      const Matrices<T> q(c.out[0]);
      q.store(b, copy.data(), m);
    }
  });
}

enum Driver : int64_t { kGelsy, kGels, kGelsd, kGelss };

template <class T>
struct LeastSquares {
  using R = lapack::Real<T>;
  int m = 0, n = 0, k = 0, ldb = 0;
  Driver driver = kGelsy;
  R rcond = 0;

  int run(T* a, T* b, R* s, int* columns, int* rank, T* work, int lwork, R* real, int* iwork) const {
    switch (driver) {
      case kGels:
        *rank = std::min(m, n);
        return lapack::gels(m, n, k, a, leading(m), b, ldb, work, lwork);
      case kGelsd:
        return lapack::gelsd(m, n, k, a, leading(m), b, ldb, s, rcond, rank, work, lwork, real, iwork);
      case kGelss:
        return lapack::gelss(m, n, k, a, leading(m), b, ldb, s, rcond, rank, work, lwork, real);
      default:
        std::fill_n(columns, n, 0);
        return lapack::gelsy(m, n, k, a, leading(m), b, ldb, columns, rcond, rank, work, lwork, real);
    }
  }
};

template <class T>
void lstsq_all(OpCall& c) {
  using R = lapack::Real<T>;
  const auto& attrs = c.attrs_as<LstsqAttrs>();
  const Matrices<T> a(c.input(0)), rhs(c.input(1)), x(c.out[0]);
  const Matrices<R> values(c.out[2], true);
  int64_t* const ranks = static_cast<int64_t*>(c.out[1].impl()->data());
  // Of no column of the right-hand side LAPACK finds no rank, or refuses it.
  const int m = lapack_size(c, a.rows()), n = lapack_size(c, a.cols()), k = std::max(lapack_size(c, rhs.cols()), 1);
  const LeastSquares<T> problem{
      m, n, k, leading(std::max(m, n)), static_cast<Driver>(attrs.driver), static_cast<R>(attrs.rcond)};
  const int least = std::min(m, n);
  T answer(1), none(0);
  std::vector<R> some(8), none_real(8);
  std::vector<int> columns(static_cast<size_t>(n) + 1), some_int(8);
  int rank = 0;
  if (least > 0)
    problem.run(&none, &none, none_real.data(), columns.data(), &rank, &answer, -1, some.data(), some_int.data());
  const int lwork = work_size(c, answer);
  // What gelsd asks for stands in front; the others' manuals give the rest.
  const bool divides = attrs.driver == kGelsd && least > 0;
  const int64_t lreal = std::max<int64_t>(
      {1, 5 * int64_t{least}, 2 * int64_t{n}, divides && is_complex(c.dtype) ? work_size(c, some[0]) : 1});
  const int64_t lint = divides ? std::max(some_int[0], 1) : 1;
  std::vector<int> infos(static_cast<size_t>(a.count()));
  for_batch(a.count(), 4 * static_cast<double>(m) * n * least, [&](int64_t begin, int64_t end) {
    std::vector<T> work(static_cast<size_t>(lwork));
    auto copy = matrix_memory<T>(a.rows() * a.cols());
    auto b = matrix_memory<T>(int64_t{problem.ldb} * k);
    std::vector<R> real(static_cast<size_t>(lreal)), s(static_cast<size_t>(least));
    std::vector<int> iwork(static_cast<size_t>(lint)), order(static_cast<size_t>(n));
    for (int64_t i = begin; i < end; ++i) {
      int found = 0;
      std::fill(b.begin(), b.end(), T(0));
      a.load(i, copy.data(), m);
      if (least > 0) {
        rhs.load(i, b.data(), problem.ldb);
        int& info = infos[static_cast<size_t>(i)];
        if (!all_finite(copy.data(), std::ssize(copy))) info = kNotFinite;
        else if (!all_finite(b.data(), std::ssize(b))) info = kSideNotFinite;
        if (info != 0) continue;
        info = problem.run(copy.data(), b.data(), s.data(), order.data(), &found, work.data(), lwork, real.data(),
                           iwork.data());
      }
      x.store(i, b.data(), problem.ldb);
      ranks[i] = found;
      if (values.rows() > 0) std::copy(s.begin(), s.end(), values.at(i));
    }
  });
  if (attrs.driver == kGels) {
    for (size_t i = 0; i < infos.size(); ++i) {
      HEARTH_CHECK(infos[i] <= 0, called_name(c), ": ", matrix_name(static_cast<int64_t>(i), c.input(0).shape()),
                   " does not have full rank, which the driver gels needs: element ", infos[i],
                   " of the diagonal of its triangular factor is zero");
    }
  }
  check_converged(c, infos);
}

}  // namespace

void linalg_qr(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { qr_all<T>(c); });
}
void linalg_lstsq(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { lstsq_all<T>(c); });
}

}  // namespace hearth::cpu
