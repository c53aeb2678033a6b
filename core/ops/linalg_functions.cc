#include "core/ops/linalg_functions.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/kernels/linalg.h"
#include "core/op/grad_context.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/linalg_internal.h"
#include "core/ops/matmul.h"
#include "core/ops/products.h"
#include "core/ops/reduce.h"

namespace hearth {
namespace {

using namespace linalg_detail;

void infer_det(OpCall& c) {
  expect_square(c.op.name, c.input(0));
  c.make(0, batch_of(c.input(0)), c.dtype);
}
void infer_slogdet(OpCall& c) {
  infer_det(c);
  c.make(1, batch_of(c.input(0)), real_type(c.dtype));
}
void infer_matrix_exp(OpCall& c) {
  expect_square(c.op.name, c.input(0));
  c.make(0, c.input(0).shape(), c.dtype);
}

// The gradient of det where A may be singular, from singular values: the conjugate of the matrix of cofactors.
Tensor through_cofactors(const Tensor& a, const Tensor& grad) {
  const auto [u, s, vh] = linalg::svd(a);
  const int64_t n = s.size(-1);
  const Tensor others = where(on_diagonal(n, a.device()), Scalar(1.0), unsqueeze(s, -2));
  const Tensor factor = conj(linalg::det(u) * linalg::det(vh)) * grad;
  const Tensor products = prod(expand(others, with(batch_of(s, 1), {n, n})), {-1});
  return matmul(scaled_columns(u, unsqueeze(factor, -1) * products), vh);
}

// Which matrices of a batch are singular, as far as rounding lets see. Those that hold NaN or infinity are not.
Tensor singular_ones(const Tensor& a) {
  const NoGrad off;
  const Tensor u = abs(hearth::diagonal(linalg::lu_factor_ex(a).lu, 0, -2, -1));
  const double unit = rounding_unit(a) * static_cast<double>(a.size(-1));
  const Tensor singular = le(amin(u, {-1}), amax(u, {-1}) * unit);
  return logical_and(singular, isfinite(amax(abs(a), {-2, -1})));
}

// A diagonal matrix whose singular values differ, but lie around 1, so that products of them are numbers.
Tensor distinct(int64_t n, const Tensor& like) {
  const Tensor d = arange(0, n, 1, {.dtype = real_type(like.dtype()), .device = like.device()});
  const double step = 1 / static_cast<double>(n);
  return diagonal_matrix(d * step + (0.5 + step / 2)).to(like.dtype());
}

void det_backward(GradContext& g) {
  const Tensor a = g.input(0), det = g.output(0);
  if (a.numel() == 0) return g.set(0, machinery::full(a.shape(), 0, a.dtype(), a.device()));
  const Tensor singular = singular_ones(a);
  const bool some = !a.device().is_meta() && any(singular).item<bool>();
  const Tensor one = identity(a.size(-1), a), where_singular = unsqueeze(unsqueeze(singular, -1), -1);
  // Each of the two ways is given others in the place of the matrices it is not for: where() alone would not keep their
  // NaN out of derivatives.
  const Tensor regular = some ? where(where_singular, one, a) : a;
  const Tensor scale = unsqueeze(unsqueeze(g.grad() * conj(det), -1), -1);
  const Tensor usual = linalg::solve_ex(adjoint(regular), scale * one).result;
  if (!some) return g.set(0, usual);
  const Tensor others = where(where_singular, a, distinct(a.size(-1), a));
  g.set(0, where(where_singular, through_cofactors(others, g.grad()), usual));
}

void slogdet_backward(GradContext& g) {
  const Tensor a = g.input(0), sign = g.output(0);
  Tensor scale = g.has_grad(1) ? g.grad(1) : machinery::full(batch_of(a), 0, real_type(a.dtype()), a.device());
  if (a.is_complex()) {
    const Tensor turn = g.has_grad(0) ? imag(conj(g.grad(0)) * sign) : scale * 0.0;
    scale = complex(scale, -turn);
  } else if (!g.has_grad(1)) {
    return;
  }
  const Tensor right = unsqueeze(unsqueeze(scale, -1), -1) * identity(a.size(-1), a);
  g.set(0, linalg::solve_ex(adjoint(a), right).result);
}

// The greatest size in each matrix, or 1 where it is 0 or not finite, as [..., 1, 1].
Tensor scale_of(const Tensor& x) {
  const NoGrad off;
  const Tensor most = amax(abs(x), {-2, -1}, true);
  return where(logical_and(gt(most, 0), isfinite(most)), most, Scalar(1.0));
}

// e^[[A^H, G], [0, A^H]] has the gradient in its upper right corner. It is linear in G, whose size would cost digits.
void matrix_exp_backward(GradContext& g) {
  const Tensor ah = adjoint(g.input(0));
  if (ah.numel() == 0) return g.set(0, g.grad());
  const int64_t n = ah.size(-1);
  const Tensor zero = machinery::full(ah.shape(), 0, ah.dtype(), ah.device()), scale = scale_of(g.grad());
  const Tensor both = cat({cat({ah, g.grad() / scale}, -1), cat({zero, ah}, -1)}, -2);
  g.set(0, slice(slice(linalg::matrix_exp(both), -2, 0, n), -1, n, 2 * n) * scale);
}

// A as seen with its dimensions `dims` last.
struct MatrixDims {
  Tensor a;
  int d1, d2;
  MatrixDims(const char* op, const Tensor& x, const Dims& dims) {
    expect_matrices(op, x);
    HEARTH_CHECK(dims.rank() == 2, op, ": a norm of matrices needs two dimensions, but dims is ", dims);
    d1 = wrap_dim(dims[0], x.dim(), op);
    d2 = wrap_dim(dims[1], x.dim(), op);
    HEARTH_CHECK(d1 != d2, op, ": dimension ", d1, " is named twice");
    Dims order;
    for (int d = 0; d < x.dim(); ++d) {
      if (d != d1 && d != d2) order.push_back(d);
    }
    order.push_back(d1);
    order.push_back(d2);
    a = permute(x, order);
  }
  // A result of the batch alone, with the dimensions that were reduced if they are kept.
  Tensor kept(Tensor y, bool keepdim) const {
    if (!keepdim) return y;
    return unsqueeze(unsqueeze(y, std::min(d1, d2)), std::max(d1, d2));
  }
};

// The greatest or the smallest of x [..., n], values of matrices a. Of none the greatest is 0.
Tensor extreme(const char* op, const Tensor& a, const Tensor& x, bool greatest) {
  if (x.size(-1) > 0) return greatest ? amax(x, {-1}) : amin(x, {-1});
  HEARTH_CHECK(greatest, op, ": there is no smallest of nothing: the matrices have ", a.size(-2), " rows and ",
               a.size(-1), " columns");
  return sum(x, {-1});
}

Tensor norm_of_matrices(const char* op, const Tensor& x, double ord, const Dims& dims, bool keepdim) {
  const MatrixDims m(op, x, dims);
  if (std::abs(ord) == 2) {
    expect_linalg_dtype(op, x);
    return m.kept(extreme(op, m.a, linalg::svdvals(m.a), ord > 0), keepdim);
  }
  HEARTH_CHECK(std::abs(ord) == 1 || std::isinf(ord), op, ": there is no matrix norm ", ord,
               "; there are 1, -1, 2, -2, infinity and -infinity");
  const Tensor sums = hearth::norm(m.a, 1, {std::abs(ord) == 1 ? -2 : -1});
  return m.kept(extreme(op, m.a, sums, ord > 0), keepdim);
}

Tensor norm_of_matrices(const char* op, const Tensor& x, linalg::MatrixNorm ord, const Dims& dims, bool keepdim) {
  const MatrixDims m(op, x, dims);
  if (ord == linalg::MatrixNorm::kFro) return m.kept(hearth::norm(m.a, 2, {-2, -1}), keepdim);
  expect_linalg_dtype(op, x);
  return m.kept(sum(linalg::svdvals(m.a), {-1}), keepdim);
}

bool hold_nothing(const Tensor& a) { return a.size(-2) == 0 || a.size(-1) == 0; }

template <class P>
Tensor cond_by_inverse(const char* op, const Tensor& a, P p) {
  expect_square(op, a);
  if (hold_nothing(a)) return sum(abs(a), {-2, -1});
  const auto [inverse, info] = linalg::inv_ex(a);
  const Tensor product =
      norm_of_matrices(op, a, p, {-2, -1}, false) * norm_of_matrices(op, inverse, p, {-2, -1}, false);
  return where(ne(info, 0), Scalar(std::numeric_limits<double>::infinity()), product);
}

}  // namespace

extern constinit const OpDef kLinalgDet = {
    .name = "linalg_det",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .infer = infer_det,
    .save = {.input = {kAnyGradient}, .outputs = 0b1},
    .kernel = {cpu::linalg_det, cuda::linalg_det},
    .backward = det_backward,
};
HEARTH_OP(kLinalgDet);

extern constinit const OpDef kLinalgSlogdet = {
    .name = "linalg_slogdet",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .outputs = 2,
    .visible = 2,
    .infer = infer_slogdet,
    .save = {.input = {kAnyGradient}, .outputs = 0b1},
    .kernel = {cpu::linalg_slogdet, cuda::linalg_slogdet},
    .backward = slogdet_backward,
};
HEARTH_OP(kLinalgSlogdet);

extern constinit const OpDef kLinalgMatrixExp = {
    .name = "linalg_matrix_exp",
    .dtypes = kLinalgTypes,
    .autocast = AutocastPolicy::kF32,
    .infer = infer_matrix_exp,
    .save = {.input = {kAnyGradient}},
    .kernel = {cpu::linalg_matrix_exp, cuda::linalg_matrix_exp},
    .backward = matrix_exp_backward,
};
HEARTH_OP(kLinalgMatrixExp);

namespace linalg {

Tensor det(const Tensor& a) {
  const CalledAs called("linalg.det");
  expect_square("linalg.det", a);
  expect_linalg_dtype("linalg.det", a);
  return run(kLinalgDet, {a});
}
SlogDet slogdet(const Tensor& a) {
  const CalledAs called("linalg.slogdet");
  expect_square("linalg.slogdet", a);
  expect_linalg_dtype("linalg.slogdet", a);
  auto r = run_all(kLinalgSlogdet, {a});
  return {r[0], r[1]};
}

Tensor vector_norm(const Tensor& x, double ord, const Dims& dims, bool keepdim) {
  const CalledAs called("linalg.vector_norm");
  return hearth::norm(x, ord, dims, keepdim);
}
Tensor matrix_norm(const Tensor& a, MatrixNorm ord, const Dims& dims, bool keepdim) {
  const CalledAs called("linalg.matrix_norm");
  return norm_of_matrices("linalg.matrix_norm", a, ord, dims, keepdim);
}
Tensor matrix_norm(const Tensor& a, double ord, const Dims& dims, bool keepdim) {
  const CalledAs called("linalg.matrix_norm");
  return norm_of_matrices("linalg.matrix_norm", a, ord, dims, keepdim);
}
Tensor norm(const Tensor& x, std::optional<double> ord, const Dims& dims, bool keepdim) {
  const CalledAs called("linalg.norm");
  expect_defined("linalg.norm", {x});
  if (!ord) return hearth::norm(x, 2, dims, keepdim);
  HEARTH_CHECK(dims.rank() == 1 || dims.rank() == 2 || (dims.empty() && x.dim() >= 1 && x.dim() <= 2),
               "linalg.norm: ", "with an order one or two dimensions are reduced, but the shape is ", x.shape(),
               " and dims is ", dims);
  if (dims.rank() == 2 || (dims.empty() && x.dim() == 2))
    return norm_of_matrices("linalg.norm", x, *ord, dims.empty() ? Dims{0, 1} : dims, keepdim);
  return hearth::norm(x, *ord, dims, keepdim);
}
Tensor norm(const Tensor& x, MatrixNorm ord, const Dims& dims, bool keepdim) {
  const CalledAs called("linalg.norm");
  expect_defined("linalg.norm", {x});
  HEARTH_CHECK(!dims.empty() || x.dim() == 2, "linalg.norm: a norm of matrices needs two dimensions, but the shape is ",
               x.shape());
  return norm_of_matrices("linalg.norm", x, ord, dims.empty() ? Dims{0, 1} : dims, keepdim);
}

Tensor cond(const Tensor& a, double p) {
  const CalledAs called("linalg.cond");
  expect_matrices("linalg.cond", a);
  expect_linalg_dtype("linalg.cond", a);
  if (std::abs(p) != 2) return cond_by_inverse("linalg.cond", a, p);
  if (hold_nothing(a)) return sum(abs(a), {-2, -1});
  const Tensor s = svdvals(a), greatest = select(s, -1, 0), smallest = select(s, -1, -1);
  return p > 0 ? greatest / smallest : smallest / greatest;
}
Tensor cond(const Tensor& a, MatrixNorm p) {
  const CalledAs called("linalg.cond");
  expect_matrices("linalg.cond", a);
  expect_linalg_dtype("linalg.cond", a);
  return cond_by_inverse("linalg.cond", a, p);
}

Tensor matrix_rank(const Tensor& a, const RankTolerance& o) {
  const CalledAs called("linalg.matrix_rank");
  expect_matrices("linalg.matrix_rank", a);
  expect_linalg_dtype("linalg.matrix_rank", a);
  const NoGrad off;
  if (a.numel() == 0) return machinery::full(batch_of(a), 0, i64, a.device());
  return sum(not_zero(a, o.hermitian ? eigvalsh(a) : svdvals(a), o), {-1});
}

Tensor matrix_power(const Tensor& a, int64_t n) {
  const CalledAs called("linalg.matrix_power");
  expect_square("linalg.matrix_power", a);
  expect_dtypes("linalg.matrix_power", a, kNumberTypes | kComplexTypes);
  if (n == 0) return expanded(identity(a.size(-1), a), batch_of(a)).clone();
  Tensor square = n < 0 ? inv(a) : a, result;
  // Its size as an unsigned number: that of the least n has no other.
  for (uint64_t left = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);; left >>= 1) {
    if (left & 1) result = result.defined() ? matmul(result, square) : square;
    if (left <= 1) break;
    square = matmul(square, square);
  }
  return result.is(a) ? result.clone() : result;
}

Tensor matrix_exp(const Tensor& a) {
  const CalledAs called("linalg.matrix_exp");
  expect_square("linalg.matrix_exp", a);
  expect_linalg_dtype("linalg.matrix_exp", a);
  return run(kLinalgMatrixExp, {a});
}

namespace {

// The product of matrices [first, last], split where `split` says.
Tensor product(const std::vector<Tensor>& m, const std::vector<std::vector<size_t>>& split, size_t first, size_t last) {
  if (first == last) return m[first];
  const size_t at = split[first][last];
  return matmul(product(m, split, first, at), product(m, split, at + 1, last));
}

// Where products of several matrices are split, by the work that each order needs.
std::vector<std::vector<size_t>> best_splits(const std::vector<Tensor>& m) {
  const size_t n = m.size();
  std::vector<std::vector<double>> work(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> split(n, std::vector<size_t>(n, 0));
  for (size_t length = 2; length <= n; ++length) {
    for (size_t i = 0; i + length <= n; ++i) {
      const size_t j = i + length - 1;
      work[i][j] = std::numeric_limits<double>::infinity();
      for (size_t k = i; k < j; ++k) {
        const double w =
            work[i][k] + work[k + 1][j] +
            static_cast<double>(m[i].size(0)) * static_cast<double>(m[k].size(1)) * static_cast<double>(m[j].size(1));
        if (w < work[i][j]) {
          work[i][j] = w;
          split[i][j] = k;
        }
      }
    }
  }
  return split;
}

}  // namespace

Tensor multi_dot(std::span<const Tensor> tensors) {
  const char* const op = "linalg.multi_dot";
  const CalledAs called(op);
  HEARTH_CHECK(tensors.size() >= 2, op, ": expected at least two tensors, but got ", tensors.size());
  std::vector<Tensor> m(tensors.begin(), tensors.end());
  for (size_t i = 0; i < m.size(); ++i) {
    expect_defined(op, {m[i]});
    const bool end = i == 0 || i + 1 == m.size();
    HEARTH_CHECK(m[i].dim() == 2 || (end && m[i].dim() == 1), op, ": tensor ", i,
                 end ? " must be a matrix or a vector" : " must be a matrix", ", but its shape is ", m[i].shape());
  }
  const bool row = m.front().dim() == 1, column = m.back().dim() == 1;
  if (row) m.front() = unsqueeze(m.front(), 0);
  if (column) m.back() = unsqueeze(m.back(), 1);
  for (size_t i = 0; i + 1 < m.size(); ++i) {
    HEARTH_CHECK(m[i].size(1) == m[i + 1].size(0), op, ": tensors ", i, " and ", i + 1, " of shapes ",
                 tensors[i].shape(), " and ", tensors[i + 1].shape(), " do not fit");
  }
  Tensor result = product(m, best_splits(m), 0, m.size() - 1);
  if (column) result = squeeze(result, 1);
  return row ? squeeze(result, 0) : result;
}
Tensor multi_dot(std::initializer_list<Tensor> tensors) {
  return multi_dot(std::span<const Tensor>(tensors.begin(), tensors.size()));
}

Tensor vecdot(const Tensor& x, const Tensor& y, int64_t d) {
  const CalledAs called("linalg.vecdot");
  expect_dtypes("linalg.vecdot", x, kNumberTypes | kComplexTypes);
  expect_dtypes("linalg.vecdot", y, kNumberTypes | kComplexTypes);
  const DType t = promote(x.dtype(), y.dtype());
  const Tensor a = machinery::widened(x.to(t)), b = machinery::widened(y.to(t));
  return sum(conj(a) * b, {d}).to(t);
}

Tensor cross(const Tensor& a, const Tensor& b, int64_t d) {
  const char* const op = "linalg.cross";
  const CalledAs called(op);
  expect_dtypes(op, a, kNumberTypes | kComplexTypes);
  expect_dtypes(op, b, kNumberTypes | kComplexTypes);
  HEARTH_CHECK(a.dim() == b.dim(), op, ": the operands must have as many dimensions, but their shapes are ", a.shape(),
               " and ", b.shape());
  const int w = wrap_dim(d, broadcast_shapes(a.shape(), b.shape(), op).rank(), op);
  HEARTH_CHECK(a.dim() > 0 && a.shape()[w] == 3 && b.shape()[w] == 3, op,
               ": vectors must have 3 places along dimension ", w, ", but the shapes are ", a.shape(), " and ",
               b.shape());
  return hearth::cross(a, b, w);
}

Tensor diagonal(const Tensor& x, int64_t offset, int64_t d1, int64_t d2) {
  const CalledAs called("linalg.diagonal");
  return hearth::diagonal(x, offset, d1, d2);
}

Tensor vander(const Tensor& x, std::optional<int64_t> n) {
  const char* const op = "linalg.vander";
  const CalledAs called(op);
  expect_dtypes(op, x, kNumberTypes | kComplexTypes);
  HEARTH_CHECK(x.dim() >= 1, op, ": expected at least 1 dimension, but the tensor is 0-dim");
  const int64_t count = n.value_or(x.size(-1));
  HEARTH_CHECK(count >= 0, op, ": n must not be negative, but is ", count);
  const Tensor base = is_differentiable(x.dtype()) ? x : x.to(i64);
  checked_numel(with(x.shape(), {count}), base.itemsize(), op);
  if (count == 0) return machinery::full(with(x.shape(), {0}), 0, base.dtype(), x.device());
  std::vector<Tensor> powers{machinery::full(x.shape(), 1, base.dtype(), x.device())};
  for (int64_t i = 1; i < count; ++i) powers.push_back(i == 1 ? base : powers.back() * base);
  return stack(powers, -1);
}

}  // namespace linalg
}  // namespace hearth
