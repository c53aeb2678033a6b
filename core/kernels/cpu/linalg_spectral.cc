// Eigenvalues and singular values.
#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cpu {
namespace {

// Whether infer() has made room for vectors: they are wanted, or backward needs them.
bool is_wanted(const Tensor& vectors) { return vectors.dim() >= 2; }

// A row-major matrix is, column-major, its transpose, which is the conjugate of a Hermitian one: the eigenvalues are
// the same, the vectors conjugate.
template <class T>
void eigh_all(OpCall& c) {
  using R = lapack::Real<T>;
  const auto& attrs = c.attrs_as<SpectralAttrs>();
  const Matrices<T> a(c.input(0));
  const Matrices<R> values(c.out[0], true);
  const int n = lapack_size(c, a.rows());
  const bool wanted = is_wanted(c.out[1]);
  const char job = wanted ? 'V' : 'N', uplo = attrs.upper ? 'L' : 'U';
  T answer(1), none(0);
  R answer_real(1), none_real(0);
  int answer_int = 1;
  if (wanted) check_workspace(c, 2.0 * n * n + 6.0 * n + 1);
  if (n > 0) lapack::heevd(job, uplo, n, &none, n, &none_real, &answer, -1, &answer_real, -1, &answer_int, -1);
  const int lwork = work_size(c, answer), lreal = work_size(c, answer_real), lint = std::max(answer_int, 1);
  std::vector<int> infos(static_cast<size_t>(a.count()));
  for_batch(a.count(), 9 * cube(n), [&](int64_t begin, int64_t end) {
    std::vector<T> work(static_cast<size_t>(lwork));
    auto copy = matrix_memory<T>(a.rows() * a.cols());
    std::vector<R> real(static_cast<size_t>(lreal));
    std::vector<int> iwork(static_cast<size_t>(lint));
    for (int64_t b = begin; b < end && n > 0; ++b) {
      copy_matrix(n, n, a.at(b), a.row(), a.col(), copy.data(), n, 1);
      int& info = infos[static_cast<size_t>(b)];
      bool good = true;
      for (int64_t j = 0; j < n; ++j) {
        const T* column = copy.data() + j * n;
        good = good && (attrs.upper ? all_finite(column + j, n - j) : all_finite(column, j + 1));
      }
      if (!good) {
        info = kNotFinite;
        continue;
      }
      info = lapack::heevd(job, uplo, n, copy.data(), n, values.at(b), work.data(), lwork, real.data(), lreal,
                           iwork.data(), lint);
      if (!wanted) continue;
      for (T& v : copy) v = conjugate(v);
      const Matrices<T> vectors(c.out[1]);
      vectors.store(b, copy.data(), n);
    }
  });
  check_converged(c, infos);
}

// Of the transpose A^T = U' S V'^H: A = conj(V') S U'^T. What LAPACK writes as U' and V'^H are, row-major, V^H and U.
template <class T>
void svd_all(OpCall& c) {
  using R = lapack::Real<T>;
  const auto& attrs = c.attrs_as<SpectralAttrs>();
  const bool wanted = is_wanted(c.out[0]);
  // What is not wanted has no matrices, and is not looked at.
  const Matrices<T> a(c.input(0)), u(wanted ? c.out[0] : c.input(0)), vh(wanted ? c.out[2] : c.input(0));
  const Matrices<R> values(c.out[1], true);
  const int m = lapack_size(c, a.cols()), n = lapack_size(c, a.rows()), k = std::min(m, n);
  const char job = !wanted ? 'N' : attrs.full ? 'A' : 'S';
  const int ldv = leading(attrs.full ? n : k);
  if (wanted) check_workspace(c, 4.0 * k * k + 7.0 * k + std::max(m, n));
  T answer(1), none(0);
  R none_real(0);
  int none_int = 0;
  if (k > 0) lapack::gesdd(job, m, n, &none, m, &none_real, &none, m, &none, ldv, &answer, -1, &none_real, &none_int);
  const int lwork = work_size(c, answer);
  const int64_t least = k, most = std::max(m, n);
  // As its manual says; versions before 3.7 want 7 k for 'N'.
  const int64_t lreal = is_complex(c.dtype) ? std::max<int64_t>({1, 7 * least, 5 * least * least + 5 * least,
                                                                 2 * most * least + 2 * least * least + least})
                                            : 1;
  std::vector<int> infos(static_cast<size_t>(a.count()));
  for_batch(a.count(), 12 * static_cast<double>(m) * n * k, [&](int64_t begin, int64_t end) {
    std::vector<T> work(static_cast<size_t>(lwork));
    const int64_t left_size = wanted ? vh.rows() * vh.cols() : 0, right_size = wanted ? u.rows() * u.cols() : 0;
    auto copy = matrix_memory<T>(a.rows() * a.cols());
    auto left = matrix_memory<T>(left_size), right = matrix_memory<T>(right_size);
    std::vector<R> real(static_cast<size_t>(lreal));
    std::vector<int> iwork(static_cast<size_t>(8 * k));
    for (int64_t b = begin; b < end && k > 0; ++b) {
      copy_matrix(n, m, a.at(b), a.row(), a.col(), copy.data(), m, 1);
      int& info = infos[static_cast<size_t>(b)];
      if (!all_finite(copy.data(), std::ssize(copy))) {
        info = kNotFinite;
        continue;
      }
      info = lapack::gesdd(job, m, n, copy.data(), m, values.at(b), left.data(), m, right.data(), ldv, work.data(),
                           lwork, real.data(), iwork.data());
      if (!wanted) continue;
      std::copy_n(left.data(), left_size, vh.at(b));
      std::copy_n(right.data(), right_size, u.at(b));
    }
  });
  check_converged(c, infos);
  if (k > 0 || !wanted || !attrs.full) return;
  // Nothing to turn: U and V are identities.
  for (const auto& [matrices, size] : {std::pair(&u, u.rows()), std::pair(&vh, vh.rows())}) {
    for (int64_t b = 0; b < matrices->count(); ++b) {
      std::fill_n(matrices->at(b), size * size, T(0));
      for (int64_t i = 0; i < size; ++i) matrices->at(b)[i * (size + 1)] = T(1);
    }
  }
}

// Eigenvectors as LAPACK writes those of real matrices: of a conjugate pair the real and then the imaginary parts.
template <class R>
void unpack_pairs(int n, const R* im, const R* packed, std::complex<R>* to) {
  for (int j = 0; j < n; ++j) {
    const R* column = packed + static_cast<int64_t>(j) * n;
    std::complex<R>* out = to + static_cast<int64_t>(j) * n;
    if (im[j] == 0) {
      std::copy_n(column, n, out);
      continue;
    }
    for (int i = 0; i < n; ++i) {
      out[i] = {column[i], column[n + i]};
      out[n + i] = std::conj(out[i]);
    }
    ++j;
  }
}

template <class T>
class EigenSolver {
 public:
  using R = lapack::Real<T>;
  using C = std::complex<R>;
  static constexpr bool kReal = std::is_same_v<T, R>;

  EigenSolver(int n, int lwork)
      : n_(n),
        lwork_(lwork),
        work_(static_cast<size_t>(lwork)),
        real_(static_cast<size_t>(2 * n)),
        found_(kReal ? static_cast<size_t>(n) * static_cast<size_t>(n) : 0) {}

  static T size_of_work(char job, int n) {
    T answer(1), none(0);
    if constexpr (kReal) {
      lapack::geev(job, n, &none, n, &none, &none, &none, n, &answer, -1);
    } else {
      R real(0);
      lapack::geev(job, n, &none, n, &none, &none, n, &answer, -1, &real);
    }
    return answer;
  }
  // The eigenvalues and, for job 'V', vectors of a, which is destroyed.
  int run(char job, T* a, C* values, C* vectors) {
    if constexpr (!kReal) {
      return lapack::geev(job, n_, a, n_, values, vectors, n_, work_.data(), lwork_, real_.data());
    } else {
      R *const re = real_.data(), *const im = re + n_;
      const int info = lapack::geev(job, n_, a, n_, re, im, found_.data(), n_, work_.data(), lwork_);
      for (int i = 0; i < n_; ++i) values[i] = {re[i], im[i]};
      if (job == 'V' && info == 0) unpack_pairs(n_, im, found_.data(), vectors);
      return info;
    }
  }

 private:
  int n_, lwork_;
  std::vector<T> work_;
  std::vector<R> real_;
  std::vector<T> found_;
};

template <class T>
void eig_all(OpCall& c) {
  using C = std::complex<lapack::Real<T>>;
  const bool wanted = is_wanted(c.out[1]);
  const Matrices<T> a(c.input(0));
  const Matrices<C> values(c.out[0], true);
  const int n = lapack_size(c, a.rows());
  const char job = wanted ? 'V' : 'N';
  const int lwork = n > 0 ? work_size(c, EigenSolver<T>::size_of_work(job, n)) : 1;
  std::vector<int> infos(static_cast<size_t>(a.count()));
  for_batch(a.count(), 25 * cube(n), [&](int64_t begin, int64_t end) {
    EigenSolver<T> solver(n, lwork);
    auto copy = matrix_memory<T>(a.rows() * a.cols());
    std::vector<C> found(copy.size());
    for (int64_t b = begin; b < end && n > 0; ++b) {
      a.load(b, copy.data(), n);
      int& info = infos[static_cast<size_t>(b)];
      if (!all_finite(copy.data(), std::ssize(copy))) {
        info = kNotFinite;
        continue;
      }
      info = solver.run(job, copy.data(), values.at(b), found.data());
      if (!wanted || info != 0) continue;
      const Matrices<C> vectors(c.out[1]);
      vectors.store(b, found.data(), n);
    }
  });
  check_converged(c, infos);
}

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

}  // namespace hearth::cpu
