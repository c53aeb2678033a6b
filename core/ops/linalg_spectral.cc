// Eigenvalues and singular values. Gradients: M. Giles, "Collected matrix derivative results for forward and reverse
// mode algorithmic differentiation", 2008; for complex matrices as in PyTorch's documentation.
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"
#include "core/op/grad_context.h"
#include "core/ops/linalg_decompositions.h"
#include "core/ops/linalg_internal.h"
#include "core/ops/linalg_solves.h"
#include "core/ops/matmul.h"

namespace hearth {
namespace {

using namespace linalg_detail;

// Backward needs the vectors, wanted or not.
bool with_vectors(const OpCall& c) {
  return c.attrs_as<SpectralAttrs>().vectors || (GradMode::enabled() && c.input(0).requires_grad());
}

void infer_eigenvalues(OpCall& c, DType values, DType vectors) {
  const Tensor& a = c.input(0);
  expect_square(c.op.name, a);
  c.make(0, with(batch_of(a), {a.size(-1)}), values);
  c.make(1, with_vectors(c) ? a.shape() : Shape{0}, vectors);
}
void infer_eigh(OpCall& c) { infer_eigenvalues(c, real_type(c.dtype), c.dtype); }
void infer_eig(OpCall& c) { infer_eigenvalues(c, complex_type(c.dtype), complex_type(c.dtype)); }

void infer_svd(OpCall& c) {
  const Tensor& a = c.input(0);
  const auto& attrs = c.attrs_as<SpectralAttrs>();
  expect_matrices(c.op.name, a);
  const Shape batch = batch_of(a);
  const int64_t m = a.size(-2), n = a.size(-1), k = std::min(m, n);
  const bool vectors = with_vectors(c);
  c.make(0, vectors ? with(batch, {m, attrs.full ? m : k}) : Shape{0}, c.dtype);
  c.make(1, with(batch, {k}), real_type(c.dtype));
  c.make(2, vectors ? with(batch, {attrs.full ? n : k, n}) : Shape{0}, c.dtype);
}

// x_j - x_i at [i, j], and 1 on the diagonal.
Tensor differences(const Tensor& x) {
  const Tensor d = unsqueeze(x, -2) - unsqueeze(x, -1);
  return where(on_diagonal(x.size(-1), x.device()), Scalar(1.0), d);
}

void eigh_backward(GradContext& g) {
  if (!g.has_grad(0) && !g.has_grad(1)) return;
  const Tensor values = g.output(0), v = g.output(1), vh = adjoint(v);
  if (!g.has_grad(1)) return g.set(0, matmul(scaled_columns(v, g.grad(0)), vh));
  Tensor inner = matmul(vh, g.grad(1)) / differences(values);
  const Tensor of_values =
      g.has_grad(0) ? g.grad(0).to(v.dtype()) : machinery::full(values.shape(), 0, v.dtype(), v.device());
  inner = with_diagonal(inner, of_values);
  g.set(0, matmul(v, matmul(inner, vh)));
}

void eig_backward(GradContext& g) {
  if (!g.has_grad(0) && !g.has_grad(1)) return;
  const Tensor values = g.output(0), v = g.output(1), vh = adjoint(v);
  Tensor inner;
  if (g.has_grad(1)) {
    // Vectors have length 1.
    const Tensor x = matmul(vh, g.grad(1));
    const Tensor lengths = real(hearth::diagonal(x, 0, -2, -1));
    inner = (x - scaled_columns(matmul(vh, v), lengths)) / conj(differences(values));
    const Tensor of_values = g.has_grad(0) ? g.grad(0) : machinery::full(values.shape(), 0, v.dtype(), v.device());
    inner = matmul(with_diagonal(inner, of_values), vh);
  } else {
    inner = scaled_rows(vh, g.grad(0));
  }
  const Tensor result = linalg::solve(vh, inner);
  g.set(0, is_complex(g.input_dtype(0)) ? result : real(result));
}

struct SvdParts {
  Tensor u, s, vh;
};

// The gradient of [U]: where only k of its rows lie in the span of A's columns, what leads out of it.
Tensor out_of_span(const Tensor& u, const Tensor& of_u_over_s) {
  return of_u_over_s - matmul(u, matmul(adjoint(u), of_u_over_s));
}

Tensor svd_gradient(const SvdParts& d, const Tensor& of_u, const Tensor& of_s, const Tensor& of_vh) {
  const Tensor &u = d.u, &s = d.s, &vh = d.vh;
  const int64_t m = u.size(-2), n = vh.size(-1), k = s.size(-1);
  if (!of_u.defined() && !of_vh.defined()) return matmul(scaled_columns(u, of_s), vh);
  const auto skew = [](const Tensor& x) { return x - adjoint(x); };
  const Tensor squares = s * s, e = differences(squares);
  Tensor of_left, of_right, inner;
  if (of_u.defined()) of_left = skew(matmul(adjoint(u), of_u));
  if (of_vh.defined()) of_right = skew(matmul(vh, adjoint(of_vh)));
  if (of_left.defined()) inner = scaled_columns(of_left / e, s);
  if (of_right.defined()) {
    const Tensor x = scaled_rows(of_right / e, s);
    inner = inner.defined() ? inner + x : x;
  }
  Tensor on = of_s.defined() ? of_s.to(inner.dtype()) : machinery::full(s.shape(), 0, inner.dtype(), inner.device());
  if (inner.is_complex() && of_left.defined() && of_right.defined())
    on = on + hearth::diagonal(of_left, 0, -2, -1) / (s * 2.0);
  inner = with_diagonal(inner, on);
  if (m > k && of_u.defined()) return matmul(matmul(u, inner) + out_of_span(u, of_u / unsqueeze(s, -2)), vh);
  if (n > k && of_vh.defined()) {
    const Tensor x = adjoint(out_of_span(adjoint(vh), adjoint(of_vh / unsqueeze(s, -1))));
    return matmul(u, matmul(inner, vh) + x);
  }
  return matmul(u, matmul(inner, vh));
}

void svd_backward(GradContext& g) {
  if (!g.has_grad(0) && !g.has_grad(1) && !g.has_grad(2)) return;
  const Tensor s = g.output(1);
  const int64_t k = s.size(-1);
  const auto first = [k](const Tensor& x, int64_t d) { return !x.defined() || x.size(d) == k ? x : slice(x, d, 0, k); };
  g.set(0, svd_gradient({first(g.output(0), -1), s, first(g.output(2), -2)}, first(g.grad(0), -1), g.grad(1),
                        first(g.grad(2), -2)));
}

}  // namespace

extern constinit const OpDef kLinalgEigh = {
    .name = "linalg_eigh",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<SpectralAttrs>,
    .infer = infer_eigh,
    .save = {.outputs = 0b11},
    .kernel = {cpu::linalg_eigh, cuda::linalg_eigh},
    .backward = eigh_backward,
};
HEARTH_OP(kLinalgEigh);

extern constinit const OpDef kLinalgEig = {
    .name = "linalg_eig",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<SpectralAttrs>,
    .infer = infer_eig,
    .save = {.outputs = 0b11},
    .kernel = {cpu::linalg_eig, cuda::linalg_eig},
    .backward = eig_backward,
};
HEARTH_OP(kLinalgEig);

extern constinit const OpDef kLinalgSvd = {
    .name = "linalg_svd",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 3,
    .visible = 3,
    .attrs = &attrs_type<SpectralAttrs>,
    .infer = infer_svd,
    .save = {.outputs = 0b111},
    .kernel = {cpu::linalg_svd, cuda::linalg_svd},
    .backward = svd_backward,
};
HEARTH_OP(kLinalgSvd);

namespace linalg {
namespace {

std::array<Tensor, kMaxOutputs> decomposed(const char* op, const OpDef& record, const Tensor& a,
                                           const SpectralAttrs& attrs) {
  const CalledAs called(op);
  if (&record == &kLinalgSvd) expect_matrices(op, a);
  else expect_square(op, a);
  expect_linalg_dtype(op, a);
  return run_all(record, {a}, attrs);
}

}  // namespace

Eigh eigh(const Tensor& a, bool upper) {
  auto r = decomposed("linalg.eigh", kLinalgEigh, a, {.upper = upper});
  return {r[0], r[1]};
}
Tensor eigvalsh(const Tensor& a, bool upper) {
  return decomposed("linalg.eigvalsh", kLinalgEigh, a, {.vectors = false, .upper = upper})[0];
}
Eig eig(const Tensor& a) {
  auto r = decomposed("linalg.eig", kLinalgEig, a, {});
  return {r[0], r[1]};
}
Tensor eigvals(const Tensor& a) { return decomposed("linalg.eigvals", kLinalgEig, a, {.vectors = false})[0]; }
Svd svd(const Tensor& a, bool full_matrices) {
  auto r = decomposed("linalg.svd", kLinalgSvd, a, {.full = full_matrices});
  return {r[0], r[1], r[2]};
}
Tensor svdvals(const Tensor& a) { return decomposed("linalg.svdvals", kLinalgSvd, a, {.vectors = false})[1]; }

}  // namespace linalg
}  // namespace hearth
