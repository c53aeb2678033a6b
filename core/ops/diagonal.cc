#include "core/ops/diagonal.h"

#include <algorithm>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// The columns from `first` on, before `end`, that a row of a triangle has.
struct Columns {
  int64_t first, end;
};

// Row r of the lower or upper triangle; the sums are kept within i64.
Columns columns_of(bool lower, int64_t r, int64_t columns, int64_t offset) {
  const __int128 at = static_cast<__int128>(r) + offset + (lower ? 1 : 0);
  const auto within = static_cast<int64_t>(std::clamp<__int128>(at, 0, columns));
  return lower ? Columns{0, within} : Columns{within, columns};
}

Tensor triangle(const char* op, bool lower, int64_t rows, int64_t columns, int64_t offset,
                const TensorOptions& options) {
  const CalledAs called(op);
  HEARTH_CHECK(rows >= 0 && columns >= 0, op, ": sizes must not be negative, but are ", rows, " and ", columns);
  const DType t = options.dtype.value_or(DType::kI64);
  HEARTH_CHECK(kIndexTypes.contains(t), op, ": indices are i64 or i32, not ", t);
  HEARTH_CHECK(!options.requires_grad, op, ": indices have no gradient");
  checked_numel({2, rows, columns}, sizeof(int64_t), op);
  // Rows that have elements lie together: none are looked at beside them.
  const auto row_of = [&](__int128 r) { return static_cast<int64_t>(std::clamp<__int128>(r, 0, rows)); };
  const __int128 turn = static_cast<__int128>(lower ? 0 : columns) - offset;
  const int64_t begin = columns == 0 ? rows : lower ? row_of(turn) : 0, end = lower ? rows : row_of(turn);
  int64_t count = 0;
  for (int64_t r = begin; r < end; ++r) {
    const Columns c = columns_of(lower, r, columns, offset);
    count += c.end - c.first;
  }
  Tensor out = empty({2, count}, {.dtype = DType::kI64, .device = kCpu});
  auto* row = out.mutable_data<int64_t>();
  int64_t* column = row + count;
  for (int64_t r = begin; r < end; ++r) {
    const Columns c = columns_of(lower, r, columns, offset);
    for (int64_t k = c.first; k < c.end; ++k) {
      *row++ = r;
      *column++ = k;
    }
  }
  return out.to(t).to(options.place());
}

}  // namespace

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t d1, int64_t d2) {
  const CalledAs called("diag_embed");
  expect_defined("diag_embed", {x});
  HEARTH_CHECK(x.dim() >= 1, "diag_embed: expected at least 1 dimension, but the tensor is 0-dim");
  const int rank = x.dim() + 1, a = wrap_dim(d1, rank, "diag_embed"), b = wrap_dim(d2, rank, "diag_embed");
  HEARTH_CHECK(a != b, "diag_embed: d1 and d2 are the same dimension, ", a);
  const int64_t n = x.shape().back();
  int64_t far = offset, size = 0;
  HEARTH_CHECK(
      (offset >= 0 || !__builtin_sub_overflow(int64_t{0}, offset, &far)) && !__builtin_add_overflow(n, far, &size),
      "diag_embed: offset ", offset, " is too large");
  Shape shape;
  for (int d = 0, k = 0; d < rank; ++d) shape.push_back(d == a || d == b ? size : x.shape()[k++]);
  checked_numel(shape, x.itemsize(), "diag_embed");
  const Tensor zero = machinery::full(shape, 0, x.dtype(), x.device());
  Strides strides;
  for (int d = 0; d < rank; ++d) {
    if (d != a && d != b) strides.push_back(zero.strides()[d]);
  }
  strides.push_back(zero.strides()[a] + zero.strides()[b]);
  return machinery::view_write(zero, x, {x.shape(), strides, far * zero.strides()[offset < 0 ? a : b]});
}

Tensor diag(const Tensor& x, int64_t offset) {
  const CalledAs called("diag");
  expect_defined("diag", {x});
  HEARTH_CHECK(x.dim() == 1 || x.dim() == 2, "diag: expected a vector or a matrix, but the shape is ", x.shape());
  return x.dim() == 1 ? diag_embed(x, offset) : diagonal(x, offset).clone(MemoryFormat::kContiguous);
}
Tensor diagflat(const Tensor& x, int64_t offset) {
  const CalledAs called("diagflat");
  return diag_embed(reshape(x, {-1}), offset);
}

Tensor trace(const Tensor& x) {
  const CalledAs called("trace");
  expect_defined("trace", {x});
  HEARTH_CHECK(x.dim() == 2, "trace: expected a matrix, but the shape is ", x.shape());
  return sum(diagonal(x));
}

Tensor tril_indices(int64_t rows, int64_t columns, int64_t offset, const TensorOptions& options) {
  return triangle("tril_indices", true, rows, columns, offset, options);
}
Tensor triu_indices(int64_t rows, int64_t columns, int64_t offset, const TensorOptions& options) {
  return triangle("triu_indices", false, rows, columns, offset, options);
}

Tensor Tensor::trace() const { return hearth::trace(*this); }
Tensor Tensor::diag(int64_t offset) const { return hearth::diag(*this, offset); }

}  // namespace hearth
