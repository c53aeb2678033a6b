/// Sums, means and maxima of rows of a table.
#pragma once

#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// What becomes of the rows of a bag.
enum class BagMode : uint8_t {
  kSum,   ///< Their sum.
  kMean,  ///< Their mean.
  kMax,   ///< The greatest in each column. Equal ones share the gradient, where PyTorch gives it to the first.
};

/// Options of embedding_bag().
struct EmbeddingBagOptions {
  /// What becomes of the rows.
  BagMode mode = BagMode::kMean;
  /// i64 or i32 [bags]: where in a flat index each bag begins. The first is 0, none is smaller than the one before.
  std::optional<Tensor> offsets = std::nullopt;
  /// A factor for each number of the index, in its shape; with kSum only. It takes a gradient.
  std::optional<Tensor> per_sample_weights = std::nullopt;
  /// This row, which may count from the end, is in no bag and gets no gradient.
  std::optional<int64_t> padding_idx = std::nullopt;
  /// The offsets have one more, the length of the index.
  bool include_last_offset = false;
};

/// Rows of weight [n, d] by number, joined in bags: [bags, d]. The index, i64 or i32, is [bags, length], or flat with
/// offsets. A bag of nothing gives 0. f16 and bf16 are computed in f32 and rounded once. PyTorch's max_norm,
/// scale_grad_by_freq and sparse are missing. Floating-point only. Throws Error for an index that is not from 0 to n -
/// 1 and for options that do not fit; offsets are checked on the CPU alone.
Tensor embedding_bag(const Tensor& weight, const Tensor& index, const EmbeddingBagOptions& options = {});

}  // namespace hearth
