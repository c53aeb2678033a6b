// Kernels of linear algebra. The last two dimensions of an operand are a matrix, those before them a batch. f32, f64,
// c64 and c128; operands of any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void linalg_lu_factor(OpCall&);         // FactorAttrs: a -> lu, pivots, info
void linalg_permutation(OpCall&);       // PermutationAttrs: pivots -> for each row of a product its row of the operand
void linalg_solve(OpCall&);             // FactorAttrs: a, b -> x, info, lu, pivots
void linalg_det(OpCall&);               // a -> determinant
void linalg_slogdet(OpCall&);           // a -> sign, log of the size
void linalg_cholesky(OpCall&);          // FactorAttrs: a -> l, info
void linalg_solve_triangular(OpCall&);  // TriangularAttrs: a, b -> x
void linalg_qr(OpCall&);                // QrAttrs: a -> q, r
void linalg_lstsq(OpCall&);             // LstsqAttrs: a, b -> x, rank, singular values
void linalg_eigh(OpCall&);              // SpectralAttrs: a -> eigenvalues, vectors if infer() made room for them
void linalg_svd(OpCall&);               // SpectralAttrs: a -> u, s, vh; u and vh if infer() made room for them
void linalg_eig(OpCall&);               // SpectralAttrs: a -> eigenvalues, vectors if infer() made room for them
void linalg_matrix_exp(OpCall&);        // a -> e^a

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void linalg_lu_factor(OpCall&);
[[gnu::weak]] void linalg_permutation(OpCall&);
[[gnu::weak]] void linalg_solve(OpCall&);
[[gnu::weak]] void linalg_det(OpCall&);
[[gnu::weak]] void linalg_slogdet(OpCall&);
[[gnu::weak]] void linalg_cholesky(OpCall&);
[[gnu::weak]] void linalg_solve_triangular(OpCall&);
[[gnu::weak]] void linalg_qr(OpCall&);
[[gnu::weak]] void linalg_lstsq(OpCall&);
[[gnu::weak]] void linalg_eigh(OpCall&);
[[gnu::weak]] void linalg_svd(OpCall&);
[[gnu::weak]] void linalg_eig(OpCall&);
[[gnu::weak]] void linalg_matrix_exp(OpCall&);

}  // namespace hearth::cuda
