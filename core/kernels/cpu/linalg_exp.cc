// e^A by scaling and squaring with Padé approximants (N. Higham, "The scaling and squaring method for the matrix
// exponential revisited", 2005). e^(A^T) = (e^A)^T, so rows may be taken for columns.
#include <array>
#include <limits>

#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/cpu/linalg_factor.h"
#include "core/kernels/linalg.h"

namespace hearth::cpu {
namespace {

// The norms up to which the approximant of degree m is exact to f64's precision, and its coefficients.
struct Pade {
  int degree;
  double theta;
  std::array<double, 14> b;
};
constexpr Pade kPade[] = {
    {3, 1.495585217958292e-2, {120, 60, 12, 1}},
    {5, 2.539398330063230e-1, {30240, 15120, 3360, 420, 30, 1}},
    {7, 9.504178996162932e-1, {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1}},
    {9, 2.097847961257068, {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1}},
    {13,
     5.371920351148152,
     {64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
      670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1}},
};

template <class T>
class Exponential {
 public:
  explicit Exponential(int n)
      : n_(n), size_(static_cast<size_t>(n) * static_cast<size_t>(n)), pivots_(static_cast<size_t>(n)) {
    for (auto& m : memory_) m.resize(size_);
  }

  // From a, n x n, which is destroyed, to the result, which may be a.
  void run(T* a, T* result) {
    const double norm = norm_of(a);
    if (!std::isfinite(norm)) {
      std::fill_n(result, size_, T(std::numeric_limits<R>::quiet_NaN()));
      return;
    }
    const Pade* pade = kPade;
    while (pade->degree < 13 && norm > pade->theta) ++pade;
    int squarings = 0;
    if (norm > pade->theta) squarings = std::max(0, static_cast<int>(std::ceil(std::log2(norm / pade->theta))));
    const auto scale = static_cast<R>(std::ldexp(1.0, -squarings));
    for (size_t i = 0; i < size_; ++i) a[i] *= scale;
    approximate(*pade, a);
    for (int s = 0; s < squarings; ++s) {
      multiply(x(0), x(0), x(1));
      std::swap(memory_[0], memory_[1]);
    }
    std::copy_n(x(0), size_, result);
  }

 private:
  using R = lapack::Real<T>;

  T* x(size_t i) { return memory_[i].data(); }
  double norm_of(const T* a) const {
    double most = 0;
    for (int j = 0; j < n_; ++j) {
      double sum = 0;
      for (int i = 0; i < n_; ++i) sum += static_cast<double>(std::abs(a[static_cast<int64_t>(j) * n_ + i]));
      if (!(sum <= most)) most = sum;
      if (std::isnan(sum)) return sum;
    }
    return most;
  }
  void multiply(const T* a, const T* b, T* to) {
    parallel_for((n_ + kTile - 1) / kTile, 1, [&](int64_t begin, int64_t end) {
      const OmpSingleThread single;
      for (int64_t t = begin; t < end; ++t) {
        const int first = static_cast<int>(t) * kTile, cols = std::min(kTile, n_ - first);
        lapack::gemm('N', 'N', n_, cols, n_, T(1), a, n_, b + static_cast<int64_t>(first) * n_, n_, T(0),
                     to + static_cast<int64_t>(first) * n_, n_);
      }
    });
  }
  // to += factor * from
  void add(T* to, const T* from, double factor) const {
    const auto f = static_cast<R>(factor);
    for (size_t i = 0; i < size_; ++i) to[i] += f * from[i];
  }
  void add_identity(T* to, double factor) const {
    for (int i = 0; i < n_; ++i) to[static_cast<int64_t>(i) * (n_ + 1)] += static_cast<R>(factor);
  }
  void clear(T* to) const { std::fill_n(to, size_, T(0)); }

  // x(0) = (V - U)^-1 (V + U) with U the odd and V the even terms of the numerator.
  void approximate(const Pade& p, const T* a) {
    T *const u = x(0), *const v = x(1), *const odd = x(2), *const a2 = x(3), *const a4 = x(4), *const a6 = x(5);
    multiply(a, a, a2);
    multiply(a2, a2, a4);
    multiply(a2, a4, a6);
    clear(odd);
    clear(v);
    const T* const powers[] = {a2, a4, a6};
    if (p.degree == 13) {
      for (size_t k = 0; k < 3; ++k) {
        add(odd, powers[k], p.b[9 + 2 * k]);
        add(v, powers[k], p.b[8 + 2 * k]);
      }
      multiply(a6, odd, u);
      std::copy_n(u, size_, odd);
      multiply(a6, v, u);
      std::copy_n(u, size_, v);
    } else if (p.degree == 9) {
      multiply(a4, a4, u);
      add(odd, u, p.b[9]);
      add(v, u, p.b[8]);
    }
    for (size_t k = 0; k < 3 && 2 * (k + 1) < static_cast<size_t>(p.degree); ++k) {
      add(odd, powers[k], p.b[2 * k + 3]);
      add(v, powers[k], p.b[2 * k + 2]);
    }
    add_identity(odd, p.b[1]);
    add_identity(v, p.b[0]);
    multiply(a, odd, u);
    for (size_t i = 0; i < size_; ++i) {
      const T plus = v[i] + u[i];
      v[i] -= u[i];
      u[i] = plus;
    }
    factor_lu(n_, n_, v, n_, pivots_.data());
    solve_lu(n_, n_, v, n_, pivots_.data(), u, n_);
  }

  static constexpr int kTile = 128;
  int n_;
  size_t size_;
  std::array<std::vector<T>, 6> memory_;
  std::vector<int> pivots_;
};

template <class T>
void exp_all(OpCall& c) {
  const Matrices<T> a(c.input(0)), out(c.out[0]);
  const int n = lapack_size(c, a.rows());
  if (n == 0) return;
  for_batch(a.count(), 30 * cube(n), [&](int64_t begin, int64_t end) {
    Exponential<T> exponential(n);
    for (int64_t b = begin; b < end; ++b) {
      T* const to = out.at(b);
      copy_matrix(n, n, a.at(b), a.row(), a.col(), to, n, 1);
      exponential.run(to, to);
    }
  });
}

}  // namespace

void linalg_matrix_exp(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { exp_all<T>(c); });
}

}  // namespace hearth::cpu
