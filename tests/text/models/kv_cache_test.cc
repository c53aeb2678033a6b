// The cache of keys and values alone.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "text/models/kv_cache.h"

namespace hearth::text {
namespace {

template <class F>
std::string message(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// Keys of all positions so far beside what the cache gives.
class Beside {
 public:
  Beside(KvCache& cache, int64_t layers) : cache_(cache), all_(static_cast<size_t>(layers)) {}
  void step(int64_t tokens, const std::vector<std::optional<int64_t>>& windows) {
    const int64_t before = cache_.length();
    for (size_t layer = 0; layer < all_.size(); ++layer) {
      const Tensor k = randn({cache_.batch(), 2, tokens, 3}), v = k * 2;
      all_[layer] = all_[layer].defined() ? cat({all_[layer], k}, 2) : k;
      const KvCache::Seen seen = cache_.append(static_cast<int64_t>(layer), k, v);
      const int64_t first = windows[layer] ? std::max<int64_t>(0, before - (*windows[layer] - 1)) : 0;
      EXPECT_EQ(seen.first, first);
      const Tensor want = all_[layer].narrow(2, first, before + tokens - first);
      ASSERT_EQ(seen.keys.shape(), want.shape());
      EXPECT_TRUE(seen.keys.equal(want));
      EXPECT_TRUE(seen.values.equal(want * 2));
    }
    cache_.advance(tokens);
    EXPECT_EQ(cache_.length(), before + tokens);
  }
  void reorder(const std::vector<int64_t>& rows) {
    cache_.reorder(tensor(rows));
    for (Tensor& t : all_) t = index_select(t, 0, tensor(rows));
  }

 private:
  KvCache& cache_;
  std::vector<Tensor> all_;
};

TEST(KvCache, GrowsSlidesAndTakesRows) {
  manual_seed(3);
  const std::vector<std::optional<int64_t>> windows{std::nullopt, 5, 1};
  KvCache cache({.batch = 3, .heads = 2, .head_dim = 3, .windows = windows, .capacity = 4});
  Beside beside(cache, 3);
  for (const int64_t tokens : {3, 1, 1, 7, 1, 0, 2}) beside.step(tokens, windows);
  beside.reorder({2, 2, 0, 1});
  EXPECT_EQ(cache.batch(), 4);
  for (int i = 0; i < 100; ++i) beside.step(1, windows);
  beside.reorder({3});
  beside.step(20, windows);
  beside.reorder({});
  beside.step(2, windows);
  EXPECT_EQ(cache.capacity(0), 256);
  // Those with a window have stopped growing.
  EXPECT_LE(cache.capacity(1), 32);
  EXPECT_LE(cache.capacity(2), 32);
  EXPECT_EQ(cache.batch(), 0);
}

TEST(KvCache, WhatIsNotAdvancedOverIsNotHeld) {
  KvCache cache({.heads = 1, .head_dim = 1, .windows = {std::nullopt, 3}, .capacity = 2});
  const auto put = [&](float value, int64_t tokens) {
    const Tensor t = full({1, 1, tokens, 1}, value);
    std::vector<float> seen;
    for (const int64_t layer : {0, 1}) seen = cache.append(layer, t, t).keys.to_vector<float>();
    return seen;
  };
  (void)put(1, 2);
  cache.advance(2);
  (void)put(9, 5);  // a forward that failed
  EXPECT_EQ(put(2, 1), (std::vector<float>{1, 1, 2}));
  cache.advance(1);
  EXPECT_EQ(put(3, 1), (std::vector<float>{1, 2, 3}));
  cache.clear();
  EXPECT_EQ(cache.length(), 0);
  EXPECT_EQ(put(4, 1), (std::vector<float>{4}));
}

TEST(KvCache, RemembersPaddingInTheOrderOfItsRows) {
  KvCache cache({.batch = 2, .windows = {std::nullopt}});
  const Tensor t = zeros({2, 1, 2, 1});
  (void)cache.append(0, t, t);
  cache.set_attention_mask(tensor({{true, true}, {false, true}}));
  cache.advance(2);
  cache.reorder(tensor(std::vector<int64_t>{1, 1, 0}));
  EXPECT_TRUE(cache.attention_mask().equal(tensor({{false, true}, {false, true}, {true, true}})));
}

TEST(KvCache, RefusesWhatDoesNotFit) {
  EXPECT_EQ(message([] { KvCache cache({}); }), "KvCache: there must be at least one layer");
  KvCache cache({.batch = 2, .heads = 3, .head_dim = 4, .windows = {std::nullopt}});
  const Tensor good = zeros({2, 3, 1, 4}), wide = zeros({2, 3, 1, 5});
  EXPECT_EQ(message([&] { (void)cache.append(0, wide, wide); }),
            "KvCache: keys and values of 2 sequences must be [2, 3, tokens, 4], but are [2, 3, 1, 5] and [2, 3, 1, 5]");
  EXPECT_EQ(message([&] {
              (void)cache.append(0, good, zeros({2, 3, 2, 4}));
            }),
            "KvCache: keys and values of 2 sequences must be [2, 3, tokens, 4], but are [2, 3, 1, 4] and [2, 3, 2, 4]");
  EXPECT_EQ(message([&] { (void)cache.append(0, good.to(bf16), good.to(bf16)); }),
            "KvCache: keys and values must be f32, but are bf16 and bf16");
  EXPECT_EQ(message([&] { (void)cache.append(1, good, good); }), "KvCache: there is no layer 1 of 1");
  EXPECT_EQ(message([&] {
              cache.reorder(tensor(std::vector<int64_t>{0, 2}));
            }),
            "KvCache::reorder: there is no row 2 of 2");
  EXPECT_EQ(message([&] { cache.reorder(tensor(std::vector<float>{0})); }),
            "KvCache::reorder: the rows must be i64 [new batch], but are f32 [1]");
}

}  // namespace
}  // namespace hearth::text
