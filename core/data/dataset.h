// Datasets: numbered examples.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/data/example.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::data {

/// Examples by number. Const calls may come from many threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  /// The number of examples.
  virtual int64_t size() const = 0;
  /// Example i, 0 <= i < size(). Randomness comes from `random` alone, which is seeded for this example of this epoch:
  /// results do not depend on which thread asks, or when.
  virtual Example get(int64_t i, Generator& random) const = 0;
  /// What stack_examples() makes of the examples `indices`, for data sets that can gather them faster than one by one
  /// and need no random numbers. Without a value the examples come from get(); that is what all others give. Loaders
  /// ask for it where they have no collate function of their own.
  virtual std::optional<Example> get_batch(std::span<const int64_t> indices) const { return std::nullopt; }
};

/// A data set as others hold it.
using DatasetPtr = std::shared_ptr<const Dataset>;

/// Rows of tensors held in memory.
class TensorDataset final : public Dataset {
 public:
  /// Tensors [n, ...] by name; example i has row i of each, under the same name. Rows are views of the tensors. Throws
  /// Error if there are no tensors, and if one is undefined, 0-dim or of another first size.
  explicit TensorDataset(Example tensors);
  /// The same of "input" [n, ...] and "target" [n, ...].
  TensorDataset(Tensor inputs, Tensor targets);
  /// n.
  int64_t size() const override { return size_; }
  /// Row i of each tensor.
  Example get(int64_t i, Generator& random) const override;
  /// One gather for each tensor.
  std::optional<Example> get_batch(std::span<const int64_t> indices) const override;

 private:
  Example tensors_;
  int64_t size_;
};

/// Some of another dataset's examples.
class Subset final : public Dataset {
 public:
  /// Example i is the other's example indices[i]. Throws Error if there is no dataset, and for an index
  /// that it does not have.
  Subset(DatasetPtr dataset, std::vector<int64_t> indices);
  /// The number of indices.
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  /// Example indices[i] of the other dataset.
  Example get(int64_t i, Generator& random) const override;
  /// The other dataset's.
  std::optional<Example> get_batch(std::span<const int64_t> indices) const override;

 private:
  DatasetPtr dataset_;
  std::vector<int64_t> indices_;
};

/// Another dataset's examples, each changed by a function: decoding, augmentation.
class MapDataset final : public Dataset {
 public:
  /// Gives an example in place of another. Randomness comes from `random` alone.
  using Function = std::function<Example(Example, Generator& random)>;
  /// The function is called from many threads at once. Throws Error if it is empty or there is no dataset.
  MapDataset(DatasetPtr dataset, Function f);
  /// The other dataset's.
  int64_t size() const override { return dataset_->size(); }
  /// What the function gives for the other dataset's example i.
  Example get(int64_t i, Generator& random) const override;

 private:
  DatasetPtr dataset_;
  Function function_;
};

/// Several datasets one after the other.
class ConcatDataset final : public Dataset {
 public:
  /// The examples of datasets[0], then those of datasets[1], and so on. Throws Error if one is null.
  explicit ConcatDataset(std::vector<DatasetPtr> datasets);
  /// The sum of their sizes.
  int64_t size() const override { return ends_.empty() ? 0 : ends_.back(); }
  /// Example i, counted through all datasets.
  Example get(int64_t i, Generator& random) const override;

 private:
  std::vector<DatasetPtr> datasets_;
  std::vector<int64_t> ends_;
};

/// Splits a dataset into parts of the given sizes: part k takes the next sizes[k] examples of an order that is shuffled
/// with this seed. Throws Error if there is no dataset, if a size is negative or if the sizes do not add up
/// to the dataset's.
std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, const std::vector<int64_t>& sizes, uint64_t seed);
/// The same with shares of the dataset: each part has its share of the examples, rounded down, and what is left over
/// goes to the first parts, one example each, as in PyTorch. A part may be empty. Throws Error if there is no dataset,
/// if a share is not from 0 to 1, and if they do not add up to 1.
std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, std::span<const double> fractions, uint64_t seed);
/// The same with shares that are written out: random_split(dataset, {0.8, 0.2}, seed).
template <std::same_as<double> T>
std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, std::initializer_list<T> fractions, uint64_t seed) {
  return random_split(dataset, std::vector<double>(fractions.begin(), fractions.end()), seed);
}

}  // namespace hearth::data
