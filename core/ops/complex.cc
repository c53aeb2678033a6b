#include "core/ops/complex.h"

#include <numbers>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/pointwise.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr DTypeSet kParts{f32, f64};

void infer_complex(OpCall& c) {
  for (int i : {0, 1}) {
    if (!kParts.contains(c.input(i).dtype())) {
      fail(ErrorKind::kUnsupported, c.op.name, ": dtype ", c.input(i).dtype(), " is not supported; it takes ", kParts);
    }
  }
  HEARTH_CHECK(c.input(0).dtype() == c.input(1).dtype(), c.op.name, ": the parts must have one dtype, but have ",
               c.input(0).dtype(), " and ", c.input(1).dtype());
  broadcast(c);
  c.dtype = complex_type(c.dtype);
  if (c.bound) {
    HEARTH_CHECK(c.out[0].is_complex(), c.op.name, ": cannot write a result of dtype ", c.dtype,
                 " into a tensor of dtype ", c.out[0].dtype());
    return;
  }
  c.out[0] = detail::empty_strided(c.out[0].shape(), c.out[0].strides(), c.dtype, c.device, c.op.name);
}

Tensor as_dtype(const Tensor& x, const Layout& layout, DType t) {
  Tensor v = detail::alias(x, layout);
  v.impl()->dtype = t;
  return v;
}

void infer_view_as_real(OpCall& c) {
  const Tensor& x = c.input(0);
  c.dtype = x.dtype();
  if (!x.is_complex()) return;  // run() says so
  const Layout& l = x.layout();
  HEARTH_CHECK(l.rank() < kMaxRank, c.op.name, ": the tensor has ", kMaxRank, " dimensions already");
  Shape shape = l.shape;
  Strides strides = l.strides;
  for (int64_t& s : strides) s *= 2;
  shape.push_back(2);
  strides.push_back(1);
  c.out[0] = as_dtype(x, Layout(shape, strides, 2 * l.offset), real_type(x.dtype()));
}

void infer_view_as_complex(OpCall& c) {
  const Tensor& x = c.input(0);
  c.dtype = x.dtype();
  if (!kParts.contains(c.dtype)) return;  // run() says so
  const Layout& l = x.layout();
  HEARTH_CHECK(l.rank() > 0 && l.shape.back() == 2, c.op.name,
               ": the last dimension must have size 2, but the shape is ", l.shape);
  bool fits = l.offset % 2 == 0 && l.strides.back() == 1;
  Shape shape;
  Strides strides;
  for (int d = 0; d + 1 < l.rank(); ++d) {
    fits &= l.shape[d] <= 1 || l.strides[d] % 2 == 0;
    shape.push_back(l.shape[d]);
    strides.push_back(l.strides[d] / 2);
  }
  HEARTH_CHECK(fits, c.op.name, ": the pairs do not lie in memory as complex numbers do (strides ", l.strides,
               ", offset ", l.offset, "); contiguous() brings them so");
  c.out[0] = as_dtype(x, Layout(shape, strides, l.offset / 2), complex_type(x.dtype()));
}

// Pairs of any layout as complex numbers.
Tensor paired(const Tensor& g) { return view_as_complex(g.contiguous()); }

// |z|, and 1 for 0: a divisor by which no gradient becomes NaN.
Tensor nonzero_size(const Tensor& z) {
  const Tensor size = abs(z);
  return where(eq(size, 0), Scalar(1), size);
}

void angle_backward(GradContext& g) {
  // i z / |z|^2, without the square, which may overflow or vanish; the angle of 0 does not change.
  const Tensor z = g.input(0), direction = sgn(z);
  g.set(0, complex(-imag(direction), real(direction)) * (g.grad() / nonzero_size(z)));
}

}  // namespace

extern constinit const OpDef kComplex = {
    .name = "complex",
    .kind = OpKind::kPointwise,
    .dtypes = kComplexTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_complex,
    .kernel = {cpu::make_complex, cuda::make_complex},
    .backward =
        [](GradContext& g) {
          if (g.needs(0)) g.set(0, real(g.grad()));
          if (g.needs(1)) g.set(1, imag(g.grad()));
        },
};
HEARTH_OP(kComplex);

extern constinit const OpDef kAngle = {
    .name = "angle",
    .kind = OpKind::kPointwise,
    .dtypes = kComplexTypes,
    .infer = broadcast_real,
    .save = {.input = {kAnyGradient}},
    .kernel = {cpu::angle, cuda::angle},
    .backward = angle_backward,
};
HEARTH_OP(kAngle);

extern constinit const OpDef kAbsSquare = {
    .name = "abs_square",
    .kind = OpKind::kPointwise,
    .dtypes = kComplexTypes,
    .infer = broadcast_real,
    .save = {.input = {kAnyGradient}},
    .kernel = {cpu::abs_square, cuda::abs_square},
    .backward = [](GradContext& g) { g.set(0, g.input(0) * (g.grad() * 2)); },
};
HEARTH_OP(kAbsSquare);

extern constinit const OpDef kViewAsReal = {
    .name = "view_as_real",
    .kind = OpKind::kView,
    .dtypes = kComplexTypes,
    .infer = infer_view_as_real,
    .backward = [](GradContext& g) { g.set(0, paired(g.grad())); },
};
HEARTH_OP(kViewAsReal);

extern constinit const OpDef kViewAsComplex = {
    .name = "view_as_complex",
    .kind = OpKind::kView,
    .dtypes = kParts,
    .infer = infer_view_as_complex,
    .backward = [](GradContext& g) { g.set(0, view_as_real(g.grad())); },
};
HEARTH_OP(kViewAsComplex);

Tensor complex(const Tensor& re, const Tensor& im) { return run(kComplex, {re, im}); }
Tensor polar(const Tensor& abs, const Tensor& angle) {
  const CalledAs called("polar");
  expect_dtypes("polar", abs, kParts);
  expect_dtypes("polar", angle, kParts);
  return complex(abs * cos(angle), abs * sin(angle));
}
Tensor view_as_real(const Tensor& x) { return run(kViewAsReal, {x}); }
Tensor view_as_complex(const Tensor& x) { return run(kViewAsComplex, {x}); }

Tensor real(const Tensor& x) {
  const CalledAs called("real");
  expect_defined("real", {x});
  return x.is_complex() ? select(view_as_real(x), -1, 0) : x;
}
Tensor imag(const Tensor& x) {
  const CalledAs called("imag");
  expect_dtypes("imag", x, kComplexTypes);
  return select(view_as_real(x), -1, 1);
}
Tensor conj(const Tensor& x) {
  expect_defined("conj", {x});
  return machinery::conj(x);
}
Tensor abs_square(const Tensor& x) {
  const CalledAs called("abs_square");
  expect_defined("abs_square", {x});
  return x.is_complex() ? run(kAbsSquare, {x}) : square(x);
}
Tensor angle(const Tensor& x) {
  const CalledAs called("angle");
  expect_defined("angle", {x});
  if (x.is_complex()) return run(kAngle, {x});
  const Tensor y = x.is_floating_point() ? x : x.to(default_dtype());
  return clamp(-sign(y), 0, 1) * std::numbers::pi;
}
Tensor sgn(const Tensor& x) {
  const CalledAs called("sgn");
  expect_defined("sgn", {x});
  if (!x.is_complex()) return sign(x);
  return where(eq(x, 0), Scalar(0), x / nonzero_size(x));
}

Tensor Tensor::real() const { return hearth::real(*this); }
Tensor Tensor::imag() const { return hearth::imag(*this); }
Tensor Tensor::conj() const { return hearth::conj(*this); }
Tensor Tensor::angle() const { return hearth::angle(*this); }

}  // namespace hearth
