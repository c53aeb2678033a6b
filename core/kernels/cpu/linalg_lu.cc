#include <numeric>

#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/cpu/linalg_factor.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cpu {
namespace {

// Throws Error for the first singular matrix, if wanted.
void check_singular(const OpCall& c, int output) {
  if (!c.attrs_as<FactorAttrs>().check) return;
  const int64_t n = c.out[output].numel();
  const int* info = static_cast<const int*>(c.out[output].impl()->data());
  for (int64_t b = 0; b < n; ++b) {
    HEARTH_CHECK(info[b] == 0, called_name(c), ": ", matrix_name(b, c.input(0).shape()), " is singular: U(", info[b],
                 ",", info[b], ") is zero");
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
  check_singular(c, 2);
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
  check_singular(c, 1);
}

}  // namespace

void linalg_lu_factor(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { factor_all<T>(c); });
}
void linalg_solve(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { solve_all<T>(c); });
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
