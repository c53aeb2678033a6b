// Samplers: which examples an epoch takes, in which order.
#pragma once

#include <memory>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::data {

/// Chooses the examples of each epoch. Where several processes share an epoch, each of them has the same sampler, and
/// its DataLoader takes a part (Shard).
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// The indices of one whole epoch; the same for the same epoch. An example's place in this list is its position, from
  /// which its random numbers follow.
  virtual std::vector<int64_t> order(int64_t epoch) const = 0;
};

/// The indices 0, 1, …, size - 1.
class SequentialSampler final : public Sampler {
 public:
  /// `size`: the number of examples.
  explicit SequentialSampler(int64_t size) : size_(size) {}
  /// 0, 1, …, size - 1.
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  int64_t size_;
};

/// Each example once, in an order drawn anew for every epoch.
class RandomSampler final : public Sampler {
 public:
  /// `size`: the number of examples.
  RandomSampler(int64_t size, uint64_t seed) : size_(size), seed_(seed) {}
  /// A permutation of 0, 1, …, size - 1, which follows from seed and epoch.
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  int64_t size_;
  uint64_t seed_;
};

/// `count` draws with replacement, example i with a chance proportional to weights[i].
class WeightedRandomSampler final : public Sampler {
 public:
  /// Throws Error unless all weights are finite, none is negative and one is above 0, and if the count is negative.
  WeightedRandomSampler(std::vector<double> weights, int64_t count, uint64_t seed);
  /// `count` indices, which follow from seed and epoch.
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  std::vector<double> weights_;
  int64_t count_;
  uint64_t seed_;
};

/// A seed for one part of a stream, mixed so that neighbours have nothing in common.
uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b = 0);

}  // namespace hearth::data
