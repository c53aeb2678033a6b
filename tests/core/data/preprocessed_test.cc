#include "core/data/preprocessed.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::data {
namespace {

void fails(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error with \"" << part << '"';
  } catch (const Error& e) {
    EXPECT_NE(e.message().find(part), std::string::npos) << e.message();
  }
}

// Twice a list of numbers, and one more.
std::shared_ptr<const graph::Graph> doubled() {
  return std::make_shared<const graph::Graph>(
      graph::trace([](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] * 2 + 1}; },
                   std::vector<graph::Spec>{{"x", i64, {"n"}}}));
}

// Lists of different lengths.
DatasetPtr lists() {
  return std::make_shared<MapDataset>(
      std::make_shared<TensorDataset>(Example{{"ids", arange(9)}, {"label", arange(9)}}), [](Example e, Generator&) {
        e["ids"] = arange(e["ids"].item<int64_t>() % 4);
        return e;
      });
}

TEST(Preprocessed, OneTensorOfEachExample) {
  const DatasetPtr all = preprocessed(lists(), doubled(), "ids");
  for (int workers : {0, 3}) {
    DataLoader loader(all, {.batch_size = 4, .workers = workers, .collate = PaddingCollate({{"ids", {.value = -1}}})});
    std::vector<Example> batches;
    for (const Example& batch : loader) batches.push_back(batch);
    ASSERT_EQ(batches.size(), 3u);
    EXPECT_TRUE(batches[0]["ids"].equal(tensor({{-1, -1, -1}, {1, -1, -1}, {1, 3, -1}, {1, 3, 5}})));
    EXPECT_TRUE(batches[1]["label"].equal(tensor({4, 5, 6, 7})));
    EXPECT_EQ(batches[2]["ids"].shape(), (Shape{1, 0}));
  }
  // Where no name is given it is "input".
  Generator g;
  const DatasetPtr numbers = std::make_shared<TensorDataset>(arange(6).view({2, 3}), arange(2));
  EXPECT_TRUE(preprocessed(numbers, doubled())->get(1, g)["input"].equal(tensor({7, 9, 11})));
}

TEST(Preprocessed, WhatDoesNotFit) {
  Generator g;
  fails([&] { preprocessed(lists(), nullptr); }, "preprocessed: there is no graph");
  fails([&] { preprocessed(nullptr, doubled()); }, "there is no dataset");
  fails([&] { preprocessed(lists(), doubled())->get(0, g); }, "there is no \"input\", only \"ids\", \"label\"");
  fails([&] { preprocessed(lists(), doubled(), "label")->get(0, g); }, "input \"x\"");
  const auto two = std::make_shared<const graph::Graph>(graph::trace(
      [](std::span<const Tensor> in) -> std::vector<Tensor> {
        return {in[0] * 2, in[0] + 1};
      },
      std::vector<graph::Spec>{{"x", i64, {"n"}}}));
  fails([&] { preprocessed(lists(), two, "ids"); },
        "preprocessed: the graph must have one input and one output, but has 1 and 2");
}

}  // namespace
}  // namespace hearth::data
