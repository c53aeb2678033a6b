#include "core/ops/linalg_names.h"

#include "core/base/called_as.h"
#include "core/ops/compare.h"
#include "core/ops/linalg_internal.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"

namespace hearth {

using namespace linalg_detail;

Tensor det(const Tensor& a) {
  const CalledAs called("det");
  return linalg::det(a);
}
Tensor logdet(const Tensor& a) {
  const CalledAs called("logdet");
  expect_square("logdet", a);
  expect_linalg_dtype("logdet", a);
  const auto [sign, size] = linalg::slogdet(a);
  if (sign.is_complex()) return complex(size, angle(sign));
  return where(lt(sign, 0), Scalar(std::numeric_limits<double>::quiet_NaN()), size);
}
Tensor inverse(const Tensor& a) {
  const CalledAs called("inverse");
  return linalg::inv(a);
}
Tensor pinverse(const Tensor& a, double rcond) {
  const CalledAs called("pinverse");
  return linalg::pinv(a, {.rtol = rcond});
}

Tensor cholesky_inverse(const Tensor& l, bool upper) {
  const CalledAs called("cholesky_inverse");
  expect_square("cholesky_inverse", l);
  expect_linalg_dtype("cholesky_inverse", l);
  return cholesky_solve(identity(l.size(-1), l), l, upper);
}
Tensor cholesky_solve(const Tensor& b, const Tensor& l, bool upper) {
  const CalledAs called("cholesky_solve");
  expect_square("cholesky_solve", l);
  const Tensor lower = upper ? adjoint(l) : l, above = upper ? l : adjoint(l);
  return linalg::solve_triangular(above, linalg::solve_triangular(lower, b, false), true);
}

linalg::Lu lu_unpack(const Tensor& lu, const Tensor& pivots) {
  const CalledAs called("lu_unpack");
  expect_matrices("lu_unpack", lu);
  expect_dtypes("lu_unpack", lu, kLinalgTypes);
  expect_dtypes("lu_unpack", pivots, DTypeSet{i32});
  HEARTH_CHECK(pivots.shape() == with(batch_of(lu), {std::min(lu.size(-2), lu.size(-1))}),
               "lu_unpack: pivots of shape ", pivots.shape(), " do not fit factors of shape ", lu.shape());
  return unpacked(lu, pivots);
}

std::pair<Tensor, Tensor> triangular_solve(const Tensor& b, const Tensor& a, const TriangularSolveOptions& o) {
  const CalledAs called("triangular_solve");
  expect_square("triangular_solve", a);
  const Tensor of = o.transpose ? transposed(a) : a;
  return {linalg::solve_triangular(of, b, o.upper != o.transpose, {.unitriangular = o.unitriangular}), a};
}

Tensor ger(const Tensor& a, const Tensor& b) {
  const CalledAs called("ger");
  expect_defined("ger", {a, b});
  HEARTH_CHECK(a.dim() == 1 && b.dim() == 1, "ger: expected two vectors, but the shapes are ", a.shape(), " and ",
               b.shape());
  return outer(a, b);
}

Tensor chain_matmul(std::span<const Tensor> matrices) {
  const CalledAs called("chain_matmul");
  HEARTH_CHECK(!matrices.empty(), "chain_matmul: expected at least one matrix");
  for (const Tensor& m : matrices) {
    expect_defined("chain_matmul", {m});
    HEARTH_CHECK(m.dim() == 2, "chain_matmul: expected matrices, but a shape is ", m.shape());
  }
  return matrices.size() == 1 ? matrices[0] : linalg::multi_dot(matrices);
}
Tensor chain_matmul(std::initializer_list<Tensor> matrices) {
  return chain_matmul(std::span<const Tensor>(matrices.begin(), matrices.size()));
}

Tensor vander(const Tensor& x, std::optional<int64_t> n, bool increasing) {
  const CalledAs called("vander");
  expect_defined("vander", {x});
  HEARTH_CHECK(x.dim() == 1, "vander: expected a vector, but the shape is ", x.shape());
  const Tensor powers = linalg::vander(x, n);
  return increasing ? powers : flip(powers, {-1});
}

Tensor Tensor::det() const { return hearth::det(*this); }
Tensor Tensor::inverse() const { return hearth::inverse(*this); }

}  // namespace hearth
