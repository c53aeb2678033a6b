#include "vision/transforms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "vision/ops/color.h"

namespace hearth::vision {
namespace {

// Every pixel of a channel has a value of its own.
Tensor places(int64_t h, int64_t w) { return arange(h * w).to(f32).view({1, h, w}); }
Tensor rgb(int64_t h, int64_t w) { return remainder(arange(3 * h * w) * 37, 251).to(u8).view({3, h, w}); }
void fails(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error with \"" << part << '"';
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Transforms, SameGeneratorSameImage) {
  const Tensor x = rgb(20, 24);
  const std::function<Tensor(Generator&)> all[] = {
      [&](Generator& g) { return random_horizontal_flip(x, g); },
      [&](Generator& g) { return random_vertical_flip(x, g); },
      [&](Generator& g) { return random_grayscale(x, g, 0.5); },
      [&](Generator& g) { return random_crop(x, 16, g, {.padding = Padding(4)}); },
      [&](Generator& g) { return random_crop(x, 16, g, {.padding = Padding(4), .mode = PadMode::kReflect}); },
      [&](Generator& g) { return random_resized_crop(x, 12, g); },
      [&](Generator& g) {
        return color_jitter(x, g, {0.4, 0.4, 0.4, 0.1});
      },
      [&](Generator& g) { return random_erasing(x, g); },
      [&](Generator& g) { return random_erasing(to_float(x), g, {.noise = true}); },
  };
  const Tensor before = x.clone();
  for (const auto& f : all) {
    bool differs = false;
    Tensor last;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Generator a(seed), b(seed);
      const Tensor y = f(a);
      EXPECT_TRUE(y.equal(f(b)));
      EXPECT_EQ(a.state(), b.state());
      differs |= last.defined() && !last.equal(y);
      last = y;
    }
    EXPECT_TRUE(differs);
    EXPECT_TRUE(x.equal(before));
  }
}

// A count of n draws with probability p lies within 5 standard deviations.
void expect_share(int count, int n, double p) { EXPECT_NEAR(count, n * p, 5 * std::sqrt(n * p * (1 - p))) << p; }

TEST(Transforms, FlipsWithProbability) {
  const Tensor x = places(2, 3), flipped = horizontal_flip(x);
  Generator g(3);
  for (double p : {0.0, 0.3, 0.5, 1.0}) {
    int count = 0;
    for (int i = 0; i < 2000; ++i) {
      const Tensor y = random_horizontal_flip(x, g, p);
      const bool is = y.equal(flipped);
      EXPECT_TRUE(is || y.equal(x));
      count += is;
    }
    expect_share(count, 2000, p);
  }
  EXPECT_TRUE(random_vertical_flip(x, g, 1).equal(vertical_flip(x)));
  EXPECT_EQ(random_grayscale(rgb(4, 4), g, 1).shape(), (Shape{3, 4, 4}));
  fails([&] { random_vertical_flip(x, g, 1.5); }, "the probability must lie in [0, 1]");
}

TEST(Transforms, CropsAtEveryPlaceAlike) {
  const Tensor x = places(5, 6) + 1.0;
  Generator g(4);
  std::map<std::pair<int64_t, int64_t>, int> seen;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const Tensor y = random_crop(x, {4, 4}, g, {.padding = Padding(1)});
    // The place follows from a pixel that is always of the image.
    const int64_t v = static_cast<int64_t>(y[0][1][1].item<float>()) - 1;
    const std::pair<int64_t, int64_t> at = {v / 6 - 1, v % 6 - 1};
    ++seen[at];
    EXPECT_TRUE(y.equal(crop(x, at.first, at.second, {4, 4})));
  }
  EXPECT_EQ(seen.size(), 4u * 5u);
  for (const auto& [at, count] : seen) expect_share(count, kDraws, 1.0 / 20);
  // Padding by another mode is the same as padding beforehand.
  Generator a(1), b(1);
  EXPECT_TRUE(random_crop(x, 7, a, {.padding = Padding(2), .mode = PadMode::kSymmetric})
                  .equal(random_crop(pad(x, 2, {.mode = PadMode::kSymmetric}), 7, b)));
  EXPECT_EQ(random_crop(x, {9, 3}, g, {.pad_if_needed = true}).shape(), (Shape{1, 9, 3}));
  fails([&] { random_crop(x, {9, 3}, g); }, "random_crop: cannot take 9 x 3 pixels from an image of shape [1, 5, 6]");
}

TEST(Transforms, ResizedCropsHaveTheAreaAndAspectAsked) {
  // Of an image whose values are its coordinates the part can be read off the result.
  const int64_t n = 200;
  const Tensor line = arange(n).to(f64), rows = line.view({1, n, 1}).expand({1, n, n}),
               columns = line.view({1, 1, n}).expand({1, n, n});
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Generator a(seed), b(seed);
    const RandomResizedCropOptions o{.scale = {0.2, 0.6}, .ratio = {0.5, 2}, .antialias = false};
    const Tensor y = random_resized_crop(rows, {50, 50}, a, o), x = random_resized_crop(columns, {50, 50}, b, o);
    const double h = (y[0][30][0].item<double>() - y[0][10][0].item<double>()) / 20 * 50,
                 w = (x[0][0][30].item<double>() - x[0][0][10].item<double>()) / 20 * 50;
    EXPECT_GT(h * w / (n * n), 0.19);
    EXPECT_LT(h * w / (n * n), 0.61);
    EXPECT_GT(w / h, 0.48);
    EXPECT_LT(w / h, 2.1);
  }
  // No part of that aspect fits: the middle.
  Generator g(1);
  const Tensor wide = places(4, 100);
  EXPECT_TRUE(
      random_resized_crop(wide, {4, 8}, g, {.scale = {1, 1}, .ratio = {1, 2}}).equal(crop(wide, 0, 46, {4, 8})));
  fails([&] { random_resized_crop(wide, 4, g, {.scale = {0.5, 1.5}}); }, "scale must be a range in [0, 1]");
  fails([&] { random_resized_crop(wide, 4, g, {.ratio = {0, 1}}); }, "ratio must be a range above 0");
}

TEST(Transforms, JitterDrawsFromItsRanges) {
  const Tensor x = to_float(rgb(3, 3)) * 0.5;
  Generator g(5);
  double low = 9, high = 0;
  for (int i = 0; i < 500; ++i) {
    const Tensor y = color_jitter(x, g, {.brightness = 0.4});
    const double factor = (y / x)[0][1][1].item<double>();
    low = std::min(low, factor);
    high = std::max(high, factor);
  }
  EXPECT_NEAR(low, 0.6, 0.01);
  EXPECT_NEAR(high, 1.4, 0.01);
  EXPECT_TRUE(color_jitter(x, g, {}).is(x));
  fails([&] { color_jitter(x, g, {.hue = 0.6}); }, "hue 0 to 0.5");
  fails([&] { color_jitter(x, g, {.contrast = -1}); }, "must be at least 0");
}

TEST(Transforms, ErasesOneRectangle) {
  const Tensor x = ones({3, 40, 30});
  Generator g(6);
  int erased = 0;
  for (int i = 0; i < 400; ++i) {
    const Tensor y = random_erasing(x, g, {.value = 7});
    const Tensor hole = y.eq(7);
    const auto area = static_cast<double>(hole[0].sum().item<int64_t>());
    erased += area > 0;
    if (area == 0) {
      EXPECT_TRUE(y.equal(x));
      continue;
    }
    EXPECT_GT(area / 1200, 0.015);
    EXPECT_LT(area / 1200, 0.35);
    EXPECT_TRUE(hole[0].equal(hole[2]));
    // A rectangle: its rows and columns span exactly its area.
    EXPECT_EQ(hole[0].any(1).sum().item<int64_t>() * hole[0].any(0).sum().item<int64_t>(), static_cast<int64_t>(area));
  }
  expect_share(erased, 400, 0.5);
  fails([&] { random_erasing(rgb(4, 4), g, {.noise = true}); }, "noise is for floating-point images, not u8");
}

TEST(Transforms, LooksTheSameFromAnyLoader) {
  const Tensor images = remainder(arange(40 * 3 * 12 * 12) * 31, 256).to(u8).view({40, 3, 12, 12});
  const auto changed = std::make_shared<data::MapDataset>(
      std::make_shared<data::TensorDataset>(images, arange(40)), [](data::Example e, Generator& random) {
        Tensor& x = e["input"];
        x = random_crop(x, 10, random, {.padding = Padding(2)});
        x = random_erasing(color_jitter(x, random, {0.3, 0.3, 0.3, 0.1}), random);
        x = random_resized_crop(random_horizontal_flip(x, random), 8, random);
        return e;
      });
  const auto epoch = [&](int workers) {
    std::vector<Tensor> out;
    for (auto [x, y] : data::DataLoader(changed, {.batch_size = 8, .shuffle = true, .workers = workers, .seed = 9}))
      out.push_back(x);
    return out;
  };
  const std::vector<Tensor> one = epoch(0), many = epoch(4);
  ASSERT_EQ(one.size(), many.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(many[i])) << i;
}

}  // namespace
}  // namespace hearth::vision
