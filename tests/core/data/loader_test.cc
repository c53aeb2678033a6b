#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <span>

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
    e["target"] = full({}, static_cast<int64_t>(g.next_u32()));
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
  EXPECT_EQ(first.state(), (LoaderState{0, 24}));
  DataLoader second(noisy(50), {.batch_size = 8, .shuffle = true, .workers = 2, .seed = 1});
  second.set_state(first.state());
  const auto rest = drain(second);
  got.insert(got.end(), rest.begin(), rest.end());
  EXPECT_EQ(got, all);
  EXPECT_EQ(second.state(), (LoaderState{1, 0}));
}

TEST(DataLoader, AWorkersErrorArrivesInOrder) {
  auto bad = std::make_shared<MapDataset>(numbers(40), [](Example e, Generator&) {
    if (e["input"].item<int64_t>() == 25) fail("example 25 is damaged");
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

std::vector<int64_t> inputs(const Example& e) { return e["input"].to_vector<int64_t>(); }

TEST(DataLoader, GoesOnAfterAnError) {
  for (int workers : {0, 1, 3}) {
    bool broken = true;
    auto bad = std::make_shared<MapDataset>(numbers(40), [&broken](Example e, Generator&) {
      if (broken && e["input"].item<int64_t>() == 15) fail("example 15 is damaged");
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

TEST(DataLoader, AnErrorInTheFirstBatchLeavesTheRest) {
  for (int workers : {0, 2}) {
    bool broken = true;
    auto bad = std::make_shared<MapDataset>(numbers(40), [&broken](Example e, Generator&) {
      if (broken && e["input"].item<int64_t>() == 5) fail("example 5 is damaged");
      return e;
    });
    DataLoader l(bad, {.batch_size = 10, .workers = workers});
    EXPECT_THROW(l.begin(), Error);
    EXPECT_EQ(l.state(), (LoaderState{0, 10}));
    std::vector<int64_t> first;
    for (const auto& e : l) first.push_back(inputs(e)[0]);
    EXPECT_EQ(first, (std::vector<int64_t>{10, 20, 30}));
    broken = false;
    EXPECT_EQ(inputs(*l.begin())[0], 0);
  }
}

TEST(DataLoader, AnErrorInTheLastBatchEndsTheEpoch) {
  for (int workers : {0, 2}) {
    auto bad = std::make_shared<MapDataset>(numbers(20), [](Example e, Generator&) {
      if (e["input"].item<int64_t>() == 19) fail("example 19 is damaged");
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
    EXPECT_EQ(l.state(), (LoaderState{0, 24}));
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
      e["input"] = rand({2});
      return e;
    });
    const auto noise = [](std::vector<Example> all) {
      Tensor sum = rand({2});
      for (const Example& e : all) sum = sum + e["input"];
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
  EXPECT_THROW(DataLoader(nullptr, {}), Error);
  EXPECT_THROW(DataLoader(numbers(5), {.shard = {2, 2}}), Error);
  EXPECT_THROW(DataLoader(numbers(5), {.shard = {-1, 2}}), Error);
  EXPECT_THROW(DataLoader(numbers(5), {.shard = {0, 0}}), Error);
  EXPECT_THROW(l.set_state({0, 26}), Error);
  EXPECT_THROW(l.set_state({0, -1}), Error);
  EXPECT_THROW(l.set_state({-1, 0}), Error);
  EXPECT_THROW(l.set_state({INT64_MAX, 0}), Error);
  EXPECT_EQ(l.state_at(3, 1), (LoaderState{3, 10}));
  EXPECT_THROW(l.state_at(0, 2), Error);
  EXPECT_THROW(l.state_at(0, -1), Error);
  EXPECT_EQ(DataLoader(numbers(0), {}).state_at(1, 0), (LoaderState{1, 0}));
}

// An example as a loader gave it, and the noise that was drawn for it.
using Drawn = std::pair<int64_t, int64_t>;

void append(std::vector<Drawn>& out, const Example& batch) {
  const std::vector<int64_t> x = batch["input"].to_vector<int64_t>(), y = batch["target"].to_vector<int64_t>();
  for (size_t i = 0; i < x.size(); ++i) out.emplace_back(x[i], y[i]);
}

// The next examples of an epoch: at most so many batches.
std::vector<Drawn> draw(DataLoader& l, int64_t at_most = 1 << 30) {
  std::vector<Drawn> out;
  for (const Example& batch : l) {
    append(out, batch);
    if (--at_most == 0) break;
  }
  return out;
}

TEST(DataLoader, ResumesWithAnotherBatchSize) {
  DataLoader whole(noisy(50), {.batch_size = 1, .shuffle = true, .seed = 1});
  const std::vector<Drawn> all = draw(whole);
  for (int workers : {0, 2}) {
    LoaderState state;
    std::vector<Drawn> got;
    int64_t taken = 0;
    for (int64_t size : {8, 3, 20, 5, 64}) {
      DataLoader next(noisy(50), {.batch_size = size, .shuffle = true, .workers = workers, .seed = 1});
      next.set_state(state);
      const std::vector<Drawn> part = draw(next, 2);
      got.insert(got.end(), part.begin(), part.end());
      taken += 2 * size;
      state = next.state();
      if (taken < 50) EXPECT_EQ(state, (LoaderState{0, taken}));
      else break;
    }
    EXPECT_EQ(got, all);
    EXPECT_EQ(state, (LoaderState{1, 0}));
  }
}

// What is too little for a batch is not waited for.
TEST(DataLoader, ARestWithoutABatchIsTheNextEpoch) {
  DataLoader l(numbers(25), {.batch_size = 10, .drop_last = true});
  l.set_state({4, 16});
  EXPECT_EQ(l.state(), (LoaderState{5, 0}));
  EXPECT_EQ(drain(l).size(), 40u);
  EXPECT_EQ(l.state(), (LoaderState{6, 0}));
  l.set_state({4, 15});
  EXPECT_EQ(l.state(), (LoaderState{4, 15}));
  EXPECT_EQ(drain(l).size(), 20u);
  EXPECT_EQ(l.state(), (LoaderState{5, 0}));
  DataLoader keeps(numbers(25), {.batch_size = 10});
  keeps.set_state({0, 25});
  EXPECT_EQ(keeps.state(), (LoaderState{1, 0}));
}

// Processes that take turns have together, position by position, the examples of one process, with the same noise.
TEST(DataLoader, ShardsShareAnEpoch) {
  DataLoader whole(noisy(50), {.batch_size = 7, .shuffle = true, .seed = 4});
  for (int epoch = 0; epoch < 2; ++epoch) {
    const std::vector<Drawn> all = draw(whole);
    for (int64_t shards : {2, 3}) {
      for (int64_t size : {1, 4}) {
        size_t seen = 0;
        for (int64_t shard = 0; shard < shards; ++shard) {
          DataLoader l(noisy(50), {.batch_size = size,
                                   .shuffle = true,
                                   .workers = static_cast<int>(shard),
                                   .seed = 4,
                                   .shard = {shard, shards}});
          l.set_state({epoch, 0});
          const std::vector<Drawn> part = draw(l);
          for (size_t k = 0; k < part.size(); ++k)
            EXPECT_EQ(part[k], all[k * static_cast<size_t>(shards) + static_cast<size_t>(shard)]);
          seen += part.size();
          EXPECT_EQ(l.batches(), (static_cast<int64_t>(part.size()) + size - 1) / size);
          EXPECT_EQ(l.state(), (LoaderState{epoch + 1, 0}));
        }
        EXPECT_EQ(seen, all.size());
      }
    }
  }
}

// One process, then three, then two: each stage goes on with the very next example, and nothing is lost or repeated.
TEST(DataLoader, ResumesWithAnotherNumberOfShards) {
  DataLoader whole(noisy(50), {.batch_size = 50, .shuffle = true, .seed = 4});
  const std::vector<Drawn> all = draw(whole);
  LoaderState state;
  std::vector<Drawn> got;
  struct Stage {
    int64_t shards, batch_size, batches, sample;
  };
  for (const Stage& stage : {Stage{1, 5, 1, 5}, Stage{3, 2, 3, 23}, Stage{2, 4, 2, 39}, Stage{4, 3, 9, -1}}) {
    std::vector<std::vector<Drawn>> parts;
    LoaderState next;
    for (int64_t shard = 0; shard < stage.shards; ++shard) {
      DataLoader l(noisy(50),
                   {.batch_size = stage.batch_size, .shuffle = true, .seed = 4, .shard = {shard, stage.shards}});
      l.set_state(state);
      parts.push_back(draw(l, stage.batches));
      if (shard > 0) {
        EXPECT_EQ(l.state(), next);  // every process can write the checkpoint
      }
      next = l.state();
    }
    EXPECT_EQ(next, stage.sample < 0 ? (LoaderState{1, 0}) : (LoaderState{0, stage.sample}));
    for (size_t k = 0; k < parts[0].size(); ++k) {
      for (const std::vector<Drawn>& part : parts) {
        if (k < part.size()) got.push_back(part[k]);
      }
    }
    state = next;
  }
  EXPECT_EQ(got, all);
}

TEST(DataLoader, UnevenShards) {
  const auto taken = [](int64_t n, Uneven uneven, int64_t from = 0) {
    std::vector<std::vector<int64_t>> out;
    for (int64_t shard = 0; shard < 3; ++shard) {
      DataLoader l(numbers(n), {.batch_size = 2, .shard = {shard, 3, uneven}});
      l.set_state({0, from});
      out.emplace_back();
      if (l.state().epoch > 0) continue;
      for (auto& [x, y] : l) {
        for (int64_t v : x.to_vector<int64_t>()) out.back().push_back(v);
      }
    }
    return out;
  };
  using Parts = std::vector<std::vector<int64_t>>;
  EXPECT_EQ(taken(8, Uneven::kKeep), (Parts{{0, 3, 6}, {1, 4, 7}, {2, 5}}));
  EXPECT_EQ(taken(8, Uneven::kDrop), (Parts{{0, 3}, {1, 4}, {2, 5}}));
  EXPECT_EQ(taken(8, Uneven::kRepeat), (Parts{{0, 3, 6}, {1, 4, 7}, {2, 5, 0}}));
  EXPECT_EQ(taken(7, Uneven::kRepeat), (Parts{{0, 3, 6}, {1, 4, 0}, {2, 5, 1}}));
  for (Uneven uneven : {Uneven::kKeep, Uneven::kDrop, Uneven::kRepeat}) {
    EXPECT_EQ(taken(6, uneven), (Parts{{0, 3}, {1, 4}, {2, 5}}));
    EXPECT_EQ(taken(0, uneven), (Parts{{}, {}, {}}));
  }
  // Fewer examples than processes, and a rest of an epoch.
  EXPECT_EQ(taken(1, Uneven::kKeep), (Parts{{0}, {}, {}}));
  EXPECT_EQ(taken(1, Uneven::kDrop), (Parts{{}, {}, {}}));
  EXPECT_EQ(taken(1, Uneven::kRepeat), (Parts{{0}, {0}, {0}}));
  EXPECT_EQ(taken(9, Uneven::kDrop, 5), (Parts{{5}, {6}, {7}}));
  EXPECT_EQ(taken(9, Uneven::kRepeat, 5), (Parts{{5, 8}, {6, 0}, {7, 1}}));
  // A repeated example is drawn anew.
  DataLoader again(noisy(1), {.shard = {1, 2, Uneven::kRepeat}}), first(noisy(1), {.shard = {0, 2, Uneven::kRepeat}});
  EXPECT_NE(draw(again)[0].second, draw(first)[0].second);
}

// What collate draws follows from the batch's place too.
TEST(DataLoader, CollateDrawsTheSameAfterResuming) {
  const auto noise = [](std::vector<Example> all) {
    return Example{full({1}, static_cast<int64_t>(all.size())),
                   from_values(std::vector<int64_t>{default_generator().next_u32()}, {1})};
  };
  const DataLoaderOptions o{.batch_size = 4, .shuffle = true, .seed = 3, .collate = noise};
  DataLoader whole(numbers(30), o), first(numbers(30), o), second(numbers(30), o);
  const std::vector<Drawn> all = draw(whole);
  std::vector<Drawn> got = draw(first, 3);
  second.set_state(first.state());
  const std::vector<Drawn> rest = draw(second);
  got.insert(got.end(), rest.begin(), rest.end());
  EXPECT_EQ(got, all);
  EXPECT_EQ(std::set<Drawn>(all.begin(), all.end()).size(), all.size());
}

TEST(DataLoader, ExamplesThatDoNotGoTogetherAreNamed) {
  const auto odd = std::make_shared<MapDataset>(numbers(40), [](Example e, Generator&) {
    if (e["input"].item<int64_t>() == 25) e["input"] = zeros({2}, {.dtype = i64});
    return e;
  });
  struct Backwards final : Sampler {
    std::vector<int64_t> order(int64_t) const override {
      std::vector<int64_t> out(40);
      std::iota(out.rbegin(), out.rend(), 0);
      return out;
    }
  };
  for (int workers : {0, 2}) {
    DataLoader l(odd, {.batch_size = 10, .workers = workers, .sampler = std::make_shared<Backwards>()});
    auto it = l.begin();  // 39, 38, …
    try {
      ++it;  // 29, 28, …
      FAIL();
    } catch (const CollateError& e) {
      EXPECT_EQ(e.message(),
                "stack_examples: \"input\" of example 4 has shape [2], but that of example 0 has []; "
                "data::PaddingCollate can pad it (example 4 of the batch is example 25 of the dataset)");
      EXPECT_EQ(e.example(), 4);
    }
    ++it;
    EXPECT_EQ(inputs(*it)[0], 19);
  }
  // A function of the user's may name any place.
  DataLoader wrong(
      numbers(4), {.batch_size = 2, .collate = [](std::vector<Example>) -> Example { throw CollateError("mine", 7); }});
  try {
    wrong.begin();
    FAIL();
  } catch (const CollateError& e) {
    EXPECT_EQ(e.message(), "mine");
  }
}

// A data set that can is asked for whole batches, unless a collate function wants single examples.
TEST(DataLoader, GathersBatchesAtOnce) {
  struct Gathers final : Dataset {
    int64_t size() const override { return 7; }
    Example get(int64_t i, Generator&) const override { return Example{{"single", full({}, i)}}; }
    std::optional<Example> get_batch(std::span<const int64_t> indices) const override {
      return Example{{"gathered", from_values(std::vector<int64_t>(indices.begin(), indices.end()),
                                              {static_cast<int64_t>(indices.size())})}};
    }
  };
  const auto all = std::make_shared<Gathers>();
  for (int workers : {0, 2}) {
    std::vector<int64_t> got;
    DataLoader l(all, {.batch_size = 3, .workers = workers});
    for (const Example& batch : l) {
      for (int64_t v : batch["gathered"].to_vector<int64_t>()) got.push_back(v);
    }
    EXPECT_EQ(got, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6}));
  }
  DataLoader single(all, {.batch_size = 3, .collate = stack_examples});
  EXPECT_EQ((*single.begin())["single"].numel(), 3);
  DataLoader shard(all, {.batch_size = 3, .shard = {1, 2}});
  EXPECT_EQ((*shard.begin())["gathered"].to_vector<int64_t>(), (std::vector<int64_t>{1, 3, 5}));
}

// The README's loop takes examples of two tensors; others are taken by name.
TEST(DataLoader, LoopsByPairAndByName) {
  const auto three = std::make_shared<TensorDataset>(Example{{"a", arange(4)}, {"b", arange(4)}, {"c", arange(4)}});
  DataLoader l(three, {.batch_size = 4});
  for (auto& batch : l) EXPECT_EQ(batch["c"].numel(), 4);
  try {
    for (auto [x, y] : l) FAIL();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message(),
              "Example: [x, y] takes two tensors, but the example has 3: \"a\", \"b\", \"c\"; take them by name, "
              "example[\"a\"]");
  }
}

}  // namespace
}  // namespace hearth::data
