#include "core/op/shape_rules.h"

#include "core/base/thread_state.h"

namespace hearth {
namespace {

constexpr int kUnset = -1;

struct Category {
  int dtype = kUnset;
  void add(DType t) {
    dtype = dtype == kUnset ? static_cast<int>(t) : static_cast<int>(promote(static_cast<DType>(dtype), t));
  }
};

// b joins a only where its kind is higher.
int combine(int a, int b) {
  if (a == kUnset) return b;
  if (b == kUnset) return a;
  if (traits(static_cast<DType>(b)).kind <= traits(static_cast<DType>(a)).kind) return a;
  // The precision stays that of a.
  const bool complex = is_complex(static_cast<DType>(b)) && is_floating_point(static_cast<DType>(a));
  return complex ? static_cast<int>(complex_type(static_cast<DType>(a))) : b;
}

// True if every tensor has one dtype and the numbers cannot change it: nearly always.
bool uniform(std::span<const Operand> in, DType& dtype) {
  bool found = false;
  for (const Operand& o : in) {
    if (!o.is_tensor()) continue;
    const DType t = o.tensor().impl()->dtype;
    if (found && t != dtype) return false;
    dtype = t;
    found = true;
  }
  if (!found) return false;
  for (const Operand& o : in) {
    if (o.is_scalar() && o.scalar().kind() > traits(dtype).kind) return false;
  }
  return true;
}

}  // namespace

DType result_type(std::span<const Operand> in) {
  DType same = DType::kF32;
  if (uniform(in, same)) return same;
  Category dims, zero, number;
  for (const Operand& o : in) {
    if (o.is_tensor()) {
      (o.tensor().dim() > 0 ? dims : zero).add(o.tensor().dtype());
    } else if (o.is_scalar()) {
      number.add(o.scalar().dtype());
    }
  }
  return static_cast<DType>(combine(combine(dims.dtype, zero.dtype), number.dtype));
}

DType promote_operands(OpCall& c) {
  c.dtype = result_type(c.in);
  switch (c.op.promote) {
    case Promote::kSame:
    case Promote::kCommon:
      return c.dtype;
    case Promote::kFloat:
      if (!is_differentiable(c.dtype)) c.dtype = default_dtype();
      return c.dtype;
    case Promote::kBool:
      return DType::kBool;
  }
  return c.dtype;
}

void broadcast(OpCall& c) {
  const DType result = promote_operands(c);
  const Layout* first = nullptr;
  bool same = true;
  for (const Operand& o : c.in) {
    if (!o.is_tensor()) continue;
    const Layout& l = o.tensor().impl()->layout;
    if (!first) {
      first = &l;
    } else if (!(l.shape == first->shape)) {
      same = false;
    }
  }
  if (!first) {  // numbers alone: only a bound output can have a shape
    HEARTH_CHECK(c.bound, c.op.name, ": at least one operand must be a tensor");
    return c.make(0, c.out[0].shape(), result);
  }
  if (same) [[likely]] {
    if (!c.bound && first->dense) {
      Ref<TensorImpl> t = TensorImpl::make();
      t->dtype = result;
      if (thread_state.inference) t->flags = TensorImpl::kInference;
      t->layout = *first;
      t->layout.offset = 0;
      t->storage = Storage::make(static_cast<size_t>(first->numel) * size_of(result), c.device);
      c.out[0] = Tensor(std::move(t));
      return;
    }
    for (const Operand& o : c.in) {
      if (o.is_tensor() && o.tensor().layout().dense) return c.make(0, first->shape, o.tensor().strides(), result);
    }
    return c.make(0, first->shape, result);
  }
  Shape shape = first->shape;
  for (const Operand& o : c.in) {
    if (o.is_tensor()) shape = broadcast_shapes(shape, o.tensor().shape(), c.op.name);
  }
  for (const Operand& o : c.in) {
    if (o.is_tensor() && o.tensor().layout().dense && o.tensor().shape() == shape)
      return c.make(0, shape, o.tensor().strides(), result);
  }
  c.make(0, shape, result);
}

void broadcast_real(OpCall& c) {
  const DType meet = result_type(c.in);
  if (!is_complex(meet)) return broadcast(c);
  if (!c.bound) {
    broadcast(c);
    c.out[0] = detail::empty_strided(c.out[0].shape(), c.out[0].strides(), real_type(meet), c.device, c.op.name);
    return;
  }
  c.dtype = meet;
  if (c.out[0].is_complex())
    fail(ErrorKind::kUnsupported, c.op.name, ": of ", meet, " the result is real, and cannot be written over it");
  c.make(0, c.input(0).shape(), real_type(meet));
}

void expect_defined(const char* op, std::initializer_list<std::reference_wrapper<const Tensor>> tensors) {
  int i = 0;
  for (const Tensor& t : tensors) {
    HEARTH_CHECK(t.defined(), op, ": operand ", i, " is an undefined tensor");
    ++i;
  }
}

void expect_dtypes(const char* op, const Tensor& t, DTypeSet set) {
  expect_defined(op, {t});
  if (!set.contains(t.dtype()))
    fail(ErrorKind::kUnsupported, op, ": dtype ", t.dtype(), " is not supported; it takes ", set);
}

void expect_rank(const OpCall& c, int operand, int rank) {
  const Tensor& t = c.input(operand);
  HEARTH_CHECK(t.dim() == rank, c.op.name, ": operand ", operand, " must have ", rank, " dimensions, but its shape is ",
               t.shape());
}

void expect_same_dtype(const OpCall& c) {
  for (const Operand& o : c.in) {
    HEARTH_CHECK(!o.is_tensor() || o.tensor().dtype() == c.dtype, c.op.name,
                 ": operands must have one dtype, but have ", c.dtype, " and ", o.tensor().dtype());
  }
}

void expect_dtype(const OpCall& c, int operand, DTypeSet set) {
  const Tensor& t = c.input(operand);
  HEARTH_CHECK(set.contains(t.dtype()), c.op.name, ": operand ", operand, " must be of dtype ", set, ", but is ",
               t.dtype());
}

}  // namespace hearth
