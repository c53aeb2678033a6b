#include "core/ops/index.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <numeric>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/kernels/index.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/view.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index_internal.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_index_select(OpCall& c) {
  const Tensor &x = c.input(0), &index = c.input(1);
  expect_dtype(c, 1, kIndexTypes);
  HEARTH_CHECK(index.dim() <= 1, "index_select: the index must have one dimension, but its shape is ", index.shape());
  HEARTH_CHECK(x.dim() > 0, "index_select: a 0-dim tensor cannot be indexed");
  Shape shape = x.shape();
  shape[wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), "index_select")] = index.numel();
  c.make(0, shape, x.dtype());
}

void check_index_shape(OpCall& c, const Tensor& x, const Tensor& index, bool within) {
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  HEARTH_CHECK(index.dim() == x.dim(), c.op.name, ": the index of shape ", index.shape(), " and the tensor of shape ",
               x.shape(), " must have as many dimensions");
  for (int k = 0; within && k < x.dim(); ++k) {
    HEARTH_CHECK(k == d || index.shape()[k] <= x.shape()[k], c.op.name, ": the index of shape ", index.shape(),
                 " is larger than the tensor of shape ", x.shape(), " in dimension ", k);
  }
}

void infer_gather(OpCall& c) {
  expect_dtype(c, 1, kIndexTypes);
  check_index_shape(c, c.input(0), c.input(1), true);
  c.make(0, c.input(1).shape(), c.input(0).dtype());
}

void infer_scatter(OpCall& c) {
  expect_dtype(c, 1, kIndexTypes);
  check_index_shape(c, c.input(0), c.input(1), true);
  const Tensor &index = c.input(1), &source = c.input(2);
  HEARTH_CHECK(source.dtype() == c.input(0).dtype(), c.op.name, ": the source is ", source.dtype(), ", but the tensor ",
               c.input(0).dtype());
  HEARTH_CHECK(source.dim() == index.dim(), c.op.name, ": the index of shape ", index.shape(),
               " and the source of shape ", source.shape(), " must have as many dimensions");
  for (int k = 0; k < index.dim(); ++k) {
    HEARTH_CHECK(index.shape()[k] <= source.shape()[k], c.op.name, ": the index of shape ", index.shape(),
                 " is larger than the source of shape ", source.shape(), " in dimension ", k);
  }
  c.make(0, c.input(0).shape(), c.input(0).dtype());
}

void infer_index_add(OpCall& c) {
  const Tensor &x = c.input(0), &index = c.input(1), &source = c.input(2);
  expect_dtype(c, 1, kIndexTypes);
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), "index_add");
  HEARTH_CHECK(x.dim() > 0 && index.dim() <= 1, "index_add: the index must have one dimension, but its shape is ",
               index.shape());
  HEARTH_CHECK(source.dtype() == x.dtype(), "index_add: the source is ", source.dtype(), ", but the tensor ",
               x.dtype());
  Shape expected = x.shape();
  expected[d] = index.numel();
  HEARTH_CHECK(source.shape() == expected, "index_add: the source has shape ", source.shape(), "; expected ", expected);
  c.make(0, x.shape(), x.dtype());
}

Tensor zeros_for(GradContext& g, int i) {
  return machinery::full(g.input_shape(i), 0, g.grad().dtype(), g.grad().device());
}

}  // namespace

// A source that is written into a tensor has its dtype; Autocast casts both to the wider one.
#define HEARTH_INDEX_OP(record, op_name, n, over, attributes, rule, kernel_fn, kept, gradient) \
  extern constinit const OpDef record = {.name = op_name,                                      \
                                         .dtypes = kAllTypes,                                  \
                                         .autocast = AutocastPolicy::kWidest,                  \
                                         .min_inputs = n,                                      \
                                         .max_inputs = n,                                      \
                                         .in_place = over,                                     \
                                         .attrs = &attrs_type<attributes>,                     \
                                         .infer = rule,                                        \
                                         .save = kept,                                         \
                                         .kernel = {cpu::kernel_fn, cuda::kernel_fn},          \
                                         .backward = gradient};                                \
  HEARTH_OP(record)

HEARTH_INDEX_OP(kIndexSelect, "index_select", 2, 0, DimAttrs, infer_index_select, index_select, (Save{.input = {0, 1}}),
                [](GradContext& g) {
                  const Tensor index = g.input(1);
                  g.set(0, index_add(zeros_for(g, 0), g.attrs<DimAttrs>().dim, index, g.grad()));
                });
HEARTH_INDEX_OP(kGather, "gather", 2, 0, DimAttrs, infer_gather, gather, (Save{.input = {0, 1}}), [](GradContext& g) {
  g.set(0, scatter_add(zeros_for(g, 0), g.attrs<DimAttrs>().dim, g.input(1), g.grad()));
});
HEARTH_INDEX_OP(kScatter, "scatter", 3, 1, DimAttrs, infer_scatter, scatter, (Save{.input = {0, kAnyGradient}}),
                [](GradContext& g) {
                  const int64_t d = g.attrs<DimAttrs>().dim;
                  const Tensor index = g.input(1);
                  if (g.needs(0))
                    g.set(0, scatter(g.grad(), d, index,
                                     machinery::full(index.shape(), 0, g.grad().dtype(), g.grad().device())));
                  if (g.needs(2)) {
                    HEARTH_CHECK(index.shape() == g.input_shape(2),
                                 "scatter: a gradient needs an index of the source's shape");
                    g.set(2, gather(g.grad(), d, index));
                  }
                });
HEARTH_INDEX_OP(kScatterAdd, "scatter_add", 3, 1, DimAttrs, infer_scatter, scatter_add, (Save{.input = {0, 0b100}}),
                [](GradContext& g) {
                  g.set(0, g.grad());
                  if (!g.needs(2)) return;
                  const Tensor index = g.input(1);
                  HEARTH_CHECK(index.shape() == g.input_shape(2),
                               "scatter_add: a gradient needs an index of the source's shape");
                  g.set(2, gather(g.grad(), g.attrs<DimAttrs>().dim, index));
                });
HEARTH_INDEX_OP(kIndexAdd, "index_add", 3, 1, DimAttrs, infer_index_add, index_add, (Save{.input = {0, 0b100}}),
                [](GradContext& g) {
                  g.set(0, g.grad());
                  if (g.needs(2)) g.set(2, index_select(g.grad(), g.attrs<DimAttrs>().dim, g.input(1)));
                });
namespace {
// A 0-dim tensor as a view of one dimension.
Tensor lifted(const Tensor& t) { return t.dim() == 0 ? reshape(t, {1}) : t; }
// True if tensors of one dimension and of none meet.
bool mixed(std::initializer_list<std::reference_wrapper<const Tensor>> tensors) {
  int none = 0, one = 0;
  for (const Tensor& t : tensors) {
    if (!t.defined() || t.dim() > 1) return false;
    ++(t.dim() == 0 ? none : one);
  }
  return none > 0 && one > 0;
}
Tensor run_scatter(const OpDef& op, const Tensor& x, int64_t d, const Tensor& index, const Tensor& source) {
  if (mixed({x, index, source}))
    return reshape(run(op, {lifted(x), lifted(index), lifted(source)}, DimAttrs{d}), x.shape());
  return run(op, {x, index, source}, DimAttrs{d});
}
void run_scatter_into(const OpDef& op, Tensor& x, int64_t d, const Tensor& index, const Tensor& source) {
  if (!mixed({x, index, source})) return run_into(op, x, {x, index, source}, DimAttrs{d});
  Tensor line = lifted(x);
  run_into(op, line, {line, lifted(index), lifted(source)}, DimAttrs{d});
}
// index_add of numbers: all as lines.
bool of_numbers(const Tensor& x, const Tensor& index, const Tensor& source) {
  return x.defined() && index.defined() && x.dim() == 0 && (mixed({x, index, source}) || index.dim() == 0);
}
}  // namespace

Tensor index_select(const Tensor& x, int64_t d, const Tensor& index) {
  if (!x.defined() || !index.defined() || x.dim() > 0) return run(kIndexSelect, {x, index}, DimAttrs{d});
  HEARTH_CHECK(index.numel() == 1, "index_select: the index into a 0-dim tensor must have one element, but has ",
               index.numel());
  return reshape(run(kIndexSelect, {lifted(x), index}, DimAttrs{d}), {});
}
Tensor gather(const Tensor& x, int64_t d, const Tensor& index) {
  if (mixed({x, index})) return reshape(run(kGather, {lifted(x), lifted(index)}, DimAttrs{d}), index.shape());
  return run(kGather, {x, index}, DimAttrs{d});
}
Tensor scatter(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source) {
  return run_scatter(kScatter, x, d, index, source);
}
Tensor scatter_add(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source) {
  return run_scatter(kScatterAdd, x, d, index, source);
}
Tensor index_add(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source) {
  if (!of_numbers(x, index, source)) return run(kIndexAdd, {x, index, source}, DimAttrs{d});
  return reshape(run(kIndexAdd, {lifted(x), index, lifted(source)}, DimAttrs{d}), {});
}

Tensor scatter(const Tensor& x, int64_t d, const Tensor& index, Scalar value) { return x.scatter(d, index, value); }

namespace {
// `index` along dimension d (which may be the only one of a number) in i64, counted from the start.
Tensor places_along(const char* op, const Tensor& index, int d, const Tensor& x) {
  HEARTH_CHECK(kIndexTypes.contains(index.dtype()), op, ": the index must be i64 or i32, but is ", index.dtype());
  return detail::counted_from_start(op, index.to(i64), d, x.dim() == 0 ? 1 : x.shape()[d]);
}
}  // namespace

Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int64_t> d) {
  const CalledAs called("take_along_dim");
  expect_defined("take_along_dim", {x, index});
  if (!d) {
    const Tensor flat = reshape(x, {-1});
    return gather(flat, 0, places_along("take_along_dim", reshape(index, {-1}), 0, flat));
  }
  HEARTH_CHECK(x.dim() == index.dim(), "take_along_dim: the index of shape ", index.shape(),
               " and the tensor of shape ", x.shape(), " must have as many dimensions");
  const int w = wrap_dim(*d, x.dim(), "take_along_dim");
  Shape of_x = x.shape(), of_index = index.shape();
  if (x.dim() > 0) {
    of_x[w] = of_index[w] = 1;
    const Shape around = broadcast_shapes(of_x, of_index, "take_along_dim");
    of_x = of_index = around;
    of_x[w] = x.shape()[w];
    of_index[w] = index.shape()[w];
  }
  return gather(expand(x, of_x), w, expand(places_along("take_along_dim", index, w, x), of_index));
}

namespace {
// The slices along d that an index names, as a mask that broadcasts to x.
Tensor named_slices(const Tensor& x, int d, const Tensor& places) {
  const Tensor none = machinery::full({x.dim() == 0 ? 1 : x.shape()[d]}, false, DType::kBool, x.device());
  const Tensor mask =
      scatter(none, 0, places, machinery::expand(machinery::full({}, true, DType::kBool, x.device()), places.shape()));
  Shape one = Dims::filled(x.dim(), 1);
  if (x.dim() > 0) one[d] = x.shape()[d];
  return reshape(mask, one);
}

// A filling: the dimension, the places along it (1-D), and the value in x's dtype.
struct Filling {
  int d;
  Tensor places, value;
};
Filling checked_filling(const char* op, const Tensor& x, int64_t d, const Tensor& index, const Tensor& value) {
  expect_defined(op, {x, index, value});
  HEARTH_CHECK(value.dim() == 0, op, ": the value must be a 0-dim tensor, but its shape is ", value.shape());
  HEARTH_CHECK(index.dim() <= 1, op, ": the index must have one dimension, but its shape is ", index.shape());
  const int w = wrap_dim(d, x.dim(), op);
  return {w, places_along(op, reshape(index, {-1}), w, x), value.to(x.dtype())};
}
Tensor filled(const Tensor& x, const Filling& f) { return where(named_slices(x, f.d, f.places), f.value, x); }
Tensor fill_value(const char* op, const Tensor& x, Scalar value) {
  expect_defined(op, {x});
  HEARTH_CHECK(fits(value, x.dtype()), op, ": the number ", value, " does not fit into ", x.dtype());
  return machinery::full({}, value, x.dtype(), x.device());
}
}  // namespace

Tensor index_fill(const Tensor& x, int64_t d, const Tensor& index, Scalar value) {
  const CalledAs called("index_fill");
  return index_fill(x, d, index, fill_value("index_fill", x, value));
}
Tensor index_fill(const Tensor& x, int64_t d, const Tensor& index, const Tensor& value) {
  const CalledAs called("index_fill");
  return filled(x, checked_filling("index_fill", x, d, index, value));
}
Tensor index_copy(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source) {
  const CalledAs called("index_copy");
  expect_defined("index_copy", {x, index, source});
  HEARTH_CHECK(index.dim() <= 1, "index_copy: the index must have one dimension, but its shape is ", index.shape());
  const int w = wrap_dim(d, x.dim(), "index_copy");
  Shape expected = x.dim() == 0 ? Shape{1} : x.shape();
  expected[w] = index.numel();
  const Tensor rows = expected.rank() == 1 ? lifted(source) : source;
  HEARTH_CHECK(rows.shape() == expected, "index_copy: the source has shape ", source.shape(), "; expected ", expected);
  return reshape(run(kIndexPut, {lifted(x), lifted(index), movedim(rows, w, 0)}, IndexAttrs{{w}}), x.shape());
}

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source) {
  const CalledAs called("masked_scatter");
  expect_defined("masked_scatter", {x, mask, source});
  HEARTH_CHECK(mask.dtype() == DType::kBool, "masked_scatter: the mask must be a bool tensor, but is ", mask.dtype());
  HEARTH_CHECK(source.dtype() == x.dtype(), "masked_scatter: the source is ", source.dtype(), ", but the tensor ",
               x.dtype());
  const Shape shape = broadcast_shapes(x.shape(), mask.shape(), "masked_scatter");
  const Tensor flat_mask = reshape(expand(mask, shape), {-1});
  // The place of each true element among them.
  const Tensor place = cumsum(flat_mask, 0) - 1;
  if (place.device().is_cpu() && place.numel() > 0) {
    const int64_t needed = place[-1].item<int64_t>() + 1;
    HEARTH_CHECK(needed <= source.numel(), "masked_scatter: the mask has ", needed,
                 " true elements, but the source of ", "shape ", source.shape(), " only ", source.numel());
  }
  if (source.numel() == 0) return expand(x, shape).clone(MemoryFormat::kContiguous);
  const Tensor picked = reshape(index_select(reshape(source, {-1}), 0, clamp(place, 0)), shape);
  return where(mask, picked, x);
}

std::vector<Tensor> where(const Tensor& condition) {
  const CalledAs called("where");
  expect_defined("where", {condition});
  return unbind(nonzero(condition.dim() ? condition : reshape(condition, {1})), 1);
}
Tensor argwhere(const Tensor& x) { return nonzero(x); }

Tensor nonzero(const Tensor& x) {
  expect_defined("nonzero", {x});
  detail::expect_values(x, "nonzero");
  const Tensor mask = (x.dtype() == DType::kBool ? x : ne(x, 0)).contiguous().cpu();
  const bool* p = mask.data<bool>();
  // Pieces count what they hold, then each knows where its places go.
  constexpr int64_t kPiece = 1 << 14;
  const int64_t n = mask.numel(), pieces = (n + kPiece - 1) / kPiece;
  std::vector<int64_t> start(static_cast<size_t>(pieces) + 1);
  parallel_for(pieces, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      start[static_cast<size_t>(i) + 1] = std::count(p + i * kPiece, p + std::min(n, (i + 1) * kPiece), true);
  });
  std::partial_sum(start.begin(), start.end(), start.begin());
  const int rank = x.dim();
  const Shape& shape = x.shape();
  Tensor out = empty({start.back(), rank}, {.dtype = DType::kI64, .device = kCpu});
  int64_t* const places = out.mutable_data<int64_t>();
  parallel_for(pieces, 4, [&](int64_t begin, int64_t end) {
    int64_t* to = places + start[static_cast<size_t>(begin)] * rank;
    int64_t at[kMaxRank] = {}, rest = begin * kPiece;
    for (int d = rank; d-- > 0; rest /= shape[d]) at[d] = rest % shape[d];
    for (int64_t i = begin * kPiece; i < std::min(n, end * kPiece); ++i) {
      if (p[i]) to = std::copy_n(at, rank, to);
      for (int d = rank; d-- > 0;) {
        if (++at[d] < shape[d]) break;
        at[d] = 0;
      }
    }
  });
  return out.to(x.device());
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  const CalledAs called("masked_select");
  expect_defined("masked_select", {x, mask});
  detail::expect_values(mask, "masked_select");
  HEARTH_CHECK(mask.dtype() == DType::kBool, "masked_select: the mask must be a bool tensor, but is ", mask.dtype());
  const Shape shape = broadcast_shapes(x.shape(), mask.shape(), "masked_select");
  const Tensor flat = reshape(expand(x, shape), {-1});
  return index_select(flat, 0, reshape(nonzero(reshape(expand(mask, shape), {-1})), {-1}));
}

Tensor one_hot(const Tensor& index, int64_t classes) {
  const CalledAs called("one_hot");
  expect_defined("one_hot", {index});
  HEARTH_CHECK(classes >= 1, "one_hot: the number of classes must be at least 1, but is ", classes);
  Shape shape = index.shape();
  shape.push_back(classes);
  checked_numel(shape, sizeof(int64_t), "one_hot");
  const Tensor at = unsqueeze(index, -1);
  return scatter(machinery::full(shape, 0, i64, index.device()), -1, at,
                 machinery::full(at.shape(), 1, i64, index.device()));
}

Tensor Tensor::take_along_dim(const Tensor& index, std::optional<int64_t> d) const {
  return hearth::take_along_dim(*this, index, d);
}
Tensor Tensor::index_fill(int64_t d, const Tensor& index, Scalar value) const {
  return hearth::index_fill(*this, d, index, value);
}
Tensor Tensor::index_fill(int64_t d, const Tensor& index, const Tensor& value) const {
  return hearth::index_fill(*this, d, index, value);
}
Tensor& Tensor::index_fill_(int64_t d, const Tensor& index, Scalar value) & {
  const CalledAs called("index_fill_");
  return index_fill_(d, index, fill_value("index_fill_", *this, value));
}
Tensor& Tensor::index_fill_(int64_t d, const Tensor& index, const Tensor& value) & {
  const CalledAs called("index_fill_");
  Filling f = checked_filling("index_fill_", *this, d, index, value);
  if (f.value.impl()->storage == impl()->storage) f.value = f.value.clone();
  // Places that are named twice would count twice in the value's gradient.
  if (dim() == 0 || f.value.requires_grad()) return copy_(filled(*this, f));
  Shape rows{f.places.numel()};
  for (int k = 0; k < dim(); ++k) {
    if (k != f.d) rows.push_back(shape()[k]);
  }
  run_into(kIndexPut, *this, {*this, f.places, machinery::expand(f.value, rows)}, IndexAttrs{{f.d}});
  return *this;
}
Tensor Tensor::masked_scatter(const Tensor& mask, const Tensor& source) const {
  return hearth::masked_scatter(*this, mask, source);
}
Tensor& Tensor::masked_scatter_(const Tensor& mask, const Tensor& source) & {
  return copy_(hearth::masked_scatter(*this, mask, source));
}

Tensor Tensor::index_select(int64_t d, const Tensor& index) const { return hearth::index_select(*this, d, index); }
Tensor Tensor::masked_select(const Tensor& mask) const { return hearth::masked_select(*this, mask); }
Tensor Tensor::nonzero() const { return hearth::nonzero(*this); }
Tensor Tensor::gather(int64_t d, const Tensor& index) const { return hearth::gather(*this, d, index); }
Tensor Tensor::scatter(int64_t d, const Tensor& index, const Tensor& source) const {
  return hearth::scatter(*this, d, index, source);
}
Tensor Tensor::scatter(int64_t d, const Tensor& index, Scalar value) const {
  expect_defined("scatter", {*this, index});
  HEARTH_CHECK(fits(value, dtype()), "scatter: the number ", value, " does not fit into ", dtype());
  const Tensor source = full({}, value, {.dtype = dtype(), .device = device()});
  return hearth::scatter(*this, d, index, hearth::expand(source, index.shape()));
}
Tensor Tensor::scatter_add(int64_t d, const Tensor& index, const Tensor& source) const {
  return hearth::scatter_add(*this, d, index, source);
}
Tensor& Tensor::scatter_(int64_t d, const Tensor& index, const Tensor& source) & {
  run_scatter_into(kScatter, *this, d, index, source);
  return *this;
}
Tensor& Tensor::scatter_add_(int64_t d, const Tensor& index, const Tensor& source) & {
  run_scatter_into(kScatterAdd, *this, d, index, source);
  return *this;
}
Tensor Tensor::index_add(int64_t d, const Tensor& index, const Tensor& source) const {
  return hearth::index_add(*this, d, index, source);
}
Tensor& Tensor::index_add_(int64_t d, const Tensor& index, const Tensor& source) & {
  if (!of_numbers(*this, index, source)) {
    run_into(kIndexAdd, *this, {*this, index, source}, DimAttrs{d});
  } else {
    Tensor line = lifted(*this);
    run_into(kIndexAdd, line, {line, index, lifted(source)}, DimAttrs{d});
  }
  return *this;
}
}  // namespace hearth
