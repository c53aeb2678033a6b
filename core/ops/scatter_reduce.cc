#include "core/ops/scatter_reduce.h"

#include <limits>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/scatter_reduce.h"
#include "core/op/attrs/scatter_reduce.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

enum Reduce : int64_t { kProduct, kGreatest, kSmallest };

void infer_scatter_reduce(OpCall& c) {
  const Tensor &x = c.input(0), &index = c.input(1), &source = c.input(2);
  const auto& a = c.attrs_as<ScatterReduceAttrs>();
  HEARTH_CHECK(a.reduce >= kProduct && a.reduce <= kSmallest, c.op.name, ": there is no way ", a.reduce,
               " to put elements together");
  expect_dtype(c, 1, kIndexTypes);
  HEARTH_CHECK(source.dtype() == x.dtype(), c.op.name, ": the source is ", source.dtype(), ", but the tensor ",
               x.dtype());
  HEARTH_CHECK(x.dim() >= 1 && index.dim() == x.dim() && source.shape() == index.shape(), c.op.name,
               ": shapes do not fit: the tensor's is ", x.shape(), ", the index's ", index.shape(), ", the source's ",
               source.shape());
  const int d = wrap_dim(a.dim, x.dim(), c.op.name);
  for (int k = 0; k < x.dim(); ++k) {
    HEARTH_CHECK(k == d || index.shape()[k] <= x.shape()[k], c.op.name, ": the index of shape ", index.shape(),
                 " is larger than the tensor of shape ", x.shape(), " in dimension ", k);
  }
  c.dtype = x.dtype();
  c.make(0, x.shape(), x.dtype());
}

// The elements that are the extreme share the gradient.
void extreme_backward(GradContext& g, int64_t d) {
  const Tensor x = g.input(0), index = g.input(1), source = g.input(2), extreme = g.output(0).detach();
  const Tensor of_x = eq(x, extreme).to(x.dtype()), of_source = eq(source, gather(extreme, d, index)).to(x.dtype());
  const Tensor share = g.grad() / clamp(scatter_add(of_x, d, index, of_source), 1.0);
  if (g.needs(0)) g.set(0, of_x * share);
  if (g.needs(2)) g.set(2, of_source * gather(share, d, index));
}

// For each factor the product of the others: that of those that are not 0, if no other is.
void product_backward(GradContext& g, int64_t d) {
  const Tensor x = g.input(0), index = g.input(1), source = g.input(2);
  const Tensor x_zero = eq(x, 0), source_zero = eq(source, 0);
  const Tensor x_rest = where(x_zero, Scalar(1.0), x), source_rest = where(source_zero, Scalar(1.0), source);
  const Tensor product = run(kScatterReduce, {x_rest, index, source_rest}, ScatterReduceAttrs{d, kProduct});
  const Tensor x_count = x_zero.to(x.dtype()), source_count = source_zero.to(x.dtype());
  const Tensor zeros = scatter_add(x_count, d, index, source_count);
  const auto of = [](const Tensor& others, const Tensor& slope) { return where(eq(others, 0), slope, Scalar(0.0)); };
  if (g.needs(0)) g.set(0, of(zeros - x_count, g.grad() * product / x_rest));
  if (g.needs(2)) {
    const Tensor slope = gather(g.grad() * product, d, index) / source_rest;
    g.set(2, of(gather(zeros, d, index) - source_count, slope));
  }
}

void scatter_reduce_backward(GradContext& g) {
  const auto& a = g.attrs<ScatterReduceAttrs>();
  if (a.reduce == kProduct) product_backward(g, a.dim);
  else extreme_backward(g, a.dim);
}

// What changes nothing when it is put together with an element.
Scalar neutral(ScatterMode reduce, DType t) {
  const bool greatest = reduce == ScatterMode::kAmax;
  if (reduce == ScatterMode::kProd) return Scalar(int64_t{1});
  if (reduce != ScatterMode::kAmax && reduce != ScatterMode::kAmin) return Scalar(int64_t{0});
  if (is_floating_point(t)) {
    return greatest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  }
  return visit(t, [&]<class T>() -> Scalar {
    if constexpr (std::is_integral_v<T>) {
      return Scalar(greatest ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max());
    } else {
      return Scalar(int64_t{0});
    }
  });
}

Tensor reduced(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source, ScatterMode reduce,
               bool include_self) {
  const Tensor base = include_self ? x : scatter(x, d, index, neutral(reduce, x.dtype()));
  switch (reduce) {
    case ScatterMode::kSum:
      return scatter_add(base, d, index, source);
    case ScatterMode::kMean: {
      const Tensor one = machinery::full(x.shape(), 1, i64, x.device());
      const Tensor own = include_self ? one : scatter(one, d, index, Scalar(int64_t{0}));
      const Tensor count = scatter_add(own, d, index, machinery::full(index.shape(), 1, i64, x.device()));
      if (x.is_floating_point()) return scatter_add(base, d, index, source) / count.to(x.dtype());
      return floor_divide(scatter_add(base.to(i64), d, index, source.to(i64)), count).to(x.dtype());
    }
    case ScatterMode::kProd:
      return run(kScatterReduce, {base, index, source}, ScatterReduceAttrs{d, kProduct});
    case ScatterMode::kAmax:
      return run(kScatterReduce, {base, index, source}, ScatterReduceAttrs{d, kGreatest});
    case ScatterMode::kAmin:
      return run(kScatterReduce, {base, index, source}, ScatterReduceAttrs{d, kSmallest});
  }
  __builtin_unreachable();
}

}  // namespace

extern constinit const OpDef kScatterReduce = {
    .name = "scatter_reduce",
    .dtypes = DTypeSet{f32, f64} | kIntTypes,
    .min_inputs = 3,
    .max_inputs = 3,
    .attrs = &attrs_type<ScatterReduceAttrs>,
    .infer = infer_scatter_reduce,
    .save = {.input = {kAnyGradient, kAnyGradient, kAnyGradient}, .outputs = 1},
    .kernel = {cpu::scatter_reduce, cuda::scatter_reduce},
    .backward = scatter_reduce_backward,
};
HEARTH_OP(kScatterReduce);

Tensor scatter_reduce(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source, ScatterMode reduce,
                      bool include_self) {
  const CalledAs called("scatter_reduce");
  expect_dtypes("scatter_reduce", x, kNumberTypes);
  expect_dtypes("scatter_reduce", index, kIndexTypes);
  expect_defined("scatter_reduce", {source});
  HEARTH_CHECK(source.dtype() == x.dtype(), "scatter_reduce: the source is ", source.dtype(), ", but the tensor ",
               x.dtype());
  wrap_dim(d, x.dim(), "scatter_reduce");
  if (x.dim() == 0) {
    HEARTH_CHECK(index.dim() <= 1 && source.dim() <= 1, "scatter_reduce: for a 0-dim tensor index and source must ",
                 "have at most 1 dimension, but their shapes are ", index.shape(), " and ", source.shape());
    return reshape(
        scatter_reduce(reshape(x, {1}), 0, reshape(index, {-1}), reshape(source, {-1}), reduce, include_self), {});
  }
  HEARTH_CHECK(index.dim() == x.dim() && source.dim() == x.dim(),
               "scatter_reduce: tensor, index and source must have as many dimensions, but their shapes are ",
               x.shape(), ", ", index.shape(), " and ", source.shape());
  // The part of the source that is looked at.
  Tensor part = source;
  for (int k = 0; k < index.dim(); ++k) {
    HEARTH_CHECK(index.shape()[k] <= source.shape()[k], "scatter_reduce: the index of shape ", index.shape(),
                 " is larger than the source of shape ", source.shape(), " in dimension ", k);
    if (index.shape()[k] < source.shape()[k]) part = narrow(part, k, 0, index.shape()[k]);
  }
  const Tensor wide = machinery::widened(x);
  return machinery::cast(reduced(wide, d, index, machinery::widened(part), reduce, include_self), x.dtype());
}

Tensor index_reduce(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source, ScatterMode reduce,
                    bool include_self) {
  const CalledAs called("index_reduce");
  expect_defined("index_reduce", {x, index, source});
  HEARTH_CHECK(x.dim() >= 1 && index.dim() == 1 && source.dim() == x.dim(),
               "index_reduce: expected an index [n], and a source with the dimensions of the tensor; the shapes are ",
               index.shape(), ", ", source.shape(), " and ", x.shape());
  const int w = wrap_dim(d, x.dim(), "index_reduce");
  Shape expected = x.shape(), line = Dims::filled(x.dim(), 1);
  expected[w] = line[w] = index.numel();
  HEARTH_CHECK(source.shape() == expected, "index_reduce: the source must have the shape ", expected, ", but has ",
               source.shape());
  return scatter_reduce(x, w, expand(view(index, line), expected), source, reduce, include_self);
}

}  // namespace hearth
