// Batch samplers, datasets side by side, and what a loader does with its workers.
#include "core/data/batch_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <set>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/data/loader.h"
#include "core/data/random.h"
#include "core/data/stack_dataset.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Batches = std::vector<std::vector<int64_t>>;

DatasetPtr numbers(int64_t n) { return std::make_shared<TensorDataset>(Example{{"x", arange(n)}}); }

// Example i is i and a number drawn for it.
class Drawn final : public Dataset {
 public:
  explicit Drawn(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  Example get(int64_t i, Generator& random) const override {
    return {{"x", scalar_tensor(i)}, {"drawn", scalar_tensor(randint(random, 0, 1 << 30))}};
  }

 private:
  int64_t size_;
};

// The batches that it is given.
class Given final : public BatchSampler {
 public:
  explicit Given(Batches batches) : batches_(std::move(batches)) {}
  Batches batches(int64_t) const override { return batches_; }

 private:
  Batches batches_;
};

Batches taken(DataLoader& loader) {
  Batches out;
  for (auto& batch : loader) out.push_back(batch["x"].to_vector<int64_t>());
  return out;
}
std::set<int64_t> numbers_of(const Batches& batches) {
  std::set<int64_t> out;
  for (const auto& b : batches) out.insert(b.begin(), b.end());
  return out;
}

TEST(Samplers, SubsetInAnOrderOfEachEpoch) {
  const SubsetRandomSampler s({3, 1, 4, 1, 5, 9, 2, 6}, 1);
  std::vector<int64_t> first = s.order(0), second = s.order(1);
  EXPECT_EQ(first, s.order(0));
  EXPECT_NE(first, second);
  std::ranges::sort(first);
  EXPECT_THAT(first, ElementsAre(1, 1, 2, 3, 4, 5, 6, 9));
}

TEST(Samplers, FixedBatches) {
  const auto five = std::make_shared<SequentialSampler>(5);
  EXPECT_EQ(FixedBatchSampler(five, 2).batches(0), (Batches{{0, 1}, {2, 3}, {4}}));
  EXPECT_EQ(FixedBatchSampler(five, 2, true).batches(0), (Batches{{0, 1}, {2, 3}}));
  EXPECT_EQ(FixedBatchSampler(std::make_shared<SequentialSampler>(0), 2, true).batches(0), Batches{});
  EXPECT_THROW(FixedBatchSampler(five, 0), Error);
  EXPECT_THROW(FixedBatchSampler(nullptr, 1), Error);
}

TEST(Samplers, BucketsHoldSimilarLengths) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 100; ++i) lengths.push_back(i * 37 % 100);
  const BucketBatchSampler s(lengths, {.batch_size = 8, .window = 100});
  const Batches batches = s.batches(0);
  EXPECT_EQ(batches.size(), 13U);
  EXPECT_EQ(numbers_of(batches).size(), 100U);
  EXPECT_EQ(batches, s.batches(0));
  EXPECT_NE(batches, s.batches(1));
  for (const auto& b : batches) {
    const auto [least, most] = std::ranges::minmax(b, {}, [&](int64_t i) { return lengths[static_cast<size_t>(i)]; });
    EXPECT_LE(lengths[static_cast<size_t>(most)] - lengths[static_cast<size_t>(least)], 7);
  }
  const BucketBatchSampler limited(lengths, {.batch_size = 8, .max_padded = 90});
  for (const auto& b : limited.batches(0)) {
    int64_t longest = 0;
    for (const int64_t i : b) longest = std::max(longest, lengths[static_cast<size_t>(i)]);
    EXPECT_TRUE(b.size() == 1 || longest * static_cast<int64_t>(b.size()) <= 90);
  }
  EXPECT_EQ(numbers_of(limited.batches(0)).size(), 100U);
  EXPECT_EQ(BucketBatchSampler({}).batches(0), Batches{});
  EXPECT_THROW(BucketBatchSampler({-1}), Error);
  EXPECT_THROW(BucketBatchSampler({1}, {.batch_size = 0}), Error);
}

TEST(BatchSampler, ChoosesALoadersBatches) {
  const auto given = std::make_shared<Given>(Batches{{4, 1}, {0}, {2, 3, 5}, {6}, {7, 8}});
  for (const int workers : {0, 2}) {
    DataLoader loader(numbers(9), {.workers = workers, .batch_sampler = given});
    EXPECT_EQ(loader.batches(), 5);
    EXPECT_EQ(taken(loader), given->batches(0));
    EXPECT_EQ(loader.state(), (LoaderState{1, 0}));
  }
}

TEST(BatchSampler, ProcessesShareWholeBatches) {
  const auto given = std::make_shared<Given>(Batches{{4, 1}, {0}, {2, 3, 5}, {6}, {7, 8}});
  const auto of = [&](Shard shard) {
    DataLoader loader(numbers(9), {.shard = shard, .batch_sampler = given});
    return taken(loader);
  };
  EXPECT_EQ(of({0, 2}), (Batches{{4, 1}, {2, 3, 5}, {7, 8}}));
  EXPECT_EQ(of({1, 2}), (Batches{{0}, {6}}));
  EXPECT_EQ(of({0, 2, Uneven::kDrop}), (Batches{{4, 1}, {2, 3, 5}}));
  EXPECT_EQ(of({1, 2, Uneven::kRepeat}), (Batches{{0}, {6}, {4, 1}}));
}

TEST(BatchSampler, GoesOnWhereItStood) {
  const auto given = std::make_shared<Given>(Batches{{4, 1}, {0}, {2, 3, 5}, {6}, {7, 8}});
  const auto dataset = std::make_shared<Drawn>(9);
  DataLoader whole(dataset, {.batch_sampler = given});
  std::vector<std::vector<int64_t>> drawn;
  for (auto& batch : whole) drawn.push_back(batch["drawn"].to_vector<int64_t>());
  DataLoader half(dataset, {.shard = {1, 2}, .batch_sampler = given});
  auto it = half.begin();
  EXPECT_EQ((*it)["drawn"].to_vector<int64_t>(), drawn[1]);  // the same numbers in any process
  EXPECT_EQ(half.state(), (LoaderState{0, 3}));
  EXPECT_EQ(half.state_at(0, 1), (LoaderState{0, 3}));
  DataLoader resumed(dataset, {.workers = 2, .batch_sampler = given});
  resumed.set_state(half.state());
  std::vector<std::vector<int64_t>> rest;
  for (auto& batch : resumed) rest.push_back(batch["drawn"].to_vector<int64_t>());
  EXPECT_EQ(rest, std::vector(drawn.begin() + 2, drawn.end()));
  EXPECT_THAT(testing::error_of([&] { resumed.set_state({0, 1}); }), HasSubstr("in the middle of a batch"));
}

// Epoch e has 2 + e batches of one example.
struct Growing final : BatchSampler {
  std::vector<std::vector<int64_t>> batches(int64_t epoch) const override {
    std::vector<std::vector<int64_t>> out;
    for (int64_t i = 0; i < 2 + epoch; ++i) out.push_back({i});
    return out;
  }
};

TEST(BatchSampler, PlacesAreThoseOfTheirOwnEpoch) {
  DataLoader loader(numbers(9), {.batch_sampler = std::make_shared<Growing>()});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_EQ(loader.state_at(3, 4), (LoaderState{3, 4}));
  EXPECT_EQ(testing::error_of([&] { (void)loader.state_at(3, 5); }),
            "DataLoader: batch 5 is out of range for the 5 batches of epoch 3");
  loader.set_state({3, 0});
  EXPECT_EQ(loader.batches(), 5);
  EXPECT_EQ(loader.state_at(0, 1), (LoaderState{0, 1}));
  EXPECT_EQ(testing::error_of([&] { (void)loader.state_at(0, 4); }),
            "DataLoader: batch 4 is out of range for the 2 batches of epoch 0");
  EXPECT_EQ(testing::error_of([&] { (void)loader.state_at(-1, 0); }), "DataLoader: epoch -1 is not valid");
}

TEST(BatchSampler, WhatDoesNotGoTogether) {
  const auto given = std::make_shared<Given>(Batches{{0}, {}});
  const auto error = [&](DataLoaderOptions o) {
    return testing::error_of([&] { DataLoader(numbers(2), std::move(o)); });
  };
  EXPECT_THAT(error({.batch_size = 2, .batch_sampler = given}), HasSubstr("a batch sampler goes without"));
  EXPECT_THAT(error({.shuffle = true, .batch_sampler = given}), HasSubstr("a batch sampler goes without"));
  EXPECT_THAT(error({.batch_sampler = given}), HasSubstr("batch 1 of the batch sampler is empty"));
  EXPECT_THAT(error({.timeout = std::chrono::milliseconds(-1)}), HasSubstr("timeout"));
}

TEST(StackDataset, DatasetsSideBySide) {
  const StackDataset s({numbers(3), std::make_shared<TensorDataset>(Example{{"y", arange(3) * 2}})});
  EXPECT_EQ(s.size(), 3);
  Generator random;
  const Example e = s.get(2, random);
  EXPECT_EQ(e["x"].item<int64_t>(), 2);
  EXPECT_EQ(e["y"].item<int64_t>(), 4);
  const std::vector<int64_t> some = {2, 0};
  const auto batch = s.get_batch(some);
  ASSERT_TRUE(batch);
  EXPECT_THAT((*batch)["y"].to_vector<int64_t>(), ElementsAre(4, 0));
  const StackDataset slow({numbers(3), std::make_shared<TensorDataset>(Example{{"y", arange(3)}}),
                           std::make_shared<MapDataset>(std::make_shared<TensorDataset>(Example{{"z", arange(3)}}),
                                                        [](Example one, Generator&) { return one; })});
  EXPECT_FALSE(slow.get_batch(some));
  EXPECT_EQ(slow.get(1, random).size(), 3U);
  EXPECT_THAT(testing::error_of([&] {
                (void)StackDataset({numbers(3), numbers(3)}).get(0, random);
              }),
              HasSubstr("two of the datasets have a \"x\""));
  EXPECT_THAT(testing::error_of([] { StackDataset({numbers(3), numbers(4)}); }), HasSubstr("has 4 examples"));
  EXPECT_THROW(StackDataset({}), Error);
}

TEST(Workers, AreToldTheirNumbersFirst) {
  Mutex mutex;
  std::set<int> seen;
  DataLoader loader(numbers(50), {.workers = 3, .worker_init = [&](int worker) {
                                    const MutexLock lock(mutex);
                                    seen.insert(worker);
                                  }});
  taken(loader);
  EXPECT_FALSE(seen.empty());
  EXPECT_TRUE(std::ranges::includes(std::set{0, 1, 2}, seen));
  DataLoader broken(numbers(4), {.workers = 1, .worker_init = [](int) { fail("no such file"); }});
  EXPECT_EQ(testing::error_of([&] { broken.begin(); }), "no such file");
}

// Its second example is made when the test says so.
class Gate final : public Dataset {
 public:
  int64_t size() const override { return 2; }
  Example get(int64_t i, Generator&) const override {
    MutexLock lock(mutex_);
    lock.wait(changed_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_ || i == 0; });
    return {{"x", scalar_tensor(i)}};
  }
  void open() {
    {
      const MutexLock lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }

 private:
  mutable Mutex mutex_;
  mutable std::condition_variable changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST(Workers, ALoopDoesNotWaitForever) {
  const auto gate = std::make_shared<Gate>();
  DataLoader loader(gate, {.workers = 1, .prefetch = 1, .timeout = std::chrono::milliseconds(1)});
  const auto late = HasSubstr("the next batch was not ready after 1 ms");
  // The thread may take longer than that to start.
  std::optional<DataLoader::Iterator> it;
  while (!it) {
    const std::string error = testing::error_of([&] { it.emplace(loader.begin()); });
    if (!it) {
      ASSERT_THAT(error, late);
    }
  }
  EXPECT_THAT(testing::error_of([&] { ++*it; }), late);
  EXPECT_EQ(loader.state(), (LoaderState{0, 1}));
  gate->open();
  std::string error = "none yet";
  while (error != testing::kNoError) {
    error = testing::error_of([&] { ++*it; });
    if (error != testing::kNoError) {
      ASSERT_THAT(error, late);
    }
  }
  EXPECT_EQ((**it)["x"].to_vector<int64_t>(), std::vector<int64_t>{1});  // it was not lost
  EXPECT_EQ(loader.state(), (LoaderState{1, 0}));
}

}  // namespace
}  // namespace hearth::data
