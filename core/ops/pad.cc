#include "core/ops/pad.h"

#include <algorithm>
#include <string>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/pad.h"
#include "core/op/attrs/pad.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

int64_t padded_size(const char* op, const Shape& x, int d, int64_t before, int64_t after) {
  int64_t size;
  HEARTH_CHECK(!__builtin_add_overflow(x[d], before, &size) && !__builtin_add_overflow(size, after, &size) &&
                   size >= 0 && x[d] + std::min<int64_t>(before, 0) >= 0 && x[d] + std::min<int64_t>(after, 0) >= 0,
               op, ": ", before, " and ", after, " elements around dimension ", d, " of shape ", x,
               " give no size of at least 0");
  return size;
}

void infer_pad(OpCall& c) {
  const auto& a = c.attrs_as<PadAttrs>();
  const Shape& x = c.input(0).shape();
  HEARTH_CHECK(a.before.rank() == x.rank() && a.after.rank() == x.rank(), c.op.name, ": expected ", x.rank(),
               " sizes before and after the dimensions of shape ", x, ", but they are ", a.before, " and ", a.after);
  Shape y = x;
  for (int d = 0; d < x.rank(); ++d) y[d] = padded_size(c.op.name, x, d, a.before[d], a.after[d]);
  c.make(0, y, c.dtype);
}

// What is left of x, in the place where it lies in y.
void compose_pad(OpCall& c) {
  const auto& a = c.attrs_as<PadAttrs>();
  Tensor x = c.input(0);
  const Tensor y = machinery::full(c.out[0].shape(), a.value, c.dtype, c.device);
  int64_t offset = 0;
  for (int d = 0; d < x.dim(); ++d) {
    const int64_t dropped = std::max<int64_t>(-a.before[d], 0);
    x = narrow(x, d, dropped, std::max<int64_t>(x.size(d) - dropped + std::min<int64_t>(a.after[d], 0), 0));
    offset += std::max<int64_t>(a.before[d], 0) * y.strides()[d];
  }
  c.give(0, x.numel() == 0 ? y : machinery::view_write(y, x, {x.shape(), y.strides(), offset}));
}

Dims negated(const Dims& d) {
  Dims out = d;
  for (int64_t& v : out) v = -v;
  return out;
}

}  // namespace

extern constinit const OpDef kPad = {
    .name = "pad",
    .dtypes = kAllTypes | kComplexTypes,
    .attrs = &attrs_type<PadAttrs>,
    .infer = infer_pad,
    .kernel = {cpu::pad},
    .compose = compose_pad,
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<PadAttrs>();
          g.set(0, run(kPad, {g.grad()}, PadAttrs{negated(a.before), negated(a.after), Scalar(0.0)}));
        },
};
HEARTH_OP(kPad);

namespace {

// Images that lie channels-last stay so.
Tensor constant_padded(const Tensor& x, const PadAttrs& a) {
  if (x.dim() != 4 || x.strides()[1] != 1 || x.is_contiguous()) return run(kPad, {x}, a);
  const auto last = [](const Dims& d) { return Dims{d[0], d[2], d[3], d[1]}; };
  return permute(run(kPad, {permute(x, {0, 2, 3, 1})}, PadAttrs{last(a.before), last(a.after), a.value}), {0, 3, 1, 2});
}

// Of x [..., n, ...] with `given` elements before some were dropped.
void check_reach(Padding mode, const Shape& x, const Shape& given, int d, int64_t before, int64_t after) {
  const int64_t n = x[d], most = mode == Padding::kReflect ? n - 1 : n;
  if (before <= 0 && after <= 0) return;
  const std::string left = n == given[d] ? "" : concat(", of which ", n, " are left");
  HEARTH_CHECK(n > 0, "pad: dimension ", d, " of shape ", given, left, " has no elements to repeat");
  HEARTH_CHECK(mode == Padding::kReplicate || (before <= most && after <= most), "pad: ", std::max(before, after),
               " elements beside dimension ", d, " of shape ", given, left, "; ",
               mode == Padding::kReflect ? "a reflection" : "a circular padding", " has at most ", most);
}

// Made by ops, so that a graph has it.
Tensor repeated(const Tensor& x, const Shape& given, int d, int64_t before, int64_t after, Padding mode) {
  check_reach(mode, x.shape(), given, d, before, after);
  const int64_t n = x.size(d), size = padded_size("pad", x.shape(), d, before, after);
  const Tensor place = arange(-before, size - before, 1, {.dtype = DType::kI64, .device = x.device()});
  if (mode == Padding::kReplicate) return index_select(x, d, clamp(place, 0, std::max<int64_t>(n - 1, 0)));
  if (mode == Padding::kCircular) return index_select(x, d, remainder(place, std::max<int64_t>(n, 1)));
  return index_select(x, d, n - 1 - abs(n - 1 - abs(place)));
}

}  // namespace

Tensor pad(const Tensor& x, const std::vector<int64_t>& sides, Padding mode, Scalar value) {
  const CalledAs called("pad");
  expect_defined("pad", {x});
  HEARTH_CHECK(sides.size() % 2 == 0, "pad: sides come in pairs, but there are ", sides.size(), " numbers");
  HEARTH_CHECK(sides.size() <= 2 * static_cast<size_t>(x.dim()), "pad: ", sides.size(),
               " numbers for a tensor of shape ", x.shape(), ", which has ", 2 * x.dim(), " sides");
  PadAttrs a{Dims::filled(x.dim(), 0), Dims::filled(x.dim(), 0), value};
  for (size_t i = 0; i < sides.size(); i += 2) {
    const int d = x.dim() - 1 - static_cast<int>(i / 2);
    a.before[d] = sides[i];
    a.after[d] = sides[i + 1];
  }
  if (mode == Padding::kConstant) return constant_padded(x, a);
  Tensor y = x;
  if (mode == Padding::kCircular) {
    // What is dropped does not come round.
    PadAttrs dropped = a;
    for (int d = 0; d < x.dim(); ++d) {
      dropped.before[d] = std::min<int64_t>(a.before[d], 0);
      dropped.after[d] = std::min<int64_t>(a.after[d], 0);
      a.before[d] -= dropped.before[d];
      a.after[d] -= dropped.after[d];
    }
    if (dropped.before != Dims::filled(x.dim(), 0) || dropped.after != Dims::filled(x.dim(), 0))
      y = constant_padded(x, dropped);
  }
  for (int d = 0; d < x.dim(); ++d) {
    if (a.before[d] != 0 || a.after[d] != 0) y = repeated(y, x.shape(), d, a.before[d], a.after[d], mode);
  }
  return y.impl() == x.impl() ? x.clone() : y;
}

}  // namespace hearth
