// Samplers: which examples an epoch takes, in which order.
#pragma once

#include <memory>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::data {

class Sampler {
 public:
  virtual ~Sampler() = default;
  // The indices of one epoch; the same for the same epoch.
  virtual std::vector<int64_t> order(int64_t epoch) const = 0;
};

class SequentialSampler final : public Sampler {
 public:
  explicit SequentialSampler(int64_t size) : size_(size) {}
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  int64_t size_;
};

// Each example once, in an order drawn anew for every epoch.
class RandomSampler final : public Sampler {
 public:
  RandomSampler(int64_t size, uint64_t seed) : size_(size), seed_(seed) {}
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  int64_t size_;
  uint64_t seed_;
};

// `count` draws with replacement, example i with a chance proportional to weights[i].
class WeightedRandomSampler final : public Sampler {
 public:
  WeightedRandomSampler(std::vector<double> weights, int64_t count, uint64_t seed);
  std::vector<int64_t> order(int64_t epoch) const override;

 private:
  std::vector<double> weights_;
  int64_t count_;
  uint64_t seed_;
};

// A seed for one part of a stream, mixed so that neighbours have nothing in common.
uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b = 0);

}  // namespace hearth::data
