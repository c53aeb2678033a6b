// Factorisations of one column-major matrix, large ones on several cores: cut by size alone, so that bits do not depend
// on the number of threads.
#pragma once

namespace hearth::cpu {

// A = P L U in place, as LAPACK's getrf: pivots count from 1. Returns the place, from 1, of the first zero on U's
// diagonal, or 0.
template <class T>
int factor_lu(int m, int n, T* a, int lda, int* pivots);

// A = U^H U in place, from the upper triangle, as LAPACK's potrf. Returns the order of the leading minor that is not
// positive, or 0.
template <class T>
int factor_cholesky(int n, T* a, int lda);

// B = A^-1 B, with the results of factor_lu().
template <class T>
void solve_lu(int n, int k, const T* a, int lda, const int* pivots, T* b, int ldb);

// B = op(A)^-1 B (side L) or B op(A)^-1 (side R), as BLAS's trsm.
template <class T>
void solve_triangle(char side, char uplo, char trans, char diag, int m, int n, const T* a, int lda, T* b, int ldb);

}  // namespace hearth::cpu
