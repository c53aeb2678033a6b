// Reductions of floating-point numbers: norms, variances and log(sum(exp(x))).
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/reduce.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/reduce_internal.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"
#include "core/tensor/default_dtype.h"

namespace hearth {
namespace {

// Sums of squares overflow in f16 long before the mean or the root of them does: halves give f32.
void infer_wide(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<ReduceAttrs>();
  c.dtype = x.dtype();
  c.make(0, reduced_shape(x.shape(), reduced_mask(c.op.name, a.dims, x.dim()), a.keepdim),
         is_half(x.dtype()) ? DType::kF32 : x.dtype());
}
void infer_logsumexp(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<ReduceAttrs>();
  c.dtype = x.dtype();
  c.make(0, reduced_shape(x.shape(), reduced_mask(c.op.name, a.dims, x.dim()), a.keepdim), x.dtype());
}

void compose_square_sum(OpCall& c) {
  const auto& a = c.attrs_as<ReduceAttrs>();
  c.give(0, sum(square(machinery::widened(c.input(0))), a.dims, a.keepdim));
}
void compose_deviation_sum(OpCall& c) {
  const auto& a = c.attrs_as<ReduceAttrs>();
  const Tensor x = machinery::widened(c.input(0));
  c.give(0, sum(square(x - mean(x, a.dims, true)), a.dims, a.keepdim));
}
void compose_logsumexp(OpCall& c) {
  const auto& a = c.attrs_as<ReduceAttrs>();
  const Tensor& x = c.input(0);
  if (reduces_nothing("logsumexp", x, a.dims)) {
    return c.give(0, log(sum(exp(x), a.dims, a.keepdim)));
  }
  const Tensor top = amax(x, a.dims, true);
  // An infinite maximum is not subtracted: inf - inf would be NaN.
  const Tensor shift = where(isfinite(top), top, Scalar(0.0));
  const Tensor s = log(sum(exp(x - shift), a.dims, true)) + shift;
  c.give(0, view(s, c.out[0].shape()));
}

void square_sum_backward(GradContext& g) { g.set(0, machinery::widened(g.input(0)) * 2 * spread(g)); }
void deviation_sum_backward(GradContext& g) {
  const Tensor x = machinery::widened(g.input(0));
  g.set(0, (x - mean(x, g.attrs<ReduceAttrs>().dims, true)) * 2 * spread(g));
}
void logsumexp_backward(GradContext& g) {
  const auto& a = g.attrs<ReduceAttrs>();
  const Tensor x = g.input(0);
  g.set(0, exp(x - with_ones(g.output(), x.shape(), a.dims, a.keepdim, "logsumexp")) * spread(g));
}

}  // namespace

extern constinit const OpDef kSquareSum = {.name = "square_sum",
                                           .kind = OpKind::kReduction,
                                           .dtypes = kFloatTypes,
                                           .attrs = &attrs_type<ReduceAttrs>,
                                           .infer = infer_wide,
                                           .save = {.input = {1}},
                                           .kernel = {cpu::square_sum, nullptr},
                                           .compose = compose_square_sum,
                                           .backward = square_sum_backward};
HEARTH_OP(kSquareSum);
extern constinit const OpDef kDeviationSum = {.name = "deviation_sum",
                                              .kind = OpKind::kReduction,
                                              .dtypes = kFloatTypes,
                                              .attrs = &attrs_type<ReduceAttrs>,
                                              .infer = infer_wide,
                                              .save = {.input = {1}},
                                              .kernel = {cpu::deviation_sum, nullptr},
                                              .compose = compose_deviation_sum,
                                              .backward = deviation_sum_backward};
HEARTH_OP(kDeviationSum);
extern constinit const OpDef kLogsumexp = {.name = "logsumexp",
                                           .kind = OpKind::kReduction,
                                           .dtypes = DTypeSet{f32, f64},
                                           .autocast = AutocastPolicy::kF32,
                                           .attrs = &attrs_type<ReduceAttrs>,
                                           .infer = infer_logsumexp,
                                           .save = {.input = {1}, .outputs = 1},
                                           .kernel = {cpu::logsumexp, nullptr},
                                           .compose = compose_logsumexp,
                                           .backward = logsumexp_backward};
HEARTH_OP(kLogsumexp);

namespace {
// The root of sums of squares, whose gradient is 0 where they are 0.
Tensor root(const Tensor& sums) {
  const Tensor zero = eq(sums, 0);
  return where(zero, Scalar(0), sqrt(where(zero, Scalar(1), sums)));
}
}  // namespace

Tensor var(const Tensor& x, const Dims& dims, int64_t correction, bool keepdim) {
  const CalledAs called("var");
  expect_dtypes("var", x, kFloatTypes);
  const Tensor squares = run(kDeviationSum, {x}, ReduceAttrs{dims, keepdim});
  const double n = static_cast<double>(x.numel()) / std::max<double>(static_cast<double>(squares.numel()), 1);
  return machinery::cast(squares / std::max(n - static_cast<double>(correction), 0.0), x.dtype());
}
Tensor std(const Tensor& x, const Dims& dims, int64_t correction, bool keepdim) {
  const CalledAs called("std");
  expect_dtypes("std", x, kFloatTypes);
  return machinery::cast(root(var(machinery::widened(x), dims, correction, keepdim)), x.dtype());
}

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim) {
  const CalledAs called("norm");
  if (x.defined() && x.is_complex()) return norm(abs(x), p, dims, keepdim);
  expect_dtypes("norm", x, kFloatTypes);
  if (p == 2) return rounded(root(run(kSquareSum, {x}, ReduceAttrs{dims, keepdim})), x.dtype());
  if (is_half(x.dtype())) return rounded(norm(machinery::widened(x), p, dims, keepdim), x.dtype());
  if (p == 1) return sum(abs(x), dims, keepdim);
  // The number of elements that are not 0, with a gradient of 0.
  if (p == 0) return sum(where(eq(x, 0), sign(x), Scalar(1)), dims, keepdim);
  if (std::isinf(p)) {
    HEARTH_CHECK(!reduces_nothing("norm", x, dims), "norm: a tensor of shape ", x.shape(),
                 " has no largest or smallest element along ", dims);
    return p > 0 ? amax(abs(x), dims, keepdim) : amin(abs(x), dims, keepdim);
  }
  const Tensor sizes = abs(x);
  Tensor powers;
  if (p < 1) {
    // The power has no slope at 0, where the norm's gradient is 0.
    const Tensor zero = eq(sizes, 0);
    const double at_zero = p < 0 ? std::numeric_limits<double>::infinity() : 0;
    powers = where(zero, Scalar(at_zero), pow(where(zero, Scalar(1), sizes), p));
  } else {
    powers = pow(sizes, p);
  }
  const Tensor sums = sum(powers, dims, keepdim), zero = eq(sums, 0);
  return where(zero, Scalar(p < 0 ? std::numeric_limits<double>::infinity() : 0),
               pow(where(zero, Scalar(1), sums), 1 / p));
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const CalledAs called("logsumexp");
  expect_defined("logsumexp", {x});
  // Of halves in f32: the gradient needs the result as it was before it was rounded.
  if (is_half(x.dtype())) return machinery::cast(logsumexp(machinery::widened(x), dims, keepdim), x.dtype());
  const bool whole = !x.is_floating_point() && !x.is_complex();
  return run(kLogsumexp, {whole ? x.to(default_dtype()) : x}, ReduceAttrs{dims, keepdim});
}

}  // namespace hearth
