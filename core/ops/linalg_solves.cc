// Gradient of the pseudoinverse: G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least
// squares problems whose variables separate", 1973.
#include "core/ops/linalg_solves.h"

#include <cmath>

#include "core/autograd/autocast.h"
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"
#include "core/op/grad_context.h"
#include "core/ops/compare.h"
#include "core/ops/linalg_internal.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"

namespace hearth {
namespace {

using namespace linalg_detail;

void expect_right_side(OpCall& c, int64_t rows) {
  const Tensor &a = c.input(0), &b = c.input(1);
  expect_matrices(c.op.name, b);
  HEARTH_CHECK(b.size(-2) == rows && batch_of(b) == batch_of(a), c.op.name, ": the right-hand side of shape ",
               b.shape(), " does not fit the matrices of shape ", a.shape());
  expect_same_dtype(c);
}

void infer_solve(OpCall& c) {
  const Tensor& a = c.input(0);
  expect_square(c.op.name, a);
  expect_right_side(c, a.size(-1));
  const Shape batch = batch_of(a);
  c.make(0, c.input(1).shape(), c.dtype);
  c.make(1, batch, i32);
  // Columns side by side, as LAPACK takes them.
  Strides strides = contiguous_strides(a.shape());
  std::swap(strides[a.dim() - 1], strides[a.dim() - 2]);
  c.make(2, a.shape(), strides, c.dtype);
  c.make(3, with(batch, {a.size(-1)}), i32);
}

// X of A X = B, with P L U = A.
Tensor through_lu(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool adjoint_of_a) {
  if (!adjoint_of_a) {
    const Tensor y = linalg::solve_triangular(lu, permuted_rows(b, pivots, false), false, {.unitriangular = true});
    return linalg::solve_triangular(lu, y, true);
  }
  const Tensor lh = adjoint(lu);
  const Tensor y = linalg::solve_triangular(lh, b, false);
  return permuted_rows(linalg::solve_triangular(lh, y, true, {.unitriangular = true}), pivots, true);
}

void solve_backward(GradContext& g) {
  if (!g.has_grad(0)) return;
  // A gradient of the gradient must pass through A, not through its factors.
  const Tensor of_b = GradMode::enabled() ? linalg::solve_ex(adjoint(g.input(0)), g.grad(0)).result
                                          : through_lu(g.output(2), g.output(3), g.grad(0), true);
  g.set(1, of_b);
  if (g.needs(0)) g.set(0, -matmul(of_b, adjoint(g.output(0))));
}

void infer_solve_triangular(OpCall& c) {
  const Tensor& a = c.input(0);
  expect_square(c.op.name, a);
  expect_right_side(c, a.size(-1));
  c.make(0, c.input(1).shape(), c.dtype);
}

void solve_triangular_backward(GradContext& g) {
  const auto& attrs = g.attrs<TriangularAttrs>();
  const Tensor of_b =
      run(kLinalgSolveTriangular, {adjoint(g.input(0)), g.grad()}, TriangularAttrs{!attrs.upper, attrs.unit});
  g.set(1, of_b);
  if (!g.needs(0)) return;
  const Tensor of_a = -matmul(of_b, adjoint(g.output(0)));
  const int64_t beside = attrs.unit ? 1 : 0;
  g.set(0, attrs.upper ? triu(of_a, beside) : tril(of_a, -beside));
}

void infer_pinv(OpCall& c) {
  const Tensor& a = c.input(0);
  expect_matrices(c.op.name, a);
  if (c.attrs_as<PinvAttrs>().hermitian) expect_square(c.op.name, a);
  c.make(0, with(batch_of(a), {a.size(-1), a.size(-2)}), c.dtype);
}

void compose_pinv(OpCall& c) {
  const Tensor& a = c.input(0);
  const auto& attrs = c.attrs_as<PinvAttrs>();
  if (a.numel() == 0) return;
  const linalg::RankTolerance tolerance{attrs.atol, attrs.rtol, attrs.hermitian};
  const auto inverted = [&](const Tensor& values) {
    const Tensor kept = linalg_detail::not_zero(a, values, tolerance);
    return where(kept, reciprocal(where(kept, values, Scalar(1.0))), Scalar(0.0));
  };
  if (attrs.hermitian) {
    const auto [values, v] = linalg::eigh(a);
    return c.give(0, matmul(scaled_columns(v, inverted(values)), adjoint(v)));
  }
  const auto [u, s, vh] = linalg::svd(a, false);
  c.give(0, matmul(scaled_columns(adjoint(vh), inverted(s)), adjoint(u)));
}

void infer_lstsq(OpCall& c) {
  const Tensor& a = c.input(0);
  const auto& attrs = c.attrs_as<LstsqAttrs>();
  expect_matrices(c.op.name, a);
  expect_right_side(c, a.size(-2));
  HEARTH_CHECK(attrs.driver >= 0 && attrs.driver <= static_cast<int64_t>(linalg::LstsqDriver::kGelss), c.op.name,
               ": there is no driver ", attrs.driver);
  const Shape batch = batch_of(a);
  const bool values = attrs.driver >= static_cast<int64_t>(linalg::LstsqDriver::kGelsd);
  c.make(0, with(batch, {a.size(-1), c.input(1).size(-1)}), c.dtype);
  c.make(1, batch, i64);
  c.make(2, values ? with(batch, {std::min(a.size(-2), a.size(-1))}) : Shape{0}, real_type(c.dtype));
}

// X = A^+ B.
void lstsq_backward(GradContext& g) {
  if (!g.has_grad(0)) return;
  const Tensor a = g.input(0), b = g.input(1);
  const auto& attrs = g.attrs<LstsqAttrs>();
  linalg::RankTolerance tolerance{.atol = 0.0};
  // gels does not look at rcond, and one below 0 stands for the rounding unit.
  const bool by_rcond = attrs.driver != static_cast<int64_t>(linalg::LstsqDriver::kGels) && attrs.rcond >= 0;
  if (by_rcond) tolerance.rtol = attrs.rcond;
  const Tensor p = linalg::pinv(a, tolerance);
  g.set(1, matmul(adjoint(p), g.grad(0)));
  if (g.needs(0)) g.set(0, pinv_gradient(matmul(g.grad(0), adjoint(b)), p, a));
}

}  // namespace

namespace linalg_detail {

void expect_linalg_dtype(const char* op, const Tensor& x) {
  expect_defined(op, {x});
  if (!is_half(x.dtype()) || !Autocast::current()) expect_dtypes(op, x, kLinalgTypes);
}

Tensor pinv_gradient(const Tensor& grad, const Tensor& p, const Tensor& a) {
  const Tensor gh = adjoint(grad), ph = adjoint(p);
  if (a.size(-2) <= a.size(-1)) {
    const Tensor k = matmul(gh, p), kph = matmul(k, ph);
    return kph - adjoint(matmul(p, k)) - matmul(matmul(a, p), kph) + matmul(matmul(ph, p), gh - matmul(k, a));
  }
  const Tensor k = matmul(p, gh), phk = matmul(ph, k);
  return matmul(matmul(gh - matmul(a, k), p), ph) - adjoint(matmul(k, p)) + phk - matmul(matmul(phk, p), a);
}

Tensor not_zero(const Tensor& a, const Tensor& values, const linalg::RankTolerance& t) {
  const double atol = t.atol.value_or(0), larger = static_cast<double>(std::max(a.size(-2), a.size(-1)));
  const double rtol = t.rtol ? *t.rtol : atol > 0 ? 0 : larger * rounding_unit(a);
  const Tensor sizes = abs(values);
  return gt(sizes, clamp(amax(sizes, {-1}, true) * rtol, Scalar(atol)));
}

}  // namespace linalg_detail

extern constinit const OpDef kLinalgSolve = {
    .name = "linalg_solve",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 4,
    .visible = 2,
    .attrs = &attrs_type<FactorAttrs>,
    .infer = infer_solve,
    .save = {.input = {kAnyGradient}, .outputs = 0b1101},
    .kernel = {cpu::linalg_solve, cuda::linalg_solve},
    .backward = solve_backward,
};
HEARTH_OP(kLinalgSolve);

extern constinit const OpDef kLinalgSolveTriangular = {
    .name = "linalg_solve_triangular",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<TriangularAttrs>,
    .infer = infer_solve_triangular,
    .save = {.input = {kAnyGradient}, .outputs = 0b1},
    .kernel = {cpu::linalg_solve_triangular, cuda::linalg_solve_triangular},
    .backward = solve_triangular_backward,
};
HEARTH_OP(kLinalgSolveTriangular);

extern constinit const OpDef kLinalgPinv = {
    .name = "linalg_pinv",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<PinvAttrs>,
    .infer = infer_pinv,
    .save = {.input = {kAnyGradient}, .outputs = 0b1},
    .compose = compose_pinv,
    .backward = [](GradContext& g) { g.set(0, linalg_detail::pinv_gradient(g.grad(), g.output(0), g.input(0))); },
};
HEARTH_OP(kLinalgPinv);

extern constinit const OpDef kLinalgLstsq = {
    .name = "linalg_lstsq",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 3,
    .visible = 3,
    .attrs = &attrs_type<LstsqAttrs>,
    .infer = infer_lstsq,
    .save = {.input = {kAnyGradient, kAnyGradient}},
    .kernel = {cpu::linalg_lstsq, cuda::linalg_lstsq},
    .backward = lstsq_backward,
};
HEARTH_OP(kLinalgLstsq);

namespace linalg {
namespace {

// Checks two operands' dtypes.
void expect_both(const char* op, const Tensor& a, const Tensor& b) {
  expect_linalg_dtype(op, a);
  expect_linalg_dtype(op, b);
  // Halves that have got here are those that Autocast makes f32.
  const auto computed = [](DType t) { return is_half(t) ? DType::kF32 : t; };
  HEARTH_CHECK(computed(a.dtype()) == computed(b.dtype()), op, ": the matrices are ", a.dtype(),
               ", but the right-hand side is ", b.dtype());
}

// A and B of A X = B, or with left = false of X A = B, batches broadcast.
struct System {
  Tensor a, b;
};
System system(const char* op, const Tensor& a, const Tensor& b, bool left, bool vector = false) {
  const Tensor side = vector ? unsqueeze(b, -1) : b;
  HEARTH_CHECK(side.dim() >= 2, op, ": expected a right-hand side of at least 2 dimensions, but the shape is ",
               b.shape());
  const int64_t along = left ? -2 : -1;
  HEARTH_CHECK(side.size(along) == a.size(along), op, ": a right-hand side of shape ", b.shape(),
               " does not fit matrices of shape ", a.shape());
  const Shape batch = broadcast_shapes(batch_of(a), batch_of(side), op);
  return {expanded(a, batch), expanded(side, batch)};
}

SolveEx solved(const char* op, const Tensor& a, const Tensor& b, bool left, bool check) {
  const CalledAs called(op);
  expect_square(op, a);
  expect_defined(op, {b});
  expect_both(op, a, b);
  const bool vector = b.dim() == 1 || (b.dim() + 1 == a.dim() && b.shape() == batch_of(a, 1));
  HEARTH_CHECK(left || !vector, op, ": with left = false the right-hand side must be matrices, but has the shape ",
               b.shape());
  const auto s = system(op, a, b, left, vector);
  auto r = left ? run_all(kLinalgSolve, {s.a, s.b}, FactorAttrs{check})
                : run_all(kLinalgSolve, {transposed(s.a), transposed(s.b)}, FactorAttrs{check});
  return {vector ? squeeze(r[0], -1) : left ? r[0] : transposed(r[0]), r[1]};
}

InvEx inverted(const char* op, const Tensor& a, bool check) {
  const CalledAs called(op);
  expect_square(op, a);
  expect_linalg_dtype(op, a);
  auto r = run_all(kLinalgSolve, {a, expanded(identity(a.size(-1), a), batch_of(a))}, FactorAttrs{check});
  return {r[0], r[1]};
}

}  // namespace

Tensor solve(const Tensor& a, const Tensor& b, bool left) { return solved("linalg.solve", a, b, left, true).result; }
SolveEx solve_ex(const Tensor& a, const Tensor& b, bool left) { return solved("linalg.solve_ex", a, b, left, false); }
Tensor inv(const Tensor& a) { return inverted("linalg.inv", a, true).inverse; }
InvEx inv_ex(const Tensor& a) { return inverted("linalg.inv_ex", a, false); }

Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, const TriangularOptions& o) {
  const CalledAs called("linalg.solve_triangular");
  expect_square("linalg.solve_triangular", a);
  expect_both("linalg.solve_triangular", a, b);
  const auto s = system("linalg.solve_triangular", a, b, o.left);
  if (o.left) return run(kLinalgSolveTriangular, {s.a, s.b}, TriangularAttrs{upper, o.unitriangular});
  return transposed(
      run(kLinalgSolveTriangular, {transposed(s.a), transposed(s.b)}, TriangularAttrs{!upper, o.unitriangular}));
}

Tensor lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, const LuSolveOptions& o) {
  const char* const op = "linalg.lu_solve";
  const CalledAs called(op);
  expect_square(op, lu);
  expect_both(op, lu, b);
  expect_dtypes(op, pivots, DTypeSet{i32});
  HEARTH_CHECK(pivots.shape() == batch_of(lu, 1), op, ": pivots of shape ", pivots.shape(),
               " do not fit factors of shape ", lu.shape());
  // X A = B: A^H X^H = B^H.
  const auto s = system(op, lu, b, o.left);
  Shape shape = batch_of(s.b);
  shape.push_back(lu.size(-1));
  const Tensor x = through_lu(s.a, expand(pivots, shape), o.left ? s.b : adjoint(s.b), o.adjoint == o.left);
  return o.left ? x : adjoint(x);
}

Tensor pinv(const Tensor& a, const RankTolerance& o) {
  const CalledAs called("linalg.pinv");
  expect_matrices("linalg.pinv", a);
  expect_linalg_dtype("linalg.pinv", a);
  return run(kLinalgPinv, {a}, PinvAttrs{o.atol, o.rtol, o.hermitian});
}

Lstsq lstsq(const Tensor& a, const Tensor& b, std::optional<double> rcond, LstsqDriver driver) {
  const char* const op = "linalg.lstsq";
  const CalledAs called(op);
  expect_matrices(op, a);
  expect_defined(op, {b});
  expect_both(op, a, b);
  const bool vector = b.dim() + 1 == a.dim();
  const int64_t m = a.size(-2), n = a.size(-1);
  const auto s = system(op, a, b, true, vector);
  const double r = rcond.value_or(rounding_unit(a) * static_cast<double>(std::max(m, n)));
  HEARTH_CHECK(!std::isnan(r), op, ": rcond must not be NaN");
  auto found = run_all(kLinalgLstsq, {s.a, s.b}, LstsqAttrs{r, static_cast<int64_t>(driver)});
  const DType t = found[0].dtype();
  Tensor residuals = machinery::full({0}, 0, real_type(t), a.device());
  if (m > n) {
    const Autocast off(std::nullopt);
    residuals = sum(abs_square(matmul(s.a.to(t), found[0]) - s.b.to(t)), {-2});
  }
  if (!vector) return {found[0], residuals, found[1], found[2]};
  return {squeeze(found[0], -1), m > n ? squeeze(residuals, -1) : residuals, found[1], found[2]};
}

}  // namespace linalg
}  // namespace hearth
