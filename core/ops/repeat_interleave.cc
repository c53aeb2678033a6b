#include "core/ops/repeat_interleave.h"

#include <algorithm>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/view.h"

namespace hearth {

Tensor repeat_interleave(const Tensor& x, int64_t count, int64_t d) {
  const CalledAs called("repeat_interleave");
  expect_defined("repeat_interleave", {x});
  const int w = wrap_dim(d, x.dim(), "repeat_interleave");
  HEARTH_CHECK(count >= 0, "repeat_interleave: the count must not be negative, but is ", count);
  if (x.dim() == 0) return repeat_interleave(reshape(x, {1}), count, 0);
  Shape shape = x.shape();
  HEARTH_CHECK(!__builtin_mul_overflow(shape[w], count, &shape[w]), "repeat_interleave: dimension ", w, " of shape ",
               x.shape(), ", ", count, " times, is too large");
  checked_numel(shape, x.itemsize(), "repeat_interleave");
  // As [outer, size and what is behind it], so that a tensor of the highest rank has room for one more dimension.
  int64_t outer = 1, inner = 1;
  for (int k = 0; k <= w; ++k) outer *= x.shape()[k];
  for (int k = w + 1; k < x.dim(); ++k) inner *= x.shape()[k];
  const Tensor y = reshape(expand(reshape(x, {outer, 1, inner}), {outer, count, inner}), shape);
  return y.impl()->storage == x.impl()->storage ? y.clone() : y;
}

Tensor repeat_interleave(const Tensor& x, const Tensor& counts, int64_t d) {
  const CalledAs called("repeat_interleave");
  expect_defined("repeat_interleave", {x, counts});
  const int w = wrap_dim(d, x.dim(), "repeat_interleave");
  const int64_t size = x.dim() == 0 ? 1 : x.shape()[w];
  HEARTH_CHECK(is_integral(counts.dtype()) && counts.dim() <= 1 && (counts.numel() == size || counts.numel() == 1),
               "repeat_interleave: counts must be integers of shape [", size, "], but are ", counts.dtype(), " ",
               counts.shape());
  const auto each = counts.to_vector<int64_t>();
  if (each.size() == 1 && size != 1) return repeat_interleave(x, each[0], d);
  int64_t total = 0;
  for (const int64_t n : each) {
    HEARTH_CHECK(n >= 0, "repeat_interleave: counts must not be negative, but one is ", n);
    HEARTH_CHECK(!__builtin_add_overflow(total, n, &total), "repeat_interleave: the counts add up to too much");
  }
  checked_numel({total}, sizeof(int64_t), "repeat_interleave");
  Tensor index = empty({total}, {.dtype = DType::kI64});
  auto* p = index.mutable_data<int64_t>();
  for (size_t i = 0; i < each.size(); ++i) p = std::fill_n(p, each[i], static_cast<int64_t>(i));
  const Tensor line = x.dim() == 0 ? reshape(x, {1}) : x;
  return index_select(line, x.dim() == 0 ? 0 : w, index.to(x.device()));
}

Tensor repeat_interleave(const Tensor& x, int64_t count) {
  const CalledAs called("repeat_interleave");
  expect_defined("repeat_interleave", {x});
  return repeat_interleave(reshape(x, {-1}), count, 0);
}
Tensor repeat_interleave(const Tensor& x, const Tensor& counts) {
  const CalledAs called("repeat_interleave");
  expect_defined("repeat_interleave", {x, counts});
  return repeat_interleave(reshape(x, {-1}), counts, 0);
}
Tensor repeat_interleave(const Tensor& counts) {
  const CalledAs called("repeat_interleave");
  expect_defined("repeat_interleave", {counts});
  HEARTH_CHECK(counts.dim() == 1, "repeat_interleave: counts must be [n], but are ", counts.shape());
  return repeat_interleave(arange(counts.numel(), {.device = counts.device()}), counts, 0);
}
Tensor Tensor::repeat_interleave(int64_t count, std::optional<int64_t> d) const {
  return d ? hearth::repeat_interleave(*this, count, *d) : hearth::repeat_interleave(*this, count);
}
Tensor Tensor::repeat_interleave(const Tensor& counts, std::optional<int64_t> d) const {
  return d ? hearth::repeat_interleave(*this, counts, *d) : hearth::repeat_interleave(*this, counts);
}

}  // namespace hearth
