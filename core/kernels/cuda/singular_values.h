// Singular values by cuSOLVER, which knows matrices with at least as many rows as columns.
#pragma once

#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/solver.h"

namespace hearth::cuda {

// `count` column-major matrices without gaps, m x n with m >= n > 0, which are destroyed. Values [count, n], in falling
// order; u [count] m x m ('A'), m x n ('S') and vh n x n, column-major, or null ('N'). infos: 0, or what did not
// converge.
template <class T>
void singular_values(const OpCall& c, const Solver& solver, char job, T* a, int64_t count, int m, int n,
                     typename Lib<T>::R* values, T* u, T* vh, int* infos);

}  // namespace hearth::cuda
