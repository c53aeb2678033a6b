#include "core/data/batch_sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/error.h"

namespace hearth::data {

FixedBatchSampler::FixedBatchSampler(std::shared_ptr<const Sampler> sampler, int64_t batch_size, bool drop_last)
    : sampler_(std::move(sampler)), batch_size_(batch_size), drop_last_(drop_last) {
  HEARTH_CHECK(sampler_, "FixedBatchSampler: there is no sampler");
  HEARTH_CHECK(batch_size >= 1, "FixedBatchSampler: batch_size must be at least 1, but is ", batch_size);
}

std::vector<std::vector<int64_t>> FixedBatchSampler::batches(int64_t epoch) const {
  std::vector<std::vector<int64_t>> out;
  for (const int64_t i : sampler_->order(epoch)) {
    if (out.empty() || static_cast<int64_t>(out.back().size()) == batch_size_) out.emplace_back();
    out.back().push_back(i);
  }
  if (drop_last_ && !out.empty() && static_cast<int64_t>(out.back().size()) < batch_size_) out.pop_back();
  return out;
}

BucketBatchSampler::BucketBatchSampler(std::vector<int64_t> lengths, BucketOptions options)
    : lengths_(std::move(lengths)), options_(options) {
  for (const int64_t n : lengths_) HEARTH_CHECK(n >= 0, "BucketBatchSampler: a length is ", n);
  constexpr int64_t kMost = int64_t{1} << 31;
  HEARTH_CHECK(
      options.batch_size >= 1 && options.batch_size <= kMost && options.window >= 1 && options.window <= kMost &&
          options.max_padded >= 0,
      "BucketBatchSampler: batch_size and window must be at least 1, and max_padded not negative, but they are ",
      options.batch_size, ", ", options.window, " and ", options.max_padded);
}

std::vector<std::vector<int64_t>> BucketBatchSampler::batches(int64_t epoch) const {
  const auto n = static_cast<int64_t>(lengths_.size());
  const auto length = [&](int64_t i) { return lengths_[static_cast<size_t>(i)]; };
  std::vector<int64_t> order = RandomSampler(n, options_.seed).order(epoch);
  const int64_t window = options_.batch_size * options_.window;
  for (int64_t begin = 0; begin < n; begin += window) {
    std::sort(order.begin() + begin, order.begin() + std::min(begin + window, n),
              [&](int64_t a, int64_t b) { return std::pair(length(a), a) < std::pair(length(b), b); });
  }
  std::vector<std::vector<int64_t>> sorted;
  // In rising order within a window, the last example of a batch is its longest.
  for (int64_t k = 0; k < n; ++k) {
    const int64_t i = order[static_cast<size_t>(k)];
    const auto in_last = sorted.empty() ? 0 : static_cast<int64_t>(sorted.back().size());
    const bool fits = in_last > 0 && in_last < options_.batch_size && k % window != 0 &&
                      (options_.max_padded == 0 || length(i) <= options_.max_padded / (in_last + 1));
    if (!fits) sorted.emplace_back();
    sorted.back().push_back(i);
  }
  std::vector<std::vector<int64_t>> out;
  out.reserve(sorted.size());
  const uint64_t other = ~options_.seed;
  for (const int64_t b : RandomSampler(static_cast<int64_t>(sorted.size()), other).order(epoch))
    out.push_back(std::move(sorted[static_cast<size_t>(b)]));
  return out;
}

std::vector<int64_t> SubsetRandomSampler::order(int64_t epoch) const {
  std::vector<int64_t> out;
  out.reserve(indices_.size());
  for (const int64_t i : RandomSampler(static_cast<int64_t>(indices_.size()), seed_).order(epoch))
    out.push_back(indices_[static_cast<size_t>(i)]);
  return out;
}

}  // namespace hearth::data
