#include "core/ops/view.h"

#include <algorithm>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/view.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"

namespace hearth {
namespace {

// The shape with a -1 replaced by what makes the number of elements right.
Shape resolve(const char* op, const Shape& from, Shape to, int64_t numel) {
  int unknown = -1;
  int64_t known = 1;
  for (int d = 0; d < to.rank(); ++d) {
    if (to[d] == -1) {
      HEARTH_CHECK(unknown < 0, op, ": only one size may be -1, but the shape is ", to);
      unknown = d;
    } else {
      HEARTH_CHECK(to[d] >= 0, op, ": sizes must not be negative, but the shape is ", to);
      HEARTH_CHECK(!__builtin_mul_overflow(known, to[d], &known), op, ": shape ", to, " is too large");
    }
  }
  if (unknown >= 0) {
    HEARTH_CHECK(known != 0 && numel % known == 0, op, ": a tensor of shape ", from, " cannot take the shape ", to);
    to[unknown] = numel / known;
  } else {
    HEARTH_CHECK(known == numel, op, ": a tensor of shape ", from, " (", numel, " elements) cannot take the shape ", to,
                 " (", known, " elements)");
  }
  return to;
}

// Strides under which the same memory has the new shape; false if it cannot.
bool strides_for_view(const Layout& l, const Shape& to, Strides& out) {
  out = contiguous_strides(to);
  if (l.contiguous || l.numel == 0) return true;
  int d = to.rank() - 1;
  int64_t step = l.strides[l.rank() - 1], old_run = 1, new_run = 1;
  for (int i = l.rank() - 1; i >= 0; --i) {
    old_run *= l.shape[i];
    // A run of old dimensions that lie without gaps ends here; new dimensions must fill it exactly.
    if (i > 0 && (l.shape[i - 1] == 1 || l.strides[i - 1] == old_run * step)) continue;
    while (d >= 0 && (new_run < old_run || to[d] == 1)) {
      out[d] = new_run * step;
      new_run *= to[d--];
    }
    if (new_run != old_run) return false;
    if (i > 0) {
      step = l.strides[i - 1];
      old_run = new_run = 1;
    }
  }
  return d < 0;
}

void infer_reshape(OpCall& c) {
  const Tensor& x = c.input(0);
  const Shape to = resolve("view", x.shape(), c.attrs_as<ShapeAttrs>().shape, x.numel());
  Strides strides;
  HEARTH_CHECK(strides_for_view(x.layout(), to, strides), "view: a tensor of shape ", x.shape(), " and strides ",
               x.strides(), " cannot take the shape ", to, " without a copy; use reshape");
  c.out[0] = detail::alias(x, Layout(to, strides, x.storage_offset()));
}

Shape flattened(const Tensor& x, int64_t start, int64_t end) {
  const int s = wrap_dim(start, x.dim(), "flatten"), e = wrap_dim(end, x.dim(), "flatten");
  HEARTH_CHECK(s <= e, "flatten: the first dimension ", s, " lies behind the last, ", e);
  Shape to;
  for (int d = 0; d < std::max(x.dim(), 1); ++d) {
    const int64_t size = x.dim() ? x.shape()[d] : 1;
    if (d > s && d <= e) {
      to[to.rank() - 1] *= size;
    } else {
      to.push_back(size);
    }
  }
  return to;
}

void infer_flatten(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<FlattenAttrs>();
  const Shape to = flattened(x, a.start, a.end);
  Strides strides;
  HEARTH_CHECK(strides_for_view(x.layout(), to, strides), "flatten: a tensor of shape ", x.shape(), " and strides ",
               x.strides(), " cannot be flattened without a copy");
  c.out[0] = detail::alias(x, Layout(to, strides, x.storage_offset()));
}

void infer_permute(OpCall& c) {
  const Tensor& x = c.input(0);
  const Dims& dims = c.attrs_as<PermuteAttrs>().dims;
  HEARTH_CHECK(dims.rank() == x.dim(), "permute: ", dims, " does not name each of the ", x.dim(), " dimensions once");
  Shape shape;
  Strides strides;
  unsigned seen = 0;
  for (int64_t d : dims) {
    const int w = wrap_dim(d, x.dim(), "permute");
    HEARTH_CHECK(!(seen >> w & 1), "permute: ", dims, " names dimension ", w, " twice");
    seen |= 1u << w;
    shape.push_back(x.shape()[w]);
    strides.push_back(x.strides()[w]);
  }
  c.out[0] = detail::alias(x, Layout(shape, strides, x.storage_offset()));
}

void infer_squeeze(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& dim = c.attrs_as<ArgAttrs>().dim;
  const int only = dim ? wrap_dim(*dim, x.dim(), "squeeze") : -1;
  Shape shape;
  Strides strides;
  for (int d = 0; d < x.dim(); ++d) {
    if (x.shape()[d] == 1 && (only < 0 || only == d)) continue;
    shape.push_back(x.shape()[d]);
    strides.push_back(x.strides()[d]);
  }
  c.out[0] = detail::alias(x, Layout(shape, strides, x.storage_offset()));
}

void infer_unsqueeze(OpCall& c) {
  const Tensor& x = c.input(0);
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim() + 1, "unsqueeze");
  Shape shape = x.shape();
  Strides strides = x.strides();
  const int64_t stride = d < x.dim() ? shape[d] * strides[d] : 1;
  shape.insert(d, 1);
  strides.insert(d, stride);
  c.out[0] = detail::alias(x, Layout(shape, strides, x.storage_offset()));
}

void infer_select(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<SelectAttrs>();
  HEARTH_CHECK(x.dim() > 0, "select: a 0-dim tensor cannot be indexed");
  const int d = wrap_dim(a.dim, x.dim(), "select");
  const int64_t size = x.shape()[d];
  HEARTH_CHECK(a.index >= -size && a.index < size, "select: index ", a.index, " is out of range for dimension ", d,
               " of size ", size);
  Shape shape = x.shape();
  Strides strides = x.strides();
  const int64_t offset = x.storage_offset() + (a.index < 0 ? a.index + size : a.index) * strides[d];
  shape.erase(d);
  strides.erase(d);
  c.out[0] = detail::alias(x, Layout(shape, strides, offset));
}

void infer_slice(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<SliceAttrs>();
  HEARTH_CHECK(x.dim() > 0, "slice: a 0-dim tensor cannot be sliced");
  HEARTH_CHECK(a.step >= 1, "slice: the step must be at least 1, but is ", a.step);
  const int d = wrap_dim(a.dim, x.dim(), "slice");
  const int64_t size = x.shape()[d];
  const auto bound = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, 0, size); };
  const int64_t start = bound(a.start), end = std::max(bound(a.end.value_or(size)), start);
  Shape shape = x.shape();
  Strides strides = x.strides();
  const int64_t offset = x.storage_offset() + start * strides[d];
  shape[d] = (end - start) / a.step + ((end - start) % a.step != 0);
  strides[d] *= std::min(a.step, std::max<int64_t>(size, 1));
  c.out[0] = detail::alias(x, Layout(shape, strides, offset));
}

void infer_diagonal(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<DiagonalAttrs>();
  int d1 = wrap_dim(a.dim1, x.dim(), "diagonal"), d2 = wrap_dim(a.dim2, x.dim(), "diagonal");
  HEARTH_CHECK(d1 != d2, "diagonal: the two dimensions must differ, but both are ", d1);
  const int64_t rows = x.shape()[d1], columns = x.shape()[d2];
  const int64_t n =
      std::max<int64_t>(a.offset >= 0 ? std::min(rows, columns - a.offset) : std::min(rows + a.offset, columns), 0);
  int64_t offset = x.storage_offset();
  if (n > 0) offset += a.offset >= 0 ? a.offset * x.strides()[d2] : -a.offset * x.strides()[d1];
  Shape shape = x.shape();
  Strides strides = x.strides();
  const int64_t stride = strides[d1] + strides[d2];
  shape.erase(std::max(d1, d2));
  strides.erase(std::max(d1, d2));
  shape.erase(std::min(d1, d2));
  strides.erase(std::min(d1, d2));
  shape.push_back(n);
  strides.push_back(stride);
  c.out[0] = detail::alias(x, Layout(shape, strides, offset));
}

void infer_unfold(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<UnfoldAttrs>();
  const int d = wrap_dim(a.dim, x.dim(), "unfold");
  const int64_t n = x.dim() == 0 ? 1 : x.shape()[d];
  HEARTH_CHECK(a.size >= 0 && a.step >= 1 && a.size <= n, "unfold: windows of ", a.size, " with step ", a.step,
               " do not fit into shape ", x.shape(), " along dimension ", d);
  Shape shape = x.shape();
  Strides strides = x.strides();
  const int64_t stride = x.dim() == 0 ? 1 : strides[d];
  if (x.dim() > 0) {
    shape[d] = (n - a.size) / a.step + 1;
    strides[d] *= std::min(a.step, std::max<int64_t>(n, 1));
  }
  shape.push_back(a.size);
  strides.push_back(stride);
  c.out[0] = detail::alias(x, Layout(shape, strides, x.storage_offset()));
}

// Zeros of the operand's shape whose region, under the same view, holds the gradient.
Tensor scatter_view(GradContext& g, const OpDef& op, AttrsRef attrs) {
  Tensor zero = machinery::full(g.input_shape(0), 0, g.grad().dtype(), g.grad().device());
  Tensor region;
  {
    OpCall call(op, {}, attrs);
    const Operand in[] = {zero};
    call.in = in;
    op.infer(call);
    region = call.out[0];
  }
  return machinery::view_write(zero, g.grad(),
                               {region.shape(), region.strides(), region.storage_offset() - zero.storage_offset()});
}

void reshape_backward(GradContext& g) { g.set(0, reshape(g.grad(), g.input_shape(0))); }

}  // namespace

#define HEARTH_VIEW(record, op_name, attributes, rule, gradient)              \
  extern constinit const OpDef record = {.name = op_name,                     \
                                         .kind = OpKind::kView,               \
                                         .dtypes = kAllTypes | kComplexTypes, \
                                         .attrs = &attrs_type<attributes>,    \
                                         .infer = rule,                       \
                                         .backward = gradient};               \
  HEARTH_OP(record)

HEARTH_VIEW(kReshapeView, "view", ShapeAttrs, infer_reshape, reshape_backward);
HEARTH_VIEW(kFlatten, "flatten", FlattenAttrs, infer_flatten, reshape_backward);
HEARTH_VIEW(kPermute, "permute", PermuteAttrs, infer_permute, [](GradContext& g) {
  const Dims& dims = g.attrs<PermuteAttrs>().dims;
  Dims back = dims;
  for (int i = 0; i < dims.rank(); ++i) back[wrap_dim(dims[i], dims.rank(), "permute")] = i;
  g.set(0, permute(g.grad(), back));
});
HEARTH_VIEW(kSqueeze, "squeeze", ArgAttrs, infer_squeeze, reshape_backward);
HEARTH_VIEW(kUnsqueeze, "unsqueeze", DimAttrs, infer_unsqueeze, reshape_backward);
HEARTH_VIEW(kSelect, "select", SelectAttrs, infer_select,
            [](GradContext& g) { g.set(0, scatter_view(g, kSelect, g.attrs<SelectAttrs>())); });
HEARTH_VIEW(kSlice, "slice", SliceAttrs, infer_slice,
            [](GradContext& g) { g.set(0, scatter_view(g, kSlice, g.attrs<SliceAttrs>())); });
HEARTH_VIEW(kDiagonal, "diagonal", DiagonalAttrs, infer_diagonal,
            [](GradContext& g) { g.set(0, scatter_view(g, kDiagonal, g.attrs<DiagonalAttrs>())); });
HEARTH_VIEW(kUnfold, "unfold", UnfoldAttrs, infer_unfold, [](GradContext& g) {
  // Windows may overlap: what several have got is added.
  const auto& a = g.attrs<UnfoldAttrs>();
  if (a.size == 0) return g.set(0, machinery::full(g.input_shape(0), 0, g.grad().dtype(), g.grad().device()));
  if (g.input_shape(0).rank() == 0) return g.set(0, reshape(g.grad(), {}));
  const int d = wrap_dim(a.dim, g.input_shape(0).rank(), "unfold");
  const Tensor zero = machinery::full(g.input_shape(0), 0, g.grad().dtype(), g.grad().device());
  const Tensor windows = unfold(zero, d, a.size, a.step);
  g.set(0, machinery::view_add(zero, g.grad(), {windows.shape(), windows.strides(), 0}));
});

Tensor view(const Tensor& x, const Dims& shape) { return run(kReshapeView, {x}, ShapeAttrs{shape}); }
Tensor reshape(const Tensor& x, const Dims& shape) {
  const CalledAs called("reshape");
  expect_defined("reshape", {x});
  Strides strides;
  const Shape to = resolve("reshape", x.shape(), shape, x.numel());
  return strides_for_view(x.layout(), to, strides) ? view(x, shape) : view(x.contiguous(), shape);
}
Tensor expand(const Tensor& x, const Dims& shape) { return run(kExpand, {x}, ShapeAttrs{shape}); }
Tensor permute(const Tensor& x, const Dims& dims) { return run(kPermute, {x}, PermuteAttrs{dims}); }
Tensor transpose(const Tensor& x, int64_t a, int64_t b) {
  expect_defined("transpose", {x});
  if (x.dim() == 0) return x;
  const int i = wrap_dim(a, x.dim(), "transpose"), j = wrap_dim(b, x.dim(), "transpose");
  Dims dims = Dims::filled(x.dim(), 0);
  for (int d = 0; d < x.dim(); ++d) dims[d] = d == i ? j : d == j ? i : d;
  return permute(x, dims);
}
Tensor movedim(const Tensor& x, int64_t from, int64_t to) {
  expect_defined("movedim", {x});
  const int f = wrap_dim(from, x.dim(), "movedim"), t = wrap_dim(to, x.dim(), "movedim");
  Dims dims;
  for (int d = 0; d < x.dim(); ++d) {
    if (d != f) dims.push_back(d);
  }
  dims.insert(t, f);
  return permute(x, dims);
}
Tensor squeeze(const Tensor& x) { return run(kSqueeze, {x}, ArgAttrs{}); }
Tensor squeeze(const Tensor& x, int64_t d) { return run(kSqueeze, {x}, ArgAttrs{.dim = d}); }
Tensor unsqueeze(const Tensor& x, int64_t d) { return run(kUnsqueeze, {x}, DimAttrs{d}); }
Tensor flatten(const Tensor& x, int64_t start, int64_t end) {
  const CalledAs called("flatten");
  expect_defined("flatten", {x});
  // Whether a view is possible depends on the strides alone; a copy is made where it is not.
  Strides strides;
  const bool fits = strides_for_view(x.layout(), flattened(x, start, end), strides);
  return run(kFlatten, {fits ? x : x.contiguous()}, FlattenAttrs{start, end});
}
Tensor unflatten(const Tensor& x, int64_t d, const Dims& sizes) {
  const CalledAs called("unflatten");
  expect_defined("unflatten", {x});
  const int w = wrap_dim(d, x.dim(), "unflatten");
  const Shape part = resolve("unflatten", {x.shape()[w]}, sizes, x.shape()[w]);
  Shape to;
  for (int i = 0; i < x.dim(); ++i) {
    if (i != w) {
      to.push_back(x.shape()[i]);
    } else {
      for (int64_t s : part) to.push_back(s);
    }
  }
  return view(x, to);
}
Tensor select(const Tensor& x, int64_t d, int64_t i) { return run(kSelect, {x}, SelectAttrs{d, i}); }
Tensor slice(const Tensor& x, int64_t d, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  return run(kSlice, {x}, SliceAttrs{d, start.value_or(0), end, step});
}
Tensor narrow(const Tensor& x, int64_t d, int64_t start, int64_t length) {
  const CalledAs called("narrow");
  expect_defined("narrow", {x});
  const int64_t size = x.size(d), s = start < 0 ? start + size : start;
  HEARTH_CHECK(s >= 0 && length >= 0 && s <= size - length, "narrow: ", length, " elements from ", start,
               " do not lie within dimension ", d, " of size ", size);
  return slice(x, d, s, s + length);
}
Tensor diagonal(const Tensor& x, int64_t offset, int64_t d1, int64_t d2) {
  return run(kDiagonal, {x}, DiagonalAttrs{offset, d1, d2});
}
Tensor unfold(const Tensor& x, int64_t d, int64_t size, int64_t step) {
  return run(kUnfold, {x}, UnfoldAttrs{d, size, step});
}

std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t d) {
  const CalledAs called("split");
  expect_defined("split", {x});
  HEARTH_CHECK(size >= 1, "split: the size must be at least 1, but is ", size);
  std::vector<Tensor> out;
  for (int64_t at = 0, n = x.size(d); at < n || (n == 0 && out.empty()); at += size)
    out.push_back(slice(x, d, at, std::min(at + size, n)));
  return out;
}
std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int64_t d) {
  const CalledAs called("split");
  expect_defined("split", {x});
  int64_t at = 0;
  std::vector<Tensor> out;
  for (int64_t s : sizes) {
    out.push_back(narrow(x, d, at, s));
    at += s;
  }
  HEARTH_CHECK(at == x.size(d), "split: the sizes add up to ", at, ", but dimension ", d, " has ", x.size(d));
  return out;
}
std::vector<Tensor> chunk(const Tensor& x, int64_t n, int64_t d) {
  const CalledAs called("chunk");
  expect_defined("chunk", {x});
  HEARTH_CHECK(n >= 1, "chunk: the number of chunks must be at least 1, but is ", n);
  HEARTH_CHECK(x.size(d) > 0 || n <= 1 << 20, "chunk: ", n, " chunks of nothing are too many");
  if (x.size(d) == 0) return split(x, std::vector<int64_t>(static_cast<size_t>(n), 0), d);
  return split(x, std::max<int64_t>((x.size(d) + n - 1) / n, 1), d);
}
std::vector<Tensor> unbind(const Tensor& x, int64_t d) {
  const CalledAs called("unbind");
  expect_defined("unbind", {x});
  std::vector<Tensor> out;
  for (int64_t i = 0, n = x.size(d); i < n; ++i) out.push_back(select(x, d, i));
  return out;
}
std::vector<Tensor> broadcast_tensors(std::span<const Tensor> tensors) {
  const CalledAs called("broadcast_tensors");
  for (size_t i = 0; i < tensors.size(); ++i)
    HEARTH_CHECK(tensors[i].defined(), "broadcast_tensors: operand ", i, " is an undefined tensor");
  Shape shape;
  for (const Tensor& t : tensors) shape = broadcast_shapes(shape, t.shape(), "broadcast_tensors");
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(expand(t, shape));
  return out;
}

Tensor Tensor::view(const Dims& shape) const { return hearth::view(*this, shape); }
Tensor Tensor::reshape(const Dims& shape) const { return hearth::reshape(*this, shape); }
Tensor Tensor::view_as(const Tensor& o) const { return hearth::view(*this, o.shape()); }
Tensor Tensor::reshape_as(const Tensor& o) const { return hearth::reshape(*this, o.shape()); }
Tensor Tensor::mT() const {
  expect_defined("mT", {*this});
  HEARTH_CHECK(dim() >= 2, "mT: expected at least 2 dimensions, but the shape is ", shape());
  return hearth::transpose(*this, -2, -1);
}
Tensor Tensor::expand(const Dims& shape) const { return hearth::expand(*this, shape); }
Tensor Tensor::expand_as(const Tensor& o) const { return hearth::expand(*this, o.shape()); }
Tensor Tensor::broadcast_to(const Dims& shape) const { return hearth::expand(*this, shape); }
Tensor Tensor::permute(const Dims& dims) const { return hearth::permute(*this, dims); }
Tensor Tensor::transpose(int64_t a, int64_t b) const { return hearth::transpose(*this, a, b); }
Tensor Tensor::t() const {
  expect_defined("t", {*this});
  HEARTH_CHECK(dim() <= 2, "t: expected at most 2 dimensions, but the shape is ", shape());
  return dim() < 2 ? *this : hearth::transpose(*this, 0, 1);
}
Tensor& Tensor::fill_diagonal_(Scalar value) & {
  const CalledAs called("fill_diagonal_");
  expect_defined("fill_diagonal_", {*this});
  HEARTH_CHECK(dim() >= 2, "fill_diagonal_: expected at least 2 dimensions, but the shape is ", shape());
  Tensor places = *this;
  while (places.dim() > 1) places = places.diagonal(0, 0, 1);
  places.fill_(value);
  return *this;
}
Tensor Tensor::sum_to_size(const Shape& shape) const { return hearth::sum_to(*this, shape); }
Tensor Tensor::H() const { return t().conj(); }
Tensor Tensor::mH() const { return mT().conj(); }
Tensor Tensor::movedim(int64_t from, int64_t to) const { return hearth::movedim(*this, from, to); }
Tensor Tensor::squeeze() const { return hearth::squeeze(*this); }
Tensor Tensor::squeeze(int64_t d) const { return hearth::squeeze(*this, d); }
Tensor Tensor::unsqueeze(int64_t d) const { return hearth::unsqueeze(*this, d); }
Tensor Tensor::flatten(int64_t start, int64_t end) const { return hearth::flatten(*this, start, end); }
Tensor Tensor::unflatten(int64_t d, const Dims& sizes) const { return hearth::unflatten(*this, d, sizes); }
Tensor Tensor::select(int64_t d, int64_t i) const { return hearth::select(*this, d, i); }
Tensor Tensor::narrow(int64_t d, int64_t start, int64_t length) const {
  return hearth::narrow(*this, d, start, length);
}
Tensor Tensor::slice(int64_t d, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) const {
  return hearth::slice(*this, d, start, end, step);
}
Tensor Tensor::diagonal(int64_t offset, int64_t d1, int64_t d2) const {
  return hearth::diagonal(*this, offset, d1, d2);
}
Tensor Tensor::unfold(int64_t d, int64_t size, int64_t step) const { return hearth::unfold(*this, d, size, step); }
Tensor Tensor::as_strided(const Dims& shape, const Dims& strides, std::optional<int64_t> offset) const {
  expect_defined("as_strided", {*this});
  return machinery::as_strided(*this, {shape, strides, offset ? *offset - storage_offset() : 0});
}
std::vector<Tensor> Tensor::split(int64_t size, int64_t d) const { return hearth::split(*this, size, d); }
std::vector<Tensor> Tensor::split(std::span<const int64_t> sizes, int64_t d) const {
  return hearth::split(*this, sizes, d);
}
std::vector<Tensor> Tensor::chunk(int64_t n, int64_t d) const { return hearth::chunk(*this, n, d); }
std::vector<Tensor> Tensor::unbind(int64_t d) const { return hearth::unbind(*this, d); }

}  // namespace hearth
