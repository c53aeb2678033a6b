#include "core/data/stream_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>

#include "core/base/error.h"
#include "core/data/random.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/testing/error_of.h"

namespace hearth::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Batches = std::vector<std::vector<int64_t>>;

// first, first + 1, … in this order; throws at `broken`.
class Numbers final : public IterableDataset {
 public:
  Numbers(int64_t first, int64_t count, int64_t broken = -1) : first_(first), count_(count), broken_(broken) {}
  std::unique_ptr<Stream> open(int64_t epoch) const override {
    struct Read final : Stream {
      Read(const Numbers& n, int64_t epoch) : numbers(n), epoch(epoch) {}
      std::optional<PendingExample> next() override {
        if (at == numbers.broken_) fail("the file is broken");
        if (at == numbers.count_) return std::nullopt;
        return PendingExample(Example{{"x", scalar_tensor(numbers.first_ + at++ + 1000 * epoch)}});
      }
      Numbers numbers;
      int64_t epoch, at = 0;
    };
    return std::make_unique<Read>(*this, epoch);
  }

 private:
  int64_t first_, count_, broken_;
};

template <class Loader>
Batches taken(Loader& loader) {
  Batches out;
  for (auto& batch : loader) out.push_back(batch["x"].template to_vector<int64_t>());
  return out;
}
Batches all(IterableDatasetPtr dataset, DataLoaderOptions options) {
  StreamLoader loader(std::move(dataset), std::move(options));
  return taken(loader);
}
std::vector<int64_t> flat(const Batches& batches) {
  std::vector<int64_t> out;
  for (const auto& b : batches) out.insert(out.end(), b.begin(), b.end());
  return out;
}

TEST(StreamLoader, BatchesInTheOrderOfTheStream) {
  const auto numbers = std::make_shared<Numbers>(0, 7);
  for (const int workers : {0, 1, 3}) {
    StreamLoader loader(numbers, {.batch_size = 3, .workers = workers, .prefetch = 2});
    EXPECT_EQ(taken(loader), (Batches{{0, 1, 2}, {3, 4, 5}, {6}}));
    EXPECT_EQ(loader.state(), (LoaderState{1, 0}));
    EXPECT_EQ(taken(loader), (Batches{{1000, 1001, 1002}, {1003, 1004, 1005}, {1006}}));
    EXPECT_EQ(all(numbers, {.batch_size = 3, .drop_last = true, .workers = workers}), (Batches{{0, 1, 2}, {3, 4, 5}}));
    EXPECT_EQ(all(std::make_shared<Numbers>(0, 0), {.workers = workers}), Batches{});
  }
}

TEST(StreamLoader, ChainedDatasetsFollowEachOther) {
  const auto chain = std::make_shared<ChainDataset>(std::vector<IterableDatasetPtr>{
      std::make_shared<Numbers>(0, 2), std::make_shared<Numbers>(0, 0), std::make_shared<Numbers>(10, 3)});
  EXPECT_EQ(all(chain, {.batch_size = 4}), (Batches{{0, 1, 10, 11}, {12}}));
  EXPECT_THAT(testing::error_of([] { ChainDataset({nullptr}); }), HasSubstr("dataset 0 is null"));
}

TEST(StreamLoader, WorkersMakeWhatIsPendingTheSameForAnyNumber) {
  const auto noisy =
      std::make_shared<MapIterableDataset>(std::make_shared<Numbers>(0, 20), [](Example e, Generator& random) {
        e["x"] = e["x"] * 100 + randint(random, 0, 100);
        return e;
      });
  const Batches want = all(noisy, {.batch_size = 3, .seed = 1});
  EXPECT_EQ(all(noisy, {.batch_size = 3, .workers = 4, .seed = 1}), want);
  EXPECT_EQ(flat(all(noisy, {.batch_size = 5, .workers = 2, .seed = 1})), flat(want));
  EXPECT_NE(all(noisy, {.batch_size = 3, .seed = 2}), want);
}

TEST(StreamLoader, ProcessesShareTheStream) {
  const auto numbers = std::make_shared<Numbers>(0, 7);
  EXPECT_EQ(all(numbers, {.batch_size = 2, .shard = {0, 3}}), (Batches{{0, 3}, {6}}));
  EXPECT_EQ(all(numbers, {.batch_size = 2, .workers = 2, .shard = {1, 3}}), (Batches{{1, 4}}));
  EXPECT_EQ(all(numbers, {.batch_size = 2, .shard = {2, 3}}), (Batches{{2, 5}}));
  EXPECT_EQ(all(numbers, {.batch_size = 2, .shard = {0, 3, Uneven::kDrop}}), (Batches{{0, 3}}));
}

TEST(StreamLoader, GoesOnWhereItStood) {
  const auto shuffled = std::make_shared<ShuffleBufferDataset>(std::make_shared<Numbers>(0, 10), 4, 7);
  const std::vector<int64_t> whole = flat(all(shuffled, {}));
  std::vector<int64_t> sorted = whole;
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_NE(sorted, whole);
  for (const int workers : {0, 2}) {
    StreamLoader loader(shuffled, {.batch_size = 3, .workers = workers});
    auto it = loader.begin();
    ++it;
    EXPECT_EQ(loader.state(), (LoaderState{0, 6}));
    StreamLoader resumed(shuffled, {.batch_size = 2, .workers = workers});
    resumed.set_state(loader.state());
    EXPECT_EQ(flat(taken(resumed)), std::vector<int64_t>(whole.begin() + 6, whole.end()));
    EXPECT_EQ(resumed.state(), (LoaderState{1, 0}));
    EXPECT_EQ(flat(taken(resumed)).size(), 10U);
  }
  StreamLoader loader(shuffled, {});
  EXPECT_EQ(testing::error_of([&] {
              loader.set_state({0, -1});
            }),
            "StreamLoader: the state (epoch 0, sample -1) is not valid");
  EXPECT_THROW(loader.set_state({0, INT64_MAX}), Error);
}

TEST(StreamLoader, TheStateCountsWhatWasRead) {
  for (const int workers : {0, 2}) {
    StreamLoader loader(std::make_shared<Numbers>(0, 20), {.batch_size = INT64_MAX, .workers = workers});
    loader.set_state({0, 10});
    auto it = loader.begin();
    EXPECT_EQ((*it)["x"].numel(), 10);
    EXPECT_EQ(loader.state(), (LoaderState{0, 20}));
    StreamLoader shared(std::make_shared<Numbers>(0, 7), {.batch_size = 2, .workers = workers, .shard = {0, 3}});
    auto part = shared.begin();
    EXPECT_EQ(shared.state(), (LoaderState{0, 6}));
    ++part;
    EXPECT_EQ(shared.state(), (LoaderState{0, 7}));
    ++part;
    EXPECT_FALSE(part != shared.end());
    EXPECT_EQ(shared.state(), (LoaderState{1, 0}));
  }
}

TEST(StreamLoader, TellsItsNameWhenABatchIsLate) {
  std::latch go_on(1);
  const auto late = std::make_shared<MapIterableDataset>(std::make_shared<Numbers>(0, 2), [&](Example e, Generator&) {
    if (e["x"].item<int64_t>() == 1) go_on.wait();
    return e;
  });
  StreamLoader loader(late, {.workers = 1, .prefetch = 1, .timeout = std::chrono::milliseconds(1)});
  // The thread may take longer than that to start.
  std::optional<StreamLoader::Iterator> it;
  while (!it) (void)testing::error_of([&] { it.emplace(loader.begin()); });
  EXPECT_EQ(testing::error_of([&] { ++*it; }), "StreamLoader: the next batch was not ready after 1 ms");
  EXPECT_EQ(loader.state(), (LoaderState{0, 1}));
  go_on.count_down();
}

TEST(StreamLoader, ErrorsComeWhereTheirBatchIsDue) {
  for (const int workers : {0, 2}) {
    StreamLoader loader(std::make_shared<Numbers>(0, 9, 4), {.batch_size = 2, .workers = workers});
    auto it = loader.begin();
    EXPECT_THAT((*it)["x"].to_vector<int64_t>(), ElementsAre(0, 1));
    ++it;
    EXPECT_EQ(testing::error_of([&] { ++it; }), "the file is broken");
    ++it;
    EXPECT_FALSE(it != loader.end());
    const auto odd = std::make_shared<MapIterableDataset>(std::make_shared<Numbers>(0, 6), [](Example e, Generator&) {
      if (e["x"].item<int64_t>() == 2) fail("two");
      return e;
    });
    StreamLoader mapped(odd, {.batch_size = 2, .workers = workers});
    auto at = mapped.begin();
    EXPECT_EQ(testing::error_of([&] { ++at; }), "two");
    ++at;
    EXPECT_THAT((*at)["x"].to_vector<int64_t>(), ElementsAre(4, 5));
  }
}

TEST(StreamLoader, AStreamThatBreaksSkipsNothing) {
  for (const int workers : {0, 2}) {
    const DataLoaderOptions options{.batch_size = 2, .workers = workers};
    StreamLoader loader(std::make_shared<Numbers>(0, 9, 0), options);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(testing::error_of([&] { (void)loader.begin(); }), "the file is broken");
      EXPECT_EQ(loader.state(), (LoaderState{0, 0}));
    }
    StreamLoader later(std::make_shared<Numbers>(0, 9, 5), options);
    auto it = later.begin();
    ++it;
    EXPECT_EQ(testing::error_of([&] { ++it; }), "the file is broken");
    EXPECT_EQ(later.state(), (LoaderState{0, 4}));
    // With the file mended.
    StreamLoader resumed(std::make_shared<Numbers>(0, 9), options);
    resumed.set_state(later.state());
    EXPECT_EQ(taken(resumed), (Batches{{4, 5}, {6, 7}, {8}}));
    ++it;
    EXPECT_EQ(later.state(), (LoaderState{1, 0}));
  }
}

// Counts how often it is copied.
struct Maker {
  explicit Maker(std::atomic<int>& n) : copies(&n) {}
  Maker(const Maker& other) : copies(other.copies) { ++*copies; }
  Maker(Maker&&) = default;
  Example operator()(Generator& random) const {
    (void)random;
    return Example{{"x", scalar_tensor(int64_t{3})}};
  }
  std::atomic<int>* copies;
  Tensor held = zeros({1});
};
class Made final : public IterableDataset {
 public:
  explicit Made(std::atomic<int>& copies) : copies_(&copies) {}
  std::unique_ptr<Stream> open(int64_t epoch) const override {
    (void)epoch;
    struct Read final : Stream {
      explicit Read(std::atomic<int>& copies) : copies(&copies) {}
      std::optional<PendingExample> next() override {
        if (at++ == 5) return std::nullopt;
        return PendingExample(PendingExample::Make(Maker(*copies)));
      }
      std::atomic<int>* copies;
      int at = 0;
    };
    return std::make_unique<Read>(*copies_);
  }

 private:
  std::atomic<int>* copies_;
};

TEST(StreamLoader, WhatMakesAnExampleIsNotCopied) {
  std::atomic<int> copies{0};
  const auto shuffled = std::make_shared<ShuffleBufferDataset>(std::make_shared<Made>(copies), 3, 0);
  const auto mapped = std::make_shared<MapIterableDataset>(shuffled, [](Example e, Generator&) { return e; });
  for (const int workers : {0, 2})
    EXPECT_EQ(all(mapped, {.batch_size = 5, .workers = workers}), (Batches{{3, 3, 3, 3, 3}}));
  EXPECT_EQ(copies, 0);
}

TEST(StreamLoader, DatasetsThatOpenNothingAreNamed) {
  struct Nothing final : IterableDataset {
    std::unique_ptr<Stream> open(int64_t epoch) const override { return epoch < 0 ? open(0) : nullptr; }
  };
  const auto nothing = std::make_shared<Nothing>();
  const auto error = [](IterableDatasetPtr d) { return testing::error_of([&] { (void)all(std::move(d), {}); }); };
  EXPECT_EQ(error(nothing), "StreamLoader: the dataset opened no stream");
  EXPECT_EQ(error(std::make_shared<ChainDataset>(std::vector<IterableDatasetPtr>{nothing})),
            "ChainDataset: the dataset opened no stream");
  EXPECT_EQ(error(std::make_shared<MapIterableDataset>(nothing, [](Example e, Generator&) { return e; })),
            "MapIterableDataset: the dataset opened no stream");
  EXPECT_EQ(error(std::make_shared<ShuffleBufferDataset>(nothing, 2, 0)),
            "ShuffleBufferDataset: the dataset opened no stream");
}

TEST(StreamLoader, OptionsThatNeedNumbersAreRefused) {
  const auto numbers = std::make_shared<Numbers>(0, 3);
  EXPECT_THAT(testing::error_of([&] { StreamLoader(numbers, {.shuffle = true}); }), HasSubstr("ShuffleBufferDataset"));
  EXPECT_THAT(testing::error_of([&] {
                StreamLoader(numbers, {.shard = {0, 2, Uneven::kRepeat}});
              }),
              HasSubstr("kRepeat"));
  EXPECT_THAT(testing::error_of([&] { StreamLoader(nullptr, {}); }), HasSubstr("no dataset"));
  EXPECT_THAT(testing::error_of([&] { StreamLoader(numbers, {.batch_size = 0}); }),
              HasSubstr("StreamLoader: batch_size"));
  EXPECT_THAT(testing::error_of([&] { StreamLoader(numbers, {.workers = 1, .prefetch = INT64_MAX}); }),
              HasSubstr("prefetch from 1 to 65536"));
  EXPECT_THAT(testing::error_of([&] { StreamLoader(numbers, {.timeout = std::chrono::milliseconds::max()}); }),
              HasSubstr("the timeout must be from 0 to"));
}

}  // namespace
}  // namespace hearth::data
