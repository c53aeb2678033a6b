#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/linalg.h"
#include "core/ops/linalg_names.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/linalg/cases.h"

namespace hearth::testing {
namespace {

Tensor adjoint(const Tensor& x) { return conj(x.mT()); }
Tensor hermitian(const Tensor& x) { return x + adjoint(x); }
Tensor positive(const Tensor& x) {
  return matmul(x, adjoint(x)) + eye(x.size(-1), {}, {.dtype = real_type(x.dtype()), .device = x.device()});
}
Tensor scaled(const Tensor& x, const Tensor& d) { return x * unsqueeze(d, -2); }
Tensor squared(const Tensor& d) { return d * d; }

}  // namespace

void add_decompositions(Cases& m) {
  using namespace linalg;
  m["cholesky"] = HEARTH_CASE(linalg::cholesky(positive(x[0])));
  m["cholesky_upper"] = HEARTH_CASE(linalg::cholesky(positive(x[0]), true));
  m["cholesky_inverse"] = HEARTH_CASE(cholesky_inverse(linalg::cholesky(positive(x[0]))));
  m["cholesky_solve"] = HEARTH_CASE(cholesky_solve(x[0], linalg::cholesky(positive(x[1]))));
  m["cholesky_solve_upper"] = HEARTH_CASE(cholesky_solve(x[0], linalg::cholesky(positive(x[1]), true), true));
  for (const std::string kind : {"square", "tall", "wide"}) {
    m["lu_" + kind] = [](auto x) -> Tensors {
      const auto d = lu(x[0]);
      return {d.p, d.l, d.u};
    };
    m["lu_factor_" + kind] = [](auto x) -> Tensors {
      const auto d = lu_factor(x[0]);
      return {d.lu, d.pivots};
    };
    m["qr_" + kind] = [](auto x) -> Tensors {
      const auto d = qr(x[0]);
      return {d.q, d.r};
    };
    m["qr_complete_" + kind] = [](auto x) -> Tensors {
      const auto d = qr(x[0], QrMode::kComplete);
      return {d.q, d.r};
    };
    m["qr_r_" + kind] = HEARTH_CASE(qr(x[0], QrMode::kR).r);
    m["svd_" + kind] = [](auto x) -> Tensors {
      const auto d = svd(x[0], false);
      return {matmul(scaled(d.u, squared(d.s)), d.vh)};
    };
    m["svd_u_" + kind] = [](auto x) -> Tensors {
      const auto d = svd(x[0], false);
      return {matmul(scaled(d.u, squared(d.s)), adjoint(d.u))};
    };
    m["svd_v_" + kind] = [](auto x) -> Tensors {
      const auto d = svd(x[0], false);
      return {matmul(scaled(adjoint(d.vh), d.s), d.vh)};
    };
    m["svd_full_" + kind] = [](auto x) -> Tensors {
      const auto d = svd(x[0]);
      return {matmul(scaled(slice(d.u, -1, 0, 2), slice(d.s, -1, 0, 2)), slice(d.vh, -2, 0, 2))};
    };
    m["svdvals_" + kind] = HEARTH_CASE(svdvals(x[0]));
  }
  m["qr_empty"] = m["qr_square"];
  m["svdvals_empty"] = m["svdvals_square"];
  m["lu_unpack"] = [](auto x) -> Tensors {
    const auto f = lu_factor(x[0]);
    const auto d = lu_unpack(f.lu, f.pivots);
    return {d.p, d.l, d.u};
  };
  m["eigh"] = [](auto x) -> Tensors {
    const auto d = eigh(hermitian(x[0]));
    return {matmul(scaled(d.eigenvectors, exp(d.eigenvalues)), adjoint(d.eigenvectors))};
  };
  m["eigh_values"] = HEARTH_CASE(eigh(hermitian(x[0])).eigenvalues);
  for (const bool upper : {true, false}) {
    m[upper ? "eigh_upper" : "eigh_lower"] = [upper](auto x) -> Tensors {
      const auto d = eigh(x[0], upper);
      return {matmul(scaled(d.eigenvectors, squared(d.eigenvalues)), adjoint(d.eigenvectors))};
    };
  }
  m["eigvalsh"] = HEARTH_CASE(eigvalsh(hermitian(x[0])));
  m["eigvalsh_empty"] = HEARTH_CASE(eigvalsh(x[0]));
  m["eig"] = [](auto x) -> Tensors {
    const auto d = eig(x[0]);
    return {matmul(scaled(d.eigenvectors, squared(d.eigenvalues)), inv(d.eigenvectors))};
  };
  m["eig_lengths"] = [](auto x) -> Tensors {
    const auto d = eig(x[0]);
    return {sum(scaled(abs_square(d.eigenvectors), d.eigenvalues), {-1})};
  };
  m["eigvals"] = [](auto x) -> Tensors {
    const Tensor d = eigvals(x[0]), e = d * d;
    return {stack({sum(d, {-1}), sum(e, {-1}), sum(e * d, {-1})})};
  };
  m["logdet"] = HEARTH_CASE(logdet(positive(x[0])));
  m["logdet_complex"] = HEARTH_CASE(logdet(x[0]));
  m["pinv_hermitian"] = HEARTH_CASE(pinv(hermitian(x[0]), {.hermitian = true}));
}

}  // namespace hearth::testing
