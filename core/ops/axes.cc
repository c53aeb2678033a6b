#include "core/ops/axes.h"

#include <span>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/rearrange.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// A bit for each of the dimensions.
unsigned named(const char* op, const Tensor& x, const Dims& dims) {
  unsigned seen = 0;
  for (const int64_t d : dims) {
    const int w = wrap_dim(d, x.dim(), op);
    HEARTH_CHECK(!(seen >> w & 1), op, ": dimension ", w, " is named twice in ", dims);
    seen |= 1u << w;
  }
  return seen;
}

}  // namespace

Tensor movedim(const Tensor& x, const Dims& from, const Dims& to) {
  const CalledAs called("movedim");
  expect_defined("movedim", {x});
  HEARTH_CHECK(from.rank() == to.rank(), "movedim: ", from, " and ", to, " must name as many dimensions");
  const unsigned moved = named("movedim", x, from), taken = named("movedim", x, to);
  if (x.dim() == 0) return x;
  Dims order = Dims::filled(x.dim(), -1);
  for (int i = 0; i < from.rank(); ++i)
    order[wrap_dim(to[i], x.dim(), "movedim")] = wrap_dim(from[i], x.dim(), "movedim");
  int next = 0;
  for (int d = 0; d < x.dim(); ++d) {
    if (taken >> d & 1) continue;
    while (moved >> next & 1) ++next;
    order[d] = next++;
  }
  return permute(x, order);
}
Tensor moveaxis(const Tensor& x, int64_t from, int64_t to) {
  const CalledAs called("moveaxis");
  return movedim(x, from, to);
}
Tensor moveaxis(const Tensor& x, const Dims& from, const Dims& to) {
  const CalledAs called("moveaxis");
  return movedim(x, from, to);
}
Tensor swapaxes(const Tensor& x, int64_t a, int64_t b) {
  const CalledAs called("swapaxes");
  return transpose(x, a, b);
}

Tensor squeeze(const Tensor& x, const Dims& dims) {
  const CalledAs called("squeeze");
  expect_defined("squeeze", {x});
  const unsigned dropped = named("squeeze", x, dims);
  Tensor y = x;
  for (int d = x.dim(); d-- > 0;) {
    if (dropped >> d & 1) y = squeeze(y, d);
  }
  return y;
}

Tensor fliplr(const Tensor& x) {
  const CalledAs called("fliplr");
  expect_defined("fliplr", {x});
  HEARTH_CHECK(x.dim() >= 2, "fliplr: expected at least 2 dimensions, but the shape is ", x.shape());
  return flip(x, 1);
}
Tensor flipud(const Tensor& x) {
  const CalledAs called("flipud");
  expect_defined("flipud", {x});
  HEARTH_CHECK(x.dim() >= 1, "flipud: expected at least 1 dimension, but the tensor is 0-dim");
  return flip(x, 0);
}

Tensor rot90(const Tensor& x, int64_t k, const Dims& dims) {
  const CalledAs called("rot90");
  expect_defined("rot90", {x});
  HEARTH_CHECK(dims.rank() == 2, "rot90: expected two dimensions, but got ", dims);
  HEARTH_CHECK(x.dim() >= 2, "rot90: expected at least 2 dimensions, but the shape is ", x.shape());
  named("rot90", x, dims);
  switch ((k % 4 + 4) % 4) {
    case 1:
      return transpose(flip(x, dims[1]), dims[0], dims[1]);
    case 2:
      return flip(x, dims);
    case 3:
      return transpose(flip(x, dims[0]), dims[0], dims[1]);
    default:
      return x.clone();
  }
}

}  // namespace hearth
