/// New tensors.
///
/// Each function throws Error if a size is negative, if the shape has more than 2^63 - 1 bytes, if a number does not
/// fit into the dtype, or if options.requires_grad is set for a dtype that is not floating-point.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// A tensor with uninitialised memory; of default_dtype() if the options name none.
Tensor empty(const Shape& shape, const TensorOptions& options = {});
/// A tensor of zeros; of default_dtype() if the options name none.
Tensor zeros(const Shape& shape, const TensorOptions& options = {});
/// A tensor of ones; of default_dtype() if the options name none.
Tensor ones(const Shape& shape, const TensorOptions& options = {});
/// A tensor of one value everywhere; of the value's dtype (bool, i64 or default_dtype()) if the options name none.
Tensor full(const Shape& shape, Scalar value, const TensorOptions& options = {});
/// A tensor with uninitialised memory and the shape and device of t, and its dtype if none is given. It has the strides
/// of t if the elements of t lie without gaps.
Tensor empty_like(const Tensor& t, std::optional<DType> dtype = {});
/// Zeros with the properties of t, as empty_like().
Tensor zeros_like(const Tensor& t, std::optional<DType> dtype = {});
/// Ones with the properties of t, as empty_like().
Tensor ones_like(const Tensor& t, std::optional<DType> dtype = {});
/// One value everywhere with the properties of t, as empty_like().
Tensor full_like(const Tensor& t, Scalar value, std::optional<DType> dtype = {});
/// arange(0, end).
Tensor arange(Scalar end, const TensorOptions& options = {});
/// start, start + step, ... below end (above, if step is negative); end is not included. If the options name no dtype,
/// i64 for integers and default_dtype() if one number is floating-point. Throws Error if step is 0 or leads away from
/// end, or if a number is not finite.
Tensor arange(Scalar start, Scalar end, Scalar step = 1, const TensorOptions& options = {});
/// `steps` values from start to end, both included exactly; of default_dtype() if the options name none. Throws Error
/// if steps is negative.
Tensor linspace(double start, double end, int64_t steps, const TensorOptions& options = {});
/// base to the powers of linspace(start, end, steps), computed in f64 and rounded; of default_dtype() if the options
/// name no dtype. Throws Error if steps is negative.
Tensor logspace(double start, double end, int64_t steps, double base = 10, const TensorOptions& options = {});
/// An n x m matrix (n x n without m) of ones on the main diagonal and zeros elsewhere; of default_dtype() if the
/// options name no dtype.
Tensor eye(int64_t n, std::optional<int64_t> m = {}, const TensorOptions& options = {});

/// The size of dimension d as a 0-dim i64 tensor. A traced function can compute with it whatever it likes; with the
/// number x.size(d) only what graph/trace.h names. Throws Error if x is 0-dim.
Tensor dim_size(const Tensor& x, int64_t d);

/// A 0-dim tensor; of the value's dtype (bool, i64 or default_dtype()) if the options name none.
Tensor scalar_tensor(Scalar value, const TensorOptions& options = {});

namespace detail {
/// One element or a nested list of them, for tensor({{1, 2}, {3, 4}}).
class Nested {
 public:
  /// One element.
  template <class T>
  requires std::is_arithmetic_v<T> Nested(T v) : value_(v) {}
  /// A list of elements or lists.
  Nested(std::initializer_list<Nested> list) : list_(list), is_list_(true) {}
  bool is_list() const { return is_list_; }                  ///< False for one element.
  Scalar value() const { return value_; }                    ///< The element.
  const std::vector<Nested>& list() const { return list_; }  ///< The entries of a list.

 private:
  Scalar value_;
  std::vector<Nested> list_;
  bool is_list_ = false;
};
}  // namespace detail

/// A tensor of values written out: tensor({{1.0, 2.0}, {3.0, 4.0}}). If the options name no dtype, the one in which the
/// dtypes of the values (bool, i64 or default_dtype()) meet; f32 without values. Throws Error if rows have unequal
/// lengths.
Tensor tensor(std::initializer_list<detail::Nested> values, const TensorOptions& options = {});
/// A 0-dim tensor: tensor(3.0). See scalar_tensor().
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(T value, const TensorOptions& options = {}) {
  return scalar_tensor(value, options);
}
/// A 1-D tensor of a vector's elements, of their own dtype if the options name none: tensor(std::vector{1.0f, 2.0f}) is
/// f32, of doubles f64.
template <class T>
Tensor tensor(const std::vector<T>& values, const TensorOptions& options = {});
/// A tensor of the values in memory, which are copied, in row-major order; of their own dtype if the options name none.
/// Throws Error unless there are as many values as the shape has elements.
template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, const TensorOptions& options = {});
/// See above.
template <class T>
Tensor from_values(const std::vector<T>& values, const Shape& shape, const TensorOptions& options = {}) {
  return from_values(std::span<const T>(values), shape, options);
}
/// A row-major tensor over CPU memory that is not copied: writes to one are seen in the other. `owner` is kept as long
/// as the tensor's storage; without it the caller keeps the memory alive. A `read_only` tensor refuses writes. Throws
/// Error if data is null and the shape has elements.
Tensor from_blob(void* data, const Shape& shape, DType dtype, std::shared_ptr<const void> owner = nullptr,
                 bool read_only = false);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (start, step). Writes in place only, into row-major memory.
extern constinit const OpDef kArange;
/// (start, end). Writes in place only, into row-major memory.
extern constinit const OpDef kLinspace;
/// x -> its size.
extern constinit const OpDef kDimSize;

namespace detail {
/// `count` elements in memory, copied to a new tensor. Throws Error if the shape has another number of elements.
Tensor from_memory(const void* data, size_t count, DType dtype, const Shape& shape, const TensorOptions& options);
}  // namespace detail

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
