// Changes of sounds: against torchaudio where they are certain, against what they promise where they are random.
#include "audio/ops/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "audio/ops/mu_law.h"
#include "core/ops/compare.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "tests/audio/golden.h"

namespace hearth::audio {
namespace {

using hearth::testing::error_of;
using ::testing::HasSubstr;

Tensor signal() { return stored("x").slice(1, 0, 300); }

TEST(Augment, AsTorchaudio) {
  const Tensor x = signal(), noise = flip(x, {0}), snr = tensor({3.0, -10.0}, {.dtype = f64});
  EXPECT_LE(difference(add_noise(x, noise, snr), stored("add_noise")), 1e-12);
  EXPECT_LE(difference(add_noise(x, noise, snr, tensor({250, 90})), stored("add_noise_lengths")), 1e-12);
  EXPECT_LE(difference(speed(x, 16000, 1.1), stored("speed")), 1e-12);
  EXPECT_LE(difference(gain(x, -6), stored("gain")), 1e-12);
  const std::pair<const char*, FadeShape> shapes[] = {{"linear", FadeShape::kLinear},
                                                      {"exponential", FadeShape::kExponential},
                                                      {"logarithmic", FadeShape::kLogarithmic},
                                                      {"quarter_sine", FadeShape::kQuarterSine},
                                                      {"half_sine", FadeShape::kHalfSine}};
  for (const auto& [name, shape] : shapes)
    EXPECT_LE(difference(fade(x, 60, 100, shape), stored(std::string("fade_") + name)), 1e-12) << name;
  EXPECT_TRUE(equal(mu_law_encoding(x), stored("mu_law")));
  EXPECT_TRUE(equal(mu_law_encoding(x * 2, 10), stored("mu_law_10")));
  EXPECT_LE(difference(mu_law_decoding(arange(256).to(f64)), stored("mu_law_back")), 1e-6);
  EXPECT_EQ(mu_law_decoding(arange(256)).dtype(), f32);
}

// f16's own squares would overflow.
TEST(Augment, NoiseOfLargeHalves) {
  const Tensor x = full({1, 10}, 300.0, {.dtype = f16});
  EXPECT_TRUE(equal(add_noise(x, x, zeros({1})), full({1, 10}, 600.0, {.dtype = f16})));
}

// Of masks 0…6 long in 20 columns: each length is drawn as often, and each start.
TEST(Augment, MasksAreDrawnEvenly) {
  Generator g(5);
  std::vector<int> lengths(8);
  double middle = 0;
  constexpr int kTries = 3000;
  for (int i = 0; i < kTries; ++i) {
    const Tensor m = eq(mask_along_axis(ones({3, 20}), 7, MaskAxis::kTime, {}, &g), 0);
    // All rows alike, and one stretch.
    EXPECT_TRUE(equal(m.select(0, 0), m.select(0, 2)));
    const auto v = m.select(0, 0).to(i64).to_vector<int64_t>();
    const auto first = std::find(v.begin(), v.end(), 1), last = std::find(v.rbegin(), v.rend(), 1).base();
    const int n = static_cast<int>(std::count(v.begin(), v.end(), 1));
    ++lengths[static_cast<size_t>(n)];
    if (n > 0) {
      EXPECT_EQ(last - first, n);
      middle += static_cast<double>(first - v.begin()) / (20 - n) / kTries;
    }
  }
  for (int n = 0; n < 7; ++n) EXPECT_NEAR(lengths[static_cast<size_t>(n)], kTries / 7.0, 80) << n;
  EXPECT_EQ(lengths[7], 0);
  EXPECT_NEAR(middle, 0.5 * 6 / 7, 0.05);
}

TEST(Augment, MasksOfEachExample) {
  Generator g(7);
  const Tensor m =
      eq(mask_along_axis(ones({50, 1, 16, 4}), 8, MaskAxis::kFrequency, {.mask_value = -3, .iid = true}, &g), -3);
  const auto rows = m.to(i64).sum({1, 2}).select(1, 0).to_vector<int64_t>();
  EXPECT_GT(std::set<int64_t>(rows.begin(), rows.end()).size(), 4u);
  // At most p of the dimension.
  for (int i = 0; i < 50; ++i) {
    const Tensor few = mask_along_axis(ones({1, 20}), 20, MaskAxis::kTime, {.p = 0.2}, &g);
    EXPECT_GE(few.sum().item<double>(), 17);
  }
  const Tensor x = ones({2, 5});
  EXPECT_TRUE(mask_along_axis(x, 0, MaskAxis::kTime).is(x));
}

TEST(Augment, SpecAugment) {
  Generator g(9);
  const Tensor x = rand({4, 40, 200}, {}, &g) + 1;
  const Tensor y = spec_augment(x, {.zero_masking = true}, &g),
               same = spec_augment(x, {.n_time_masks = 0, .n_freq_masks = 0});
  EXPECT_TRUE(same.is(x));
  const Tensor masked = eq(y, 0);
  EXPECT_GT(masked.to(f32).mean().item<double>(), 0.2);
  EXPECT_TRUE(equal(where(masked, 0, x), y));
  const Tensor mean = spec_augment(x, {}, &g);
  EXPECT_FALSE(eq(mean, 0).any().item<bool>());
  EXPECT_NEAR(mean.mean().item<double>(), x.mean().item<double>(), 0.05);
}

TEST(Augment, Errors) {
  const Tensor x = ones({2, 5});
  const auto refused = [](const std::function<void()>& f, const char* part) {
    EXPECT_THAT(error_of(f), HasSubstr(part));
  };
  refused([&] { add_noise(x, ones({2, 4}), ones({2})); }, "add_noise: signals and noise must have one shape");
  refused([&] { add_noise(x, x, ones({3})); }, "add_noise: snr must have the shape [2], but has [3]");
  refused([&] { speed(x, 16000, 0); }, "speed: 0 times 16000 Hz is not a rate");
  refused([&] { fade(x, 6, 0); }, "fade: fades of 6 and 0 samples do not fit into signals of 5");
  refused([&] { mask_along_axis(x, -1, MaskAxis::kTime); }, "mask_param must not be negative, but is -1");
  refused([&] { mask_along_axis(x, 1, MaskAxis::kTime, {.p = 2}); }, "p must be in [0, 1], but is 2");
  refused([&] { mask_along_axis(ones({3}), 1, MaskAxis::kTime); }, "expected a spectrogram [..., frequency, time]");
  refused([&] { mu_law_encoding(x, 1); }, "quantization_channels must be at least 2, but is 1");
}

}  // namespace
}  // namespace hearth::audio
