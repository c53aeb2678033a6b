// x.index({...}), index_put_ and assignment to what they give.
#include <algorithm>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/index.h"
#include "core/op/attrs/view.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/index_internal.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {

// A region of a view, named by index tensors.
struct detail::Places {
  Tensor view;
  Dims dims;        // that have an index tensor
  Tensor at;        // of each place its number among those dimensions, row-major; flat
  Shape broadcast;  // of the index tensors
  Shape rest;       // of the other dimensions
  // The result has the index tensors' dimensions behind this many of the others: where these tensors stand if they
  // stand side by side, else in front.
  int front = 0;

  Shape shape() const {
    Shape s = broadcast;
    for (int d = 0; d < rest.rank(); ++d) s.insert(d < front ? d : s.rank(), rest[d]);
    return s;
  }
};

namespace {

// Shape of what is read or written: a row of the other dimensions for each place.
Shape rows_shape(const OpCall& c) {
  const Tensor &x = c.input(0), &at = c.input(1);
  expect_dtype(c, 1, kIndexTypes);
  expect_rank(c, 1, 1);
  unsigned named = 0;
  for (int64_t d : c.attrs_as<IndexAttrs>().dims) {
    HEARTH_CHECK(d >= 0 && d < x.dim() && !(named >> d & 1), c.op.name, ": ", c.attrs_as<IndexAttrs>().dims,
                 " are not dimensions of a tensor of shape ", x.shape());
    named |= 1u << d;
  }
  Shape s{at.numel()};
  for (int d = 0; d < x.dim(); ++d) {
    if (!(named >> d & 1)) s.push_back(x.shape()[d]);
  }
  return s;
}

void infer_index(OpCall& c) { c.make(0, rows_shape(c), c.input(0).dtype()); }

void infer_index_put(OpCall& c) {
  const Shape rows = rows_shape(c);
  HEARTH_CHECK(c.input(2).dtype() == c.input(0).dtype(), "index_put: the rows are ", c.input(2).dtype(),
               ", but the tensor ", c.input(0).dtype());
  HEARTH_CHECK(c.input(2).shape() == rows, "index_put: the rows have shape ", c.input(2).shape(), "; expected ", rows);
  c.make(0, c.input(0).shape(), c.input(0).dtype());
}

}  // namespace

extern constinit const OpDef kIndex = {
    .name = "index",
    .dtypes = kAllTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<IndexAttrs>,
    .infer = infer_index,
    .save = {.input = {0, 1}},
    .kernel = {cpu::index, cuda::index},
    .backward =
        [](GradContext& g) {
          const Tensor zeros = machinery::full(g.input_shape(0), 0, g.grad().dtype(), g.grad().device());
          g.set(0, run(kIndexPut, {zeros, g.input(1), g.grad()}, IndexAttrs{g.attrs<IndexAttrs>().dims, true}));
        },
};
HEARTH_OP(kIndex);

extern constinit const OpDef kIndexPut = {
    .name = "index_put",
    .dtypes = kAllTypes,
    .autocast = AutocastPolicy::kWidest,
    .min_inputs = 3,
    .max_inputs = 3,
    .in_place = 1,
    .attrs = &attrs_type<IndexAttrs>,
    .infer = infer_index_put,
    .save = {.input = {0, kAnyGradient}},
    .kernel = {cpu::index_put, cuda::index_put},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<IndexAttrs>();
          const Tensor at = g.input(1);
          if (g.needs(0)) {
            const Tensor zero = machinery::full({}, 0, g.grad().dtype(), g.grad().device());
            g.set(0, a.accumulate ? g.grad()
                                  : run(kIndexPut, {g.grad(), at, machinery::expand(zero, g.input_shape(2))},
                                        IndexAttrs{a.dims}));
          }
          if (g.needs(2)) g.set(2, run(kIndex, {g.grad(), at}, IndexAttrs{a.dims}));
        },
};
HEARTH_OP(kIndexPut);

Tensor detail::counted_from_start(const char* op, const Tensor& index, int d, int64_t n) {
  const Tensor bad = logical_or(lt(index, -n), ge(index, n));
  if (const Tensor found = any(bad); found.device().is_cpu() && found.item<bool>()) {
    fail(op, ": index ", masked_select(index, bad)[0].item<int64_t>(), " is out of range for dimension ", d,
         " of size ", n);
  }
  return where(lt(index, 0), index + n, index);
}

namespace {

// One index tensor and its dimension.
struct Part {
  int dim;
  Tensor index;
  bool point;  // without dimensions: chooses one place, as an integer does
};

// The view that integers, slices, Ellipsis and None select; index tensors are left over.
struct Selected {
  Tensor view;
  std::vector<Part> parts;
};

// Of a mask without dimensions: an index into a new dimension of size 1.
Tensor index_of(bool mask, Device device) { return machinery::full({mask ? 1 : 0}, 0, i64, device); }

Selected select_basic(const char* op, const Tensor& x, std::initializer_list<Index> at) {
  int used = 0;
  bool ellipsis = false;
  for (const Index& i : at) {
    HEARTH_CHECK(i.kind() != Index::Kind::kTensor || i.tensor().defined(), op, ": an index is an undefined tensor");
    if (i.kind() == Index::Kind::kEllipsis) {
      HEARTH_CHECK(!ellipsis, op, ": only one Ellipsis is allowed");
      ellipsis = true;
    } else if (i.kind() == Index::Kind::kTensor && i.tensor().dtype() == DType::kBool) {
      used += i.tensor().dim();
    } else if (i.kind() != Index::Kind::kNone && i.kind() != Index::Kind::kBool) {
      ++used;
    }
  }
  HEARTH_CHECK(used <= x.dim(), op, ": too many indices (", used, ") for a tensor of ", x.dim(), " dimensions");
  Selected s{x, {}};
  int d = 0;
  const auto add_bool = [&](bool mask) {
    s.view = unsqueeze(s.view, d);
    s.parts.push_back({d++, index_of(mask, x.device()), false});
  };
  for (const Index& i : at) {
    switch (i.kind()) {
      case Index::Kind::kInteger:
        s.view = select(s.view, d, i.integer());
        break;
      case Index::Kind::kSlice:
        s.view = slice(s.view, d++, i.slice().start, i.slice().end, i.slice().step);
        break;
      case Index::Kind::kEllipsis:
        d += x.dim() - used;
        break;
      case Index::Kind::kNone:
        s.view = unsqueeze(s.view, d++);
        break;
      case Index::Kind::kBool:
        add_bool(i.boolean());
        break;
      case Index::Kind::kTensor: {
        const Tensor& t = i.tensor();
        if (t.dtype() != DType::kBool) {
          HEARTH_CHECK(kIndexTypes.contains(t.dtype()), op, ": an index tensor must be i64, i32 or bool, but is ",
                       t.dtype());
          s.parts.push_back({d++, t, t.dim() == 0});
          break;
        }
        for (int k = 0; k < t.dim(); ++k) {
          HEARTH_CHECK(t.shape()[k] == s.view.shape()[d + k], op, ": a mask of shape ", t.shape(),
                       " does not fit the tensor of shape ", s.view.shape(), " at dimension ", d);
        }
        detail::expect_values(t, "index by a mask");
        if (t.dim() == 0) {
          add_bool(t.item<bool>());
          break;
        }
        const Tensor places = nonzero(t);
        for (int k = 0; k < t.dim(); ++k) s.parts.push_back({d++, select(places, 1, k), false});
      }
    }
  }
  return s;
}

// Index tensors as one linear index over the dimensions they name.
detail::Places linearise(const char* op, const Selected& s) {
  detail::Places p;
  p.view = s.view;
  const Shape& shape = s.view.shape();
  std::vector<const Part*> part_of(static_cast<size_t>(shape.rank()));
  for (const Part& part : s.parts) part_of[static_cast<size_t>(part.dim)] = &part;
  // Where they stand, if integers and tensors without dimensions, which leave none, are not counted.
  int place = 0, first = -1, last = -1, tensors = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    const Part* const part = part_of[static_cast<size_t>(d)];
    if (!part) p.rest.push_back(shape[d]);
    if (part && part->point) continue;
    if (part) {
      if (tensors++ == 0) first = place;
      last = place;
    }
    ++place;
  }
  if (tensors > 0 && last - first + 1 == tensors) p.front = first;

  for (const Part& part : s.parts) {
    const int64_t n = shape[part.dim];
    const Tensor index = part.index.to(i64);
    p.broadcast = p.dims.empty() ? index.shape() : broadcast_shapes(p.broadcast, index.shape(), op);
    const Tensor positive = detail::counted_from_start(op, index, part.dim, n);
    p.at = p.dims.empty() ? positive : p.at * n + positive;
    p.dims.push_back(part.dim);
  }
  p.at = reshape(expand(p.at, p.broadcast), {-1});
  return p;
}

Tensor read(const detail::Places& p) {
  Shape shape = p.broadcast;
  for (int64_t r : p.rest) shape.push_back(r);
  const Tensor y = reshape(run(kIndex, {p.view, p.at}, IndexAttrs{p.dims}), shape);
  if (p.front == 0) return y;
  Dims order;
  const int n = p.broadcast.rank();
  for (int d = 0; d < p.front; ++d) order.push_back(n + d);
  for (int d = 0; d < n; ++d) order.push_back(d);
  for (int d = n + p.front; d < y.dim(); ++d) order.push_back(d);
  return permute(y, order);
}

void write(const char* op, const detail::Places& p, const Tensor& value, bool accumulate) {
  Tensor view = p.view;
  const Shape shape = p.shape();
  HEARTH_CHECK(broadcastable_to(value.shape(), shape), op, ": a value of shape ", value.shape(),
               " does not broadcast to the shape ", shape, " that the indices select");
  Tensor v = expand(value.to(view.dtype()), shape);
  if (v.impl()->storage == view.impl()->storage) v = v.clone();
  if (p.front > 0) {
    Dims order;
    const int n = p.broadcast.rank();
    for (int d = 0; d < n; ++d) order.push_back(p.front + d);
    for (int d = 0; d < p.front; ++d) order.push_back(d);
    for (int d = p.front + n; d < v.dim(); ++d) order.push_back(d);
    v = permute(v, order);
  }
  Shape flat{p.at.numel()};
  for (int64_t r : p.rest) flat.push_back(r);
  run_into(kIndexPut, view, {view, p.at, reshape(v, flat)}, IndexAttrs{p.dims, accumulate});
}

// As many dimensions as there are where it is written to: those of size 1 before them are left out.
Tensor without_leading_ones(const Tensor& t, int rank) {
  const int extra = t.dim() - rank;
  if (extra <= 0) return t;
  Shape shape;
  for (int d = 0; d < t.dim(); ++d) {
    if (d < extra && t.shape()[d] != 1) return t;
    if (d >= extra) shape.push_back(t.shape()[d]);
  }
  return reshape(t, shape);
}

void expect_target(const Tensor& t) {
  HEARTH_CHECK(t.defined(), "assignment: the temporary on the left, which would be written to, is an undefined tensor");
}

}  // namespace

Indexed Tensor::index(std::initializer_list<Index> at) const {
  const CalledAs called("index");
  expect_defined("index", {*this});
  const Selected s = select_basic("index", *this, at);
  if (s.parts.empty()) return {s.view, nullptr};
  auto places = std::make_shared<const detail::Places>(linearise("index", s));
  Tensor y = read(*places);
  return {std::move(y), std::move(places)};
}

Tensor Tensor::operator=(const Tensor& values) && {
  const CalledAs called("assignment");
  expect_target(*this);
  expect_defined("assignment", {values});
  copy_(without_leading_ones(values, dim()));
  return std::move(*this);
}
Tensor Tensor::operator=(Scalar value) && {
  const CalledAs called("assignment");
  expect_target(*this);
  fill_(value);
  return std::move(*this);
}

Tensor Indexed::put_back() && {
  if (places_) write("assignment", *places_, *this, false);
  return std::move(*this);
}
Tensor Indexed::operator=(const Tensor& values) && {
  if (!places_) return static_cast<Tensor&&>(*this) = values;
  const CalledAs called("assignment");
  expect_target(*this);
  expect_defined("assignment", {values});
  write("assignment", *places_, without_leading_ones(values, dim()), false);
  return std::move(*this);
}
Tensor Indexed::operator=(Scalar value) && {
  if (!places_) return static_cast<Tensor&&>(*this) = value;
  expect_target(*this);
  return std::move(*this) = full({}, value, {.dtype = dtype(), .device = device()});
}

Tensor& Tensor::index_put_(std::initializer_list<Index> at, const Tensor& value, bool accumulate) & {
  const CalledAs called("index_put_");
  expect_defined("index_put_", {*this, value});
  Selected s = select_basic("index_put_", *this, at);
  if (!s.parts.empty()) {
    write("index_put_", linearise("index_put_", s), value, accumulate);
  } else if (accumulate) {
    s.view.add_(value);
  } else {
    s.view.copy_(value);
  }
  return *this;
}
Tensor& Tensor::index_put_(std::initializer_list<Index> at, Scalar value) & {
  const CalledAs called("index_put_");
  expect_defined("index_put_", {*this});
  return index_put_(at, full({}, value, {.dtype = dtype(), .device = device()}));
}
Tensor Tensor::index_put_(std::initializer_list<Index> at, const Tensor& value, bool accumulate) && {
  return std::move(index_put_(at, value, accumulate));
}
Tensor Tensor::index_put_(std::initializer_list<Index> at, Scalar value) && { return std::move(index_put_(at, value)); }

Tensor Tensor::index_put(std::initializer_list<Index> at, const Tensor& value, bool accumulate) const {
  const CalledAs called("index_put");
  expect_defined("index_put", {*this});
  Tensor y = clone();
  y.index_put_(at, value, accumulate);
  return y;
}

}  // namespace hearth
