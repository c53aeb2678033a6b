// Values of the vision ops against Pillow and torchvision; shapes, gradients, dtypes, threads.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "vision/ops/color.h"
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"

namespace hearth::vision {
namespace {

using Numbers = std::vector<double>;

struct PillowResize {
  Extent2 from, to;
  Interpolation interpolation;
  uint64_t hash;
};
struct FloatResize {
  Extent2 from, to;
  Interpolation interpolation;
  bool antialias;
  Numbers floats, rounded;
};
struct ShorterSide {
  Extent2 from;
  int64_t size, limit;
  Shape to;
};
struct CenterCropCase {
  Extent2 from, to;
  uint64_t hash;
};
struct CropCase {
  int64_t top, left;
  Extent2 to;
  uint64_t hash;
};
struct PadCase {
  Padding padding;
  PadMode mode;
  int fill;
  Shape to;
  uint64_t hash;
};
struct ColorCase {
  const char* name;
  Tensor (*run)(const Tensor&);
  Numbers floats, ints;
};
struct HueCase {
  double shift;
  Numbers ints;
};
#include "tests/vision/ops_golden.inc"

// As tools/golden/vision.py makes them.
Tensor pixels(const Shape& shape, uint64_t seed = 0) {
  std::vector<uint8_t> v(static_cast<size_t>(shape.numel()));
  for (size_t k = 0; k < v.size(); ++k) {
    uint64_t i = (k + 1000003 * seed + 1) * 2654435761u & 0xffffffff;
    i ^= i >> 15;
    i = i * 2246822519u & 0xffffffff;
    v[k] = static_cast<uint8_t>(i >> 13 & 255);
  }
  return from_values(v, shape);
}
uint64_t fnv(const Tensor& t) {
  uint64_t h = 0xcbf29ce484222325u;
  for (uint8_t b : t.to_vector<uint8_t>()) h = (h ^ b) * 0x100000001b3u;
  return h;
}
std::string text(Extent2 e) { return concat("[", e.h, ", ", e.w, "]"); }

void expect_near(const Tensor& t, const Numbers& want, double tolerance, const std::string& what) {
  const Numbers got = t.to_vector<double>();
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], tolerance) << what << " at " << i;
}
// Equal but for a few results that lie at the edge of rounding or truncation.
void expect_ints(const Tensor& t, const Numbers& want, size_t off_by_one, const std::string& what) {
  EXPECT_EQ(t.dtype(), u8) << what;
  const Numbers got = t.to_vector<double>();
  ASSERT_EQ(got.size(), want.size()) << what;
  size_t other = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], 1) << what << " at " << i;
    other += got[i] != want[i];
  }
  EXPECT_LE(other, off_by_one) << what;
}

void fails(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error with \"" << part << '"';
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Resize, U8IsPillowsToTheBit) {
  for (const PillowResize& c : kPillowResizes) {
    const Tensor x = pixels({3, c.from.h, c.from.w});
    const Tensor y = resize(x, c.to, {.interpolation = c.interpolation});
    EXPECT_EQ(y.shape(), (Shape{3, c.to.h, c.to.w}));
    EXPECT_EQ(fnv(y), c.hash) << text(c.from) << " to " << text(c.to);
    // Batches and images whose rows or pixels lie apart give the same.
    const Tensor batch = x.unsqueeze(0).expand({2, 3, c.from.h, c.from.w});
    EXPECT_TRUE(resize(batch, c.to, {.interpolation = c.interpolation})[1].equal(y));
    const Tensor turned = x.permute({1, 2, 0}).contiguous().permute({2, 0, 1});
    EXPECT_TRUE(resize(turned, c.to, {.interpolation = c.interpolation}).equal(y));
    const Tensor part = pad(x, 3, {.fill = 9}).narrow(1, 3, c.from.h).narrow(2, 3, c.from.w);
    EXPECT_TRUE(resize(part, c.to, {.interpolation = c.interpolation}).equal(y));
  }
}

TEST(Resize, NearestIsTorchs) {
  for (const PillowResize& c : kNearestResizes) {
    const Tensor x = pixels({3, c.from.h, c.from.w});
    const Tensor y = resize(x, c.to, {.interpolation = c.interpolation});
    EXPECT_EQ(fnv(y), c.hash) << text(c.from) << " to " << text(c.to);
    EXPECT_TRUE(resize(x.to(i64), c.to, {.interpolation = c.interpolation}).equal(y.to(i64)));
    EXPECT_TRUE(resize(x.to(bf16), c.to, {.interpolation = c.interpolation}).equal(y.to(bf16)));
  }
}

TEST(Resize, FloatsAreTorchs) {
  for (const FloatResize& c : kFloatResizes) {
    const std::string what = concat(text(c.from), " to ", text(c.to), c.antialias ? " antialiased" : "");
    const Tensor x = pixels({2, c.from.h, c.from.w});
    const ResizeOptions o{.interpolation = c.interpolation, .antialias = c.antialias};
    expect_near(resize(x.to(f64) / 255.0, c.to, o), c.floats, 1e-14, what);
    expect_near(resize(x.to(f32) / 255.0, c.to, o), c.floats, 4e-7, what);
    expect_near(resize((x.to(f32) / 255.0).to(f16), c.to, o), c.floats, 1e-3, what);
    expect_near(resize((x.to(f32) / 255.0).to(bf16), c.to, o), c.floats, 1e-2, what);
    if (c.antialias) continue;
    const Numbers u = resize(x, c.to, o).to_vector<double>();
    for (size_t i = 0; i < u.size(); ++i) {
      // Only a result halfway between two numbers may become either, as f32 has it.
      if (u[i] == c.rounded[i]) continue;
      EXPECT_NEAR(c.floats[i] * 255, (u[i] + c.rounded[i]) / 2, 1e-4) << what;
    }
  }
}

TEST(Resize, KeepsInfinitiesWhereTheyAre) {
  Tensor x = zeros({1, 4, 4});
  x[0][0][0].fill_(std::numeric_limits<double>::infinity());
  const Tensor y = resize(x, {4, 8}, {.interpolation = Interpolation::kBicubic});
  EXPECT_EQ(y.isnan().any().item<bool>(), false);
  EXPECT_TRUE(y.narrow(1, 1, 3).equal(zeros({1, 3, 8})));
}

TEST(Resize, ShorterSideKeepsTheAspect) {
  for (const ShorterSide& c : kShorterSides) {
    const Tensor y = resize_shorter_side(zeros({1, c.from.h, c.from.w}), c.size,
                                         {.max_size = c.limit ? std::optional(c.limit) : std::nullopt});
    EXPECT_EQ(text({y.size(1), y.size(2)}), to_string(c.to)) << text(c.from);
  }
  const Tensor x = pixels({3, 20, 30});
  EXPECT_TRUE(resize_shorter_side(x, 10).equal(resize(x, {10, 15})));
}

TEST(Resize, Refusals) {
  const Tensor x = pixels({3, 6, 5});
  fails([&] { resize(x, {0, 4}); }, "vision::resize: the result's height and width must be 1 to 16777216");
  fails([&] { resize(x, {4, int64_t{1} << 40}); }, "but are 4 and 1099511627776");
  fails([&] { resize(x[0], 4); }, "expected an image [c, h, w] or [n, c, h, w], but its shape is [6, 5]");
  fails([&] { resize(zeros({3, 0, 5}), 4); }, "has no pixels");
  fails([&] { resize(x.to(i32), 4); }, "vision::resize: dtype i32 is not supported; it takes");
  fails([&] { resize_shorter_side(x, 0); }, "must be one number or height and width");
  fails([&] { resize_shorter_side(x, 8, {.max_size = 8}); }, "max_size 8 must be greater");
  fails([&] { resize(Tensor(), 4); }, "undefined");
  EXPECT_EQ(resize(zeros({0, 3, 6, 5}), 4).shape(), (Shape{0, 3, 4, 4}));
}

TEST(Geometry, CropsAndPaddings) {
  for (const CenterCropCase& c : kCenterCrops) {
    const Tensor x = pixels({2, c.from.h, c.from.w});
    EXPECT_EQ(fnv(center_crop(x, c.to)), c.hash) << text(c.from) << " to " << text(c.to);
    EXPECT_EQ(fnv(center_crop(x.to(f64), c.to).to(u8)), c.hash);
    EXPECT_EQ(fnv(center_crop(x.transpose(1, 2).contiguous().transpose(1, 2), c.to)), c.hash);
  }
  for (const CropCase& c : kCrops)
    EXPECT_EQ(fnv(crop(pixels({2, 7, 9}), c.top, c.left, c.to)), c.hash) << c.top << ' ' << c.left;
  for (const PadCase& c : kPads) {
    const Tensor y = pad(pixels({2, 6, 5}), c.padding, {.mode = c.mode, .fill = c.fill});
    EXPECT_EQ(y.shape(), c.to);
    EXPECT_EQ(fnv(y), c.hash) << static_cast<int>(c.mode);
  }
  const Tensor mask = pixels({1, 3, 3}).gt(100);
  EXPECT_EQ(pad(mask, 1, {.fill = true}).sum().item<int64_t>(), mask.sum().item<int64_t>() + 16);
}

TEST(Geometry, Flips) {
  const Tensor x = tensor({{{1, 2, 3}, {4, 5, 6}}}, {.dtype = u8});
  EXPECT_TRUE(horizontal_flip(x).equal(tensor({{{3, 2, 1}, {6, 5, 4}}}, {.dtype = u8})));
  EXPECT_TRUE(vertical_flip(x).equal(tensor({{{4, 5, 6}, {1, 2, 3}}}, {.dtype = u8})));
  EXPECT_TRUE(vertical_flip(stack({x, x}))[1].equal(vertical_flip(x)));
}

TEST(Geometry, Refusals) {
  const Tensor x = pixels({3, 6, 5});
  fails([&] { crop(x, 0, 0, {0, 3}); }, "vision::crop: the result's height and width");
  fails([&] { crop(x, int64_t{1} << 40, 0, 3); }, "farther than");
  fails([&] { center_crop(x[0][0], 3); }, "vision::center_crop: expected an image");
  fails([&] { pad(x, -1); }, "paddings must be 0 to");
  fails([&] { pad(x, {5, 0, 0, 0}, {.mode = PadMode::kReflect}); }, "too small for {left: 5");
  fails([&] { pad(x, {0, 0, 0, 7}, {.mode = PadMode::kSymmetric}); }, "too small for");
  fails([&] { pad(x, 1, {.fill = 256}); }, "the fill 256 is no value of u8");
  fails([&] { pad(x, 1, {.fill = 0.5}); }, "the fill 0.5 is no value of u8");
  EXPECT_EQ(pad(x, {5, 0, 0, 6}, {.mode = PadMode::kSymmetric}).shape(), (Shape{3, 12, 10}));
}

TEST(Color, ValuesAreTorchvisions) {
  Tensor u = pixels({3, 5, 6}, 1);
  for (const auto& [column, value] : {std::pair<int64_t, int>{0, 0}, {1, 255}, {2, 90}})
    u.narrow(1, 0, 1).narrow(2, column, 1).fill_(value);
  const Tensor f = u.to(f64) / 255.0;
  for (const ColorCase& c : kColors) {
    expect_near(c.run(f), c.floats, 1e-14, c.name);
    expect_near(c.run(f.to(f32)), c.floats, 1e-6, c.name);
    expect_near(c.run(stack({f, f}))[1], c.floats, 1e-14, c.name);
    if (!c.ints.empty()) expect_ints(c.run(u), c.ints, 1, c.name);
  }
  for (const HueCase& c : kHues) expect_ints(adjust_hue(u, c.shift), c.ints, 1, concat("hue ", c.shift));
  expect_near(normalize(to_float(u), {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}), kNormalized, 1e-6, "normalize");
  expect_near(hsv_to_rgb(rgb_to_hsv(f)), f.to_vector<double>(), 1e-14, "there and back");
}

TEST(Color, Conversions) {
  const Tensor u = pixels({3, 16, 16});
  const Tensor f = to_float(u);
  EXPECT_EQ(f.dtype(), f32);
  for (int64_t i = 0; i < u.numel(); ++i)
    ASSERT_EQ(f.data<float>()[i], static_cast<float>(u.data<uint8_t>()[i]) / 255.0f);
  EXPECT_TRUE(to_u8(f).equal(u));
  EXPECT_TRUE(to_u8(tensor({{{-1.0, 0.0, 1.0, 7.0}}})).equal(tensor({{{0, 0, 255, 255}}}, {.dtype = u8})));
  EXPECT_TRUE(to_float(f).is(f));
  const Tensor grey = rgb_to_grayscale(u);
  EXPECT_EQ(grey.shape(), (Shape{1, 16, 16}));
  EXPECT_TRUE(grayscale_to_rgb(grey).narrow(0, 2, 1).equal(grey));
  EXPECT_TRUE(adjust_saturation(grey, 3).equal(grey));
  EXPECT_TRUE(adjust_hue(grey, 0.3).equal(grey));
  EXPECT_TRUE(adjust_hue(u, 0).equal(u));
  EXPECT_TRUE(adjust_contrast(u, 1).equal(u));
}

TEST(Color, Refusals) {
  const Tensor u = pixels({3, 4, 4});
  fails([&] { normalize(u, {0.5}, {0.5}); }, "normalize: dtype u8 is not supported");
  fails([&] { normalize(to_float(u), {0.5, 0.5}, {0.5}); }, "2 values of mean for an image of 3 channels");
  fails([&] { normalize(to_float(u), {0.5}, {0.0}); }, "a std is 0");
  fails([&] { to_float(u.to(i16)); }, "to_float: dtype i16 is not supported");
  fails([&] { rgb_to_hsv(u); }, "rgb_to_hsv: dtype u8");
  fails([&] { rgb_to_grayscale(pixels({2, 4, 4})); }, "expected 1 or 3 channels");
  fails([&] { adjust_brightness(u, -0.1); }, "the factor must be at least 0");
  fails([&] { adjust_hue(u, 0.6); }, "the shift must lie in [-0.5, 0.5]");
  fails([&] { adjust_gamma(u, std::nan("")); }, "gamma must be at least 0");
}

}  // namespace
}  // namespace hearth::vision
