/// Decompositions of matrices, as torch.linalg.
///
/// The last two dimensions of an operand are a matrix, those before them a batch. f32, f64, c64 and c128; throws
/// Error(kUnsupported) for other dtypes; under Autocast f16 and bf16 become f32. Results have the same bits for any
/// number of threads. They are row-major, but for those of cholesky() with `upper`, which may be views. Sizes may be 0.
/// On the CPU, LAPACK computes; a matrix that a function cannot decompose is an Error that names its place in the
/// batch.
///
/// Gradients flow through all decompositions and through their gradients. As in PyTorch, the sign (for complex numbers
/// the phase) of singular vectors and eigenvectors is not determined: gradients are those of functions of them that do
/// not depend on it. Where eigenvalues or singular values are equal, gradients that need the vectors are not finite.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace linalg {

/// L of A = L L^H, a lower triangle with a positive diagonal; with `upper` U = L^H. A must be Hermitian and positive
/// definite; only one triangle is read, the lower one or with `upper` the upper one. Throws Error for a matrix that is
/// not positive definite.
Tensor cholesky(const Tensor& a, bool upper = false);
/// The results of cholesky_ex().
struct CholeskyEx {
  Tensor l;     ///< As that of cholesky(); not to be used where info is not 0.
  Tensor info;  ///< For each matrix, i32: 0, or the order of the leading minor that is not positive definite.
};
/// As cholesky(), but a matrix that is not positive definite is no error.
CholeskyEx cholesky_ex(const Tensor& a, bool upper = false);

/// The results of lu_factor().
struct LuFactor {
  Tensor lu;      ///< [..., m, n]: U, and below the diagonal L without its diagonal of ones.
  Tensor pivots;  ///< [..., min(m, n)], i32: row i was exchanged with row pivots[i], which counts from 1.
};
/// The factors of A = P L U [..., m, n] in LAPACK's form, for lu_solve() and lu_unpack(). Throws Error for a matrix
/// whose U has a zero on its diagonal.
LuFactor lu_factor(const Tensor& a);
/// The results of lu_factor_ex().
struct LuFactorEx {
  Tensor lu;      ///< See LuFactor.
  Tensor pivots;  ///< See LuFactor.
  Tensor info;    ///< For each matrix, i32: 0, or the place, from 1, of the first zero on the diagonal of U.
};
/// As lu_factor(), but a zero on the diagonal of U is no error.
LuFactorEx lu_factor_ex(const Tensor& a);
/// The results of lu().
struct Lu {
  Tensor p;  ///< A permutation [..., m, m], of A's dtype.
  Tensor l;  ///< [..., m, k], a lower triangle with ones on its diagonal, k = min(m, n).
  Tensor u;  ///< [..., k, n], an upper triangle.
};
/// A = P L U [..., m, n]. Singular matrices have such factors, too.
Lu lu(const Tensor& a);

/// Which factors qr() gives.
enum class QrMode : uint8_t {
  kReduced,   ///< Q [..., m, k] and R [..., k, n], k = min(m, n).
  kComplete,  ///< Q [..., m, m] and R [..., m, n]. Has a gradient if m <= n.
  kR,         ///< R [..., k, n] alone; Q is empty. Has no gradient.
};
/// The results of qr().
struct Qr {
  Tensor q;  ///< Orthonormal columns.
  Tensor r;  ///< An upper triangle.
};
/// A = Q R. The diagonal of R may have any signs.
Qr qr(const Tensor& a, QrMode mode = QrMode::kReduced);

/// The results of eigh().
struct Eigh {
  Tensor eigenvalues;   ///< [..., n], real, in rising order.
  Tensor eigenvectors;  ///< [..., n, n]: column i belongs to eigenvalue i.
};
/// A = V diag(eigenvalues) V^H of a Hermitian matrix, of which the lower or the `upper` triangle is read. Throws Error
/// for NaN and infinity.
Eigh eigh(const Tensor& a, bool upper = false);
/// The eigenvalues of eigh() alone. As of all functions that give values alone, the vectors are computed, too, if a
/// gradient will be wanted.
Tensor eigvalsh(const Tensor& a, bool upper = false);

/// The results of eig(), complex also for real matrices.
struct Eig {
  Tensor eigenvalues;   ///< [..., n], in no particular order.
  Tensor eigenvectors;  ///< [..., n, n]: column i, of length 1, belongs to eigenvalue i.
};
/// A V = V diag(eigenvalues) of a square matrix. Throws Error for NaN and infinity. The gradient needs a matrix that
/// can be diagonalised.
Eig eig(const Tensor& a);
/// The eigenvalues of eig() alone.
Tensor eigvals(const Tensor& a);

/// The results of svd().
struct Svd {
  Tensor u;   ///< [..., m, k], or with full_matrices [..., m, m].
  Tensor s;   ///< [..., k], real, in falling order, k = min(m, n).
  Tensor vh;  ///< [..., k, n], or with full_matrices [..., n, n].
};
/// A = U diag(S) V^H [..., m, n]. Throws Error for NaN and infinity. No gradient passes through the columns of U and
/// rows of V^H that full_matrices adds.
Svd svd(const Tensor& a, bool full_matrices = true);
/// The singular values of svd() alone.
Tensor svdvals(const Tensor& a);

}  // namespace linalg

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// a -> l, info, with FactorAttrs.
extern constinit const OpDef kLinalgCholesky;
/// a -> lu, pivots, info, with FactorAttrs.
extern constinit const OpDef kLinalgLuFactor;
/// pivots -> i64 [..., size]: for each row of P^T X, or if inverse of P X, its row of X, with PermutationAttrs.
extern constinit const OpDef kLinalgPermutation;
/// a -> q, r, with QrAttrs.
extern constinit const OpDef kLinalgQr;
/// a -> eigenvalues, vectors (empty if not wanted and no gradient is), with SpectralAttrs.
extern constinit const OpDef kLinalgEigh;
/// a -> eigenvalues, vectors (empty if not wanted and no gradient is), with SpectralAttrs.
extern constinit const OpDef kLinalgEig;
/// a -> u, s, vh (u and vh empty if not wanted and no gradient is), with SpectralAttrs.
extern constinit const OpDef kLinalgSvd;

}  // namespace hearth
