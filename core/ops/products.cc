#include "core/ops/products.h"

#include <algorithm>
#include <string>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// The dimensions of x that are not named, then those that are, or the other way round.
Dims order_of(const Tensor& x, const Dims& named, bool named_first) {
  unsigned taken = 0;
  Dims order, given;
  for (const int64_t d : named) {
    HEARTH_CHECK(x.dim() > 0, "tensordot: a 0-dim tensor has no dimension ", d);
    const int w = wrap_dim(d, x.dim(), "tensordot");
    HEARTH_CHECK(!(taken >> w & 1), "tensordot: dimension ", w, " is named twice in ", named);
    taken |= 1u << w;
    given.push_back(w);
  }
  if (named_first) order = given;
  for (int d = 0; d < x.dim(); ++d) {
    if (!(taken >> d & 1)) order.push_back(d);
  }
  if (!named_first) {
    for (const int64_t d : given) order.push_back(d);
  }
  return order;
}

}  // namespace

Tensor tensordot(const Tensor& a, const Tensor& b, int64_t dims) {
  const CalledAs called("tensordot");
  expect_defined("tensordot", {a, b});
  HEARTH_CHECK(dims >= 0 && dims <= a.dim() && dims <= b.dim(), "tensordot: ", dims,
               " dimensions cannot be summed over in shapes ", a.shape(), " and ", b.shape());
  Dims of_a, of_b;
  for (int64_t i = 0; i < dims; ++i) {
    of_a.push_back(a.dim() - dims + i);
    of_b.push_back(i);
  }
  return tensordot(a, b, of_a, of_b);
}

Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& a_dims, const Dims& b_dims) {
  const CalledAs called("tensordot");
  expect_defined("tensordot", {a, b});
  HEARTH_CHECK(a_dims.rank() == b_dims.rank(), "tensordot: ", a_dims, " and ", b_dims, " must name as many dimensions");
  const Dims a_order = order_of(a, a_dims, false), b_order = order_of(b, b_dims, true);
  const int summed = a_dims.rank(), a_left = a.dim() - summed;
  Tensor x = permute(a, a_order), y = permute(b, b_order);
  for (int i = 0; i < summed; ++i) {
    const int64_t n = x.shape()[a_left + i], m = y.shape()[i];
    if (m == 1 && n != 1) x = sum(x, a_left + i, true).to(x.dtype());
    else if (n == 1 && m != 1) y = sum(y, i, true).to(y.dtype());
    else
      HEARTH_CHECK(n == m, "tensordot: dimension ", a_dims[i], " of shape ", a.shape(), " does not fit dimension ",
                   b_dims[i], " of shape ", b.shape());
  }
  Shape shape;
  int64_t rows = 1, columns = 1, terms = 1;
  for (int d = 0; d < a_left; ++d) {
    shape.push_back(x.shape()[d]);
    rows *= x.shape()[d];
  }
  for (int d = 0; d < y.dim(); ++d) {
    (d < summed ? terms : columns) *= y.shape()[d];
    if (d >= summed) shape.push_back(y.shape()[d]);
  }
  return reshape(matmul(reshape(x, {rows, terms}), reshape(y, {terms, columns})), shape);
}

Tensor cross(const Tensor& a, const Tensor& b, std::optional<int64_t> d) {
  const CalledAs called("cross");
  expect_dtypes("cross", a, kNumberTypes | kComplexTypes);
  expect_dtypes("cross", b, kNumberTypes | kComplexTypes);
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), "cross");
  int w = 0;
  if (d) {
    w = wrap_dim(*d, shape.rank(), "cross");
  } else {
    while (w < shape.rank() && shape[w] != 3) ++w;
  }
  HEARTH_CHECK(w < shape.rank() && shape[w] == 3, "cross: vectors must have 3 places",
               d ? " along dimension " + std::to_string(*d) : "", ", but the shapes are ", a.shape(), " and ",
               b.shape());
  const DType t = promote(a.dtype(), b.dtype());
  const Tensor x = expand(machinery::widened(a.to(t)), shape), y = expand(machinery::widened(b.to(t)), shape);
  return machinery::cast(roll(x, -1, w) * roll(y, -2, w) - roll(x, -2, w) * roll(y, -1, w), t);
}

Tensor kron(const Tensor& a, const Tensor& b) {
  const CalledAs called("kron");
  expect_defined("kron", {a, b});
  const int rank = std::max(a.dim(), b.dim());
  Shape left, right, shape;
  for (int d = 0; d < rank; ++d) {
    const int of_a = d - (rank - a.dim()), of_b = d - (rank - b.dim());
    const int64_t n = of_a < 0 ? 1 : a.shape()[of_a], m = of_b < 0 ? 1 : b.shape()[of_b];
    left.push_back(n);
    left.push_back(1);
    right.push_back(1);
    right.push_back(m);
    int64_t size = 0;
    HEARTH_CHECK(!__builtin_mul_overflow(n, m, &size), "kron: shapes ", a.shape(), " and ", b.shape(),
                 " are too large");
    shape.push_back(size);
  }
  return reshape(reshape(a, left) * reshape(b, right), shape);
}

}  // namespace hearth
