// Draws with and without replacement, shares of a data set, and loaders without batches.
#include "core/data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/iterable.h"
#include "core/data/loader.h"
#include "core/data/stream_loader.h"
#include "core/ops/create.h"
#include "core/testing/error_of.h"

namespace hearth::data {
namespace {

using testing::error_of;
using Indices = std::vector<int64_t>;

bool is_permutation(Indices part) {
  std::ranges::sort(part);
  Indices all(part.size());
  std::iota(all.begin(), all.end(), 0);
  return part == all;
}

TEST(RandomSampler, TakesAnyNumber) {
  const Indices once = RandomSampler(10, 3).order(1);
  EXPECT_TRUE(is_permutation(once));
  // As many as there are is what no count means.
  EXPECT_EQ(RandomSampler(10, 3, false, 10).order(1), once);
  const Indices some = RandomSampler(10, 3, false, 4).order(1);
  EXPECT_EQ(some, Indices(once.begin(), once.begin() + 4));
  // Whole permutations one after the other, as PyTorch's.
  const Indices more = RandomSampler(10, 3, false, 25).order(1);
  ASSERT_EQ(more.size(), 25u);
  EXPECT_EQ(Indices(more.begin(), more.begin() + 10), once);
  EXPECT_TRUE(is_permutation({more.begin() + 10, more.begin() + 20}));
  EXPECT_NE(Indices(more.begin() + 10, more.begin() + 20), once);
  EXPECT_EQ(std::set<int64_t>(more.begin() + 20, more.end()).size(), 5u);
  EXPECT_TRUE(RandomSampler(10, 3, false, 0).order(0).empty());
  EXPECT_TRUE(RandomSampler(0, 3).order(0).empty());
}

TEST(RandomSampler, DrawsWithReplacement) {
  const RandomSampler sampler(10, 3, true, 10000);
  const Indices drawn = sampler.order(0);
  ASSERT_EQ(drawn.size(), 10000u);
  EXPECT_EQ(drawn, sampler.order(0));
  EXPECT_NE(drawn, sampler.order(1));
  std::vector<int> counts(10);
  for (const int64_t i : drawn) {
    ASSERT_TRUE(i >= 0 && i < 10);
    ++counts[static_cast<size_t>(i)];
  }
  // Five standard deviations; the seed is fixed.
  for (const int n : counts) EXPECT_NEAR(n, 1000, 150);
  EXPECT_EQ(RandomSampler(7, 3, true).order(0).size(), 7u);
  EXPECT_TRUE(RandomSampler(0, 3, true).order(0).empty());
}

TEST(RandomSampler, Refuses) {
  EXPECT_EQ(error_of([] { RandomSampler(-1, 0); }),
            "RandomSampler: size and count must not be negative, but are -1 and -1");
  EXPECT_EQ(error_of([] { RandomSampler(3, 0, true, -2); }),
            "RandomSampler: size and count must not be negative, but are 3 and -2");
  EXPECT_EQ(error_of([] { RandomSampler(0, 0, false, 2); }),
            "RandomSampler: there are no examples of which 2 could be taken");
}

TEST(WeightedRandomSampler, WithoutReplacementDrawsNothingTwice) {
  const WeightedRandomSampler all({1, 0, 100, 1, 0, 1}, 4, 5, false);
  int first = 0;
  for (int64_t epoch = 0; epoch < 50; ++epoch) {
    Indices drawn = all.order(epoch);
    EXPECT_EQ(drawn, all.order(epoch));
    first += drawn[0] == 2;
    std::ranges::sort(drawn);
    EXPECT_EQ(drawn, (Indices{0, 2, 3, 5}));
  }
  EXPECT_GT(first, 40);  // the heavy one comes first
  EXPECT_EQ(error_of([] {
              WeightedRandomSampler({1, 0, 2}, 3, 0, false);
            }),
            "WeightedRandomSampler: cannot draw 3 without replacement: only 2 weights are above 0");
  EXPECT_EQ(WeightedRandomSampler({1, 0, 2}, 3, 0).order(0).size(), 3u);
}

DatasetPtr numbers(int64_t n) { return std::make_shared<TensorDataset>(Example{{"x", arange(n)}}); }

Indices sizes(const std::vector<DatasetPtr>& parts) {
  Indices out;
  for (const DatasetPtr& part : parts) out.push_back(part->size());
  return out;
}

TEST(RandomSplit, SharesAsPyTorchRoundsThem) {
  EXPECT_EQ(sizes(random_split(numbers(10), {0.3, 0.3, 0.4}, 1)), (Indices{3, 3, 4}));
  EXPECT_EQ(sizes(random_split(numbers(11), {0.5, 0.5}, 1)), (Indices{6, 5}));
  EXPECT_EQ(sizes(random_split(numbers(10), {0.33, 0.33, 0.34}, 1)), (Indices{4, 3, 3}));
  EXPECT_EQ(sizes(random_split(numbers(2), {0.3, 0.3, 0.4}, 1)), (Indices{1, 1, 0}));
  EXPECT_EQ(sizes(random_split(numbers(100), {0.29, 0.71}, 1)), (Indices{29, 71}));
  EXPECT_EQ(sizes(random_split(numbers(7), {0.0, 1.0}, 1)), (Indices{0, 7}));
  const std::vector<double> tenths(10, 0.1);
  EXPECT_EQ(sizes(random_split(numbers(10), tenths, 1)), Indices(10, 1));
  // Whole numbers are sizes, as before, and the same examples.
  const auto by_size = random_split(numbers(10), {3, 7}, 1), by_share = random_split(numbers(10), {0.3, 0.7}, 1);
  Generator g;
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(by_size[0]->get(i, g)["x"].equal(by_share[0]->get(i, g)["x"]));
  EXPECT_EQ(error_of([] {
              random_split(numbers(10), {0.3, 0.3}, 1);
            }),
            "random_split: the fractions add up to 0.6 instead of 1");
  EXPECT_EQ(error_of([] {
              random_split(numbers(10), {1.5, -0.5}, 1);
            }),
            "random_split: a fraction must be from 0 to 1, but one is 1.5");
}

// The numbers 0, 1 and 2.
class Three final : public IterableDataset {
 public:
  std::unique_ptr<Stream> open(int64_t) const override {
    struct Read final : Stream {
      std::optional<PendingExample> next() override {
        if (at == 3) return std::nullopt;
        return PendingExample(Example{{"x", scalar_tensor(at++)}});
      }
      int64_t at = 0;
    };
    return std::make_unique<Read>();
  }
};

void expect_single(DataLoader& loader) {
  int64_t i = 0;
  for (const Example& e : loader) {
    EXPECT_EQ(e["x"].shape(), Shape());
    EXPECT_EQ(e["x"].item<int64_t>(), i++);
    EXPECT_EQ(loader.state().sample, i % 3);
  }
  EXPECT_EQ(i, 3);
}

TEST(DataLoader, WithoutBatches) {
  for (const int workers : {0, 2}) {
    DataLoader loader(numbers(3), {.batch_size = std::nullopt, .workers = workers});
    EXPECT_EQ(loader.batches(), 3);
    expect_single(loader);
    DataLoader shuffled(numbers(3), {.batch_size = std::nullopt, .shuffle = true, .workers = workers, .shard = {1, 2}});
    EXPECT_EQ(shuffled.batches(), 1);
  }
  EXPECT_EQ(error_of([] { DataLoader(numbers(3), {.batch_size = std::nullopt, .drop_last = true}); }),
            "DataLoader: without a batch_size there is neither drop_last nor collate");
  EXPECT_EQ(error_of([] { DataLoader(numbers(3), {.batch_size = 0}); }),
            "DataLoader: batch_size must be at least 1, but is 0");
}

TEST(StreamLoader, WithoutBatches) {
  StreamLoader loader(std::make_shared<Three>(), {.batch_size = std::nullopt});
  int64_t i = 0;
  for (const Example& e : loader) {
    EXPECT_EQ(e["x"].shape(), Shape());
    EXPECT_EQ(e["x"].item<int64_t>(), i++);
  }
  EXPECT_EQ(i, 3);
}

}  // namespace
}  // namespace hearth::data
