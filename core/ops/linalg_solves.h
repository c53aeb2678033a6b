/// Systems of linear equations, inverses and least squares, as torch.linalg.
///
/// The last two dimensions of an operand are a matrix, those before them a batch; batches broadcast. f32, f64, c64 and
/// c128; throws Error(kUnsupported) for other dtypes, and Error if two operands differ in theirs; under Autocast f16
/// and bf16 become f32. Results have the same bits for any number of threads. On the CPU, LAPACK computes; a singular
/// matrix is an Error that names its place in the batch and the pivot that is zero. Gradients flow through all
/// functions and through their gradients.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace linalg {

/// X of A X = B, or with left = false of X A = B: A [..., n, n], B [..., n, k] ([..., k, n]). b is a vector if it has
/// one dimension or the shape of A without its last one. Throws Error for a singular matrix.
Tensor solve(const Tensor& a, const Tensor& b, bool left = true);
/// The results of solve_ex().
struct SolveEx {
  Tensor result;  ///< X; not to be used where info is not 0.
  Tensor info;    ///< For each matrix, i32: 0, or the place, from 1, of the first zero on the diagonal of U in P L U.
};
/// As solve(), but a singular matrix is no error.
SolveEx solve_ex(const Tensor& a, const Tensor& b, bool left = true);

/// A^-1 of a square matrix. Throws Error for a singular matrix. solve() is faster and more exact than a product with
/// it.
Tensor inv(const Tensor& a);
/// The results of inv_ex().
struct InvEx {
  Tensor inverse;  ///< A^-1; not to be used where info is not 0.
  Tensor info;     ///< See SolveEx.
};
/// As inv(), but a singular matrix is no error.
InvEx inv_ex(const Tensor& a);

/// How solve_triangular() solves.
struct TriangularOptions {
  /// X of A X = B; otherwise of X A = B.
  bool left = true;
  /// The diagonal of A is taken as 1 and not read.
  bool unitriangular = false;
};
/// X of A X = B for a triangle A [..., n, n], the `upper` or the lower one; what lies beside it is not read. A zero on
/// the diagonal gives infinity and NaN.
Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, const TriangularOptions& options = {});

/// How lu_solve() solves.
struct LuSolveOptions {
  /// X of A X = B; otherwise of X A = B.
  bool left = true;
  /// A^H in the place of A.
  bool adjoint = false;
};
/// X of A X = B with the results of lu_factor(): lu [..., n, n], pivots [..., n] and b [..., n, k] ([..., k, n]).
Tensor lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, const LuSolveOptions& options = {});

/// What pinv(), matrix_rank() and others take as 0: singular values up to max(atol, rtol greatest one).
struct RankTolerance {
  /// Nothing: 0.
  std::optional<double> atol = std::nullopt;
  /// Nothing: if atol is above 0, 0; otherwise the dtype's rounding unit times the larger size of the matrix.
  std::optional<double> rtol = std::nullopt;
  /// The matrices are Hermitian: eigenvalues of the lower triangle take the place of singular values.
  bool hermitian = false;
};
/// The pseudoinverse (Moore and Penrose) of A [..., m, n]: [..., n, m].
Tensor pinv(const Tensor& a, const RankTolerance& options = {});

/// LAPACK's ways to least squares.
enum class LstsqDriver : uint8_t {
  kGelsy,  ///< QR with exchanged columns.
  kGels,   ///< QR; throws Error for a matrix without full rank, if it is noticed.
  kGelsd,  ///< Singular values, divide and conquer.
  kGelss,  ///< Singular values.
};
/// The results of lstsq().
struct Lstsq {
  Tensor solution;         ///< X [..., n, k], or [..., n] of vectors.
  Tensor residuals;        ///< [..., k], or [...] of vectors: the sums of |A X - B|^2 over columns. Empty if m <= n.
  Tensor rank;             ///< [...], i64; by gels min(m, n). No gradient passes.
  Tensor singular_values;  ///< [..., min(m, n)] by gelsd and gelss; otherwise empty. No gradient passes.
};
/// X with the least |A X - B| and, of those, the least |X|: A [..., m, n], b [..., m, k], or [..., m] if it has one
/// dimension less than a. `rcond`: singular values up to this part of the greatest count as 0; without it the dtype's
/// rounding unit times the larger size; below 0, for gelsd and gelss, the rounding unit. gels does not look at it.
/// Throws Error for NaN and infinity, and if rcond is NaN. Unlike PyTorch's, residuals come with every
/// driver and also where the rank is not full.
Lstsq lstsq(const Tensor& a, const Tensor& b, std::optional<double> rcond = {},
            LstsqDriver driver = LstsqDriver::kGelsy);

}  // namespace linalg

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (a, b) -> x, info, with FactorAttrs. For backward it keeps the factors.
extern constinit const OpDef kLinalgSolve;
/// (a, b) -> x, with TriangularAttrs.
extern constinit const OpDef kLinalgSolveTriangular;
/// a -> pinv(a), with PinvAttrs.
extern constinit const OpDef kLinalgPinv;
/// (a, b) -> x, rank, singular values, with LstsqAttrs.
extern constinit const OpDef kLinalgLstsq;

}  // namespace hearth
