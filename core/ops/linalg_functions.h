/// Determinants, norms, powers and products of matrices, as torch.linalg.
///
/// The last two dimensions of an operand are a matrix, those before them a batch. f32, f64, c64 and c128; throws
/// Error(kUnsupported) for other dtypes, where a function does not say otherwise. Gradients flow through all functions
/// but matrix_rank().
#pragma once

#include <initializer_list>
#include <optional>
#include <span>

#include "core/op/op_def.h"
#include "core/ops/linalg_solves.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace linalg {

/// The determinant of square matrices. It has a gradient also for singular ones; second derivatives there need
/// different singular values.
Tensor det(const Tensor& a);
/// The results of slogdet().
struct SlogDet {
  Tensor sign;       ///< [...]: of real matrices -1, 0 or 1; of complex ones of size 1, or 0.
  Tensor logabsdet;  ///< [...], real: the logarithm of |det|; -infinity of singular matrices.
};
/// det = sign e^logabsdet, without overflow. The gradient needs a matrix that is not singular.
SlogDet slogdet(const Tensor& a);

/// The norms of matrices that are no numbers.
enum class MatrixNorm : uint8_t {
  kFro,  ///< Frobenius: the root of the sum of |a|^2.
  kNuc,  ///< Nuclear: the sum of the singular values.
};
/// The p-norm of the elements along `dims`, or of all: hearth::norm() (core/ops/reduce.h), which says what each p
/// means. Also f16 and bf16.
Tensor vector_norm(const Tensor& x, double ord = 2, const Dims& dims = {}, bool keepdim = false);
/// The norm of matrices in two different dimensions: see MatrixNorm.
Tensor matrix_norm(const Tensor& a, MatrixNorm ord = MatrixNorm::kFro, const Dims& dims = {-2, -1},
                   bool keepdim = false);
/// The norm of matrices: 2 and -2 the greatest and smallest singular value, 1 and -1 the greatest and smallest sum of
/// sizes over a column, infinity and -infinity over a row. Of nothing the greatest is 0. Throws Error for other
/// numbers, and for the smallest of nothing.
Tensor matrix_norm(const Tensor& a, double ord, const Dims& dims = {-2, -1}, bool keepdim = false);
/// Without `ord`, vector_norm(x, 2, dims). With it, matrix_norm() if there are two dimensions, else vector_norm():
/// without `dims` x must have one or two, with it they are those.
Tensor norm(const Tensor& x, std::optional<double> ord = {}, const Dims& dims = {}, bool keepdim = false);
/// matrix_norm() of a tensor of two dimensions, or in two `dims`.
Tensor norm(const Tensor& x, MatrixNorm ord, const Dims& dims = {}, bool keepdim = false);

/// The condition number of matrices: for 2 and -2, the quotient of the greatest and smallest singular value or its
/// inverse; for other norms |A| |A^-1| of square matrices, infinity of singular ones. 0 of
/// matrices without elements.
Tensor cond(const Tensor& a, double p = 2);
/// The same with another norm.
Tensor cond(const Tensor& a, MatrixNorm p);
/// The number of singular values that do not count as 0, as i64.
Tensor matrix_rank(const Tensor& a, const RankTolerance& options = {});

/// A^n of square matrices; n may be negative or 0. Also integers, f16 and bf16 for n of at least 0. Throws Error for a
/// singular matrix and n below 0.
Tensor matrix_power(const Tensor& a, int64_t n);
/// e^A of square matrices. NaN or infinity in a matrix makes all its results NaN.
Tensor matrix_exp(const Tensor& a);

/// The product of two or more matrices in the order of least work. The first and the last may be vectors; all have
/// the dtypes of matmul(). Throws Error if sizes do not fit.
Tensor multi_dot(std::span<const Tensor> tensors);
Tensor multi_dot(std::initializer_list<Tensor> tensors);  ///< See above.

/// The sum of conj(x) y along dimension d. Operands broadcast. Not for bool.
Tensor vecdot(const Tensor& x, const Tensor& y, int64_t d = -1);
/// The cross product of vectors along dimension d, which has 3 places. Operands have as many dimensions and broadcast.
/// Not for bool.
Tensor cross(const Tensor& a, const Tensor& b, int64_t d = -1);
/// hearth::diagonal() of the last two dimensions, a view. All dtypes.
Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t d1 = -2, int64_t d2 = -1);
/// [..., k] -> [..., k, n]: the powers 0, 1, ..., n - 1 of each element; n is by default k. Integers give
/// i64. Not for bool.
Tensor vander(const Tensor& x, std::optional<int64_t> n = {});

}  // namespace linalg

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// a -> det(a).
extern constinit const OpDef kLinalgDet;
/// a -> sign, logabsdet.
extern constinit const OpDef kLinalgSlogdet;
/// a -> matrix_exp(a).
extern constinit const OpDef kLinalgMatrixExp;

}  // namespace hearth
