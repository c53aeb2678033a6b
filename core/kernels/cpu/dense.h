// A tensor's elements as a kernel computes them: in row-major order, of type T (float for f32, f16 and bf16). They are
// converted piece by piece, in the caches.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/operand.h"
#include "core/tensor/half.h"

namespace hearth::cpu {

// Of a tensor of any strides.
template <class T>
class DenseReader {
 public:
  explicit DenseReader(const Tensor& x)
      : x_(row_major(x)),
        data_(static_cast<const char*>(x_.impl()->data())),
        size_(static_cast<int64_t>(x.itemsize())),
        convert_(x.dtype() == dtype_of<T> ? nullptr : convert_fn(x.dtype(), dtype_of<T>)) {}

  // Whether read() needs the buffer.
  bool converts() const { return convert_ != nullptr; }
  // n elements from `first` on: where they lie, or converted into the buffer.
  const T* read(int64_t first, int64_t n, T* buffer) const {
    const char* from = data_ + first * size_;
    if (!convert_) return reinterpret_cast<const T*>(from);
    convert_(from, buffer, n);
    return buffer;
  }

 private:
  Tensor x_;
  const char* data_;
  int64_t size_;
  ConvertFn convert_;
};

// Of a row-major result.
template <class T>
class DenseWriter {
 public:
  explicit DenseWriter(const Tensor& y)
      : data_(static_cast<char*>(y.impl()->data())),
        size_(static_cast<int64_t>(y.itemsize())),
        convert_(y.dtype() == dtype_of<T> ? nullptr : convert_fn(dtype_of<T>, y.dtype())) {}

  bool converts() const { return convert_ != nullptr; }
  // Where elements from `first` on are to be written: their place, or the buffer, from where write() takes them.
  T* place(int64_t first, T* buffer) const { return convert_ ? buffer : reinterpret_cast<T*>(data_ + first * size_); }
  // Brings n elements that were written to place(first, ...) where they belong.
  void write(int64_t first, int64_t n, const T* from) const {
    if (convert_) convert_(from, data_ + first * size_, n);
  }

 private:
  char* data_;
  int64_t size_;
  ConvertFn convert_;
};

// All elements of an operand, side by side: where they lie, or converted. None of one that is absent.
template <class T>
class DenseValues {
 public:
  explicit DenseValues(const Operand& operand) {
    if (!operand.is_tensor()) return;
    const int64_t n = operand.tensor().numel();
    reader_.emplace(operand.tensor());
    if (reader_->converts()) converted_.resize(static_cast<size_t>(n));
    data_ = reader_->read(0, n, converted_.data());
  }
  DenseValues(const DenseValues&) = delete;
  DenseValues& operator=(const DenseValues&) = delete;

  // Null of an absent operand.
  const T* data() const { return data_; }

 private:
  std::optional<DenseReader<T>> reader_;
  std::vector<T> converted_;
  const T* data_ = nullptr;
};

// The elements of a tensor of type T, which lie side by side.
template <class T>
T* values_of(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

// Writes all elements of a small result.
template <class T>
void write_all(const Tensor& to, const std::vector<T>& values) {
  const DenseWriter<T> out(to);
  T* place = out.place(0, const_cast<T*>(values.data()));
  if (place != values.data()) std::copy(values.begin(), values.end(), place);
  out.write(0, static_cast<int64_t>(values.size()), values.data());
}

}  // namespace hearth::cpu
