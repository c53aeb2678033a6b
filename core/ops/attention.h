/// Scaled dot product attention.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// What a query attends to. A key is left out if any of `mask`, `causal` and `window` leaves it out.
struct AttentionOptions {
  /// Broadcasts to [..., heads, m, n]. bool: true where the query may attend to the key. Floating-point: added to the
  /// scores, and takes a gradient.
  std::optional<Tensor> mask = std::nullopt;
  /// Each weight is set to 0 with this probability, and the others are divided by 1 - dropout.
  double dropout = 0;
  /// Query i sees the keys j <= i: both are counted from the first, also where there are more keys than queries.
  bool causal = false;
  /// What the scores q k^T are multiplied by; 1 / sqrt(head size) where none is given.
  std::optional<double> scale = std::nullopt;
  /// Sliding window: query i sees the keys from i - window, and up to i + window if not `causal` (Beltagy et al.,
  /// "Longformer", 2020). At least 0.
  std::optional<int64_t> window = std::nullopt;
};

/// softmax(q k^T scale + mask) v (Vaswani et al., "Attention is all you need", 2017).
///
/// q [..., heads, m, e], k [..., heads, n, e], v [..., heads, n, f], of rank 2 or more; the result is [..., heads, m,
/// f] in q's dtype. Leading dimensions broadcast. k and v may have fewer heads, each then serving a group of
/// neighbouring heads of q (Ainslie et al., "GQA", 2023). f16, bf16, f32 and f64; f16 and bf16 are computed in f32 and
/// rounded once. Where q's strides are those of a transposed [..., m, heads, e], so are the result's.
///
/// A query that may attend to nothing gets 0, and gives no gradient. No matrix of scores is kept in memory: a backward
/// computes the weights again, and needs the result as it was: it must not be written in place before. A NaN or an
/// infinity in a key or value may reach queries that leave it out.
///
/// Throws Error where shapes or dtypes do not fit, where dropout is not from 0 to 1, and where the window is below 0.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& options = {});

/// q, k, v, mask or nothing. Outputs: y; for backward the log-sum-exp of each row, the generator's state (i64 [2]: seed
/// and offset) if there is dropout, and y as it was before rounding.
extern constinit const OpDef kAttention;

}  // namespace hearth
