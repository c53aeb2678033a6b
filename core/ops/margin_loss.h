/// Losses that ask for a margin between scores, or between distances. f16 and bf16 are computed in f32 and rounded
/// once.
#pragma once

#include <functional>
#include <optional>

#include "core/ops/loss.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// max(0, margin - target (a - b)), for a target of 1 where a should be larger, and -1 where b should be. The shapes
/// broadcast.
Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin = 0,
                           Reduction reduction = Reduction::kMean);
/// x where the target is 1, max(0, margin - x) where it is -1. The shapes broadcast.
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, double margin = 1,
                            Reduction reduction = Reduction::kMean);
/// log(1 + e^(-target x)), without overflow, for targets of 1 and -1. Throws Error if the shapes differ.
Tensor soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
/// Of each sample the mean over its classes of max(0, margin - x[target] + x[i])^p for i other than the target, times
/// weight[target]. x [n, classes] or [classes], target i64 or i32 [n] or 0-dim. Throws Error if shapes do not fit,
/// unless p is 1 or 2, and for a class that is out of range.
Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int64_t p = 1, double margin = 1,
                         const std::optional<Tensor>& weight = {}, Reduction reduction = Reduction::kMean);
/// Of each sample the sum of max(0, 1 - x[y] + x[i]) over its classes y and all others i, divided by the number of
/// classes. x [n, classes] or [classes]; target, of the same shape, i64 or i32, lists the sample's classes up to the
/// first -1. It keeps [n, classes, classes] numbers. Throws Error if the shapes differ, and for a class that is out of
/// range.
Tensor multilabel_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
/// Of each sample the mean over the last dimension of binary_cross_entropy_with_logits(). `weight` broadcasts. Throws
/// Error if the shapes of x and target differ.
Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target, const std::optional<Tensor>& weight = {},
                                   Reduction reduction = Reduction::kMean);
/// 1 - cos(a, b) where the target is 1, max(0, cos(a, b) - margin) where it is -1, else 0. a, b [n, features] or
/// [features], target [n] or 0-dim. Throws Error if shapes do not fit.
Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin = 0,
                             Reduction reduction = Reduction::kMean);

/// Options of triplet_margin_loss().
struct TripletMarginOptions {
  double margin = 1;  ///< How much further away the other one should be.
  double p = 2;       ///< The norm of distances.
  double eps = 1e-6;  ///< Added to each difference, so that distances have a gradient.
  bool swap = false;  ///< The distance from the positive counts where it is less than the anchor's.
  Reduction reduction = Reduction::kMean;  ///< What becomes of the losses of single triplets.
};
/// max(0, |anchor - positive| - |anchor - negative| + margin), with norms over the last dimension (Balntas et al.,
/// 2016). The shapes broadcast.
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginOptions& options = {});
/// The same with a distance of the caller's own.
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const std::function<Tensor(const Tensor&, const Tensor&)>& distance,
                                         double margin = 1, bool swap = false, Reduction reduction = Reduction::kMean);

}  // namespace hearth
