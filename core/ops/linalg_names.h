/// Linear algebra that torch has outside of torch.linalg, or under other names there. See linalg.h for dtypes, batches
/// and errors.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <utility>

#include "core/ops/linalg.h"
#include "core/tensor/tensor.h"

namespace hearth {

using linalg::matrix_exp;
using linalg::matrix_power;
using linalg::slogdet;

/// linalg::det().
Tensor det(const Tensor& a);
/// log(det(a)): NaN where the determinant of a real matrix is negative; of complex ones the principal value.
Tensor logdet(const Tensor& a);
/// linalg::inv().
Tensor inverse(const Tensor& a);
/// linalg::pinv() with this rtol.
Tensor pinverse(const Tensor& a, double rcond = 1e-15);
/// (L L^H)^-1 of the results of cholesky(), or with `upper` (U^H U)^-1.
Tensor cholesky_inverse(const Tensor& l, bool upper = false);
/// X of L L^H X = B, or with `upper` of U^H U X = B. b comes first.
Tensor cholesky_solve(const Tensor& b, const Tensor& l, bool upper = false);
/// P, L and U of the results of linalg::lu_factor().
linalg::Lu lu_unpack(const Tensor& lu, const Tensor& pivots);

/// How triangular_solve() solves.
struct TriangularSolveOptions {
  /// Which triangle of a is read.
  bool upper = true;
  /// A^T in the place of A.
  bool transpose = false;
  /// The diagonal of A is taken as 1 and not read.
  bool unitriangular = false;
};
/// X of A X = B for a triangle, and a. b comes first.
std::pair<Tensor, Tensor> triangular_solve(const Tensor& b, const Tensor& a,
                                           const TriangularSolveOptions& options = {});
/// outer() by another name.
Tensor ger(const Tensor& a, const Tensor& b);
/// linalg::multi_dot() of one or more matrices.
Tensor chain_matmul(std::span<const Tensor> matrices);
Tensor chain_matmul(std::initializer_list<Tensor> matrices);  ///< See above.
/// [k] -> [k, n]: the powers n - 1, ..., 1, 0 of each element, or if `increasing` the other way round; n is by default
/// k. Integers give i64. Not for bool.
Tensor vander(const Tensor& x, std::optional<int64_t> n = {}, bool increasing = false);

}  // namespace hearth
