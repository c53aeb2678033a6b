#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/ops/create.h"

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
