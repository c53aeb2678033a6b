// StackDataset: several datasets side by side.
#pragma once

#include <vector>

#include "core/data/dataset.h"

namespace hearth::data {

/// Example i has the tensors of example i of each dataset: torch's StackDataset.
class StackDataset final : public Dataset {
 public:
  /// Throws Error if there is no dataset, one is null, or their sizes differ.
  explicit StackDataset(std::vector<DatasetPtr> datasets);
  /// That of each dataset.
  int64_t size() const override { return datasets_[0]->size(); }
  /// The tensors of the datasets' examples, in their order. Throws Error if two of them have one name.
  Example get(int64_t i, Generator& random) const override;
  /// The same of batches, if each dataset gathers them.
  std::optional<Example> get_batch(std::span<const int64_t> indices) const override;

 private:
  std::vector<DatasetPtr> datasets_;
};

}  // namespace hearth::data
