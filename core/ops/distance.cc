#include "core/ops/distance.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/distance.h"
#include "core/op/attrs/distance.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {

Tensor dist(const Tensor& a, const Tensor& b, double p) {
  const CalledAs called("dist");
  return norm(a - b, p);
}

Tensor renorm(const Tensor& x, double p, int64_t d, double most) {
  const CalledAs called("renorm");
  expect_defined("renorm", {x});
  HEARTH_CHECK(p > 0 && most >= 0, "renorm: p must be positive and the norm not negative, but they are ", p, " and ",
               most);
  HEARTH_CHECK(x.dim() >= 2, "renorm: expected at least 2 dimensions, but the shape is ", x.shape());
  const int w = wrap_dim(d, x.dim(), "renorm");
  Dims others;
  for (int i = 0; i < x.dim(); ++i) {
    if (i != w) others.push_back(i);
  }
  const Tensor size = norm(x, p, others, true), large = gt(size.detach(), most);
  if (is_half(x.dtype())) return rounded(renorm(machinery::widened(x), p, d, most), x.dtype());
  // The same small number as in PyTorch keeps the quotient finite.
  return x * where(large, most / (where(large, size, Scalar(1.0)) + 1e-7), Scalar(1.0));
}

namespace {

// The norm along one dimension, at least eps, of what is stretched to `size` places there.
Tensor length_of(const Tensor& x, int64_t d, int64_t size, double eps) {
  Shape shape = x.shape();
  shape[wrap_dim(d, x.dim(), "cosine_similarity")] = size;
  return clamp(norm(expand(x, shape), 2, d, true), eps);
}

void infer_cdist(OpCall& c) {
  expect_same_dtype(c);
  expect_rank(c, 0, 3);
  expect_rank(c, 1, 3);
  const Shape &a = c.input(0).shape(), &b = c.input(1).shape();
  HEARTH_CHECK(a[0] == b[0] && a[2] == b[2], "cdist: shapes ", a, " and ", b, " do not fit");
  const double p = c.attrs_as<CdistAttrs>().p;
  HEARTH_CHECK(p >= 0, "cdist: p must not be negative, but is ", p);
  c.make(0, {a[0], a[1], b[1]}, c.input(0).dtype());
}

// g / d^(p - 1), and 0 where the distance d is 0.
Tensor over_distance(const Tensor& g, const Tensor& distance, double p) {
  const Tensor none = eq(distance, 0), safe = where(none, Scalar(1.0), distance);
  return where(none, Scalar(0.0), g / (p == 2 ? safe : pow(safe, p - 1)));
}

// The gradient of each difference a - b, [b, p, r, m].
Tensor of_differences(GradContext& g, double p) {
  const Tensor difference = unsqueeze(g.input(0), 2) - unsqueeze(g.input(1), 1);
  const Tensor direction = sign(difference), size = abs(difference);
  if (p == 1) return direction * unsqueeze(g.grad(), 3);
  if (std::isinf(p)) {
    const Tensor greatest = eq(size, unsqueeze(g.output(0), 3));
    return where(greatest, direction * unsqueeze(g.grad(), 3), Scalar(0.0));
  }
  const Tensor none = eq(size, 0);
  const Tensor slope = where(none, Scalar(0.0), pow(where(none, Scalar(1.0), size), p - 1));
  return direction * slope * unsqueeze(over_distance(g.grad(), g.output(0), p), 3);
}

// For p = 2, some rows at a time. Of differences, not of products of the rows, which lose the digits in which near rows
// differ.
void euclidean_backward(GradContext& g) {
  constexpr int64_t kElements = 1 << 22;
  const Tensor a = g.input(0), b = g.input(1), w = over_distance(g.grad(), g.output(0), 2);
  const int64_t rows = a.size(1), step = std::max<int64_t>(kElements / std::max<int64_t>(b.numel(), 1), 1);
  std::vector<Tensor> of_a;
  Tensor of_b;
  for (int64_t at = 0; at < rows || at == 0; at += step) {
    const int64_t n = std::min(step, rows - at);
    const Tensor part = (unsqueeze(narrow(a, 1, at, n), 2) - unsqueeze(b, 1)) * unsqueeze(narrow(w, 1, at, n), 3);
    if (g.needs(0)) of_a.push_back(sum(part, 2));
    if (!g.needs(1)) continue;
    const Tensor sums = sum(part, 1);
    of_b = of_b.defined() ? of_b + sums : sums;
  }
  if (g.needs(0)) g.set(0, of_a.size() == 1 ? of_a[0] : cat(of_a, 1));
  if (g.needs(1)) g.set(1, neg(of_b));
}

void cdist_backward(GradContext& g) {
  const double p = g.attrs<CdistAttrs>().p;
  if (p == 0) {
    for (const int i : {0, 1}) g.set(i, machinery::full(g.input_shape(i), 0, g.grad().dtype(), g.grad().device()));
    return;
  }
  if (p == 2) return euclidean_backward(g);
  const Tensor all = of_differences(g, p);
  if (g.needs(0)) g.set(0, sum(all, 2));
  if (g.needs(1)) g.set(1, neg(sum(all, 1)));
}

// [product of the leading sizes, rows, m].
Tensor as_batch(const Tensor& x, Shape leading) {
  const int64_t count = leading.numel();
  leading.push_back(x.size(-2));
  leading.push_back(x.size(-1));
  return reshape(expand(x, leading), {count, x.size(-2), x.size(-1)});
}

Shape leading_of(const Tensor& x) { return std::span<const int64_t>(x.shape().data(), x.shape().size() - 2); }

}  // namespace

extern constinit const OpDef kCdist = {
    .name = "cdist",
    .dtypes = DTypeSet{f32, f64},
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<CdistAttrs>,
    .infer = infer_cdist,
    .save = {.input = {kAnyGradient, kAnyGradient}, .outputs = 1},
    .kernel = {cpu::cdist, cuda::cdist},
    .backward = cdist_backward,
};
HEARTH_OP(kCdist);

Tensor normalize(const Tensor& x, double p, const Dims& dims, double eps) {
  const CalledAs called("normalize");
  expect_dtypes("normalize", x, kFloatTypes | kComplexTypes);
  const Tensor wide = machinery::widened(x);
  return rounded(wide / clamp(norm(wide, p, dims, true), eps), x.dtype());
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t d, double eps) {
  const CalledAs called("cosine_similarity");
  expect_dtypes("cosine_similarity", a, kFloatTypes);
  expect_dtypes("cosine_similarity", b, kFloatTypes);
  HEARTH_CHECK(eps >= 0, "cosine_similarity: eps must not be negative, but is ", eps);
  const DType t = promote(a.dtype(), b.dtype());
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), "cosine_similarity");
  const int w = wrap_dim(d, shape.rank(), "cosine_similarity"), behind = w - shape.rank();
  if (shape.rank() == 0) return cosine_similarity(reshape(a, {1}), reshape(b, {1}), 0, eps);
  // Both with all dimensions; those of size 1 are stretched later.
  const auto filled = [&](const Tensor& x) {
    Shape all = Dims::filled(shape.rank() - x.dim(), 1);
    for (const int64_t size : x.shape()) all.push_back(size);
    return machinery::widened(reshape(x.to(t), all));
  };
  const Tensor x = filled(a), y = filled(b);
  const Tensor u = x / length_of(x, behind, shape[w], eps), v = y / length_of(y, behind, shape[w], eps);
  return rounded(sum(u * v, behind), t);
}

Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) {
  const CalledAs called("pairwise_distance");
  expect_dtypes("pairwise_distance", a, kFloatTypes);
  expect_dtypes("pairwise_distance", b, kFloatTypes);
  const DType t = promote(a.dtype(), b.dtype());
  const Tensor x = machinery::widened(a.to(t)), y = machinery::widened(b.to(t));
  return rounded(norm(x - y + eps, p, -1, keepdim), t);
}

Tensor cdist(const Tensor& a, const Tensor& b, double p) {
  const CalledAs called("cdist");
  expect_dtypes("cdist", a, kFloatTypes);
  expect_dtypes("cdist", b, kFloatTypes);
  HEARTH_CHECK(a.dim() >= 2 && b.dim() >= 2, "cdist: expected at least 2 dimensions, but the shapes are ", a.shape(),
               " and ", b.shape());
  HEARTH_CHECK(a.size(-1) == b.size(-1), "cdist: rows must have one size, but the shapes are ", a.shape(), " and ",
               b.shape());
  HEARTH_CHECK(p >= 0, "cdist: p must not be negative, but is ", p);
  const DType t = promote(a.dtype(), b.dtype());
  Shape shape = broadcast_shapes(leading_of(a), leading_of(b), "cdist");
  const Tensor x = as_batch(machinery::widened(a.to(t)), shape), y = as_batch(machinery::widened(b.to(t)), shape);
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-2));
  return rounded(view(run(kCdist, {x, y}, CdistAttrs{p}), shape), t);
}

}  // namespace hearth
