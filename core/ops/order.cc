#include "core/ops/order.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/order.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_isin(OpCall& c) {
  expect_same_dtype(c);
  c.make(0, c.input(0).shape(), DType::kBool);
}

void infer_median(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<ArgAttrs>();
  HEARTH_CHECK(a.dim, c.op.name, ": the record needs a dimension");
  HEARTH_CHECK(c.op.outputs == c.op.visible || x.dim() == 1, c.op.name, ": expected one dimension, but the shape is ",
               x.shape());
  const int d = wrap_dim(*a.dim, x.dim(), "median");
  HEARTH_CHECK(x.dim() == 0 || x.shape()[d] > 0, "median: dimension ", d, " of shape ", x.shape(), " has no elements");
  Shape shape = x.shape();
  if (x.dim() > 0) {
    if (a.keepdim) shape[d] = 1;
    else shape.erase(d);
  }
  c.make(0, shape, x.dtype());
  c.make(1, shape, DType::kI64);
}

void median_backward(GradContext& g) {
  if (!g.has_grad(0)) return;
  const auto& a = g.attrs<ArgAttrs>();
  const int rank = g.input_shape(0).rank();
  if (rank == 0) return g.set(0, g.grad());
  const int d = wrap_dim(a.dim.value_or(-1), rank, "median");
  const auto at_its_place = [&](const Tensor& t) { return a.keepdim ? t : unsqueeze(t, d); };
  const Tensor zero = machinery::full(g.input_shape(0), 0, g.grad().dtype(), g.grad().device());
  g.set(0, scatter_add(zero, d, at_its_place(g.output(1)), at_its_place(g.grad())));
}

// Shared by all elements that are the median.
void median_all_backward(GradContext& g) {
  g.widen();
  const Tensor x = g.input(0), m = g.output(0);
  const Tensor equal = logical_or(eq(x, m), logical_and(isnan(x), isnan(m)));
  g.set(0, where(equal, g.grad() / sum(equal.to(g.grad().dtype())), Scalar(0)));
}

}  // namespace

extern constinit const OpDef kMedian = {
    .name = "median",
    .kind = OpKind::kReduction,
    .dtypes = kNumberTypes,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<ArgAttrs>,
    .infer = infer_median,
    .save = {.outputs = 0b10},
    .kernel = {cpu::median, cuda::median},
    .backward = median_backward,
};
HEARTH_OP(kMedian);

extern constinit const OpDef kMedianAll = {
    .name = "median_all",
    .kind = OpKind::kReduction,
    .dtypes = kNumberTypes,
    .outputs = 2,
    .visible = 1,
    .attrs = &attrs_type<ArgAttrs>,
    .infer = infer_median,
    .save = {.input = {kAnyGradient}, .outputs = 0b01},
    .kernel = {cpu::median, cuda::median},
    .backward = median_all_backward,
};
HEARTH_OP(kMedianAll);

std::pair<Tensor, Tensor> median(const Tensor& x, int64_t d, bool keepdim) {
  const CalledAs called("median");
  auto r = run_all(kMedian, {x}, ArgAttrs{d, keepdim});
  return {std::move(r[0]), std::move(r[1])};
}
Tensor median(const Tensor& x) {
  const CalledAs called("median");
  expect_defined("median", {x});
  if (x.numel() == 0 && x.is_floating_point()) return mean(x);  // NaN
  HEARTH_CHECK(x.numel() > 0, "median: a tensor of shape ", x.shape(), " has no elements");
  return run(kMedianAll, {reshape(x, {-1})}, ArgAttrs{0});
}
Tensor Tensor::median() const { return hearth::median(*this); }
std::pair<Tensor, Tensor> Tensor::median(int64_t d, bool keepdim) const { return hearth::median(*this, d, keepdim); }

extern constinit const OpDef kIsin = {
    .name = "isin",
    .dtypes = kAllTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_isin,
    .kernel = {cpu::isin, cuda::isin},
};
HEARTH_OP(kIsin);

Tensor isin(const Tensor& x, const Tensor& among, bool invert) {
  const CalledAs called("isin");
  expect_defined("isin", {x, among});
  const DType t = promote(x.dtype(), among.dtype());
  const Tensor found = run(kIsin, {x.to(t), among.to(t)});
  return invert ? logical_not(found) : found;
}
Tensor isin(const Tensor& x, Scalar among, bool invert) {
  const CalledAs called("isin");
  return invert ? ne(x, among) : eq(x, among);
}

namespace {

// Groups rows 0 ... n - 1 of equal content under a strict order; before(a, b) is called with row numbers.
template <class Before>
Unique group(int64_t n, const Shape& inverse_shape, Device device, std::vector<int64_t>& first, Before before) {
  std::vector<int64_t> order(static_cast<size_t>(n)), inverse(order.size()), counts;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), before);
  for (size_t i = 0; i < order.size(); ++i) {
    // Two NaNs are equivalent in the order, but not equal: before(a, a) tells them.
    if (i == 0 || before(order[i - 1], order[i]) || before.unequal(order[i], order[i])) {
      first.push_back(order[i]);
      counts.push_back(0);
    }
    ++counts.back();
    inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(counts.size()) - 1;
  }
  return {{},
          from_values(inverse, inverse_shape, {.device = device}),
          from_values(counts, {static_cast<int64_t>(counts.size())}, {.device = device})};
}

// Lexicographic order of rows of `width` elements; NaN is greater than every number.
template <class T>
struct RowOrder {
  const T* p;
  int64_t width;
  using C = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;
  static bool less(C a, C b) { return a < b || (a == a && b != b); }
  bool operator()(int64_t i, int64_t j) const {
    for (int64_t k = 0; k < width; ++k) {
      const C a = static_cast<C>(p[i * width + k]), b = static_cast<C>(p[j * width + k]);
      if (less(a, b)) return true;
      if (less(b, a)) return false;
    }
    return false;
  }
  bool unequal(int64_t i, int64_t j) const {
    for (int64_t k = 0; k < width; ++k) {
      if (!(static_cast<C>(p[i * width + k]) == static_cast<C>(p[j * width + k]))) return true;
    }
    return false;
  }
};

void check_values(const Tensor& x) { detail::expect_values(x, "unique"); }

}  // namespace

Unique unique(const Tensor& x) {
  const CalledAs called("unique");
  expect_defined("unique", {x});
  check_values(x);
  const Tensor flat = reshape(x.detach(), {-1}).contiguous();
  const Tensor host = flat.cpu();
  std::vector<int64_t> first;
  Unique u = visit(x.dtype(), [&]<class T>() {
    return group(flat.numel(), x.shape(), x.device(), first, RowOrder<T>{static_cast<const T*>(host.raw_data()), 1});
  });
  u.values = index_select(flat, 0, from_values(first, {std::ssize(first)}, {.device = x.device()}));
  return u;
}

Unique unique(const Tensor& x, int64_t d) {
  const CalledAs called("unique");
  expect_defined("unique", {x});
  check_values(x);
  const int w = wrap_dim(d, x.dim(), "unique");
  HEARTH_CHECK(x.dim() > 0, "unique: a 0-dim tensor has no dimension ", d);
  const int64_t n = x.shape()[w];
  const Tensor rows = movedim(x.detach(), w, 0).contiguous().cpu();
  const int64_t width = n == 0 ? 0 : rows.numel() / n;
  std::vector<int64_t> first;
  Unique u = visit(x.dtype(), [&]<class T>() {
    return group(n, {n}, x.device(), first, RowOrder<T>{static_cast<const T*>(rows.raw_data()), width});
  });
  u.values = index_select(x.detach(), w, from_values(first, {std::ssize(first)}, {.device = x.device()}));
  return u;
}

}  // namespace hearth
