// Batch samplers: which examples an epoch takes, in which batches.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/data/sampler.h"

namespace hearth::data {

/// Chooses the batches of each epoch, which need not be equally large. Where several processes share an epoch, each of
/// them has the same batch sampler, and its DataLoader takes some of the batches: those of index, index + count, ….
class BatchSampler {
 public:
  virtual ~BatchSampler() = default;
  /// The indices of each batch of one whole epoch; the same for the same epoch. No batch may be empty.
  virtual std::vector<std::vector<int64_t>> batches(int64_t epoch) const = 0;
};

/// A sampler's examples, so many at a time: torch's BatchSampler. A DataLoader does the same with its `sampler` and
/// `batch_size`; with this, processes share whole batches.
class FixedBatchSampler final : public BatchSampler {
 public:
  /// Throws Error if there is no sampler or the size is below 1.
  FixedBatchSampler(std::shared_ptr<const Sampler> sampler, int64_t batch_size, bool drop_last = false);
  /// The sampler's order, cut into batches. The last one may be smaller, or is left out with `drop_last`.
  std::vector<std::vector<int64_t>> batches(int64_t epoch) const override;

 private:
  std::shared_ptr<const Sampler> sampler_;
  int64_t batch_size_;
  bool drop_last_;
};

/// Options of a BucketBatchSampler.
struct BucketOptions {
  /// The largest number of examples in a batch.
  int64_t batch_size = 1;
  /// The largest size of a padded batch: its examples times its longest length; 0: any. An example that is longer by
  /// itself is a batch alone.
  int64_t max_padded = 0;
  /// How many batches' worth of examples are sorted by length together: more gives less padding, fewer batches that
  /// differ from epoch to epoch.
  int64_t window = 100;
  /// The order follows from it and the epoch.
  uint64_t seed = 0;
};

/// Each example once, in batches of similar lengths, so that little is padded: the examples are shuffled, sorted by
/// length within windows of this order, cut into batches, and the batches are shuffled.
class BucketBatchSampler final : public BatchSampler {
 public:
  /// Example i has lengths[i]. Throws Error for a negative length or options that are out of range.
  explicit BucketBatchSampler(std::vector<int64_t> lengths, BucketOptions options = {});
  /// The batches, which follow from the seed and the epoch.
  std::vector<std::vector<int64_t>> batches(int64_t epoch) const override;

 private:
  std::vector<int64_t> lengths_;
  BucketOptions options_;
};

/// The given examples, each once, in an order drawn anew for every epoch: torch's SubsetRandomSampler.
class SubsetRandomSampler final : public Sampler {
 public:
  /// `indices`: of the dataset's examples. A loader finds those that do not exist when it takes them.
  SubsetRandomSampler(std::vector<int64_t> indices, uint64_t seed) : indices_(std::move(indices)), seed_(seed) {}
  /// A permutation of the indices, which follows from seed and epoch.
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  std::vector<int64_t> indices_;
  uint64_t seed_;
};

}  // namespace hearth::data
