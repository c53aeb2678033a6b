// What the kernels of linear algebra share: the matrices of a batch, and errors that depend on their values.
// T: float, double, cuComplex or cuDoubleComplex.
#pragma once

#include <string>

#include "core/device/cuda/runtime.h"
#include "core/kernels/cuda/copy.h"
#include "core/op/op_call.h"

namespace hearth::cuda {

// The matrices of a tensor: of its last two dimensions, for each index of the others. `vectors`: of the last one.
template <class T>
class Matrices {
 public:
  explicit Matrices(const Tensor& t, bool vectors = false)
      : layout_(t.layout()), data_(static_cast<T*>(t.impl()->data())), lead_(layout_.rank() - (vectors ? 1 : 2)) {
    for (int d = 0; d < lead_; ++d) count_ *= layout_.shape[d];
  }

  int64_t count() const { return count_; }
  int64_t rows() const { return layout_.shape[lead_]; }
  int64_t cols() const { return layout_.shape[lead_ + 1]; }
  int64_t row() const { return layout_.strides[lead_]; }
  int64_t col() const { return layout_.strides[lead_ + 1]; }
  const Layout& layout() const { return layout_; }
  // Dimensions of the batch.
  int lead() const { return lead_; }
  // Where matrix b begins. Of an operand it may only be read.
  T* at(int64_t b) const {
    int64_t offset = 0;
    for (int d = lead_; d-- > 0;) {
      offset += b % layout_.shape[d] * layout_.strides[d];
      b /= layout_.shape[d];
    }
    return data_ + offset;
  }

 private:
  Layout layout_;
  T* data_;
  int lead_;
  int64_t count_ = 1;
};

// The addresses of a batch's matrices, in the device's memory.
template <class T>
class Addresses {
 public:
  Addresses(const OpCall& c, const Matrices<T>& m);
  T** get() const { return static_cast<T**>(memory_.get()); }

 private:
  Workspace memory_;
};

template <class T>
T* data_of(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

// Memory for matrices of this shape, each of them column-major, with room for at least as many rows and columns.
Tensor column_major(const Shape& shape, DType dtype, Device device, int64_t rows = 0, int64_t columns = 0);
// The first rows and columns of each matrix, as a view.
Tensor corner(const Tensor& t, int64_t rows, int64_t columns);
// Copies that may be overwritten.
Tensor column_major_copy(const Tensor& t);
Tensor row_major_copy(const Tensor& t);
// Memory for n elements.
Tensor scratch(const OpCall& c, int64_t n, DType dtype);
// Bytes become 0.
void clear(const OpCall& c, void* p, size_t bytes);

// ---- What is wrong with values: a kernel complains of the first such matrix, with the number that `infos` has for it.
constexpr int kNotFinite = INT32_MIN, kSideNotFinite = INT32_MIN + 1;
// "linalg_cholesky: matrix 1 of the batch is not positive definite: its leading minor of order 2 is not"
std::string not_positive(const Complaint& x);
std::string singular(const Complaint& x);
std::string not_full_rank(const Complaint& x);
std::string not_converged(const Complaint& x);
// The number of matrix b is flags[b] or, where that is 0 or `flags` is null, infos[b]. 0: nothing is wrong.
void complain_of_infos(const OpCall& c, int64_t count, const int* flags, const int* infos, Describe describe);

enum class Part { kAll, kLower, kUpper };
// Column-major matrices without gaps of which this part holds NaN or infinity become 0, so that no iteration meets
// them, and their flags, where they are 0, `flag`.
template <class T>
void clear_not_finite(const OpCall& c, T* a, int64_t count, int64_t rows, int64_t cols, Part part, int* flags,
                      int flag = kNotFinite);

// ---- Values.
template <class T>
void conjugate(const OpCall& c, T* p, int64_t n);
// n x n matrices with 1 on the diagonal and 0 elsewhere.
template <class T>
void set_identity(const OpCall& c, T* to, int64_t count, int64_t n);

}  // namespace hearth::cuda
