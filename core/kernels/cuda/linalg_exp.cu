// e^A by scaling and squaring, with the Padé approximant of degree 13 (N. Higham, "The scaling and squaring method for
// the matrix exponential revisited", 2005). e^(A^T) = (e^A)^T, so rows may be taken for columns.
#include <array>
#include <limits>
#include <utility>

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/solver.h"
#include "core/kernels/linalg.h"

namespace hearth::cuda {
namespace {

// The norm up to which the approximant is exact to f64's precision, and its coefficients.
constexpr double kTheta = 5.371920351148152;
constexpr double kPade[] = {64764752532480000,
                            32382376266240000,
                            7771770303897600,
                            1187353796428800,
                            129060195264000,
                            10559470521600,
                            670442572800,
                            33522128640,
                            1323241920,
                            40840800,
                            960960,
                            16380,
                            182,
                            1};

// How often each matrix is to be halved, and halves it so often; -1 and 0 if its norm is not finite. `most` gets the
// greatest number.
template <class T>
HEARTH_KERNEL void scale_kernel(T* a, int64_t count, int64_t n, int* halvings, int* most) {
  using P = Parts<T>;
  for (int64_t b = blockIdx.x; b < count; b += gridDim.x) {
    T* const matrix = a + b * n * n;
    double norm = 0;
    for (int64_t j = threadIdx.x; j < n; j += blockDim.x) {
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(P::size(matrix[i * n + j]));
      norm = Max()(norm, sum);
    }
    norm = block_reduce<Max>(norm);
    const bool finite = norm - norm == 0;
    const int times = !finite ? -1 : norm <= kTheta ? 0 : static_cast<int>(::ceil(::log2(norm / kTheta)));
    if (threadIdx.x == 0) {
      halvings[b] = times;
      atomicMax(most, times);
    }
    __syncthreads();  // the matrix has been read
    const auto by = static_cast<typename P::R>(::ldexp(1.0, -times));
    for (int64_t e = threadIdx.x; e < n * n; e += blockDim.x)
      matrix[e] = finite ? P::scale(matrix[e], by) : P::number(0);
  }
}

// to = c6 a6 + c4 a4 + c2 a2 + c0 1, or added to `to`.
template <class T>
struct Sum3 {
  T* to;
  const T *a2, *a4, *a6;
  typename Parts<T>::R c6, c4, c2, c0;
  bool add;
};
template <class T>
HEARTH_KERNEL void sum_kernel(Sum3<T> s, int64_t elements, int64_t n) {
  using P = Parts<T>;
  for_each_item(elements, [&](int64_t e) {
    T v = P::add(P::add(P::scale(s.a6[e], s.c6), P::scale(s.a4[e], s.c4)), P::scale(s.a2[e], s.c2));
    if (e % (n * n) % (n + 1) == 0) v = P::add(v, P::number(s.c0));
    s.to[e] = s.add ? P::add(s.to[e], v) : v;
  });
}
// v - u and v + u.
template <class T>
HEARTH_KERNEL void split_kernel(T* u, T* v, int64_t elements) {
  using P = Parts<T>;
  for_each_item(elements, [&](int64_t e) {
    const T odd = u[e], even = v[e];
    u[e] = P::add(even, odd);
    v[e] = P::sub(even, odd);
  });
}
// Squares of matrices that are to be squared more than `done` times.
template <class T>
HEARTH_KERNEL void keep_squares_kernel(T* x, const T* squares, int64_t elements, int64_t size, const int* halvings,
                                       int done) {
  for_each_item(elements, [&](int64_t e) {
    if (halvings[e / size] > done) x[e] = squares[e];
  });
}
template <class T>
HEARTH_KERNEL void finish_kernel(T* x, int64_t elements, int64_t size, const int* halvings, typename Parts<T>::R nan) {
  for_each_item(elements, [&](int64_t e) {
    if (halvings[e / size] < 0) x[e] = Parts<T>::number(nan);
  });
}

template <class T>
class Exponential {
 public:
  explicit Exponential(OpCall& c)
      : c_(c),
        n_(solver_size(c, c.input(0).size(-1))),
        size_(int64_t{n_} * n_),
        elements_(c.input(0).numel()),
        count_(solver_size(c, elements_ / size_)),
        solver_(c),
        halvings_(scratch(c, count_, DType::kI32)),
        memory_{row_major_copy(c.input(0))} {
    for (size_t i = 1; i < memory_.size(); ++i) memory_[i] = scratch(c, elements_, c.dtype);
  }

  Tensor run() {
    const int squarings = scale();
    approximate();
    // x_(kX) is the approximant, x_(kA) free.
    for (int done = 0; done < squarings; ++done) {
      multiply(kX, kX, kA);
      launch(over(c_, elements_), keep_squares_kernel<T>, at(kX), at(kA), elements_, size_, halvings(), done);
    }
    launch(over(c_, elements_), finish_kernel<T>, at(kX), elements_, size_, halvings(),
           std::numeric_limits<R>::quiet_NaN());
    return hearth::detail::alias(memory_[kX], Layout(c_.input(0).shape()), true);
  }

 private:
  using R = typename Lib<T>::R;
  enum Place : size_t { kA, kX, kV, kSum, kA2, kA4, kA6, kPlaces };

  T* at(Place i) const { return data_of<T>(memory_[i]); }
  const int* halvings() const { return data_of<const int>(halvings_); }
  void multiply(Place a, Place b, Place to) const {
    const T one = number<T>(1), zero = number<T>(0);
    solver_.run_blas("gemm", [&](auto h) {
      return Lib<T>::gemm(h, CUBLAS_OP_N, CUBLAS_OP_N, n_, n_, n_, &one, at(a), n_, size_, at(b), n_, size_, &zero,
                          at(to), n_, size_, count_);
    });
  }
  void sum(Place to, double c6, double c4, double c2, double c0, bool add) const {
    launch(over(c_, elements_), sum_kernel<T>,
           Sum3<T>{at(to), at(kA2), at(kA4), at(kA6), static_cast<R>(c6), static_cast<R>(c4), static_cast<R>(c2),
                   static_cast<R>(c0), add},
           elements_, int64_t{n_});
  }
  // How often the matrices must be squared at most. Waits for the GPU, for it depends on their values.
  int scale() const {
    const Tensor most = scratch(c_, 1, DType::kI32);
    clear(c_, data_of<int>(most), sizeof(int));
    launch(blocks_over(c_, count_, n_), scale_kernel<T>, at(kA), count_, n_, data_of<int>(halvings_),
           data_of<int>(most));
    int host = 0;
    check(cudaMemcpyAsync(&host, data_of<int>(most), sizeof host, cudaMemcpyDeviceToHost, stream(c_.device.index)),
          c_.op.name);
    wait(c_.device.index);
    return host;
  }
  // kX = (V - U)^-1 (V + U) with U the odd and V the even terms of the numerator.
  void approximate() const {
    multiply(kA, kA, kA2);
    multiply(kA2, kA2, kA4);
    multiply(kA2, kA4, kA6);
    sum(kV, kPade[13], kPade[11], kPade[9], 0, false);
    multiply(kA6, kV, kSum);
    sum(kSum, kPade[7], kPade[5], kPade[3], kPade[1], true);
    multiply(kA, kSum, kX);
    sum(kSum, kPade[12], kPade[10], kPade[8], 0, false);
    multiply(kA6, kSum, kV);
    sum(kV, kPade[6], kPade[4], kPade[2], kPade[0], true);
    launch(over(c_, elements_), split_kernel<T>, at(kX), at(kV), elements_);
    divide();
  }
  // kX = kV^-1 kX
  void divide() const {
    const Tensor pivots = scratch(c_, n_, DType::kI32), unused = scratch(c_, 1, DType::kI32);
    int *const p = data_of<int>(pivots), *const info = data_of<int>(unused);
    const int lwork =
        solver_.size("getrf", [&](auto h, int* size) { return Lib<T>::getrf_size(h, n_, n_, at(kV), n_, size); });
    const Workspace work(c_.device.index, static_cast<size_t>(lwork) * sizeof(T));
    for (int64_t b = 0; b < count_; ++b) {
      T *const v = at(kV) + b * size_, *const x = at(kX) + b * size_;
      solver_.run("getrf",
                  [&](auto h) { return Lib<T>::getrf(h, n_, n_, v, n_, static_cast<T*>(work.get()), p, info); });
      solver_.run("getrs", [&](auto h) { return Lib<T>::getrs(h, CUBLAS_OP_N, n_, n_, v, n_, p, x, n_, info); });
    }
  }

  OpCall& c_;
  int n_;
  int64_t size_, elements_;
  int count_;
  Solver solver_;
  Tensor halvings_;
  std::array<Tensor, kPlaces> memory_;
};

}  // namespace

void linalg_matrix_exp(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  expect_no_capture(c);
  for_numbers(c.dtype, [&]<class T>() { copy_tensor(c.out[0], Exponential<T>(c).run()); });
}

}  // namespace hearth::cuda
