#include "core/data/sampler.h"

#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/random.h"

namespace hearth::data {

uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b) {
  const auto w = philox(seed, a, b);
  return uint64_t{w[0]} << 32 | w[1];
}

std::vector<int64_t> SequentialSampler::order(int64_t) const {
  std::vector<int64_t> out(static_cast<size_t>(size_));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

std::vector<int64_t> RandomSampler::order(int64_t epoch) const {
  Generator g(mix_seed(seed_, static_cast<uint64_t>(epoch)));
  return randperm(size_, {.device = kCpu}, &g).to_vector<int64_t>();
}

WeightedRandomSampler::WeightedRandomSampler(std::vector<double> weights, int64_t count, uint64_t seed)
    : weights_(std::move(weights)), count_(count), seed_(seed) {
  double total = 0;
  for (double w : weights_) {
    HEARTH_CHECK(w >= 0 && std::isfinite(w),
                 "WeightedRandomSampler: weights must be finite and not negative, but one is ", w);
    total += w;
  }
  HEARTH_CHECK(total > 0 && count >= 0,
               "WeightedRandomSampler: the weights must not all be 0, and the count not negative");
}

std::vector<int64_t> WeightedRandomSampler::order(int64_t epoch) const {
  if (count_ == 0) return {};
  Generator g(mix_seed(seed_, static_cast<uint64_t>(epoch)));
  return multinomial(from_values(weights_, {static_cast<int64_t>(weights_.size())}, {.device = kCpu}), count_, true, &g)
      .to_vector<int64_t>();
}

}  // namespace hearth::data
