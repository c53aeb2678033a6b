#include "core/data/collate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/ops/create.h"

namespace hearth::data {
namespace {

// The message, and the example that a CollateError names; -1 for another Error.
void fails(const std::function<void()>& f, int64_t example, const std::string& text) {
  try {
    f();
    FAIL() << "no error: " << text;
  } catch (const CollateError& e) {
    EXPECT_EQ(e.message(), text);
    EXPECT_EQ(e.example(), example);
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), text);
    EXPECT_EQ(example, -1);
  }
}

Tensor ids(std::vector<int64_t> v) { return from_values(v, {static_cast<int64_t>(v.size())}); }

TEST(StackExamples, EachName) {
  const Example batch = stack_examples({Example{{"a", tensor({1.0, 2.0})}, {"b", full({}, 7)}},
                                        Example{{"b", full({}, 8)}, {"a", tensor({3.0, 4.0})}},
                                        Example{{"a", tensor({5.0, 6.0})}, {"b", full({}, 9)}}});
  EXPECT_EQ(names_of(batch), "\"a\", \"b\"");
  EXPECT_TRUE(batch["a"].equal(tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}})));
  EXPECT_TRUE(batch["b"].equal(ids({7, 8, 9})));
  // One example still gets a dimension; sizes of 0 and undefined tensors stay.
  const Example one = stack_examples({Example{{"empty", zeros({0, 3})}, {"none", Tensor()}}});
  EXPECT_EQ(one["empty"].shape(), (Shape{1, 0, 3}));
  EXPECT_FALSE(one["none"].defined());
  EXPECT_TRUE(stack_examples({Example(), Example()}).empty());
}

TEST(StackExamples, SaysWhatDiffers) {
  const Example a{arange(3), full({}, 1)};
  fails([&] { stack_examples({}); }, -1, "stack_examples: there are no examples");
  fails(
      [&] {
        stack_examples({a, Example{{"input", arange(3)}}});
      },
      1, "stack_examples: example 1 has no \"target\", which example 0 has; it has \"input\"");
  fails(
      [&] {
        stack_examples({a, a, Example()});
      },
      2, "stack_examples: example 2 has no \"input\", which example 0 has; it has no tensors");
  Example more = a;
  more.set("weight", full({}, 1));
  fails(
      [&] {
        stack_examples({a, more});
      },
      1, "stack_examples: example 1 has \"weight\", which example 0 has not; it has \"input\", \"target\"");
  fails(
      [&] {
        stack_examples({a, a, Example{arange(4), full({}, 1)}});
      },
      2,
      "stack_examples: \"input\" of example 2 has shape [4], but that of example 0 has [3]; data::PaddingCollate can "
      "pad it");
  fails(
      [&] {
        stack_examples({a, Example{arange(3), full({}, 1.0)}});
      },
      1,
      "stack_examples: \"target\" of example 1 is f32 [], but that of example 0 is i64 []; all must be defined and of "
      "one dtype");
  fails(
      [&] {
        stack_examples({a, Example{arange(3), Tensor()}});
      },
      1,
      "stack_examples: \"target\" of example 1 is undefined, but that of example 0 is i64 []; all must be defined and "
      "of one dtype");
  fails(
      [&] {
        stack_examples({Example{arange(3), Tensor()}, a});
      },
      1,
      "stack_examples: \"target\" of example 1 is i64 [], but that of example 0 is undefined; all must be defined and "
      "of one dtype");
}

std::vector<Example> sentences() {
  return {Example{{"input_ids", ids({1, 2, 3})}, {"labels", ids({4, 5, 6})}, {"number", full({}, 0)}},
          Example{{"input_ids", ids({})}, {"labels", ids({})}, {"number", full({}, 1)}},
          Example{{"labels", ids({8})}, {"input_ids", ids({7})}, {"number", full({}, 2)}}};
}

TEST(PaddingCollate, VariableLengths) {
  const PaddingCollate pad(
      {{"labels", {.value = -100, .multiple_of = 2, .length = true}}, {"input_ids", {.mask = true, .length = true}}});
  const Example batch = pad(sentences());
  EXPECT_EQ(names_of(batch),
            "\"input_ids\", \"input_ids_mask\", \"input_ids_length\", \"labels\", \"labels_length\", \"number\"");
  EXPECT_TRUE(batch["input_ids"].equal(tensor({{1, 2, 3}, {0, 0, 0}, {7, 0, 0}})));
  EXPECT_EQ(batch["input_ids"].dtype(), i64);
  EXPECT_TRUE(batch["input_ids_mask"].equal(tensor({{true, true, true}, {false, false, false}, {true, false, false}})));
  EXPECT_TRUE(batch["input_ids_length"].equal(ids({3, 0, 1})));
  EXPECT_TRUE(batch["labels"].equal(tensor({{4, 5, 6, -100}, {-100, -100, -100, -100}, {8, -100, -100, -100}})));
  EXPECT_TRUE(batch["labels_length"].equal(ids({3, 0, 1})));
  EXPECT_TRUE(batch["number"].equal(ids({0, 1, 2})));
  // The examples are not written to.
  const std::vector<Example> before = sentences();
  pad(before);
  EXPECT_TRUE(before[0]["labels"].equal(ids({4, 5, 6})));
}

TEST(PaddingCollate, NothingToPad) {
  const PaddingCollate pad({{"x", {.multiple_of = 8, .mask = true, .length = true}}});
  const Example none = pad({Example{{"x", zeros({0, 2})}}, Example{{"x", zeros({0, 2})}}});
  EXPECT_EQ(none["x"].shape(), (Shape{2, 0, 2}));
  EXPECT_EQ(none["x_mask"].shape(), (Shape{2, 0}));
  EXPECT_TRUE(none["x_length"].equal(ids({0, 0})));
  const Example whole = pad({Example{{"x", ones({8, 2})}}});
  EXPECT_TRUE(whole["x"].equal(ones({1, 8, 2})));
  EXPECT_TRUE(whole["x_mask"].equal(ones({1, 8}, {.dtype = boolean})));
}

// Every dtype that a batch may hold, with 0 and with another value.
TEST(PaddingCollate, Dtypes) {
  for (DType t : {f32, f64, f16, bf16, u8, i8, i16, i32, i64, boolean}) {
    for (int value : {0, 1}) {
      const PaddingCollate pad({{"x", {.value = value}}});
      const Example batch = pad({Example{{"x", tensor({1, 0, 1}).to(t)}}, Example{{"x", tensor({0}).to(t)}}});
      EXPECT_EQ(batch["x"].dtype(), t);
      EXPECT_TRUE(batch["x"].equal(tensor({{1, 0, 1}, {0, value, value}}).to(t))) << to_string(t);
    }
  }
  // Not finite numbers and the ends of halves.
  const PaddingCollate pad({{"x", {.value = -std::numeric_limits<double>::infinity()}}});
  const Tensor half =
      pad({Example{{"x", tensor({65504.0, -0.5}).to(f16)}}, Example{{"x", zeros({0}, {.dtype = f16})}}})["x"];
  EXPECT_EQ(half.to_vector<double>(), (std::vector<double>{65504, -0.5, -INFINITY, -INFINITY}));
}

// Boxes [n, 4] by their number; images [c, h, w] by height and width; a spectrogram by its last dimension.
TEST(PaddingCollate, HigherRanks) {
  const Example boxes = PaddingCollate({{"boxes", {.value = -1, .length = true}}})(
      {Example{{"boxes", tensor({{1, 2, 3, 4}})}}, Example{{"boxes", zeros({0, 4}, {.dtype = i64})}},
       Example{{"boxes", tensor({{5, 6, 7, 8}, {9, 9, 9, 9}})}}});
  EXPECT_TRUE(boxes["boxes"].equal(
      tensor({{{1, 2, 3, 4}, {-1, -1, -1, -1}}, {{-1, -1, -1, -1}, {-1, -1, -1, -1}}, {{5, 6, 7, 8}, {9, 9, 9, 9}}})));
  EXPECT_TRUE(boxes["boxes_length"].equal(ids({1, 0, 2})));

  const Example images =
      PaddingCollate({{"image", {.dims = {-1, -2}, .multiple_of = 2, .mask = true, .length = true}}})(
          {Example{{"image", ones({1, 2, 1})}}, Example{{"image", ones({1, 1, 3}).transpose(1, 2).transpose(1, 2)}}});
  EXPECT_TRUE(images["image"].equal(
      tensor({{{{1.0, 0.0, 0.0, 0.0}, {1.0, 0.0, 0.0, 0.0}}}, {{{1.0, 1.0, 1.0, 0.0}, {0.0, 0.0, 0.0, 0.0}}}})));
  EXPECT_TRUE(images["image_mask"].equal(images["image"].squeeze(1).to(boolean)));
  EXPECT_TRUE(images["image_length"].equal(tensor({{2, 1}, {1, 3}})));

  const Tensor sound = tensor({{1.0, 2.0}, {3.0, 4.0}});
  const Example sounds =
      PaddingCollate({{"x", {.dims = -1, .mask = true}}})({Example{{"x", sound.t()}}, Example{{"x", ones({2, 3})}}});
  EXPECT_TRUE(sounds["x"].equal(tensor({{{1.0, 3.0, 0.0}, {2.0, 4.0, 0.0}}, {{1.0, 1.0, 1.0}, {1.0, 1.0, 1.0}}})));
  EXPECT_TRUE(sounds["x_mask"].equal(tensor({{true, true, false}, {true, true, true}})));
}

TEST(PaddingCollate, SaysWhatIsWrong) {
  const auto pad = [](PadOptions o, std::vector<Tensor> x) {
    std::vector<Example> all;
    for (Tensor& t : x) all.push_back(Example{{"x", std::move(t)}});
    return PaddingCollate({{"x", o}})(std::move(all));
  };
  const auto cannot_hold = [&](DType t, Scalar v) {
    try {
      pad({.value = v}, {ones({2}, {.dtype = t}), ones({1}, {.dtype = t})});
      ADD_FAILURE() << to_string(t) << " was padded with " << to_string(v);
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("cannot hold the padding value"), std::string::npos) << e.what();
    }
  };
  cannot_hold(u8, -100);
  cannot_hold(u8, 256);
  cannot_hold(boolean, 2);
  cannot_hold(boolean, 0.5);
  cannot_hold(i64, 0.5);
  fails([&] { pad({}, {full({}, 1)}); }, 0,
        "PaddingCollate: \"x\" of example 0 has shape [], which has no dimension 0 to pad");
  fails(
      [&] {
        pad({.dims = -3}, {ones({2, 2})});
      },
      0, "PaddingCollate: \"x\" of example 0 has shape [2, 2], which has no dimension -3 to pad");
  fails(
      [&] {
        pad({.dims = {0, -2}}, {ones({2, 2})});
      },
      0, "PaddingCollate: the dimensions [0, -2] of \"x\" name one of shape [2, 2] twice");
  fails(
      [&] {
        pad({}, {ones({2, 2}), ones({3, 2}), ones({2, 3})});
      },
      2,
      "PaddingCollate: \"x\" of example 2 has shape [2, 3], but that of example 0 has [2, 2]: they may differ only in "
      "the padded dimensions [0]");
  fails(
      [&] {
        pad({}, {ones({2}), ones({2, 1})});
      },
      1,
      "PaddingCollate: \"x\" of example 1 has shape [2, 1], but that of example 0 has [2]: they may differ only in the "
      "padded dimensions [0]");
  fails(
      [&] {
        pad({}, {arange(2), ones({2})});
      },
      1,
      "PaddingCollate: \"x\" of example 1 is f32 [2], but that of example 0 is i64 [2]; all must be defined and of one "
      "dtype");
  fails([&] { pad({}, {Tensor()}); }, -1, "PaddingCollate: \"x\" cannot be padded: it is undefined in all examples");
  fails([&] { pad({.value = 300}, {ones({2}, {.dtype = u8})}); }, -1,
        "PaddingCollate: \"x\" is u8, which cannot hold the padding value 300");
  fails([&] { pad({.value = 0.5}, {arange(2)}); }, -1,
        "PaddingCollate: \"x\" is i64, which cannot hold the padding value 0.5");
  fails([&] { pad({.value = std::nan("")}, {arange(2)}); }, -1,
        "PaddingCollate: \"x\" is i64, which cannot hold the padding value nan");
  fails(
      [&] {
        PaddingCollate({{"y", {}}})({Example{{"x", ones({2})}}});
      },
      -1, "PaddingCollate: there is no \"y\" to pad; the examples have \"x\"");
  fails(
      [&] {
        PaddingCollate({{"x", {.mask = true}}})({Example{{"x", ones({2})}, {"x_mask", ones({2})}}});
      },
      -1, "PaddingCollate: \"x_mask\" is to be added, but the examples have a tensor of that name");
  fails(
      [&] {
        PaddingCollate({{"y", {}}})({Example{{"x", ones({2})}, {"y", ones({2})}}, Example{{"x", ones({2})}}});
      },
      1, "PaddingCollate: example 1 has no \"y\", which example 0 has; it has \"x\"");
  fails(
      [&] {
        PaddingCollate({{"y", {}}})(
            {Example{{"x", ones({2})}, {"y", ones({2})}}, Example{{"x", ones({3})}, {"y", ones({3})}}});
      },
      1,
      "PaddingCollate: \"x\" of example 1 has shape [3], but that of example 0 has [2]; data::PaddingCollate can pad "
      "it");
  fails([] { PaddingCollate({{"", {}}}); }, -1, "PaddingCollate: a name is empty");
  fails([] { PaddingCollate({{"x", {}}, {"x", {}}}); }, -1, "PaddingCollate: the name \"x\" comes twice");
  fails(
      [] {
        PaddingCollate({{"x", {.dims = Dims()}}});
      },
      -1, "PaddingCollate: the options of \"x\" name no dimension to pad");
  fails(
      [] {
        PaddingCollate({{"x", {.multiple_of = 0}}});
      },
      -1, "PaddingCollate: multiple_of must be at least 1, but is 0 for \"x\"");
}

}  // namespace
}  // namespace hearth::data
