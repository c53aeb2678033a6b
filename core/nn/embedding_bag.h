/// Embeddings that are joined in bags.
#pragma once

#include <optional>

#include "core/nn/module.h"
#include "core/ops/embedding_bag.h"

namespace hearth::nn {

/// Options of EmbeddingBag.
struct EmbeddingBagOptions {
  BagMode mode = BagMode::kMean;                      ///< What becomes of the rows of a bag.
  std::optional<int64_t> padding_idx = std::nullopt;  ///< This row is in no bag; it starts as zeros.
  bool include_last_offset = false;                   ///< The offsets end with the length of the index.
};
/// Rows of a table, joined in bags. The table starts normal, with mean 0 and standard deviation 1. See
/// hearth::embedding_bag().
class EmbeddingBag : public Module<EmbeddingBag> {
 public:
  /// A table of `count` rows of `dim` numbers. Throws Error if one is negative, or if padding_idx is out of range.
  EmbeddingBag(int64_t count, int64_t dim, const EmbeddingBagOptions& options = {})
      : EmbeddingBag(nullptr, "", count, dim, options) {}
  /// The same as a member of `parent`.
  EmbeddingBag(ModuleBase* parent, const char* name, int64_t count, int64_t dim,
               const EmbeddingBagOptions& options = {});
  /// The index is [bags, length], or flat with offsets; the result is [bags, dim].
  Tensor forward(const Tensor& index, const std::optional<Tensor>& offsets = std::nullopt,
                 const std::optional<Tensor>& per_sample_weights = std::nullopt) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// The table, [count, dim].
  Parameter weight;

 private:
  EmbeddingBagOptions options_;
};

}  // namespace hearth::nn
