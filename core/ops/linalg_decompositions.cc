// Decompositions by elimination: Cholesky, LU, and QR. Gradients: S. Walter and L. Lehmann, "Algorithmic
// differentiation of linear algebra functions", 2010; I. Murray, "Differentiation of the Cholesky decomposition", 2016;
// and PyTorch's documentation.
#include "core/ops/linalg_decompositions.h"

#include "core/base/called_as.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"
#include "core/op/grad_context.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/linalg_internal.h"
#include "core/ops/linalg_solves.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"

namespace hearth {
namespace {

using namespace linalg_detail;

void infer_cholesky(OpCall& c) {
  const Tensor& a = c.input(0);
  expect_square(c.op.name, a);
  c.make(0, a.shape(), c.dtype);
  c.make(1, batch_of(a), i32);
}

void cholesky_backward(GradContext& g) {
  if (!g.has_grad(0)) return;
  const Tensor l = g.output(0), lh = adjoint(l);
  Tensor phi = tril(matmul(lh, g.grad(0)));
  phi = where(on_diagonal(l.size(-1), l.device()), phi * 0.5, phi);
  // L^-H (phi + phi^H) L^-1 / 2
  const Tensor left = linalg::solve_triangular(lh, (phi + adjoint(phi)) * 0.5, true);
  g.set(0, linalg::solve_triangular(l, left, false, {.left = false}));
}

void infer_lu_factor(OpCall& c) {
  const Tensor& a = c.input(0);
  expect_matrices(c.op.name, a);
  const Shape batch = batch_of(a);
  c.make(0, a.shape(), c.dtype);
  c.make(1, with(batch, {std::min(a.size(-2), a.size(-1))}), i32);
  c.make(2, batch, i32);
}

// The gradient of A1 where A = P L U and X is that of L^-1 (P^T A1) U1^-1.
Tensor through_factors(const Tensor& l, const Tensor& x, const Tensor& u) {
  const Tensor left = linalg::solve_triangular(adjoint(l), x, true, {.unitriangular = true});
  return linalg::solve_triangular(adjoint(u), left, false, {.left = false});
}

void lu_factor_backward(GradContext& g) {
  if (!g.has_grad(0)) return;
  const Tensor lu = g.output(0), grad = g.grad(0);
  const int64_t m = lu.size(-2), n = lu.size(-1), k = std::min(m, n);
  const auto part = [](const Tensor& x, int64_t d, int64_t first, int64_t end) { return slice(x, d, first, end); };
  const Tensor square = part(part(lu, -2, 0, k), -1, 0, k), grad_square = part(part(grad, -2, 0, k), -1, 0, k);
  const Tensor l = tril(square, -1) + identity(k, lu), u = triu(square);
  const Tensor of_l = tril(grad_square, -1), of_u = triu(grad_square);
  Tensor below = matmul(adjoint(l), of_l), above = matmul(of_u, adjoint(u));
  Tensor result;
  if (m <= n) {
    const Tensor u2 = part(lu, -1, k, n), of_u2 = part(grad, -1, k, n);
    if (m < n) below = below - matmul(of_u2, adjoint(u2));
    result = through_factors(l, tril(below, -1) + triu(above), u);
    if (m < n) result = cat({result, linalg::solve_triangular(adjoint(l), of_u2, true, {.unitriangular = true})}, -1);
  } else {
    const Tensor l2 = part(lu, -2, k, m), of_l2 = part(grad, -2, k, m);
    above = above - matmul(adjoint(l2), of_l2);
    result = cat({through_factors(l, tril(below, -1) + triu(above), u),
                  linalg::solve_triangular(adjoint(u), of_l2, false, {.left = false})},
                 -2);
  }
  g.set(0, linalg_detail::permuted_rows(result, g.output(1), true));
}

void infer_permutation(OpCall& c) {
  const Tensor& pivots = c.input(0);
  const auto& a = c.attrs_as<PermutationAttrs>();
  HEARTH_CHECK(pivots.dim() >= 1, c.op.name, ": expected pivots of at least 1 dimension");
  HEARTH_CHECK(a.size >= pivots.shape().back(), c.op.name, ": ", pivots.shape().back(), " pivots for ", a.size,
               " rows");
  Shape shape = pivots.shape();
  shape[shape.rank() - 1] = a.size;
  c.make(0, shape, i64);
}

void infer_qr(OpCall& c) {
  const Tensor& a = c.input(0);
  const auto& attrs = c.attrs_as<QrAttrs>();
  expect_matrices(c.op.name, a);
  const int64_t m = a.size(-2), n = a.size(-1), k = attrs.complete ? m : std::min(m, n);
  c.make(0, attrs.q ? with(batch_of(a), {m, k}) : Shape{0}, c.dtype);
  c.make(1, with(batch_of(a), {k, n}), c.dtype);
}

// Of the square or tall factorisation.
Tensor tall_qr_gradient(const Tensor& q, const Tensor& r, const Tensor& of_q, const Tensor& of_r) {
  Tensor x;
  if (of_r.defined()) x = matmul(of_r, adjoint(r));
  if (of_q.defined()) {
    const Tensor y = matmul(adjoint(q), of_q);
    x = x.defined() ? x - y : -y;
  }
  x = triu(x);
  x = x + adjoint(x);
  x = where(on_diagonal(x.size(-1), x.device()), x * 0.5, x);
  Tensor left = matmul(q, x);
  if (of_q.defined()) left = left + of_q;
  return linalg::solve_triangular(adjoint(r), left, false, {.left = false});
}

void qr_backward(GradContext& g) {
  const auto& attrs = g.attrs<QrAttrs>();
  HEARTH_CHECK(attrs.q, "linalg.qr: the mode that gives R alone has no gradient");
  if (!g.has_grad(0) && !g.has_grad(1)) return;
  const Tensor q = g.output(0), r = g.output(1);
  const int64_t m = q.size(-2), n = r.size(-1);
  HEARTH_CHECK(!attrs.complete || m <= n, "linalg.qr: the complete mode has no gradient for matrices with more rows (",
               m, ") than columns (", n, ")");
  Tensor of_q = g.grad(0), of_r = g.grad(1);
  if (m >= n) return g.set(0, tall_qr_gradient(q, r, of_q, of_r));
  // A = Q [R1 R2]: R2 = Q^H A2.
  const Tensor r1 = slice(r, -1, 0, m), r2 = slice(r, -1, m, n);
  if (!of_r.defined()) of_r = machinery::full(r.shape(), 0, r.dtype(), r.device());
  const Tensor of_r1 = slice(of_r, -1, 0, m), of_r2 = slice(of_r, -1, m, n);
  const Tensor more = matmul(matmul(q, r2), adjoint(of_r2));
  of_q = of_q.defined() ? of_q + more : more;
  g.set(0, cat({tall_qr_gradient(q, r1, of_q, of_r1), matmul(q, of_r2)}, -1));
}

}  // namespace

namespace linalg_detail {

Tensor permuted_rows(const Tensor& x, const Tensor& pivots, bool by_p) {
  const Tensor rows = run(kLinalgPermutation, {pivots}, PermutationAttrs{x.size(-2), by_p});
  if (!x.is_complex()) return gather(x, -2, expand(unsqueeze(rows, -1), x.shape()));
  const Tensor parts = view_as_real(x.contiguous());
  const Tensor index = expand(unsqueeze(unsqueeze(rows, -1), -1), parts.shape());
  return view_as_complex(gather(parts, -3, index));
}

}  // namespace linalg_detail

extern constinit const OpDef kLinalgCholesky = {
    .name = "linalg_cholesky",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<FactorAttrs>,
    .infer = infer_cholesky,
    .save = {.outputs = 0b1},
    .kernel = {cpu::linalg_cholesky, cuda::linalg_cholesky},
    .backward = cholesky_backward,
};
HEARTH_OP(kLinalgCholesky);

extern constinit const OpDef kLinalgLuFactor = {
    .name = "linalg_lu_factor",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 3,
    .visible = 3,
    .attrs = &attrs_type<FactorAttrs>,
    .infer = infer_lu_factor,
    .save = {.outputs = 0b11},
    .kernel = {cpu::linalg_lu_factor, cuda::linalg_lu_factor},
    .backward = lu_factor_backward,
};
HEARTH_OP(kLinalgLuFactor);

extern constinit const OpDef kLinalgPermutation = {
    .name = "linalg_permutation",
    .dtypes = DTypeSet{i32},
    .attrs = &attrs_type<PermutationAttrs>,
    .infer = infer_permutation,
    .kernel = {cpu::linalg_permutation, cuda::linalg_permutation},
};
HEARTH_OP(kLinalgPermutation);

extern constinit const OpDef kLinalgQr = {
    .name = "linalg_qr",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<QrAttrs>,
    .infer = infer_qr,
    .save = {.outputs = 0b11},
    .kernel = {cpu::linalg_qr, cuda::linalg_qr},
    .backward = qr_backward,
};
HEARTH_OP(kLinalgQr);

namespace linalg {
namespace {

CholeskyEx factored(const char* op, const Tensor& a, bool upper, bool check) {
  const CalledAs called(op);
  expect_square(op, a);
  expect_linalg_dtype(op, a);
  auto r = run_all(kLinalgCholesky, {upper ? adjoint(a) : a}, FactorAttrs{check});
  return {upper ? adjoint(r[0]) : r[0], r[1]};
}

LuFactorEx factored_lu(const char* op, const Tensor& a, bool check) {
  const CalledAs called(op);
  expect_matrices(op, a);
  expect_linalg_dtype(op, a);
  auto r = run_all(kLinalgLuFactor, {a}, FactorAttrs{check});
  return {r[0], r[1], r[2]};
}

}  // namespace

Tensor cholesky(const Tensor& a, bool upper) { return factored("linalg.cholesky", a, upper, true).l; }
CholeskyEx cholesky_ex(const Tensor& a, bool upper) { return factored("linalg.cholesky_ex", a, upper, false); }

LuFactor lu_factor(const Tensor& a) {
  auto r = factored_lu("linalg.lu_factor", a, true);
  return {r.lu, r.pivots};
}
LuFactorEx lu_factor_ex(const Tensor& a) { return factored_lu("linalg.lu_factor_ex", a, false); }
Lu lu(const Tensor& a) {
  const CalledAs called("linalg.lu");
  const auto r = factored_lu("linalg.lu", a, false);
  return linalg_detail::unpacked(r.lu, r.pivots);
}

Qr qr(const Tensor& a, QrMode mode) {
  const CalledAs called("linalg.qr");
  expect_matrices("linalg.qr", a);
  expect_linalg_dtype("linalg.qr", a);
  auto r = run_all(kLinalgQr, {a}, QrAttrs{mode == QrMode::kComplete, mode != QrMode::kR});
  return {r[0], r[1]};
}

}  // namespace linalg

namespace linalg_detail {

linalg::Lu unpacked(const Tensor& lu, const Tensor& pivots) {
  const int64_t m = lu.size(-2), n = lu.size(-1), k = std::min(m, n);
  const Tensor below = tril(slice(lu, -1, 0, k), -1);
  // Ones on the diagonal of the first k rows.
  const Tensor ones = slice(identity(std::max(m, k), lu), -1, 0, k);
  const Tensor p = permuted_rows(expanded(identity(m, lu), batch_of(lu)), pivots, true);
  return {p, below + ones, triu(slice(lu, -2, 0, k))};
}

}  // namespace linalg_detail
}  // namespace hearth
