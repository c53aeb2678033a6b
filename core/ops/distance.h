/// Norms and distances of vectors.
///
/// f16 and bf16 are computed in f32 and rounded once. Gradients flow through all functions.
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// x / max(norm(x, p, dims), eps): vectors of length 1. Where the norm is at most eps its gradient is 0. Floating-point
/// and complex only. PyTorch: nn.functional.normalize.
Tensor normalize(const Tensor& x, double p = 2, const Dims& dims = 1, double eps = 1e-12);
/// The cosine of the angle between vectors along dimension d of the shape to which a and b broadcast:
/// sum(a b) / (max(|a|, eps) max(|b|, eps)). Where a norm is at most eps its gradient is 0. Floating-point only.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t d = 1, double eps = 1e-8);
/// norm(a - b + eps, p) over the last dimension; a and b broadcast. Floating-point only.
Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p = 2, double eps = 1e-6, bool keepdim = false);
/// x in which each part along dimension d whose p-norm is above `most` is scaled to have it. Floating-point and complex
/// only. The gradient passes through the scale too.
Tensor renorm(const Tensor& x, double p, int64_t d, double most);
/// The p-norm of a - b over all elements; a and b broadcast. Floating-point and complex only.
Tensor dist(const Tensor& a, const Tensor& b, double p = 2);
/// The distances of all pairs of rows of a [..., p, m] and b [..., r, m]: [..., p, r], the p-norms of their
/// differences. Leading dimensions broadcast. The differences themselves are summed, whatever the sizes (in PyTorch:
/// compute_mode="donot_use_mm_for_euclid_dist"); one that is NaN makes the distance NaN. The gradient of a distance of
/// 0 is 0; for an infinite p all greatest differences get the whole gradient. Floating-point only. Throws Error if p is
/// negative or NaN, or shapes do not fit.
Tensor cdist(const Tensor& a, const Tensor& b, double p = 2);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.

/// (a [b, p, m], b [b, r, m]) -> distances [b, p, r], with CdistAttrs. f32 and f64.
extern constinit const OpDef kCdist;

}  // namespace hearth
