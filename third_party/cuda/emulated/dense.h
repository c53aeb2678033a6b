// What the emulated libraries of dense linear algebra share: matrices in the device's memory, column-major.
#pragma once

#include <algorithm>
#include <complex>
#include <utility>
#include <vector>

#include "cublas_api.h"
#include "internal.h"

extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int);
}

namespace cuda_emulated {

// OpenBLAS in this thread alone, while one lives.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// The numbers of the libraries' interfaces as LAPACK's.
inline float* numbers(float* p) { return p; }
inline double* numbers(double* p) { return p; }
inline std::complex<float>* numbers(float2* p) { return reinterpret_cast<std::complex<float>*>(p); }
inline std::complex<double>* numbers(double2* p) { return reinterpret_cast<std::complex<double>*>(p); }
template <class T>
auto* numbers(const T* p) {
  return numbers(const_cast<T*>(p));
}

// A matrix in the device's memory. Libraries compute with a copy without gaps: LAPACK reads beyond ends.
template <class T>
struct Dense {
  T* at;
  int64_t rows, cols, ld;

  bool valid() const { return rows >= 0 && cols >= 0 && ld >= std::max<int64_t>(rows, 1); }
  size_t bytes() const { return rows > 0 && cols > 0 ? static_cast<size_t>((cols - 1) * ld + rows) * sizeof(T) : 0; }
  std::vector<T> take() const {
    std::vector<T> v(static_cast<size_t>(rows * cols) + 64 / sizeof(T));
    for (int64_t j = 0; j < cols; ++j) {
      __tsan_read_range(at + j * ld, static_cast<size_t>(rows) * sizeof(T));
      std::copy_n(at + j * ld, rows, v.begin() + j * rows);
    }
    return v;
  }
  void put(const std::vector<T>& v) const {
    for (int64_t j = 0; j < cols; ++j) {
      __tsan_write_range(at + j * ld, static_cast<size_t>(rows) * sizeof(T));
      std::copy_n(v.begin() + j * rows, rows, at + j * ld);
    }
  }
};
template <class T, class... Int>
Dense(T*, Int...) -> Dense<T>;
template <class T>
Dense<T> vector_of(T* at, int64_t n) {
  return {at, n, 1, std::max<int64_t>(n, 1)};
}

// Fails unless a matrix or vector lies in memory of the stream's device.
template <class T>
void expect_on_device(cudaStream_t stream, const Dense<T>& m, const char* what) {
  expect_device_memory(stream, m.at, m.bytes(), what);
}

// The addresses of a batch's matrices lie in the device's memory. What they point to is looked at when the work
// is done.
template <class T>
struct Pointers {
  T* const* at;
  int64_t rows, cols, ld;
  int count;

  bool valid() const { return Dense<T>{nullptr, rows, cols, ld}.valid() && count >= 0; }
  void expect(cudaStream_t s, const char* what) const {
    expect_device_memory(s, at, static_cast<size_t>(count) * sizeof(T*), what);
  }
  Dense<T> matrix(cudaStream_t s, int i, const char* what) const {
    __tsan_read_range(const_cast<T**>(at + i), sizeof(T*));
    const Dense<T> m{at[i], rows, cols, ld};
    expect_on_device(s, m, what);
    return m;
  }
};
template <class T, class... Int>
Pointers(T* const*, Int...) -> Pointers<T>;
template <class T>
auto* const* addresses(T* const* p) {
  return reinterpret_cast<decltype(numbers(std::declval<T*>())) const*>(const_cast<std::remove_const_t<T>* const*>(p));
}

}  // namespace cuda_emulated
