#include "core/ops/rearrange.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/rearrange.h"
#include "core/op/attrs/view.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_flip(OpCall& c) {
  unsigned seen = 0;
  for (int64_t d : c.attrs_as<PermuteAttrs>().dims) {
    const int w = wrap_dim(d, c.input(0).dim(), "flip");
    HEARTH_CHECK(!(seen >> w & 1), "flip: dimension ", w, " is named twice");
    seen |= 1u << w;
  }
  c.make(0, c.input(0).shape(), c.input(0).dtype());
}

}  // namespace

extern constinit const OpDef kFlip = {
    .name = "flip",
    .dtypes = kAllTypes | kComplexTypes,
    .attrs = &attrs_type<PermuteAttrs>,
    .infer = infer_flip,
    .kernel = {cpu::flip, cuda::flip},
    .backward = [](GradContext& g) { g.set(0, flip(g.grad(), g.attrs<PermuteAttrs>().dims)); },
};
HEARTH_OP(kFlip);

Tensor repeat(const Tensor& x, const Dims& counts) {
  const CalledAs called("repeat");
  expect_defined("repeat", {x});
  HEARTH_CHECK(counts.rank() >= x.dim(), "repeat: ", counts, " has fewer numbers than the tensor of shape ", x.shape(),
               " dimensions");
  const int shift = counts.rank() - x.dim();
  Shape shape = Dims::filled(counts.rank(), 1), repeated = counts;
  for (int d = 0; d < counts.rank(); ++d) {
    HEARTH_CHECK(counts[d] >= 0, "repeat: counts must not be negative, but are ", counts);
    if (d >= shift) shape[d] = x.shape()[d - shift];
    HEARTH_CHECK(!__builtin_mul_overflow(counts[d], shape[d], &repeated[d]), "repeat: shape ", shape, " repeated ",
                 counts, " times is too large");
  }
  checked_numel(repeated, x.itemsize(), "repeat");
  Tensor y = reshape(x, shape);
  for (int d = counts.rank(); d-- > 0;) {
    if (counts[d] == 1) continue;
    // Copies of everything from dimension d on, side by side.
    int64_t outer = 1, inner = 1;
    for (int k = 0; k < d; ++k) outer *= shape[k];
    for (int k = d; k < counts.rank(); ++k) inner *= shape[k];
    shape[d] = repeated[d];
    y = reshape(expand(reshape(y, {outer, 1, inner}), {outer, counts[d], inner}), shape);
  }
  return y.impl()->storage == x.impl()->storage ? y.clone() : y;
}
Tensor flip(const Tensor& x, const Dims& dims) { return run(kFlip, {x}, PermuteAttrs{dims}); }
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims) {
  const CalledAs called("roll");
  expect_defined("roll", {x});
  if (dims.empty()) {
    HEARTH_CHECK(shifts.rank() == 1, "roll: without dimensions one shift is needed, but ", shifts.rank(),
                 " were given");
    return reshape(roll(reshape(x, {-1}), shifts, {0}), x.shape());
  }
  HEARTH_CHECK(shifts.rank() == dims.rank(), "roll: ", shifts.rank(), " shifts, but ", dims.rank(), " dimensions");
  Tensor y = x;
  for (int i = 0; i < dims.rank(); ++i) {
    const int64_t n = y.size(dims[i]);
    if (n == 0) continue;
    const int64_t s = ((shifts[i] % n) + n) % n;
    if (s != 0) y = cat({slice(y, dims[i], n - s, n), slice(y, dims[i], 0, n - s)}, dims[i]);
  }
  return y;
}

namespace {
// i64 [rows, columns]: column - row.
Tensor diagonal_of_place(const char* op, const Tensor& x) {
  expect_defined(op, {x});
  HEARTH_CHECK(x.dim() >= 2, op, ": expected at least 2 dimensions, but the shape is ", x.shape());
  // Counted by ops: so they are there on every device, and a graph has them in any size.
  const auto places = [&](int64_t n) { return cumsum(machinery::full({n}, 1, i64, x.device()), 0); };
  return places(x.size(-1)) - unsqueeze(places(x.size(-2)), 1);
}
Scalar zero_of(const Tensor& x) { return x.dtype() == DType::kBool ? Scalar(false) : Scalar(0); }
}  // namespace
Tensor tril(const Tensor& x, int64_t k) {
  const CalledAs called("tril");
  const Tensor kept = le(diagonal_of_place("tril", x), k);
  return where(kept, x, zero_of(x));
}
Tensor triu(const Tensor& x, int64_t k) {
  const CalledAs called("triu");
  const Tensor kept = ge(diagonal_of_place("triu", x), k);
  return where(kept, x, zero_of(x));
}

Tensor Tensor::repeat(const Dims& counts) const { return hearth::repeat(*this, counts); }
Tensor Tensor::tile(const Dims& counts) const {
  expect_defined("tile", {*this});
  Dims full = counts;
  while (full.rank() < dim()) full.insert(0, 1);
  return hearth::repeat(*this, full);
}
Tensor Tensor::flip(const Dims& dims) const { return hearth::flip(*this, dims); }
Tensor Tensor::roll(const Dims& shifts, const Dims& dims) const { return hearth::roll(*this, shifts, dims); }
Tensor& Tensor::tril_(int64_t k) & {
  const CalledAs called("tril_");
  return masked_fill_(hearth::gt(diagonal_of_place("tril_", *this), k), 0);
}
Tensor& Tensor::triu_(int64_t k) & {
  const CalledAs called("triu_");
  return masked_fill_(hearth::lt(diagonal_of_place("triu_", *this), k), 0);
}
Tensor Tensor::tril(int64_t k) const { return hearth::tril(*this, k); }
Tensor Tensor::triu(int64_t k) const { return hearth::triu(*this, k); }

}  // namespace hearth
