// New tensors.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Where options name no dtype: f32 for zeros, ones, empty, eye and linspace; for full, arange and tensor the dtype of
// the values (bool, i64 or f32).
Tensor empty(const Shape& shape, const TensorOptions& options = {});  // uninitialised
Tensor zeros(const Shape& shape, const TensorOptions& options = {});
Tensor ones(const Shape& shape, const TensorOptions& options = {});
Tensor full(const Shape& shape, Scalar value, const TensorOptions& options = {});
// Of another tensor's shape, device and memory format, and of its dtype if none is given.
Tensor empty_like(const Tensor& t, std::optional<DType> dtype = {});
Tensor zeros_like(const Tensor& t, std::optional<DType> dtype = {});
Tensor ones_like(const Tensor& t, std::optional<DType> dtype = {});
Tensor full_like(const Tensor& t, Scalar value, std::optional<DType> dtype = {});
// start, start + step, ... below end (above, if step is negative).
Tensor arange(Scalar end, const TensorOptions& options = {});
Tensor arange(Scalar start, Scalar end, Scalar step = 1, const TensorOptions& options = {});
// `steps` values from start to end, both included.
Tensor linspace(double start, double end, int64_t steps, const TensorOptions& options = {});
Tensor eye(int64_t n, std::optional<int64_t> m = {}, const TensorOptions& options = {});

// The size of dimension d as a 0-dim i64 tensor. A traced function can compute with it whatever it likes; with the
// number x.size(d) only what graph/trace.h names.
Tensor dim_size(const Tensor& x, int64_t d);

// A 0-dim tensor.
Tensor scalar_tensor(Scalar value, const TensorOptions& options = {});

namespace detail {
// One element or a nested list of them, for tensor({{1, 2}, {3, 4}}).
class Nested {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> Nested(T v) : value_(v) {}
  Nested(std::initializer_list<Nested> list) : list_(list), is_list_(true) {}
  bool is_list() const { return is_list_; }
  Scalar value() const { return value_; }
  const std::vector<Nested>& list() const { return list_; }

 private:
  Scalar value_;
  std::vector<Nested> list_;
  bool is_list_ = false;
};
}  // namespace detail

// From values written out: tensor({{1.0, 2.0}, {3.0, 4.0}}). Rows must have equal lengths.
Tensor tensor(std::initializer_list<detail::Nested> values, const TensorOptions& options = {});
// A 0-dim tensor: tensor(3.0).
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(T value, const TensorOptions& options = {}) {
  return scalar_tensor(value, options);
}
// A 1-D tensor of a vector's elements, of their own dtype if the options name none: tensor(std::vector{1.0f, 2.0f}).
template <class T>
Tensor tensor(const std::vector<T>& values, const TensorOptions& options = {});
// From values in memory, copied, row-major.
template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, const TensorOptions& options = {});
template <class T>
Tensor from_values(const std::vector<T>& values, const Shape& shape, const TensorOptions& options = {}) {
  return from_values(std::span<const T>(values), shape, options);
}
// Over CPU memory that belongs to somebody else and is not copied; `owner` is kept as long as the tensor's storage.
Tensor from_blob(void* data, const Shape& shape, DType dtype, std::shared_ptr<const void> owner = nullptr,
                 bool read_only = false);

// kArange and kLinspace write in place only, into row-major memory; operands are start and step, start and end.
extern constinit const OpDef kArange, kLinspace, kDimSize;

namespace detail {
Tensor from_memory(const void* data, size_t count, DType dtype, const Shape& shape, const TensorOptions& options);
}

template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, const TensorOptions& options) {
  return detail::from_memory(values.data(), values.size(), dtype_of<T>, shape, options);
}

template <class T>
Tensor tensor(const std::vector<T>& values, const TensorOptions& options) {
  const auto n = static_cast<int64_t>(values.size());
  if constexpr (std::is_same_v<T, bool>) {  // whose elements have no addresses
    const std::vector<uint8_t> bytes(values.begin(), values.end());
    return from_values(std::span(reinterpret_cast<const bool*>(bytes.data()), bytes.size()), n, options);
  } else {
    return from_values(values, n, options);
  }
}

}  // namespace hearth
