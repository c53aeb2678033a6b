// Filters and what is made of them, against torchaudio; streams against the whole signal.
#include "audio/ops/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "audio/ops/biquad.h"
#include "audio/ops/convolve.h"
#include "audio/ops/loudness.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "tests/audio/golden.h"

namespace hearth::audio {
namespace {

using hearth::testing::error_of;
using ::testing::HasSubstr;

// The part of the signal of which the script takes these values.
Tensor signal() { return stored("x").slice(1, 0, 300); }

TEST(Filters, AsTorchaudio) {
  const Tensor a3 = stored("a3"), b3 = stored("b3"), c3 = stored("c3"), a4 = stored("a4"), b4 = stored("b4");
  const int64_t rate = 16000;
  const std::pair<const char*, std::function<Tensor(const Tensor&)>> cases[] = {
      {"lfilter", [&](const Tensor& x) { return lfilter(x, a3, b3, false); }},
      {"lfilter_clamp", [&](const Tensor& x) { return lfilter(x * 4, a4, b4); }},
      {"lfilter_each",
       [&](const Tensor& x) {
         return lfilter(x, stack({a3, c3}), stack({b3, a3}), false);
       }},
      {"lfilter_all",
       [&](const Tensor& x) {
         return lfilter(x, stack({a3, c3}), stack({b3, a3}), false, false);
       }},
      {"filtfilt", [&](const Tensor& x) { return filtfilt(x, a3, b3, false); }},
      {"preemphasis", [](const Tensor& x) { return preemphasis(x, 0.95); }},
      {"deemphasis", [](const Tensor& x) { return deemphasis(x, 0.95); }},
      {"lowpass", [=](const Tensor& x) { return lowpass_biquad(x, rate, 1000); }},
      {"highpass", [=](const Tensor& x) { return highpass_biquad(x, rate, 1000, 2); }},
      {"allpass", [=](const Tensor& x) { return allpass_biquad(x, rate, 1000); }},
      {"bandpass", [=](const Tensor& x) { return bandpass_biquad(x, rate, 1000); }},
      {"bandpass_skirt", [=](const Tensor& x) { return bandpass_biquad(x, rate, 1000, 3, true); }},
      {"bandreject", [=](const Tensor& x) { return bandreject_biquad(x, rate, 1000); }},
      {"band", [=](const Tensor& x) { return band_biquad(x, rate, 1000); }},
      {"band_noise", [=](const Tensor& x) { return band_biquad(x, rate, 1000, 2, true); }},
      {"equalizer", [=](const Tensor& x) { return equalizer_biquad(x, rate, 1000, -6); }},
      {"bass", [=](const Tensor& x) { return bass_biquad(x, rate, 9); }},
      {"treble", [=](const Tensor& x) { return treble_biquad(x, rate, -9); }},
      {"deemph", [](const Tensor& x) { return deemph_biquad(x, 48000); }},
      {"deemph_cd", [](const Tensor& x) { return deemph_biquad(x, 44100); }},
      {"riaa_44100", [](const Tensor& x) { return riaa_biquad(x, 44100); }},
      {"riaa_48000", [](const Tensor& x) { return riaa_biquad(x, 48000); }},
      {"riaa_88200", [](const Tensor& x) { return riaa_biquad(x, 88200); }},
      {"riaa_96000", [](const Tensor& x) { return riaa_biquad(x, 96000); }},
  };
  for (const auto& [name, call] : cases) {
    SCOPED_TRACE(name);
    const Tensor x = signal();
    EXPECT_LE(difference(call(x), stored(name)), 1e-12);
    // One rounding, since the state is f64.
    const Tensor narrow = call(x.to(f32));
    EXPECT_EQ(narrow.dtype(), f32);
    EXPECT_LE(difference(narrow, stored(name)), 1e-6);
  }
}

TEST(Filters, Gradients) {
  for (const bool third : {true, false}) {
    Tensor x = signal().clone().requires_grad_();
    Tensor a = stored(third ? "a4" : "a3").clone().requires_grad_();
    Tensor b = stored(third ? "b4" : "b3").clone().requires_grad_();
    const std::string which = third ? "a" : "b";
    lfilter(x, a, b, false).backward(stored("lfilter_w_" + which));
    EXPECT_LE(difference(x.grad(), stored("lfilter_grad_" + which + "_x")), 1e-12);
    EXPECT_LE(difference(a.grad(), stored("lfilter_grad_" + which + "_a")), 1e-12);
    EXPECT_LE(difference(b.grad(), stored("lfilter_grad_" + which + "_b")), 1e-12);
  }
}

TEST(Filters, ChunksGiveTheBitsOfTheWhole) {
  std::mt19937 random(1);
  for (const DType t : {f32, f64, f16}) {
    const Tensor x = randn({2, 3000}).to(t);
    for (const char* order : {"3", "4"}) {
      const Tensor a = stored(std::string("a") + order), b = stored(std::string("b") + order);
      FilterStream stream(a, b);
      for (int round = 0; round < 2; ++round) {
        std::vector<Tensor> parts;
        for (int64_t at = 0; at < 3000;) {
          const int64_t n = std::min<int64_t>(3000 - at, static_cast<int64_t>(random() % 1500));
          parts.push_back(stream(x.slice(1, at, at + n)));
          at += n;
        }
        EXPECT_TRUE(equal(cat(parts, 1), lfilter(x, a, b, false)));
        stream.reset();
      }
    }
  }
}

TEST(Filters, SizesAndErrors) {
  const Tensor a = tensor({1.0, 0.5}), b = tensor({1.0, 0.25}), x = ones({2, 5});
  EXPECT_EQ(lfilter(zeros({2, 0}), a, b).shape(), Shape({2, 0}));
  EXPECT_EQ(lfilter(zeros({0, 3}), a, b).shape(), Shape({0, 3}));
  Tensor g = zeros({2, 0}).requires_grad_();
  lfilter(g, a, b).sum().backward();
  EXPECT_EQ(g.grad().shape(), Shape({2, 0}));
  EXPECT_EQ(preemphasis(zeros({3, 0})).shape(), Shape({3, 0}));
  const auto refused = [](const std::function<void()>& f, const char* part) {
    EXPECT_THAT(error_of(f), HasSubstr(part));
  };
  refused([&] { lfilter(x, a, ones({3})); }, "lfilter: a and b must both be [order + 1] or [filters, order + 1]");
  refused([&] { lfilter(x, ones({3, 2}), ones({3, 2})); }, "lfilter: 3 filters need signals [..., filters, time]");
  refused([&] { lfilter(tensor({1, 2}), a, b); }, "lfilter: dtype i64 is not supported");
  refused([&] { lfilter(x, a.to(i64), b.to(i64)); }, "lfilter: dtype i64 is not supported");
  refused([&] { lfilter(scalar_tensor(1.0), a, b); }, "expected signals [..., time]");
  refused(
      [&] {
        FilterStream s(a, b);
        s(x);
        s(ones({3, 5}));
      },
      "the state has shape [2, 1]; expected [3, 1]");
  refused([&] { biquad(x, 1, 0, 0, 0, 0, 0); }, "biquad: a0 must not be 0");
  refused([&] { lowpass_biquad(x, 16000, 9000); }, "lowpass_biquad: the frequency must be from 0 to half");
  refused([&] { bass_biquad(x, 0, 1); }, "bass_biquad: the sample rate must be positive, but is 0");
  refused([&] { highpass_biquad(x, 16000, 10, 0); }, "highpass_biquad: q must be above 0");
  refused([&] { riaa_biquad(x, 8000); }, "riaa_biquad: the sample rate must be 44100");
  refused([&] { deemph_biquad(x, 8000); }, "deemph_biquad: the sample rate must be 44100 or 48000");
}

TEST(Convolve, AsTorchaudio) {
  const Tensor x = signal(), y = stored("short");
  const std::pair<const char*, ConvolveMode> modes[] = {
      {"full", ConvolveMode::kFull}, {"valid", ConvolveMode::kValid}, {"same", ConvolveMode::kSame}};
  for (auto* f : {convolve, fftconvolve}) {
    for (const auto& [name, mode] : modes) {
      EXPECT_LE(difference(f(x, y, mode), stored(std::string("convolve_") + name)), 1e-12) << name;
      EXPECT_LE(difference(f(y, x, mode), stored(std::string("convolve_back_") + name)), 1e-12) << name;
    }
    EXPECT_LE(difference(f(x.select(0, 0), y, ConvolveMode::kFull).select(0, 0), stored("convolve_full").select(0, 0)),
              1e-12);
    EXPECT_THAT(error_of([&] {
                  f(x, zeros({2, 0}, {.dtype = f64}), ConvolveMode::kFull);
                }),
                HasSubstr("the operands must have samples"));
  }
}

TEST(Loudness, AsTorchaudio) {
  const Tensor x = stored("sound");
  EXPECT_NEAR(loudness(x.to(f64), 16000).item<double>(), stored("loudness").item<double>(), 1e-9);
  EXPECT_NEAR(loudness(x, 16000).item<double>(), stored("loudness").item<double>(), 1e-4);
  EXPECT_TRUE(std::isnan(loudness(zeros({1, 16000}), 16000).item<double>()));
  EXPECT_THAT(error_of([] { loudness(zeros({6, 16000}), 16000); }), HasSubstr("of 1 to 5 channels"));
  EXPECT_THAT(error_of([] { loudness(zeros({1, 100}), 16000); }), HasSubstr("shorter than a block of 0.4 s"));
}

}  // namespace
}  // namespace hearth::audio
