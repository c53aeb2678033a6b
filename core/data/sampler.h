// Samplers: which examples an epoch takes, in which order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

/// Each example once, in an order drawn anew for every epoch; or another number of examples, or draws that may repeat.
class RandomSampler final : public Sampler {
 public:
  /// `size`: the number of examples. `replacement`: each place is drawn from all examples; without it, the order is
  /// that of whole permutations, one after the other, of which the last may be cut off. `count`: how many indices an
  /// epoch has, by default `size`; torch's num_samples. Throws Error if size or count is negative, and for a count
  /// above 0 of no examples.
  RandomSampler(int64_t size, uint64_t seed, bool replacement = false, std::optional<int64_t> count = std::nullopt);
  /// `count` of the indices 0, 1, …, size - 1, which follow from seed and epoch.
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  int64_t size_;
  uint64_t seed_;
  bool replacement_;
  int64_t count_;
};

/// `count` draws, example i with a chance proportional to weights[i].
class WeightedRandomSampler final : public Sampler {
 public:
  /// Without `replacement` no example is drawn twice. Throws Error unless all weights are finite, none is negative and
  /// one is above 0, if the count is negative, and if without replacement it is above the number of weights above 0.
  WeightedRandomSampler(std::vector<double> weights, int64_t count, uint64_t seed, bool replacement = true);
  /// `count` indices in the order in which they are drawn, which follow from seed and epoch.
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  std::vector<double> weights_;
  int64_t count_;
  uint64_t seed_;
  bool replacement_;
};

/// A seed for one part of a stream, mixed so that neighbours have nothing in common.
uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b = 0);

}  // namespace hearth::data
