/// Distances as modules.
#pragma once

#include <cstdint>

#include "core/nn/module.h"
#include "core/ops/distance.h"

namespace hearth::nn {

/// The cosine of the angle between vectors. See hearth::cosine_similarity().
class CosineSimilarity : public Module<CosineSimilarity> {
 public:
  /// Along dimension `dim`; lengths count as eps at least.
  explicit CosineSimilarity(int64_t dim = 1, double eps = 1e-8) : dim_(dim), eps_(eps) {}
  /// The same as a member of `parent`.
  CosineSimilarity(ModuleBase* parent, const char* name, int64_t dim = 1, double eps = 1e-8)
      : Module(parent, name), dim_(dim), eps_(eps) {}
  /// cosine_similarity(a, b, dim, eps).
  Tensor forward(const Tensor& a, const Tensor& b) const { return cosine_similarity(a, b, dim_, eps_); }

 private:
  int64_t dim_;
  double eps_;
};

/// The p-norm of differences, over the last dimension. See hearth::pairwise_distance().
class PairwiseDistance : public Module<PairwiseDistance> {
 public:
  /// With the order of the norm, what is added to each difference, and whether the dimension stays with size 1.
  explicit PairwiseDistance(double p = 2, double eps = 1e-6, bool keepdim = false)
      : p_(p), eps_(eps), keepdim_(keepdim) {}
  /// The same as a member of `parent`.
  PairwiseDistance(ModuleBase* parent, const char* name, double p = 2, double eps = 1e-6, bool keepdim = false)
      : Module(parent, name), p_(p), eps_(eps), keepdim_(keepdim) {}
  /// pairwise_distance(a, b, p, eps, keepdim).
  Tensor forward(const Tensor& a, const Tensor& b) const { return pairwise_distance(a, b, p_, eps_, keepdim_); }

 private:
  double p_, eps_;
  bool keepdim_;
};

}  // namespace hearth::nn
