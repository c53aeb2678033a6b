/// Embeddings: rows of a table by number.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// Rows of weight [n, d] by index (i64 or i32, any shape): [index..., d]. The row padding_idx, which may count from the
/// end, gets no gradient. Throws Error for an index that is not from 0 to n - 1.
Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<int64_t> padding_idx = {});

/// How embedding() looks rows up.
struct EmbeddingOptions {
  /// This row, which may count from the end, gets no gradient.
  std::optional<int64_t> padding_idx = std::nullopt;
  /// Rows that are looked up and whose norm is greater are first scaled to have it: embedding() writes to the weight.
  std::optional<double> max_norm = std::nullopt;
  /// The p of that norm.
  double norm_type = 2;
  /// The gradient of a row is divided by how often the index names it.
  bool scale_grad_by_freq = false;
};
/// The same with options. With max_norm the weight is written in place, without a gradient of its own, so that the call
/// must be the only one that uses it; f16 and bf16 rows are scaled in f32 and rounded once. Throws Error for a max_norm
/// that is negative or NaN, and with one for a weight that is not floating-point.
Tensor embedding(const Tensor& weight, const Tensor& index, const EmbeddingOptions& options);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (weight, index) -> y, with EmbeddingAttrs.
extern constinit const OpDef kEmbedding;
/// (dy, index) -> dweight.
extern constinit const OpDef kEmbeddingGrad;

}  // namespace hearth
