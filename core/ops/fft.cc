#include "core/ops/fft.h"

#include <cmath>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/fft.h"
#include "core/op/attrs/fft.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/computed.h"
#include "core/ops/join.h"
#include "core/ops/rearrange.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr DTypeSet kReal{f32, f64};

// Checks the attributes, which may come from a file.
int last_dim(const OpCall& c, const Shape& shape) {
  const Dims& dims = c.attrs_as<FftAttrs>().dims;
  HEARTH_CHECK(!dims.empty(), c.op.name, ": at least one dimension must be transformed");
  unsigned seen = 0;
  for (int64_t d : dims) {
    HEARTH_CHECK(d >= 0 && d < shape.rank() && !(seen >> d & 1), c.op.name, ": the dimensions ", dims,
                 " are not different ones of shape ", shape);
    HEARTH_CHECK(shape[static_cast<int>(d)] > 0, c.op.name, ": dimension ", d, " of shape ", shape, " has no elements");
    seen |= 1u << d;
  }
  return static_cast<int>(dims.back());
}

void infer_c2c(OpCall& c) {
  last_dim(c, c.input(0).shape());
  c.make(0, c.input(0).shape(), c.dtype);
}
void infer_r2c(OpCall& c) {
  Shape shape = c.input(0).shape();
  const int d = last_dim(c, shape);
  shape[d] = shape[d] / 2 + 1;
  c.make(0, shape, complex_type(c.dtype));
}
void infer_c2r(OpCall& c) {
  Shape shape = c.input(0).shape();
  const int d = last_dim(c, shape);
  const int64_t n = c.attrs_as<FftAttrs>().size;
  HEARTH_CHECK(n >= 1 && shape[d] == n / 2 + 1, c.op.name, ": ", n, " real numbers need ", n / 2 + 1,
               " complex ones, but the shape is ", shape, " and the dimension ", d);
  shape[d] = n;
  c.make(0, shape, real_type(c.dtype));
}

FftAttrs other_way(const FftAttrs& a) {
  FftAttrs b = a;
  b.inverse = !a.inverse;
  b.size = 0;
  return b;
}

// x with n numbers along dimension d: cut, or with zeros at the end.
Tensor resized(const Tensor& x, int d, int64_t n) {
  const int64_t size = x.shape()[d];
  if (size == n) return x;
  if (size > n) return slice(x, d, 0, n);
  Shape rest = x.shape();
  rest[d] = n - size;
  return cat({x, machinery::full(rest, 0, x.dtype(), x.device())}, d);
}

void r2c_backward(GradContext& g) {
  const auto& a = g.attrs<FftAttrs>();
  const auto d = static_cast<int>(a.dims.back());
  const Tensor all = resized(g.grad(), d, g.input_shape(0)[d]);
  g.set(0, real(run(kFftC2C, {all}, other_way(a))));
}

void c2r_backward(GradContext& g) {
  const auto& a = g.attrs<FftAttrs>();
  const auto d = static_cast<int>(a.dims.back());
  const Tensor half = run(kFftR2C, {g.grad()}, other_way(a));
  // Each number that has a conjugate stood for both.
  const int64_t m = half.shape()[d], twice = a.size - m;
  const auto part = [&](int64_t n, double v) {
    return machinery::full({n}, v, real_type(half.dtype()), half.device());
  };
  Shape along = Dims::filled(half.dim(), 1);
  along[d] = m;
  g.set(0, half * reshape(cat({part(1, 1), part(twice, 2), part(m - 1 - twice, 1)}, 0), along));
}

}  // namespace

extern constinit const OpDef kFftC2C = {
    .name = "fft_c2c",
    .dtypes = kComplexTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<FftAttrs>,
    .infer = infer_c2c,
    .kernel = {cpu::fft_c2c, cuda::fft_c2c},
    .backward = [](GradContext& g) { g.set(0, run(kFftC2C, {g.grad()}, other_way(g.attrs<FftAttrs>()))); },
};
HEARTH_OP(kFftC2C);

extern constinit const OpDef kFftR2C = {
    .name = "fft_r2c",
    .dtypes = kReal,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<FftAttrs>,
    .infer = infer_r2c,
    .kernel = {cpu::fft_r2c, cuda::fft_r2c},
    .backward = r2c_backward,
};
HEARTH_OP(kFftR2C);

extern constinit const OpDef kFftC2R = {
    .name = "fft_c2r",
    .dtypes = kComplexTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<FftAttrs>,
    .infer = infer_c2r,
    .kernel = {cpu::fft_c2r, cuda::fft_c2r},
    .backward = c2r_backward,
};
HEARTH_OP(kFftC2R);

namespace fft {
namespace {

constexpr DTypeSet kTaken = kIntAndBoolTypes | kReal | kComplexTypes;
constexpr DTypeSet kTakenReal = kIntAndBoolTypes | kReal;

enum class Kind : uint8_t { kC2C, kR2C, kC2R };

double factor_of(Norm norm, bool inverse, double n) {
  if (norm == Norm::kOrtho) return 1 / std::sqrt(n);
  return (norm == Norm::kBackward) == inverse ? 1 / n : 1;
}

// The transform along `dims`; lengths below 1 are errors, -1 those of x.
Tensor transform(const char* op, Kind kind, bool inverse, const Tensor& x, const Dims& dims, const Dims& lengths,
                 Norm norm) {
  expect_dtypes(op, x, kind == Kind::kR2C ? kTakenReal : kTaken);
  Tensor y = is_differentiable(x.dtype()) ? x : x.to(default_dtype());
  if (kind != Kind::kR2C) y = y.to(complex_type(y.dtype()));
  FftAttrs a{.dims = {}, .inverse = inverse};
  unsigned seen = 0;
  double n = 1;
  for (int i = 0; i < dims.rank(); ++i) {
    HEARTH_CHECK(x.dim() > 0, op, ": a 0-dim tensor has no dimension ", dims[i]);
    const int d = wrap_dim(dims[i], x.dim(), op);
    HEARTH_CHECK(!(seen >> d & 1), op, ": dimension ", d, " is named twice in ", dims);
    seen |= 1u << d;
    a.dims.push_back(d);
    const bool halves = kind == Kind::kC2R && i + 1 == dims.rank();
    int64_t length = lengths[i];
    if (length == -1) length = halves ? 2 * (x.shape()[d] - 1) : x.shape()[d];
    HEARTH_CHECK(length >= 1, op, ": the length of a transform must be at least 1, but is ", length, " (dimension ", d,
                 " of shape ", x.shape(), ")");
    if (halves) a.size = length;
    y = resized(y, d, halves ? length / 2 + 1 : length);
    n *= static_cast<double>(length);
  }
  a.factor = factor_of(norm, inverse, n);
  if (a.dims.empty()) {
    HEARTH_CHECK(kind == Kind::kC2C, op, ": at least one dimension must be transformed");
    return y.impl() == x.impl() ? y.clone() : y;
  }
  return run(kind == Kind::kC2C ? kFftC2C : kind == Kind::kR2C ? kFftR2C : kFftC2R, {y}, a);
}

Tensor one(const char* op, Kind kind, bool inverse, const Tensor& x, std::optional<int64_t> n, int64_t dim, Norm norm) {
  const CalledAs called(op);
  HEARTH_CHECK(!n || *n >= 1, op, ": the length of a transform must be at least 1, but is ", *n);
  return transform(op, kind, inverse, x, {dim}, {n.value_or(-1)}, norm);
}

Tensor several(const char* op, Kind kind, bool inverse, const Tensor& x, const std::optional<Dims>& s,
               const std::optional<Dims>& dim, Norm norm) {
  const CalledAs called(op);
  expect_defined(op, {x});
  HEARTH_CHECK(!s || !dim || s->rank() == dim->rank(), op, ": ", s->rank(), " lengths, but ", dim->rank(),
               " dimensions");
  HEARTH_CHECK(!s || s->rank() <= x.dim(), op, ": ", s->rank(), " lengths for a tensor of shape ", x.shape());
  Dims dims;
  if (dim) {
    dims = *dim;
  } else {
    for (int d = s ? x.dim() - s->rank() : 0; d < x.dim(); ++d) dims.push_back(d);
  }
  return transform(op, kind, inverse, x, dims, s ? *s : Dims::filled(dims.rank(), -1), norm);
}

// By half the sizes; up for fftshift.
Tensor shifted(const char* op, const Tensor& x, const std::optional<Dims>& dim, bool up) {
  const CalledAs called(op);
  expect_defined(op, {x});
  Dims dims, shifts;
  for (int d = 0; !dim && d < x.dim(); ++d) dims.push_back(d);
  if (dim) dims = *dim;
  if (dims.empty()) return x;
  for (int64_t d : dims) {
    const int64_t n = x.size(d);
    shifts.push_back(up ? n / 2 : (n + 1) / 2);
  }
  return roll(x, shifts, dims);
}

// Of the first `count` frequencies of n samples; with `both_signs` those from the middle on are negative.
Tensor frequencies(const char* op, int64_t n, double d, const TensorOptions& o, int64_t count, bool both_signs) {
  HEARTH_CHECK(n >= 1, op, ": n must be at least 1, but is ", n);
  return computed(op, {count}, o, [&](int64_t k) {
    return static_cast<double>(both_signs && k >= (n + 1) / 2 ? k - n : k) / (static_cast<double>(n) * d);
  });
}

}  // namespace

#define HEARTH_FFT_ONE(name, kind, inverse)                                        \
  Tensor name(const Tensor& x, std::optional<int64_t> n, int64_t dim, Norm norm) { \
    return one(#name, Kind::kind, inverse, x, n, dim, norm);                       \
  }
HEARTH_FFT_ONE(fft, kC2C, false)
HEARTH_FFT_ONE(ifft, kC2C, true)
HEARTH_FFT_ONE(rfft, kR2C, false)
HEARTH_FFT_ONE(irfft, kC2R, true)
HEARTH_FFT_ONE(hfft, kC2R, false)
HEARTH_FFT_ONE(ihfft, kR2C, true)

#define HEARTH_FFT_SEVERAL(name, kind, inverse)                                                 \
  Tensor name##n(const Tensor& x, std::optional<Dims> s, std::optional<Dims> dim, Norm norm) {  \
    return several(#name "n", Kind::kind, inverse, x, s, dim, norm);                            \
  }                                                                                             \
  Tensor name##2(const Tensor& x, std::optional<Dims> s, const Dims& dim, Norm norm) {          \
    HEARTH_CHECK(dim.rank() == 2, #name "2: two dimensions are transformed, but dim is ", dim); \
    return several(#name "2", Kind::kind, inverse, x, s, dim, norm);                            \
  }
HEARTH_FFT_SEVERAL(fft, kC2C, false)
HEARTH_FFT_SEVERAL(ifft, kC2C, true)
HEARTH_FFT_SEVERAL(rfft, kR2C, false)
HEARTH_FFT_SEVERAL(irfft, kC2R, true)
HEARTH_FFT_SEVERAL(hfft, kC2R, false)
HEARTH_FFT_SEVERAL(ihfft, kR2C, true)

Tensor fftfreq(int64_t n, double d, const TensorOptions& o) { return frequencies("fftfreq", n, d, o, n, true); }
Tensor rfftfreq(int64_t n, double d, const TensorOptions& o) {
  return frequencies("rfftfreq", n, d, o, n / 2 + 1, false);
}
Tensor fftshift(const Tensor& x, std::optional<Dims> dim) { return shifted("fftshift", x, dim, true); }
Tensor ifftshift(const Tensor& x, std::optional<Dims> dim) { return shifted("ifftshift", x, dim, false); }

}  // namespace fft
}  // namespace hearth
