#include "core/ops/reduce.h"

#include <cmath>
#include <limits>

#include "core/autograd/guards.h"
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
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce_internal.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {

unsigned reduced_mask(const char* op, const Dims& dims, int rank) {
  if (dims.empty()) return ~0u;
  unsigned mask = 0;
  for (int64_t d : dims) {
    const int w = wrap_dim(d, rank, op);
    HEARTH_CHECK(!(mask >> w & 1), op, ": dimension ", w, " is named twice in ", dims);
    mask |= 1u << w;
  }
  return mask;
}

Shape reduced_shape(const Shape& in, unsigned mask, bool keepdim) {
  Shape out;
  for (int d = 0; d < in.rank(); ++d) {
    if (!(mask >> d & 1)) {
      out.push_back(in[d]);
    } else if (keepdim) {
      out.push_back(1);
    }
  }
  return out;
}

bool reduces_nothing(const char* op, const Tensor& x, const Dims& dims) {
  const unsigned mask = reduced_mask(op, dims, x.dim());
  for (int d = 0; d < x.dim(); ++d) {
    if ((mask >> d & 1) && x.shape()[d] == 0) return true;
  }
  return false;
}

Tensor with_ones(const Tensor& t, const Shape& in, const Dims& dims, bool keepdim, const char* op) {
  if (keepdim) return t;
  return view(t, reduced_shape(in, reduced_mask(op, dims, in.rank()), true));
}

Tensor spread(GradContext& g) {
  const auto& a = g.attrs<ReduceAttrs>();
  return with_ones(g.grad(), g.input_shape(0), a.dims, a.keepdim, "sum");
}

namespace {

enum class Result { kSame, kSum, kBool };

template <Result kResult, bool kNeedsElements>
void infer_reduce(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<ReduceAttrs>();
  c.dtype = x.dtype();
  const unsigned mask = reduced_mask(c.op.name, a.dims, x.dim());
  if constexpr (kNeedsElements) {
    for (int d = 0; d < x.dim(); ++d) {
      HEARTH_CHECK(!(mask >> d & 1) || x.shape()[d] > 0, c.op.name, ": dimension ", d, " of shape ", x.shape(),
                   " has no elements");
    }
  }
  const DType out = kResult == Result::kBool                                   ? DType::kBool
                    : kResult == Result::kSum && !is_differentiable(x.dtype()) ? DType::kI64
                                                                               : x.dtype();
  c.make(0, reduced_shape(x.shape(), mask, a.keepdim), out);
}

void infer_arg(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<ArgAttrs>();
  c.dtype = x.dtype();
  const char* const name = &c.op == &kMaxDim ? "max" : &c.op == &kMinDim ? "min" : c.op.name;  // as users call it
  const unsigned mask = a.dim ? 1u << wrap_dim(*a.dim, x.dim(), name) : ~0u;
  for (int d = 0; d < x.dim(); ++d) {
    HEARTH_CHECK(!(mask >> d & 1) || x.shape()[d] > 0, name, ": dimension ", d, " of shape ", x.shape(),
                 " has no elements");
  }
  const Shape shape = reduced_shape(x.shape(), mask, a.keepdim);
  if (c.op.outputs == 2) {
    c.make(0, shape, x.dtype());
    c.make(1, shape, DType::kI64);
  } else {
    c.make(0, shape, DType::kI64);
  }
}

void extreme_backward(GradContext& g) {
  g.widen();
  const auto& a = g.attrs<ReduceAttrs>();
  const Tensor x = g.input(0);
  const Tensor top = with_ones(g.output(), x.shape(), a.dims, a.keepdim, "amax");
  Tensor same = eq(x, top);
  // max() and min() of a tensor with NaNs are NaN, and these NaNs are where the result is from.
  if (a.dims.empty()) same = logical_or(same, logical_and(isnan(x), isnan(top)));
  const Tensor hit = same.to(x.dtype());
  g.set(0, hit / sum(hit, a.dims, true) * spread(g));
}

// For each element of [rows, n] the product of the others in its row, as a function of them, whatever zeros there are:
// products of ever larger blocks upwards, and downwards what lies outside of each block.
Tensor product_of_others(const Tensor& rows) {
  std::vector<Tensor> levels{rows};
  while (levels.back().size(1) > 1) {
    Tensor& l = levels.back();
    if (l.size(1) % 2) l = cat({l, machinery::full({l.size(0), 1}, 1, l.dtype(), l.device())}, 1);
    levels.push_back(slice(l, 1, 0, std::nullopt, 2) * slice(l, 1, 1, std::nullopt, 2));
  }
  Tensor outside = machinery::full(levels.back().shape(), 1, rows.dtype(), rows.device());
  for (size_t k = levels.size() - 1; k-- > 0;) {
    const Tensor& l = levels[k];
    const Tensor around = slice(outside, 1, 0, l.size(1) / 2);
    outside = reshape(stack({around * slice(l, 1, 1, std::nullopt, 2), around * slice(l, 1, 0, std::nullopt, 2)}, 2),
                      l.shape());
  }
  return slice(outside, 1, 0, rows.size(1));
}

// The same of x over the dimensions in `mask`.
Tensor product_of_others(const Tensor& x, unsigned mask) {
  Dims order, back = Dims::filled(x.dim(), 0);
  int64_t n = 1;
  for (bool reduced : {false, true}) {
    for (int d = 0; d < x.dim(); ++d) {
      if ((mask >> d & 1) != reduced) continue;
      back[d] = order.rank();
      order.push_back(d);
      if (reduced) n *= x.shape()[d];
    }
  }
  const Tensor moved = permute(x, order);
  if (x.numel() == 0) return x * 0;
  return permute(reshape(product_of_others(reshape(moved, {x.numel() / n, n})), moved.shape()), back);
}

void prod_backward(GradContext& g) {
  g.widen();
  const auto& a = g.attrs<ReduceAttrs>();
  const Tensor x = g.input(0);
  if (GradMode::enabled()) {
    g.set(0, product_of_others(x, reduced_mask("prod", a.dims, x.dim())) * spread(g));
    return;
  }
  // The product of the other elements: p / x, or with one zero among them, the product of the rest at that zero.
  const Tensor zero = eq(x, 0);
  const Tensor rest = where(zero, Scalar(1.0), x);
  const Tensor zeros = sum(zero.to(x.dtype()), a.dims, true);
  const Tensor p = prod(rest, a.dims, true);
  const Tensor none = eq(zeros, 0), one = eq(zeros, 1);
  const Tensor slope = where(none, p / rest, where(logical_and(one, zero), p, Scalar(0.0)));
  g.set(0, slope * spread(g));
}

void arg_backward(GradContext& g) {
  const auto& a = g.attrs<ArgAttrs>();
  const int d = wrap_dim(a.dim.value_or(0), g.input_shape(0).rank(), "max");
  Tensor index = g.output(1), grad = g.grad();
  if (g.input_shape(0).rank() == 0) return g.set(0, grad);
  if (!a.keepdim) {
    index = unsqueeze(index, d);
    grad = unsqueeze(grad, d);
  }
  g.set(0, scatter_add(machinery::full(g.input_shape(0), 0, grad.dtype(), grad.device()), d, index, grad));
}

}  // namespace

#define HEARTH_REDUCTION(record, op_name, kernel_name, types, policy, rule, kept, gradient) \
  extern constinit const OpDef record = {.name = op_name,                                   \
                                         .kind = OpKind::kReduction,                        \
                                         .dtypes = types,                                   \
                                         .autocast = AutocastPolicy::policy,                \
                                         .attrs = &attrs_type<ReduceAttrs>,                 \
                                         .infer = rule,                                     \
                                         .save = kept,                                      \
                                         .kernel = {cpu::kernel_name, cuda::kernel_name},   \
                                         .backward = gradient};                             \
  HEARTH_OP(record)

HEARTH_REDUCTION(kSum, "sum", sum, kAllTypes | kComplexTypes, kF32, (infer_reduce<Result::kSum, false>), {},
                 [](GradContext& g) { g.set(0, machinery::expand(spread(g), g.input_shape(0))); });
HEARTH_REDUCTION(kMean, "mean", mean, kFloatTypes | kComplexTypes, kF32, (infer_reduce<Result::kSame, false>), {},
                 [](GradContext& g) {
                   const double n = static_cast<double>(g.input_shape(0).numel());
                   const double m = static_cast<double>(g.grad().numel());
                   g.set(0, machinery::expand(spread(g) * (n == 0 ? 0 : m / n), g.input_shape(0)));
                 });
HEARTH_REDUCTION(kProd, "prod", prod, kAllTypes, kF32, (infer_reduce<Result::kSum, false>), (Save{.input = {1}}),
                 prod_backward);
HEARTH_REDUCTION(kAmax, "amax", amax, kAllTypes, kNone, (infer_reduce<Result::kSame, true>),
                 (Save{.input = {1}, .outputs = 1}), extreme_backward);
HEARTH_REDUCTION(kAmin, "amin", amin, kAllTypes, kNone, (infer_reduce<Result::kSame, true>),
                 (Save{.input = {1}, .outputs = 1}), extreme_backward);
HEARTH_REDUCTION(kAny, "any", any, DTypeSet{boolean}, kNone, (infer_reduce<Result::kBool, false>), {}, nullptr);
HEARTH_REDUCTION(kAll, "all", all, DTypeSet{boolean}, kNone, (infer_reduce<Result::kBool, false>), {}, nullptr);

#define HEARTH_ARG(record, op_name, kernel_name, count, ...)             \
  extern constinit const OpDef record = {.name = op_name,                \
                                         .kind = OpKind::kReduction,     \
                                         .dtypes = kAllTypes,            \
                                         .outputs = count,               \
                                         .visible = count,               \
                                         .attrs = &attrs_type<ArgAttrs>, \
                                         .infer = infer_arg,             \
                                         __VA_ARGS__};                   \
  HEARTH_OP(record)
HEARTH_ARG(kArgmax, "argmax", argmax, 1, .kernel = {cpu::argmax, cuda::argmax});
HEARTH_ARG(kArgmin, "argmin", argmin, 1, .kernel = {cpu::argmin, cuda::argmin});
HEARTH_ARG(kMaxDim, "max_dim", max_dim, 2, .save = {.outputs = 2}, .kernel = {cpu::max_dim, cuda::max_dim},
           .backward = arg_backward);
HEARTH_ARG(kMinDim, "min_dim", min_dim, 2, .save = {.outputs = 2}, .kernel = {cpu::min_dim, cuda::min_dim},
           .backward = arg_backward);

#define HEARTH_FUNCTION(record, name) \
  Tensor name(const Tensor& x, const Dims& dims, bool keepdim) { return run(record, {x}, ReduceAttrs{dims, keepdim}); }
HEARTH_FUNCTION(kSum, sum)
HEARTH_FUNCTION(kMean, mean)
HEARTH_FUNCTION(kProd, prod)
HEARTH_FUNCTION(kAmax, amax)
HEARTH_FUNCTION(kAmin, amin)
Tensor any(const Tensor& x, const Dims& dims, bool keepdim) {
  const CalledAs called("any");
  expect_defined("any", {x});
  return run(kAny, {x.dtype() == DType::kBool ? x : ne(x, 0)}, ReduceAttrs{dims, keepdim});
}
Tensor all(const Tensor& x, const Dims& dims, bool keepdim) {
  const CalledAs called("all");
  expect_defined("all", {x});
  return run(kAll, {x.dtype() == DType::kBool ? x : ne(x, 0)}, ReduceAttrs{dims, keepdim});
}
Tensor sum_to(const Tensor& x, const Shape& shape) { return machinery::sum_to(x, shape); }

std::pair<Tensor, Tensor> max(const Tensor& x, int64_t d, bool keepdim) {
  const CalledAs called("max");
  auto r = run_all(kMaxDim, {x}, ArgAttrs{d, keepdim});
  return {std::move(r[0]), std::move(r[1])};
}
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t d, bool keepdim) {
  const CalledAs called("min");
  auto r = run_all(kMinDim, {x}, ArgAttrs{d, keepdim});
  return {std::move(r[0]), std::move(r[1])};
}
Tensor argmax(const Tensor& x, std::optional<int64_t> d, bool keepdim) {
  return run(kArgmax, {x}, ArgAttrs{d, keepdim});
}
Tensor argmin(const Tensor& x, std::optional<int64_t> d, bool keepdim) {
  return run(kArgmin, {x}, ArgAttrs{d, keepdim});
}

Tensor count_nonzero(const Tensor& x, const Dims& dims) {
  const CalledAs called("count_nonzero");
  return sum(ne(x, 0), dims);
}
Tensor max(const Tensor& x) {
  const CalledAs called("max");
  return amax(x);
}
Tensor min(const Tensor& x) {
  const CalledAs called("min");
  return amin(x);
}

#define HEARTH_METHOD(name) \
  Tensor Tensor::name(const Dims& dims, bool keepdim) const { return hearth::name(*this, dims, keepdim); }
HEARTH_METHOD(sum)
HEARTH_METHOD(mean)
HEARTH_METHOD(amax)
HEARTH_METHOD(amin)
HEARTH_METHOD(logsumexp)
Tensor Tensor::prod() const { return hearth::prod(*this); }
Tensor Tensor::prod(int64_t d, bool keepdim) const { return hearth::prod(*this, {d}, keepdim); }
Tensor Tensor::all() const { return hearth::all(*this); }
Tensor Tensor::all(int64_t d, bool keepdim) const { return hearth::all(*this, {d}, keepdim); }
Tensor Tensor::any() const { return hearth::any(*this); }
Tensor Tensor::any(int64_t d, bool keepdim) const { return hearth::any(*this, {d}, keepdim); }
Tensor Tensor::max() const { return hearth::amax(*this); }
Tensor Tensor::min() const { return hearth::amin(*this); }
std::pair<Tensor, Tensor> Tensor::max(int64_t d, bool keepdim) const { return hearth::max(*this, d, keepdim); }
std::pair<Tensor, Tensor> Tensor::min(int64_t d, bool keepdim) const { return hearth::min(*this, d, keepdim); }
Tensor Tensor::argmax(std::optional<int64_t> d, bool keepdim) const { return hearth::argmax(*this, d, keepdim); }
Tensor Tensor::argmin(std::optional<int64_t> d, bool keepdim) const { return hearth::argmin(*this, d, keepdim); }
Tensor Tensor::var(const Dims& dims, int64_t correction, bool keepdim) const {
  return hearth::var(*this, dims, correction, keepdim);
}
Tensor Tensor::std(const Dims& dims, int64_t correction, bool keepdim) const {
  return hearth::std(*this, dims, correction, keepdim);
}
Tensor Tensor::norm(double p, const Dims& dims, bool keepdim) const { return hearth::norm(*this, p, dims, keepdim); }
Tensor Tensor::count_nonzero(const Dims& dims) const { return hearth::count_nonzero(*this, dims); }

}  // namespace hearth
