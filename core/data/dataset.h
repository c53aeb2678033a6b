// Datasets: numbered examples.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::data {

// An input and what a model should answer; either may be undefined.
using Example = std::pair<Tensor, Tensor>;

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  // Example i, 0 <= i < size(). Called from many threads at once. Randomness comes from `random` alone, which is seeded
  // for this example of this epoch: results do not depend on which thread asks, or when.
  virtual Example get(int64_t i, Generator& random) const = 0;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

// Rows of tensors held in memory.
class TensorDataset final : public Dataset {
 public:
  // inputs [n, ...] and targets [n, ...].
  TensorDataset(Tensor inputs, Tensor targets);
  int64_t size() const override { return inputs_.shape()[0]; }
  Example get(int64_t i, Generator& random) const override;

 private:
  Tensor inputs_, targets_;
};

// Some of another dataset's examples.
class Subset final : public Dataset {
 public:
  Subset(DatasetPtr dataset, std::vector<int64_t> indices);
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  Example get(int64_t i, Generator& random) const override;

 private:
  DatasetPtr dataset_;
  std::vector<int64_t> indices_;
};

// Another dataset's examples, each changed by a function: decoding, augmentation.
class MapDataset final : public Dataset {
 public:
  using Function = std::function<Example(Example, Generator& random)>;
  MapDataset(DatasetPtr dataset, Function f);
  int64_t size() const override { return dataset_->size(); }
  Example get(int64_t i, Generator& random) const override;

 private:
  DatasetPtr dataset_;
  Function function_;
};

// Several datasets one after the other.
class ConcatDataset final : public Dataset {
 public:
  explicit ConcatDataset(std::vector<DatasetPtr> datasets);
  int64_t size() const override { return ends_.empty() ? 0 : ends_.back(); }
  Example get(int64_t i, Generator& random) const override;

 private:
  std::vector<DatasetPtr> datasets_;
  std::vector<int64_t> ends_;
};

// Splits into parts of the given sizes, which must add up, by a shuffle with this seed.
std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, const std::vector<int64_t>& sizes, uint64_t seed);

}  // namespace hearth::data
