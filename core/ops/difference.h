/// Differences of neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

/// What diff() takes beside the tensor.
struct DiffOptions {
  /// How often differences are taken; each makes the dimension one place shorter.
  int64_t n = 1;
  /// The dimension, which may count from the end.
  int64_t dim = -1;
  /// What stands before x along the dimension; 0-dim for one place everywhere.
  OptionalTensor prepend = std::nullopt;
  /// What stands behind x along the dimension; 0-dim for one place everywhere.
  OptionalTensor append = std::nullopt;
};

/// x[i + 1] - x[i] along a dimension; empty where it has no two places. Of bool whether they differ. Throws Error if x
/// is 0-dim, n is negative, or `prepend` or `append` does not fit.
Tensor diff(const Tensor& x, const DiffOptions& options = {});

/// The gradient of a function of which x has values at equal distances `spacing`, along each of `dims` (all without
/// it): central differences of second order, one-sided ones of first order at the ends. PyTorch: torch.gradient with
/// edge_order 1. Floating-point only. Throws Error for a dimension with fewer than 2 places, and for a spacing of 0.
std::vector<Tensor> gradient(const Tensor& x, double spacing = 1, const Dims& dims = {});

}  // namespace hearth
