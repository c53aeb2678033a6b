#include "core/ops/create.h"

#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/kernels/sequence.h"
#include "core/op/attrs/reduce.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/compare.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

Tensor finish(Tensor t, const TensorOptions& o) {
  if (o.requires_grad) t.requires_grad_();
  return t;
}

Tensor filled(const char* op, const Shape& shape, Scalar value, DType fallback, const TensorOptions& o) {
  const DType t = o.dtype.value_or(fallback);
  checked_numel(shape, size_of(t), op);
  HEARTH_CHECK(fits(value, t), op, ": the number ", value, " does not fit into ", t);
  return finish(machinery::full(shape, value, o.dtype.value_or(fallback), o.place()), o);
}

Tensor like(const char* op, const Tensor& t, std::optional<DType> dtype) {
  expect_defined(op, {t});
  return detail::empty_strided(t.shape(), strides_for(t.layout(), MemoryFormat::kPreserve), dtype.value_or(t.dtype()),
                               t.device(), op);
}

Tensor filled_like(const char* op, const Tensor& t, Scalar value, std::optional<DType> dtype) {
  Tensor r = like(op, t, dtype);
  HEARTH_CHECK(fits(value, r.dtype()), op, ": the number ", value, " does not fit into ", r.dtype());
  machinery::fill_into(r, value);
  return r;
}

// Where a sequence is made before it goes to where the options say.
Device first_device(const TensorOptions& o) { return o.place().is_meta() ? kMeta : kCpu; }
Tensor moved(const Tensor& t, const TensorOptions& o) { return t.to(o.place()); }

// An op, not values: its length may be a size that is open while a function is traced.
Tensor sequence(const OpDef& op, int64_t count, DType dtype, const TensorOptions& o, Scalar a, Scalar b) {
  Tensor t = detail::empty({count}, dtype, first_device(o), op.name);
  run_into(op, t, {a, b});
  return finish(moved(t, o), o);
}

void infer_sequence(OpCall& c) {
  HEARTH_CHECK(c.bound && c.is_scalar(0) && c.is_scalar(1), c.op.name,
               ": it takes two numbers and only writes in place");
  HEARTH_CHECK(c.out[0].layout().contiguous, c.op.name, ": the tensor to be written must be row-major");
  c.device = c.out[0].device();
  c.dtype = c.out[0].dtype();
}

void infer_size(OpCall& c) {
  HEARTH_CHECK(c.input(0).dim() > 0, "dim_size: a 0-dim tensor has no sizes");
  wrap_dim(c.attrs_as<DimAttrs>().dim, c.input(0).dim(), "dim_size");
  c.make(0, {}, DType::kI64);
}

}  // namespace

extern constinit const OpDef kArange = {.name = "arange",
                                        .dtypes = kAllTypes,
                                        .min_inputs = 2,
                                        .max_inputs = 2,
                                        .scalars = 3,
                                        .infer = infer_sequence,
                                        .kernel = {cpu::arange, cuda::arange}};
HEARTH_OP(kArange);

extern constinit const OpDef kLinspace = {.name = "linspace",
                                          .dtypes = kAllTypes,
                                          .min_inputs = 2,
                                          .max_inputs = 2,
                                          .scalars = 3,
                                          .infer = infer_sequence,
                                          .kernel = {cpu::linspace, cuda::linspace}};
HEARTH_OP(kLinspace);

extern constinit const OpDef kDimSize = {.name = "dim_size",
                                         .dtypes = kAllTypes,
                                         .attrs = &attrs_type<DimAttrs>,
                                         .infer = infer_size,
                                         .kernel = {cpu::size, cuda::size}};
HEARTH_OP(kDimSize);

Tensor empty(const Shape& shape, const TensorOptions& o) {
  return finish(detail::empty(shape, o.dtype.value_or(default_dtype()), o.place()), o);
}
Tensor zeros(const Shape& shape, const TensorOptions& o) { return filled("zeros", shape, 0, default_dtype(), o); }
Tensor ones(const Shape& shape, const TensorOptions& o) { return filled("ones", shape, 1, default_dtype(), o); }
Tensor full(const Shape& shape, Scalar value, const TensorOptions& o) {
  return filled("full", shape, value, value.dtype(), o);
}
Tensor scalar_tensor(Scalar value, const TensorOptions& o) {
  return filled("scalar_tensor", {}, value, value.dtype(), o);
}
Tensor empty_like(const Tensor& t, std::optional<DType> dtype) { return like("empty_like", t, dtype); }
Tensor full_like(const Tensor& t, Scalar value, std::optional<DType> dtype) {
  return filled_like("full_like", t, value, dtype);
}
Tensor zeros_like(const Tensor& t, std::optional<DType> dtype) { return filled_like("zeros_like", t, 0, dtype); }
Tensor ones_like(const Tensor& t, std::optional<DType> dtype) { return filled_like("ones_like", t, 1, dtype); }

Tensor Tensor::new_empty(const Shape& shape, std::optional<DType> t) const {
  expect_defined("new_empty", {*this});
  return hearth::empty(shape, {.dtype = t.value_or(dtype()), .device = device()});
}
Tensor Tensor::new_tensor(const Tensor& values, std::optional<DType> t) const {
  expect_defined("new_tensor", {*this, values});
  return values.detach().clone().to(device()).to(t.value_or(dtype()));
}
Tensor Tensor::new_full(const Shape& shape, Scalar value, std::optional<DType> t) const {
  expect_defined("new_full", {*this});
  return filled("new_full", shape, value, dtype(), {.dtype = t, .device = device()});
}
Tensor Tensor::new_zeros(const Shape& shape, std::optional<DType> t) const {
  expect_defined("new_zeros", {*this});
  return filled("new_zeros", shape, 0, dtype(), {.dtype = t, .device = device()});
}
Tensor Tensor::new_ones(const Shape& shape, std::optional<DType> t) const {
  expect_defined("new_ones", {*this});
  return filled("new_ones", shape, 1, dtype(), {.dtype = t, .device = device()});
}

Tensor arange(Scalar end, const TensorOptions& o) { return arange(0, end, 1, o); }
Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& o) {
  const bool integral =
      start.kind() != DTypeKind::kFloat && end.kind() != DTypeKind::kFloat && step.kind() != DTypeKind::kFloat;
  const double s = step.to<double>(), distance = end.to<double>() - start.to<double>();
  HEARTH_CHECK(s != 0 && std::isfinite(s) && std::isfinite(distance),
               "arange: start, end and step must be finite and step not 0");
  HEARTH_CHECK((s > 0) == (distance > 0) || distance == 0, "arange: from ", start, " the step ", step,
               " does not lead to ", end);
  const double count = std::ceil(distance / s);
  HEARTH_CHECK(count < 9e15, "arange: ", count, " elements are too many");
  if (integral) {
    // Exactly, also where doubles would round. The numbers of steps that lead to the end fit into 63 bits: see above.
    const int64_t a = start.to<int64_t>(), b = step.to<int64_t>();
    const auto way = static_cast<__int128>(end.to<int64_t>()) - a;
    const auto n = static_cast<int64_t>((way + b - (b > 0 ? 1 : -1)) / b);
    return sequence(kArange, n, o.dtype.value_or(DType::kI64), o, a, b);
  }
  return sequence(kArange, static_cast<int64_t>(count), o.dtype.value_or(default_dtype()), o, start.to<double>(), s);
}

Tensor linspace(double start, double end, int64_t steps, const TensorOptions& o) {
  HEARTH_CHECK(steps >= 0, "linspace: the number of steps must not be negative, but is ", steps);
  return sequence(kLinspace, steps, o.dtype.value_or(default_dtype()), o, start, end);
}

Tensor eye(int64_t n, std::optional<int64_t> m, const TensorOptions& o) {
  const int64_t columns = m.value_or(n);
  HEARTH_CHECK(n >= 0 && columns >= 0, "eye: the sizes must not be negative, but are ", n, " and ", columns);
  const DType dtype = o.dtype.value_or(default_dtype());
  checked_numel({n, columns}, size_of(dtype), "eye");
  const TensorOptions there{.device = first_device(o)};
  const Tensor on_diagonal = eq(unsqueeze(arange(n, there), 1), arange(columns, there));
  return finish(moved(on_diagonal.to(dtype), o), o);
}

Tensor dim_size(const Tensor& x, int64_t d) {
  expect_defined("dim_size", {x});
  return run(kDimSize, {x}, DimAttrs{d});
}

namespace {
void collect(const detail::Nested& n, int depth, Shape& shape, bool first, std::vector<Scalar>& out) {
  if (!n.is_list()) {
    HEARTH_CHECK(depth == shape.rank(), "tensor: lists and numbers are mixed at one depth");
    out.push_back(n.value());
    return;
  }
  const auto size = static_cast<int64_t>(n.list().size());
  if (first && depth == shape.rank()) shape.push_back(size);
  HEARTH_CHECK(depth < shape.rank() && shape[depth] == size, "tensor: rows must have equal lengths, but one has ", size,
               " elements");
  bool f = first;
  for (const auto& e : n.list()) {
    collect(e, depth + 1, shape, f && out.empty(), out);
    f = false;
  }
}
}  // namespace

Tensor tensor(std::initializer_list<detail::Nested> values, const TensorOptions& o) {
  std::vector<Scalar> flat;
  Shape shape;
  collect(detail::Nested(values), 0, shape, true, flat);
  DType dtype = flat.empty() ? default_dtype() : flat[0].dtype();
  for (const Scalar& s : flat) dtype = promote(dtype, s.dtype());
  Tensor t = detail::empty(shape, o.dtype.value_or(dtype), kCpu, "tensor");
  visit_any(t.dtype(), [&]<class T>() {
    for (size_t i = 0; i < flat.size(); ++i) {
      HEARTH_CHECK(fits(flat[i], t.dtype()), "tensor: ", flat[i], " does not fit into ", t.dtype());
      static_cast<T*>(t.impl()->data())[i] = flat[i].to<T>();
    }
  });
  return detail::from_memory(t.impl()->data(), flat.size(), t.dtype(), shape, o);
}

namespace {
// Values that the program hands over are a constant to a tracer, not something that ops have made.
struct Unseen {
  Interposer* active = std::exchange(thread_state.interposer, nullptr);
  ~Unseen() { thread_state.interposer = active; }
};
}  // namespace

Tensor detail::from_memory(const void* data, size_t count, DType dtype, const Shape& shape, const TensorOptions& o) {
  const int64_t n = checked_numel(shape, size_of(dtype), "from_values");
  HEARTH_CHECK(static_cast<size_t>(n) == count, "from_values: shape ", shape, " has ", n, " elements, but ", count,
               " values were given");
  // A traced function that makes values where its operands are means the device of the run: a constant of the graph.
  const bool constant = tracing() && o.place().is_meta();
  const Unseen unseen;
  Tensor t = detail::empty(shape, dtype, kCpu, "from_values");
  if (count) std::memcpy(t.impl()->data(), data, t.nbytes());
  t = t.to(o.dtype.value_or(dtype));
  return finish(constant ? t : t.to(o.place()), o);
}

Tensor from_blob(void* data, const Shape& shape, DType dtype, std::shared_ptr<const void> owner, bool read_only) {
  const int64_t n = checked_numel(shape, size_of(dtype), "from_blob");
  HEARTH_CHECK(data || n == 0, "from_blob: the pointer is null");
  Ref<TensorImpl> t = TensorImpl::make();
  t->dtype = dtype;
  t->layout = Layout(shape);
  t->storage = Storage::wrap(data, static_cast<size_t>(n) * size_of(dtype), kCpu, read_only, std::move(owner));
  return Tensor(std::move(t));
}

}  // namespace hearth
