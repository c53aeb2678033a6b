#include "core/data/dataset.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "core/base/error.h"
#include "core/data/collate.h"
#include "core/data/sampler.h"
#include "core/ops/create.h"

// What a dataset that gathers its batches gives is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth::data {
namespace {

void fails(const std::function<void()>& f, const std::string& text) {
  try {
    f();
    FAIL() << "no error: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), text);
  }
}

DatasetPtr numbers(int64_t n) { return std::make_shared<TensorDataset>(arange(n), arange(n)); }

TEST(TensorDataset, RowsByName) {
  const Tensor ids = arange(12).view({4, 3}), scores = arange(4).to(f16), images = ones({4, 1, 2, 2});
  const TensorDataset all({{"ids", ids}, {"scores", scores}, {"images", images}});
  EXPECT_EQ(all.size(), 4);
  Generator g;
  const Example e = all.get(2, g);
  EXPECT_EQ(names_of(e), "\"ids\", \"scores\", \"images\"");
  EXPECT_TRUE(e["ids"].equal(tensor({6, 7, 8})));
  EXPECT_EQ(e["scores"].dtype(), f16);
  EXPECT_EQ(e["scores"].shape(), Shape());
  EXPECT_EQ(e["images"].shape(), (Shape{1, 2, 2}));
  const TensorDataset two(ids, scores);
  EXPECT_EQ(names_of(two.get(0, g)), "\"input\", \"target\"");
  EXPECT_EQ(TensorDataset(zeros({0, 2}), zeros({0})).size(), 0);

  fails([&] { all.get(4, g); }, "TensorDataset: example 4 is out of range for 4 examples");
  fails([] { TensorDataset{Example()}; }, "TensorDataset: there are no tensors");
  fails([&] { TensorDataset(ids, Tensor()); }, "TensorDataset: \"target\" is undefined");
  fails([&] { TensorDataset(ids, full({}, 1)); },
        "TensorDataset: \"target\" is 0-dim; it must be [n, ...], a row for each example");
  fails(
      [&] {
        TensorDataset(Example{{"a", ids}, {"b", scores}, {"c", ones({3, 4})}});
      },
      "TensorDataset: \"a\" of shape [4, 3] and \"c\" of shape [3, 4] differ in their first size");
}

// A gather gives what stacking the single rows gives, for any layout of the tensors.
TEST(TensorDataset, GathersAsIfStacked) {
  const Tensor table = arange(60).view({5, 12});
  const auto all = std::make_shared<TensorDataset>(
      Example{{"rows", table},
              {"columns", table.t().slice(0, 0, 10, 2)},
              {"one value", full({}, 3).expand({5, 2})},
              {"numbers", arange(5).to(bf16)},
              {"none", zeros({5, 0, 2}, {.dtype = boolean})},
              {"images", arange(5 * 3 * 4 * 2).view({5, 3, 4, 2}).to(u8).contiguous(MemoryFormat::kChannelsLast)}});
  const auto expect = [](const Dataset& d, std::vector<int64_t> indices) {
    Generator g;
    std::vector<Example> single;
    for (int64_t i : indices) single.push_back(d.get(i, g));
    const Example want = stack_examples(std::move(single));
    const std::optional<Example> got = d.get_batch(indices);
    ASSERT_TRUE(got);
    EXPECT_EQ(names_of(*got), names_of(want));
    for (const auto& [name, t] : want) {
      EXPECT_TRUE((*got)[name].equal(t)) << name;
      EXPECT_EQ((*got)[name].dtype(), t.dtype()) << name;
      EXPECT_EQ((*got)[name].strides(), t.strides()) << name;
    }
  };
  expect(*all, {0});
  expect(*all, {3, 1, 3, 4});
  expect(Subset(all, {4, 2, 2}), {2, 0, 1});
  EXPECT_TRUE((*Subset(all, {4, 2}).get_batch(std::vector<int64_t>{1}))["rows"][0].equal(table[2]));
  // The batch is a copy.
  Tensor rows = (*all->get_batch(std::vector<int64_t>{1}))["rows"];
  rows.fill_(-1);
  EXPECT_EQ(table[1][0].item<int64_t>(), 12);

  fails([&] { all->get_batch(std::vector<int64_t>{0, 5}); }, "TensorDataset: example 5 is out of range for 5 examples");
  fails([&] { Subset(all, {1}).get_batch(std::vector<int64_t>{1}); },
        "Subset: example 1 is out of range for 1 examples");
  // What draws or decodes is asked for single examples.
  EXPECT_FALSE(MapDataset(all, [](Example e, Generator&) { return e; }).get_batch(std::vector<int64_t>{1}));
  EXPECT_FALSE(ConcatDataset({all, all}).get_batch(std::vector<int64_t>{1}));
}

TEST(Dataset, SubsetsSplitsAndWeights) {
  Generator g;
  const auto parts = random_split(numbers(10), {7, 3}, 3);
  std::set<int64_t> seen;
  for (const auto& p : parts) {
    for (int64_t i = 0; i < p->size(); ++i) seen.insert(p->get(i, g)["input"].item<int64_t>());
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_THROW(random_split(numbers(10), {15, -5}, 3), Error);
  EXPECT_THROW(random_split(numbers(10), {7, 2}, 3), Error);
  EXPECT_THROW(random_split(numbers(10), {INT64_MAX, INT64_MAX, 12}, 3), Error);
  const ConcatDataset both({numbers(3), numbers(2)});
  EXPECT_EQ(both.get(4, g)["input"].item<int64_t>(), 1);
  EXPECT_THROW(both.get(5, g), Error);
  EXPECT_THROW(Subset(numbers(3), {3}), Error);
  fails([] { MapDataset(numbers(3), nullptr); }, "MapDataset: there is no function");
  fails([] { MapDataset(nullptr, [](Example e, Generator&) { return e; }); }, "MapDataset: there is no dataset");
  fails([] { Subset(nullptr, {}); }, "Subset: there is no dataset");
  fails([] { ConcatDataset({numbers(3), nullptr}); }, "ConcatDataset: dataset 1 is null");
  fails([] { random_split(nullptr, {3}, 3); }, "random_split: there is no dataset");
  int64_t ones = 0;
  for (int64_t i : WeightedRandomSampler({0, 1, 3}, 4000, 9).order(0)) {
    ASSERT_NE(i, 0);
    ones += i == 1;
  }
  EXPECT_NEAR(static_cast<double>(ones), 1000, 120);
}

// Maps of maps of named tensors, of which one adds and one takes away.
TEST(Dataset, MapsChangeNames) {
  const auto ids = std::make_shared<TensorDataset>(Example{{"ids", arange(6).view({3, 2})}});
  const auto more = std::make_shared<MapDataset>(ids, [](Example e, Generator&) {
    e.set("mask", ones_like(e["ids"], boolean));
    return e;
  });
  const MapDataset less(more, [](Example e, Generator&) {
    e.erase("ids");
    return e;
  });
  Generator g;
  EXPECT_EQ(names_of(more->get(1, g)), "\"ids\", \"mask\"");
  EXPECT_EQ(names_of(less.get(1, g)), "\"mask\"");
  EXPECT_EQ(ids->get(1, g).size(), 1u);
}

}  // namespace
}  // namespace hearth::data
// NOLINTEND(bugprone-unchecked-optional-access)
