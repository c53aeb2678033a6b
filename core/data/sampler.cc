#include "core/data/sampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

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

RandomSampler::RandomSampler(int64_t size, uint64_t seed, bool replacement, std::optional<int64_t> count)
    : size_(size), seed_(seed), replacement_(replacement), count_(count.value_or(size)) {
  HEARTH_CHECK(size >= 0 && count_ >= 0, "RandomSampler: size and count must not be negative, but are ", size, " and ",
               count_);
  HEARTH_CHECK(size > 0 || count_ == 0, "RandomSampler: there are no examples of which ", count_, " could be taken");
}

std::vector<int64_t> RandomSampler::order(int64_t epoch) const {
  Generator g(mix_seed(seed_, static_cast<uint64_t>(epoch)));
  if (count_ == 0) return {};
  if (replacement_) return randint(0, size_, {count_}, {.device = kCpu}, &g).to_vector<int64_t>();
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(count_));
  while (std::ssize(out) < count_) {
    const std::vector<int64_t> all = randperm(size_, {.device = kCpu}, &g).to_vector<int64_t>();
    out.insert(out.end(), all.begin(), all.begin() + std::min(size_, count_ - std::ssize(out)));
  }
  return out;
}

WeightedRandomSampler::WeightedRandomSampler(std::vector<double> weights, int64_t count, uint64_t seed,
                                             bool replacement)
    : weights_(std::move(weights)), count_(count), seed_(seed), replacement_(replacement) {
  int64_t possible = 0;
  for (double w : weights_) {
    HEARTH_CHECK(w >= 0 && std::isfinite(w),
                 "WeightedRandomSampler: weights must be finite and not negative, but one is ", w);
    possible += w > 0;
  }
  HEARTH_CHECK(possible > 0 && count >= 0,
               "WeightedRandomSampler: the weights must not all be 0, and the count not negative");
  HEARTH_CHECK(replacement || count <= possible, "WeightedRandomSampler: cannot draw ", count,
               " without replacement: only ", possible, " weights are above 0");
}

std::vector<int64_t> WeightedRandomSampler::order(int64_t epoch) const {
  if (count_ == 0) return {};
  Generator g(mix_seed(seed_, static_cast<uint64_t>(epoch)));
  return multinomial(from_values(weights_, {static_cast<int64_t>(weights_.size())}, {.device = kCpu}), count_,
                     replacement_, &g)
      .to_vector<int64_t>();
}

}  // namespace hearth::data
