#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/loader.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/random.h"

namespace hearth::data {
namespace {

DatasetPtr numbers(int64_t n) { return std::make_shared<TensorDataset>(arange(n), arange(n)); }

// Noise from the example's own generator, to see that it does not depend on who makes it.
DatasetPtr noisy(int64_t n) {
  return std::make_shared<MapDataset>(numbers(n), [](Example e, Generator& g) {
    e.second = full({}, static_cast<int64_t>(g.next_u32()));
    return e;
  });
}

std::vector<int64_t> drain(DataLoader& l, int64_t at_most = 1 << 30) {
  std::vector<int64_t> out;
  for (auto& [x, y] : l) {
    for (int64_t v : x.to_vector<int64_t>()) out.push_back(v);
    for (int64_t v : y.to_vector<int64_t>()) out.push_back(v);
    if (--at_most == 0) break;
  }
  return out;
}

TEST(DataLoader, SameBatchesForAnyNumberOfWorkers) {
  std::vector<int64_t> expected;
  for (int workers : {0, 1, 3}) {
    DataLoader l(noisy(103), {.batch_size = 10, .shuffle = true, .workers = workers, .prefetch = 2, .seed = 5});
    EXPECT_EQ(l.batches(), 11);
    std::vector<int64_t> got = drain(l);
    EXPECT_EQ(got.size(), 206u);
    const std::vector<int64_t> second = drain(l);
    EXPECT_NE(got, second);
    got.insert(got.end(), second.begin(), second.end());
    if (expected.empty()) expected = got;
    EXPECT_EQ(got, expected);
  }
}

TEST(DataLoader, ResumesInMidEpoch) {
  DataLoader whole(noisy(50), {.batch_size = 8, .shuffle = true, .seed = 1});
  const auto all = drain(whole);
  DataLoader first(noisy(50), {.batch_size = 8, .shuffle = true, .workers = 2, .seed = 1});
  auto got = drain(first, 3);
  EXPECT_EQ(first.state(), (LoaderState{0, 3}));
  DataLoader second(noisy(50), {.batch_size = 8, .shuffle = true, .workers = 2, .seed = 1});
  second.set_state(first.state());
  const auto rest = drain(second);
  got.insert(got.end(), rest.begin(), rest.end());
  EXPECT_EQ(got, all);
  EXPECT_EQ(second.state(), (LoaderState{1, 0}));
}

TEST(DataLoader, AWorkersErrorArrivesInOrder) {
  auto bad = std::make_shared<MapDataset>(numbers(40), [](Example e, Generator&) {
    if (e.first.item<int64_t>() == 25) fail("example 25 is damaged");
    return e;
  });
  DataLoader l(bad, {.batch_size = 10, .workers = 2});
  int seen = 0;
  try {
    for (auto& [x, y] : l) seen += x.numel() == 10;
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "example 25 is damaged");
  }
  EXPECT_EQ(seen, 2);
}

std::vector<int64_t> inputs(const Example& e) { return e.first.to_vector<int64_t>(); }

TEST(DataLoader, GoesOnAfterAnError) {
  for (int workers : {0, 1, 3}) {
    bool broken = true;
    auto bad = std::make_shared<MapDataset>(numbers(40), [&broken](Example e, Generator&) {
      if (broken && e.first.item<int64_t>() == 15) fail("example 15 is damaged");
      return e;
    });
    DataLoader l(bad, {.batch_size = 10, .workers = workers});
    auto it = l.begin();
    EXPECT_THROW(++it, Error);
    EXPECT_TRUE(it != l.end());
    ++it;  // the batch after the damaged one
    EXPECT_EQ(inputs(*it)[0], 20);
    ++it;
    EXPECT_EQ(inputs(*it)[0], 30);
    ++it;
    EXPECT_FALSE(it != l.end());
    broken = false;
    EXPECT_EQ(drain(l).size(), 80u);
  }
}

TEST(DataLoader, AnErrorInTheLastBatchEndsTheEpoch) {
  for (int workers : {0, 2}) {
    auto bad = std::make_shared<MapDataset>(numbers(20), [](Example e, Generator&) {
      if (e.first.item<int64_t>() == 19) fail("example 19 is damaged");
      return e;
    });
    DataLoader l(bad, {.batch_size = 10, .workers = workers});
    for (int round = 0; round < 3; ++round) {
      auto it = l.begin();
      EXPECT_THROW(++it, Error);
      ++it;
      EXPECT_FALSE(it != l.end());
    }
  }
}

TEST(DataLoader, ALoopThatWasLeftDoesNotShortenTheNext) {
  for (int workers : {0, 2}) {
    DataLoader l(noisy(50), {.batch_size = 8, .shuffle = true, .workers = workers, .seed = 1});
    drain(l, 3);
    EXPECT_EQ(l.state(), (LoaderState{0, 3}));
    std::vector<int64_t> got;
    for (auto& [x, y] : l) {
      for (int64_t v : x.to_vector<int64_t>()) got.push_back(v);
    }
    std::sort(got.begin(), got.end());
    std::vector<int64_t> all(50);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(got, all);
    EXPECT_EQ(l.state(), (LoaderState{2, 0}));
  }
}

TEST(DataLoader, LoopsInLoopsAreEpochsOfTheirOwn) {
  for (int workers : {0, 2}) {
    DataLoader l(numbers(6), {.batch_size = 2, .workers = workers});
    std::vector<int64_t> seen;
    for (auto& [x, unused] : l) {
      seen.push_back(x.to_vector<int64_t>()[0]);
      for (auto& [inner, unused_too] : l) seen.push_back(inner.to_vector<int64_t>()[0]);
    }
    EXPECT_EQ(seen, (std::vector<int64_t>{0, 0, 2, 4, 2, 0, 2, 4, 4, 0, 2, 4}));
    EXPECT_EQ(l.state(), (LoaderState{4, 0}));  // of the last inner loop
  }
}

TEST(DataLoader, AnIteratorOutlivesItsLoader) {
  auto l = std::make_unique<DataLoader>(numbers(6), DataLoaderOptions{.batch_size = 2, .workers = 2});
  auto it = l->begin();
  l.reset();
  ++it;
  EXPECT_EQ(inputs(*it), (std::vector<int64_t>{2, 3}));
}

TEST(DataLoader, AThreadThatCannotStart) {
  DataLoader l(numbers(40), {.batch_size = 2, .workers = 4});
  for (int allowed : {0, 2}) {
    hearth::detail::limit_threads(allowed);
    try {
      l.begin();
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()), "DataLoader: thread " + std::to_string(allowed + 1) +
                                           " of 4 could not be started: Resource temporarily unavailable");
    }
    hearth::detail::limit_threads(-1);
  }
  EXPECT_EQ(l.state(), (LoaderState{0, 0}));
  EXPECT_EQ(drain(l).size(), 80u);
}

// Functions that draw without naming a generator draw from their example's.
TEST(DataLoader, RandomOpsAreTheSameForAnyNumberOfWorkers) {
  std::vector<float> expected;
  for (int workers : {0, 3}) {
    auto drawn = std::make_shared<MapDataset>(numbers(30), [](Example e, Generator&) {
      e.first = rand({2});
      return e;
    });
    const auto noise = [](std::vector<Example> all) {
      Tensor sum = rand({2});
      for (const Example& e : all) sum = sum + e.first;
      return Example{sum, Tensor()};
    };
    const GeneratorState before = default_generator().state();
    DataLoader l(drawn, {.batch_size = 4, .workers = workers, .seed = 3, .collate = noise});
    std::vector<float> got;
    for (auto& [x, y] : l) {
      for (float v : x.to_vector<float>()) got.push_back(v);
    }
    EXPECT_EQ(default_generator().state(), before);
    if (expected.empty()) expected = got;
    EXPECT_EQ(got, expected);
  }
}

TEST(DataLoader, DropLastAndWrongOptions) {
  DataLoader l(numbers(25), {.batch_size = 10, .drop_last = true});
  EXPECT_EQ(drain(l).size(), 40u);
  EXPECT_THROW(DataLoader(numbers(5), {.batch_size = 0}), Error);
  EXPECT_THROW(l.set_state({0, 7}), Error);
}

TEST(Dataset, SubsetsSplitsAndWeights) {
  Generator g;
  const auto parts = random_split(numbers(10), {7, 3}, 3);
  std::set<int64_t> seen;
  for (const auto& p : parts) {
    for (int64_t i = 0; i < p->size(); ++i) seen.insert(p->get(i, g).first.item<int64_t>());
  }
  EXPECT_EQ(seen.size(), 10u);
  const ConcatDataset both({numbers(3), numbers(2)});
  EXPECT_EQ(both.get(4, g).first.item<int64_t>(), 1);
  EXPECT_THROW(both.get(5, g), Error);
  EXPECT_THROW(Subset(numbers(3), {3}), Error);
  int64_t ones = 0;
  for (int64_t i : WeightedRandomSampler({0, 1, 3}, 4000, 9).order(0)) {
    ASSERT_NE(i, 0);
    ones += i == 1;
  }
  EXPECT_NEAR(static_cast<double>(ones), 1000, 120);
}

}  // namespace
}  // namespace hearth::data
