/// Embeddings: rows of a table by number.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// Rows of weight [n, d] by index (i64 or i32, any shape): [index..., d]. The row padding_idx, which may count from the
/// end, gets no gradient. Throws Error for an index that is not from 0 to n - 1.
Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<int64_t> padding_idx = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (weight, index) -> y, with EmbeddingAttrs.
extern constinit const OpDef kEmbedding;
/// (dy, index) -> dweight.
extern constinit const OpDef kEmbeddingGrad;

}  // namespace hearth
