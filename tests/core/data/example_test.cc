#include "core/data/example.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "core/base/error.h"
#include "core/ops/create.h"

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

TEST(Example, TwoTensorsAreInputAndTarget) {
  const Tensor x = arange(3), y = arange(4);
  const Example e{x, y};
  EXPECT_EQ(e.size(), 2u);
  EXPECT_EQ(names_of(e), "\"input\", \"target\"");
  EXPECT_TRUE(e["input"].is(x));
  EXPECT_TRUE(e["target"].is(y));
  EXPECT_TRUE(Example(x, Tensor()).contains("target"));
  EXPECT_FALSE(Example(x, Tensor())["target"].defined());
}

TEST(Example, StructuredBindings) {
  Example e{arange(3), arange(4)};
  auto [x, y] = e;  // a copy, which shares the tensors
  EXPECT_TRUE(x.is(e["input"]));
  EXPECT_TRUE(y.is(e["target"]));
  x = Tensor();
  EXPECT_TRUE(e["input"].defined());
  auto& [into_x, into_y] = e;
  into_x = arange(7);
  EXPECT_EQ(e["input"].numel(), 7);
  const Example& fixed = e;
  const auto& [cx, cy] = fixed;
  static_assert(std::is_same_v<decltype(cx), const Tensor>);
  EXPECT_TRUE(cx.is(into_x));
  EXPECT_TRUE(cy.is(into_y));
  // Any two tensors, whatever their names.
  auto [a, b] = Example{{"b", arange(1)}, {"a", arange(2)}};
  EXPECT_EQ(a.numel(), 1);
  EXPECT_EQ(b.numel(), 2);

  fails([] { [[maybe_unused]] auto [p, q] = Example(); },
        "Example: [x, y] takes two tensors, but the example has none");
  fails(
      [] {
        auto [p, q] = Example{{"x", arange(1)}};
      },
      "Example: [x, y] takes two tensors, but the example has 1: \"x\"; take them by name, example[\"x\"]");
  Example three{{"ids", arange(1)}, {"mask", arange(1)}, {"labels", arange(1)}};
  fails([&] { [[maybe_unused]] auto& [p, q] = three; },
        "Example: [x, y] takes two tensors, but the example has 3: \"ids\", \"mask\", \"labels\"; take them by name, "
        "example[\"ids\"]");
  fails([&] { [[maybe_unused]] const auto& [p, q] = std::as_const(three); },
        "Example: [x, y] takes two tensors, but the example has 3: \"ids\", \"mask\", \"labels\"; take them by name, "
        "example[\"ids\"]");
}

TEST(Example, NamesAreFoundOrListed) {
  Example e{{"input_ids", arange(5)}, {"labels", arange(2)}};
  EXPECT_EQ(e["labels"].numel(), 2);
  EXPECT_EQ(e.find("input_ids")->numel(), 5);
  EXPECT_EQ(e.find("labels2"), nullptr);
  EXPECT_FALSE(e.contains(""));
  e["labels"] = arange(9);
  EXPECT_EQ(e["labels"].numel(), 9);
  EXPECT_EQ((Example{{"a", arange(6)}}["a"].numel()), 6);
  fails([&] { e["target"]; }, "Example: there is no \"target\", only \"input_ids\", \"labels\"");
  fails([] { Example()["x"]; }, "Example: there is no \"x\": the example has no tensors");
  fails([] { Example({{"a", arange(1)}, {"a", arange(1)}}); }, "Example: the name \"a\" comes twice");
  fails([] { Example({{"", arange(1)}}); }, "Example: a name is empty");
  fails([&] { e.set("", arange(1)); }, "Example: a name is empty");
}

// More entries than lie inline, and back.
TEST(Example, GrowsAndShrinksInOrder) {
  for (int n : {0, 1, 4, 5, 9, 20}) {
    Example e;
    std::vector<std::string> names;
    for (int i = 0; i < n; ++i) {
      names.push_back("a name that is too long to lie inline " + std::to_string(i));
      e.set(names.back(), full({}, i));
    }
    const auto expect = [&](const Example& x) {
      ASSERT_EQ(x.size(), names.size());
      EXPECT_EQ(x.empty(), names.empty());
      size_t at = 0;
      for (const auto& [name, t] : x) EXPECT_EQ(name, names[at++]);
      for (const std::string& name : names)
        EXPECT_EQ(x[name].item<int64_t>(), std::stoi(name.substr(name.rfind(' ') + 1)));
    };
    expect(e);
    Example copy = e;
    expect(copy);
    const Example moved = std::move(copy);
    expect(moved);
    copy = moved;
    expect(copy);
    while (!names.empty()) {
      const size_t out = names.size() / 2;
      EXPECT_TRUE(e.erase(names[out]));
      EXPECT_FALSE(e.erase(names[out]));
      names.erase(names.begin() + static_cast<long>(out));
      expect(e);
    }
    // What was emptied is filled again.
    for (const char* name : {"x", "y", "z", "u", "v"}) e.set(name, full({}, 1));
    EXPECT_EQ(names_of(e), "\"x\", \"y\", \"z\", \"u\", \"v\"");
    e.set("y", arange(3));
    EXPECT_EQ(e.size(), 5u);
    EXPECT_EQ(e["y"].numel(), 3);
  }
}

// A tensor that was taken out is let go.
TEST(Example, KeepsNothingAlive) {
  const Tensor t = arange(3);
  Example e{t, t};
  EXPECT_EQ(t.impl()->use_count(), 3u);
  e.erase("input");
  EXPECT_EQ(t.impl()->use_count(), 2u);
  for (const char* name : {"a", "b", "c", "d", "e"}) e.set(name, t);
  EXPECT_EQ(t.impl()->use_count(), 7u);
  for (const char* name : {"target", "a", "b", "c", "d", "e"}) e.erase(name);
  EXPECT_EQ(t.impl()->use_count(), 1u);
  EXPECT_EQ(e.begin(), e.end());
}

}  // namespace
}  // namespace hearth::data
