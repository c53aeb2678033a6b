// Value: what a model takes or gives: a tensor, or strings where the protocol says BYTES.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::serve {

/// Strings of bytes in the shape of a tensor: the protocol's datatype BYTES, for which tensors have no dtype.
struct BytesTensor {
  Shape shape;                        ///< The shape.
  std::vector<std::string> elements;  ///< The strings in row-major order, as many as shape.numel().
};

/// The memory of strings of together `characters` bytes, in bytes.
int64_t bytes_tensor_memory(int64_t strings, int64_t characters);

/// An input or output of a model: a Tensor or a BytesTensor. Copies share the contents.
class Value {
 public:
  /// Neither of them: defined() is false.
  Value() = default;
  /// A tensor, which may be undefined.
  Value(Tensor tensor) : tensor_(std::move(tensor)) {}
  /// Strings. Throws Error if there are not as many as the shape says.
  Value(BytesTensor bytes);

  /// Whether it holds something.
  bool defined() const { return bytes_ || tensor_.defined(); }
  /// Whether it holds strings.
  bool is_bytes() const { return bytes_ != nullptr; }
  /// The tensor. Throws Error if it holds strings.
  const Tensor& tensor() const;
  /// The strings. Throws Error if it holds none.
  const BytesTensor& bytes() const;
  /// The shape of what it holds. Throws Error if it is not defined.
  const Shape& shape() const { return bytes_ ? bytes_->shape : tensor_.shape(); }
  /// The memory of all elements, in bytes.
  int64_t nbytes() const;

 private:
  Tensor tensor_;
  std::shared_ptr<const BytesTensor> bytes_;
};

/// The values joined along dimension 0. They are either all tensors of one dtype or all strings, and their shapes
/// differ in nothing but the first size; there is at least one. Throws Error otherwise.
Value concatenate(std::span<const Value> values);

/// The part of dimension 0 from `begin` up to but not including `end`. A part of a tensor is a view of it.
Value rows(const Value& value, int64_t begin, int64_t end);

/// The tensors of values. Throws Error if one holds strings.
std::vector<Tensor> tensors_of(std::span<const Value> values);

}  // namespace hearth::serve
