#include <numeric>

#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/cpu/linalg_factor.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cpu {
namespace {

// Copies the infos into their output and throws Error for the first singular matrix, if wanted.
void check_singular(const OpCall& c, int output, const char* factor) {
  if (!c.attrs_as<FactorAttrs>().check) return;
  const Matrices<int> infos(c.out[output], true);
  const int64_t n = c.out[output].numel();
  const int* info = static_cast<const int*>(c.out[output].impl()->data());
  for (int64_t b = 0; b < n; ++b) {
    HEARTH_CHECK(info[b] == 0, called_name(c), ": ", matrix_name(b, c.input(0).shape()), " is singular: ", factor, "(",
                 info[b], ",", info[b], ") is zero");
  }
}

template <class T>
void factor_all(OpCall& c) {
  const Matrices<T> a(c.input(0)), lu(c.out[0]);
  const Matrices<int> pivots(c.out[1], true);
  int* const infos = static_cast<int*>(c.out[2].impl()->data());
  const int m = lapack_size(c, a.rows()), n = lapack_size(c, a.cols()), k = std::min(m, n);
  for_batch(a.count(), cube(k), [&](int64_t begin, int64_t end) {
    auto work = matrix_memory<T>(a.rows() * a.cols());
    std::vector<int> order(static_cast<size_t>(k));
    for (int64_t b = begin; b < end; ++b) {
      infos[b] = 0;
      if (k == 0) continue;
      a.load(b, work.data(), m);
      infos[b] = factor_lu(m, n, work.data(), leading(m), order.data());
      lu.store(b, work.data(), m);
      std::copy(order.begin(), order.end(), pivots.at(b));
    }
  });
  check_singular(c, 2, "U");
}

template <class T>
void solve_all(OpCall& c) {
  const Matrices<T> a(c.input(0)), rhs(c.input(1)), x(c.out[0]), lu(c.out[2]);
  const Matrices<int> pivots(c.out[3], true);
  int* const infos = static_cast<int*>(c.out[1].impl()->data());
  const int n = lapack_size(c, a.rows()), k = lapack_size(c, rhs.cols());
  for_batch(a.count(), cube(n), [&](int64_t begin, int64_t end) {
    auto b = matrix_memory<T>(a.rows() * rhs.cols());
    for (int64_t i = begin; i < end; ++i) {
      infos[i] = 0;
      if (n == 0) continue;
      // LU and pivots have columns side by side: they are worked on where they lie.
      a.load(i, lu.at(i), n);
      infos[i] = factor_lu(n, n, lu.at(i), n, pivots.at(i));
      rhs.load(i, b.data(), n);
      solve_lu(n, k, lu.at(i), n, pivots.at(i), b.data(), n);
      x.store(i, b.data(), n);
    }
  });
  check_singular(c, 1, "U");
}

// The sign of the row exchanges and f(u) for each element of U's diagonal.
template <class T, class F>
int for_diagonal(const Matrices<T>& a, int64_t b, int n, T* work, int* pivots, F f) {
  a.load(b, work, n);
  factor_lu(n, n, work, leading(n), pivots);
  int sign = 1;
  for (int i = 0; i < n; ++i) {
    if (pivots[i] != i + 1) sign = -sign;
    f(work[static_cast<int64_t>(i) * (n + 1)]);
  }
  return sign;
}

template <class T>
void det_all(OpCall& c) {
  const Matrices<T> a(c.input(0));
  T* const out = static_cast<T*>(c.out[0].impl()->data());
  const int n = lapack_size(c, a.rows());
  for_batch(a.count(), cube(n), [&](int64_t begin, int64_t end) {
    auto work = matrix_memory<T>(a.rows() * a.cols());
    std::vector<int> pivots(static_cast<size_t>(n));
    for (int64_t b = begin; b < end; ++b) {
      T product(1);
      const int sign = for_diagonal(a, b, n, work.data(), pivots.data(), [&](T u) { product *= u; });
      out[b] = sign < 0 ? -product : product;
    }
  });
}

template <class T>
void slogdet_all(OpCall& c) {
  using R = lapack::Real<T>;
  const Matrices<T> a(c.input(0));
  T* const signs = static_cast<T*>(c.out[0].impl()->data());
  R* const logs = static_cast<R*>(c.out[1].impl()->data());
  const int n = lapack_size(c, a.rows());
  for_batch(a.count(), cube(n), [&](int64_t begin, int64_t end) {
    auto work = matrix_memory<T>(a.rows() * a.cols());
    std::vector<int> pivots(static_cast<size_t>(n));
    for (int64_t b = begin; b < end; ++b) {
      T sign(1);
      R log = 0;
      const int exchanges = for_diagonal(a, b, n, work.data(), pivots.data(), [&](T u) {
        const R size = std::abs(u);
        sign = size == 0 ? T(0) : sign * (u / size);
        log += std::log(size);
      });
      signs[b] = exchanges < 0 ? -sign : sign;
      logs[b] = log;
    }
  });
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

void linalg_permutation(OpCall& c) {
  const auto& attrs = c.attrs_as<PermutationAttrs>();
  const Matrices<int> pivots(c.input(0), true);
  const Matrices<int64_t> rows(c.out[0], true);
  const int64_t n = attrs.size;
  std::vector<int64_t> order(static_cast<size_t>(n));
  for (int64_t b = 0; b < pivots.count(); ++b) {
    std::iota(order.begin(), order.end(), 0);
    const int* p = pivots.at(b);
    for (int64_t i = 0; i < pivots.rows(); ++i) {
      const int64_t other = p[i * pivots.row()] - int64_t{1};
      HEARTH_CHECK(other >= 0 && other < n, called_name(c), ": pivot ", other + 1, " is not a row from 1 to ", n);
      std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(other)]);
    }
    int64_t* to = rows.at(b);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t from = order[static_cast<size_t>(i)];
      if (attrs.inverse) to[from] = i;
      else to[i] = from;
    }
  }
}

}  // namespace hearth::cpu
