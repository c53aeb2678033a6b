#include "core/distributions/multivariate_normal.h"

#include <numbers>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/linalg_decompositions.h"
#include "core/ops/linalg_solves.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

constexpr double kLog2Pi = 1.83787706640934548356;

// The lower factor L with (L L^T)^-1 = p.
Tensor factor_of_inverse(const Tensor& p) {
  const Tensor reversed = flip(linalg::cholesky(flip(p, {-2, -1})), {-2, -1});
  const Tensor unit = eye(p.size(-1), {}, {.dtype = p.dtype(), .device = p.device()});
  return linalg::solve_triangular(transpose(reversed, -2, -1), unit, false);
}

const char* name_of(const Covariance& c) {
  return c.covariance_matrix ? "covariance_matrix" : c.precision_matrix ? "precision_matrix" : "scale_tril";
}
const Tensor& given(const Covariance& c) {
  return c.covariance_matrix ? *c.covariance_matrix : c.precision_matrix ? *c.precision_matrix : *c.scale_tril;
}

}  // namespace

MultivariateNormal::Made MultivariateNormal::made(const Tensor& loc, const Covariance& c) {
  const CalledAs called("MultivariateNormal");
  const int count = c.covariance_matrix.has_value() + c.precision_matrix.has_value() + c.scale_tril.has_value();
  HEARTH_CHECK(count == 1,
               "MultivariateNormal: expected one of covariance_matrix, precision_matrix and scale_tril, but got ",
               count);
  const Tensor& matrix = given(c);
  HEARTH_CHECK(loc.defined() && matrix.defined(), "MultivariateNormal: a parameter is an undefined tensor");
  HEARTH_CHECK(loc.is_floating_point() && matrix.is_floating_point(), "MultivariateNormal: loc is ", loc.dtype(),
               " and ", name_of(c), " ", matrix.dtype(), ", but both must be floating-point");
  HEARTH_CHECK(
      loc.dim() >= 1 && matrix.dim() >= 2 && matrix.size(-1) == loc.size(-1) && matrix.size(-2) == loc.size(-1),
      "MultivariateNormal: loc must be [..., n] and ", name_of(c), " [..., n, n], but the shapes are ", loc.shape(),
      " and ", matrix.shape());
  Shape of_loc = loc.shape(), of_matrix = matrix.shape();
  const int64_t n = of_loc.back();
  of_loc.erase(of_loc.rank() - 1);
  of_matrix.erase(of_matrix.rank() - 1);
  of_matrix.erase(of_matrix.rank() - 1);
  const DType meet = promote(loc.dtype(), matrix.dtype()), wide = meet == f64 ? f64 : f32;
  Made m{.loc = loc.to(wide), .scale_tril = matrix.to(wide), .dtype = meet};
  m.batch = broadcast_shapes(of_loc, of_matrix, "MultivariateNormal");
  Shape vectors = m.batch;
  vectors.push_back(n);
  m.loc = hearth::expand(m.loc, vectors);
  return m;
}

MultivariateNormal::MultivariateNormal(const Tensor& loc, const Covariance& c) : MultivariateNormal(made(loc, c), c) {}
MultivariateNormal::MultivariateNormal(const Made& m, const Covariance& c)
    : Distribution("MultivariateNormal", m.batch, {m.loc.size(-1)}, m.dtype, m.loc.device(), c.validate_args),
      loc_(m.loc) {
  const CalledAs called("MultivariateNormal");
  expect("loc", loc_, constraints::real_vector());
  expect(name_of(c), m.scale_tril, c.scale_tril ? constraints::lower_cholesky() : constraints::positive_definite());
  const Tensor factor = c.scale_tril          ? m.scale_tril
                        : c.covariance_matrix ? linalg::cholesky(m.scale_tril)
                                              : factor_of_inverse(m.scale_tril);
  Shape matrices = m.loc.shape();
  matrices.push_back(m.loc.size(-1));
  scale_tril_ = hearth::expand(factor, matrices);
}

Tensor MultivariateNormal::covariance_matrix() const {
  return narrow(matmul(scale_tril_, transpose(scale_tril_, -2, -1)));
}
Tensor MultivariateNormal::precision_matrix() const {
  const Tensor unit = eye(event_shape()[0], {}, wide_options());
  const Tensor inverse = linalg::solve_triangular(scale_tril_, unit, false);
  return narrow(matmul(transpose(inverse, -2, -1), inverse));
}
Tensor MultivariateNormal::mahalanobis(const Tensor& value) const {
  const CalledAs called("MultivariateNormal");
  const Tensor from = unsqueeze(machinery::widened(value) - loc_, -1);
  return square(squeeze(linalg::solve_triangular(scale_tril_, from, false), -1)).sum(-1);
}
Tensor MultivariateNormal::half_log_det() const { return log(diagonal(scale_tril_, 0, -2, -1)).sum(-1); }

Tensor MultivariateNormal::compute_variance() const { return square(scale_tril_).sum(-1); }
Tensor MultivariateNormal::draw(const Shape& sample_shape, Generator* g) const {
  const Tensor noise = normal_noise(extended(sample_shape), g);
  return loc_ + squeeze(matmul(scale_tril_, unsqueeze(noise, -1)), -1);
}
Tensor MultivariateNormal::compute_log_prob(const Tensor& x) const {
  const auto n = static_cast<double>(event_shape()[0]);
  return (mahalanobis(x) + n * kLog2Pi) * -0.5 - half_log_det();
}
Tensor MultivariateNormal::compute_entropy() const {
  return half_log_det() + 0.5 * static_cast<double>(event_shape()[0]) * (1 + kLog2Pi);
}
std::shared_ptr<const Distribution> MultivariateNormal::expanded(const Shape& shape) const {
  return expanded_copy(*this, shape, {&MultivariateNormal::loc_, &MultivariateNormal::scale_tril_});
}

}  // namespace hearth::distributions
