// Records of the ops that the machinery itself calls; see core/op/machinery.h.
#include "core/op/machinery.h"

#include "core/base/error.h"
#include "core/kernels/copy.h"
#include "core/kernels/pointwise.h"
#include "core/kernels/reduce.h"
#include "core/kernels/transfer.h"
#include "core/op/grad_context.h"
#include "core/op/shape_rules.h"

namespace hearth {
namespace {

void infer_copy(OpCall& c) {
  const auto& a = c.attrs_as<CopyAttrs>();
  const Tensor& in = c.input(0);
  c.dtype = in.dtype();
  if (c.bound) {
    HEARTH_CHECK(broadcastable_to(in.shape(), c.out[0].shape()), "copy_: a tensor of shape ", in.shape(),
                 " does not broadcast to the shape ", c.out[0].shape());
    HEARTH_CHECK(in.device() == c.out[0].device(), "copy_: the tensors are on different devices: ", c.out[0].device(),
                 " and ", in.device());
    return;
  }
  c.make(0, in.shape(), strides_for(in.layout(), a.format), a.dtype.value_or(in.dtype()));
}

void infer_fill(OpCall& c) {
  HEARTH_CHECK(c.bound, "fill: it only writes in place");
  c.device = c.out[0].device();
  c.dtype = c.out[0].dtype();
  HEARTH_CHECK(fits(c.scalar(0), c.dtype), "fill: the number ", c.scalar(0), " does not fit into ", c.dtype);
}

void infer_sum_to(OpCall& c) {
  const Shape& to = c.attrs_as<ShapeAttrs>().shape;
  HEARTH_CHECK(broadcastable_to(to, c.input(0).shape()), "sum_to: shape ", to, " does not broadcast to ",
               c.input(0).shape());
  c.dtype = c.input(0).dtype();
  c.make(0, to, c.dtype);
}

void infer_expand(OpCall& c) {
  const Tensor& in = c.input(0);
  const Layout& l = in.layout();
  Shape shape = c.attrs_as<ShapeAttrs>().shape;
  const int shift = shape.rank() - l.rank();
  HEARTH_CHECK(shift >= 0, "expand: the new shape ", shape, " has fewer dimensions than ", l.shape);
  Strides strides = Dims::filled(shape.rank(), 0);
  for (int d = 0; d < shape.rank(); ++d) {
    const int own = d - shift;
    if (shape[d] == -1) {
      HEARTH_CHECK(own >= 0, "expand: -1 is not allowed for the new leading dimension ", d);
      shape[d] = l.shape[own];
    }
    if (own < 0) continue;
    HEARTH_CHECK(l.shape[own] == shape[d] || l.shape[own] == 1, "expand: dimension ", own, " of shape ", l.shape,
                 " cannot become ", shape[d], " (shape ", shape, ")");
    strides[d] = l.shape[own] == shape[d] ? l.strides[own] : 0;
  }
  checked_numel(shape, 1, "expand");
  c.out[0] = detail::alias(in, Layout(shape, strides, l.offset));
}

void check_region(const OpCall& c, const StridedAttrs& a) {
  const Tensor& in = c.input(0);
  HEARTH_CHECK(a.shape.rank() == a.strides.rank(), c.op.name, ": shape ", a.shape, " and strides ", a.strides,
               " differ in length");
  checked_numel(a.shape, 1, c.op.name);
  const Layout region(a.shape, a.strides, in.layout().offset + a.offset);
  for (int64_t s : a.strides) HEARTH_CHECK(s >= 0, c.op.name, ": strides must not be negative, but are ", a.strides);
  if (region.numel == 0) return;
  // Products of sizes and strides from outside may overflow: they are checked against the storage one by one.
  int64_t last = region.offset;
  for (int d = 0; d < a.shape.rank(); ++d) {
    int64_t reach;
    HEARTH_CHECK(
        !__builtin_mul_overflow(a.strides[d], a.shape[d] - 1, &reach) && !__builtin_add_overflow(last, reach, &last),
        c.op.name, ": shape ", a.shape, " and strides ", a.strides, " overflow");
  }
  const auto elements = static_cast<int64_t>(in.impl()->storage->bytes() / in.itemsize());
  HEARTH_CHECK(region.offset >= 0 && last < elements, c.op.name, ": shape ", a.shape, ", strides ", a.strides,
               " and offset ", a.offset, " reach outside of the storage of ", elements, " elements");
}

void infer_as_strided(OpCall& c) {
  const auto& a = c.attrs_as<StridedAttrs>();
  check_region(c, a);
  c.out[0] = detail::alias(c.input(0), Layout(a.shape, a.strides, c.input(0).layout().offset + a.offset));
}

void infer_view_write(OpCall& c) {
  const auto& a = c.attrs_as<StridedAttrs>();
  check_region(c, a);
  HEARTH_CHECK(a.shape == c.input(1).shape(), c.op.name, ": the region has shape ", a.shape, ", but the source ",
               c.input(1).shape());
  // The result holds what the operand shows, which may be less than its storage.
  const int64_t end = Layout(c.input(0).shape(), c.input(0).strides(), 0).end();
  HEARTH_CHECK(
      a.offset >= 0 && (Layout(a.shape, a.strides, 0).numel == 0 || Layout(a.shape, a.strides, a.offset).end() <= end),
      c.op.name, ": the region of shape ", a.shape, ", strides ", a.strides, " and offset ", a.offset,
      " does not lie in the tensor of shape ", c.input(0).shape());
  expect_same_dtype(c);
  c.make(0, c.input(0).shape(), c.input(0).strides(), c.dtype);
}

// A gradient laid out as the tensor it belongs to, so that the tensor's regions can be cut out of it.
Tensor in_layout(const Tensor& g, const Layout& like) {
  if (g.strides() == like.strides && g.layout().dense) return g;
  if (like.contiguous) return machinery::copy(g, MemoryFormat::kContiguous);
  HEARTH_CHECK(like.dense, "as_strided: the gradient of a region of a tensor with gaps (strides ", like.strides,
               ") is not supported");
  Tensor zeros = detail::empty_strided(like.shape, like.strides, g.dtype(), g.device());
  machinery::fill_into(zeros, 0);
  return machinery::view_write(zeros, g, {like.shape, like.strides, 0});
}

void as_strided_backward(GradContext& g) {
  const auto& a = g.attrs<StridedAttrs>();
  const Layout& base = g.input_layout(0);
  HEARTH_CHECK(base.dense, "as_strided: the gradient of a region of a tensor with gaps (strides ", base.strides,
               ") is not supported");
  // Elements that a stretched view shows several times get the sum.
  Shape once = a.shape;
  for (int d = 0; d < once.rank(); ++d) {
    if (a.strides[d] == 0 && once[d] > 1) once[d] = 1;
  }
  Tensor zeros = detail::empty_strided(base.shape, base.strides, g.input_dtype(0), g.grad().device());
  machinery::fill_into(zeros, 0);
  const StridedAttrs region{once, a.strides, a.offset};
  const Tensor sums = machinery::sum_to(g.grad(), once);
  const bool overlaps = Layout(once, a.strides, 0).overlapping();
  g.set(0, overlaps ? machinery::view_add(zeros, sums, region) : machinery::view_write(zeros, sums, region));
}

void view_write_backward(GradContext& g) {
  const auto& a = g.attrs<StridedAttrs>();
  const Tensor d = in_layout(g.grad(), g.input_layout(0));
  if (g.needs(0)) g.set(0, machinery::view_write(d, machinery::full(a.shape, 0, d.dtype(), d.device()), a));
  if (g.needs(1)) g.set(1, machinery::as_strided(d, a));
}

void view_add_backward(GradContext& g) {
  const auto& a = g.attrs<StridedAttrs>();
  const Tensor d = in_layout(g.grad(), g.input_layout(0));
  if (g.needs(0)) g.set(0, d);
  if (g.needs(1)) g.set(1, machinery::as_strided(d, a));
}

// A dense operand keeps its strides, another one becomes row-major. Without data it has nothing to bring: the result is
// without data too.
void infer_transfer(OpCall& c) {
  const Tensor& in = c.input(0);
  c.dtype = in.dtype();
  c.device = in.device().is_meta() ? kMeta : c.attrs_as<TransferAttrs>().device;
  const Strides strides = strides_for(in.layout(), MemoryFormat::kPreserve);
  if (c.attrs_as<TransferAttrs>().non_blocking && c.device.is_cpu() && in.device().is_cuda())
    c.out[0] = detail::empty_pinned(in.shape(), strides, c.dtype, "to");
  else c.make(0, in.shape(), strides, c.dtype);
}

void infer_detach(OpCall& c) { c.out[0] = detail::alias(c.input(0), c.input(0).layout(), true); }

}  // namespace

extern constinit const OpDef kCopy = {
    .name = "copy",
    .kind = OpKind::kPointwise,
    .dtypes = kAllTypes | kComplexTypes,
    .attrs = &attrs_type<CopyAttrs>,
    .infer = infer_copy,
    .kernel = {cpu::copy, cuda::copy},
    .backward = [](GradContext& g) { g.set(0, g.grad()); },
};
HEARTH_OP(kCopy);

extern constinit const OpDef kFill = {.name = "fill",
                                      .kind = OpKind::kPointwise,
                                      .dtypes = kAllTypes | kComplexTypes,
                                      .scalars = 1,
                                      .infer = infer_fill,
                                      .kernel = {cpu::fill, cuda::fill}};
HEARTH_OP(kFill);

extern constinit const OpDef kAdd = {
    .name = "add",
    .kind = OpKind::kPointwise,
    .dtypes = kAllTypes | kComplexTypes,
    .promote = Promote::kCommon,
    .autocast = AutocastPolicy::kWidest,
    .min_inputs = 2,
    .max_inputs = 2,
    .scalars = 3,
    .infer = broadcast,
    .kernel = {cpu::add, cuda::add},
    .backward =
        [](GradContext& g) {
          g.set(0, g.grad());
          g.set(1, g.grad());
        },
};
HEARTH_OP(kAdd);

extern constinit const OpDef kMul = {
    .name = "mul",
    .kind = OpKind::kPointwise,
    .dtypes = kAllTypes | kComplexTypes,
    .promote = Promote::kCommon,
    .autocast = AutocastPolicy::kWidest,
    .min_inputs = 2,
    .max_inputs = 2,
    .scalars = 3,
    .infer = broadcast,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::mul, cuda::mul},
    .backward =
        [](GradContext& g) {
          // Products that are summed for a broadcast operand are not rounded before.
          for (int i : {0, 1}) {
            if (!g.is_scalar(i) && !(g.input_shape(i) == g.grad().shape())) g.widen();
          }
          for (int i : {0, 1}) {
            const int other = 1 - i;
            if (!g.needs(i)) continue;
            g.set(i, g.is_scalar(other) ? run(kMul, {g.grad(), g.scalar(other)})
                                        : run(kMul, {g.grad(), machinery::conj(g.input(other))}));
          }
        },
};
HEARTH_OP(kMul);

extern constinit const OpDef kConj = {
    .name = "conj",
    .kind = OpKind::kPointwise,
    .dtypes = kComplexTypes,
    .infer = broadcast,
    .kernel = {cpu::conj, cuda::conj},
    .backward = [](GradContext& g) { g.set(0, machinery::conj(g.grad())); },
};
HEARTH_OP(kConj);

extern constinit const OpDef kSumTo = {
    .name = "sum_to",
    .kind = OpKind::kReduction,
    .dtypes = kNumberTypes | kComplexTypes,
    .attrs = &attrs_type<ShapeAttrs>,
    .infer = infer_sum_to,
    .kernel = {cpu::sum_to, cuda::sum_to},
    .backward = [](GradContext& g) { g.set(0, machinery::expand(g.grad(), g.input_shape(0))); },
};
HEARTH_OP(kSumTo);

extern constinit const OpDef kExpand = {
    .name = "expand",
    .kind = OpKind::kView,
    .dtypes = kAllTypes | kComplexTypes,
    .attrs = &attrs_type<ShapeAttrs>,
    .infer = infer_expand,
    .backward = [](GradContext& g) { g.set(0, g.grad()); },  // set() sums over what was stretched
};
HEARTH_OP(kExpand);

extern constinit const OpDef kAsStrided = {
    .name = "as_strided",
    .kind = OpKind::kView,
    .dtypes = kAllTypes | kComplexTypes,
    .attrs = &attrs_type<StridedAttrs>,
    .infer = infer_as_strided,
    .backward = as_strided_backward,
};
HEARTH_OP(kAsStrided);

extern constinit const OpDef kViewWrite = {
    .name = "view_write",
    .dtypes = kAllTypes | kComplexTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<StridedAttrs>,
    .infer = infer_view_write,
    .kernel = {cpu::view_write, cuda::view_write},
    .backward = view_write_backward,
};
HEARTH_OP(kViewWrite);

extern constinit const OpDef kViewAdd = {
    .name = "view_add",
    .dtypes = kNumberTypes | kComplexTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<StridedAttrs>,
    .infer = infer_view_write,
    .kernel = {cpu::view_add, cuda::view_add},
    .backward = view_add_backward,
};
HEARTH_OP(kViewAdd);

extern constinit const OpDef kTransfer = {
    .name = "transfer",
    .dtypes = kAllTypes | kComplexTypes,
    .attrs = &attrs_type<TransferAttrs>,
    .infer = infer_transfer,
    .kernel = {transfer, transfer},
    .backward = [](GradContext& g) { g.set(0, machinery::transfer(g.grad(), g.input_device(0))); },
};
HEARTH_OP(kTransfer);

extern constinit const OpDef kDetach = {
    .name = "detach", .kind = OpKind::kView, .dtypes = kAllTypes | kComplexTypes, .infer = infer_detach};
HEARTH_OP(kDetach);

}  // namespace hearth
