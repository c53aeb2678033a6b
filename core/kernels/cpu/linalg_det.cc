#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/cpu/linalg_factor.h"
#include "core/kernels/linalg.h"

namespace hearth::cpu {
namespace {

// u / |u|, and 0 for 0: of real numbers, which may be infinite, the sign.
template <class T>
T direction(T u, lapack::Real<T> size) {
  if (size == 0) return T(0);
  if constexpr (std::is_floating_point_v<T>) return std::isnan(u) ? u : std::copysign(T(1), u);
  else return u / size;
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
        sign *= direction(u, size);
        log += std::log(size);
      });
      signs[b] = exchanges < 0 ? -sign : sign;
      logs[b] = log;
    }
  });
}

}  // namespace

void linalg_det(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { det_all<T>(c); });
}
void linalg_slogdet(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { slogdet_all<T>(c); });
}

}  // namespace hearth::cpu
