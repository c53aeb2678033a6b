// Features that are made a few frames at a time have the bits of those that are made at once by ops that are recorded.
#include "audio/ops/frame_blocks_internal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <vector>

#include "audio/ops/cepstrum.h"
#include "audio/ops/kaldi.h"
#include "audio/ops/mel.h"
#include "audio/ops/resample.h"
#include "audio/ops/spectrogram.h"
#include "audio/ops/whisper.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::audio {
namespace {

using Feature = std::function<Tensor(const Tensor&)>;

struct Case {
  const char* name;
  Feature feature;
};

std::vector<Case> cases() {
  const SpectrogramOptions power{.n_fft = 400, .hop_length = 160};
  SpectrogramOptions magnitude = power, cubes = power, spectra = power, divided = power;
  magnitude.power = 1;
  cubes.power = 3;
  spectra.power = {};
  divided.normalized = SpectrogramNorm::kWindow;
  const MelOptions mel{.spectrogram = power, .n_mels = 80};
  return {
      {"power", [=](const Tensor& x) { return spectrogram(x, power); }},
      {"power, normalised",
       [](const Tensor& x) {
         return spectrogram(x, {.n_fft = 200, .win_length = 150, .normalized = SpectrogramNorm::kFrameLength});
       }},
      {"power of an odd length", [](const Tensor& x) { return spectrogram(x, {.n_fft = 301, .hop_length = 200}); }},
      {"power of long frames", [](const Tensor& x) { return spectrogram(x, {.n_fft = 2048, .hop_length = 1000}); }},
      {"power of a window of its own",
       [](const Tensor& x) {
         return spectrogram(x, {.n_fft = 256, .window = ones({256}, {.dtype = f64}), .center = false});
       }},
      {"magnitude", [=](const Tensor& x) { return spectrogram(x, magnitude); }},
      {"cubes", [=](const Tensor& x) { return spectrogram(x, cubes); }},
      {"divided", [=](const Tensor& x) { return spectrogram(x, divided); }},
      {"spectra",
       [=](const Tensor& x) {
         const Tensor z = spectrogram(x, spectra);
         return view_as_real(z.contiguous());
       }},
      {"mel", [=](const Tensor& x) { return mel_spectrogram(x, mel); }},
      {"mel of magnitudes",
       [=](const Tensor& x) { return mel_spectrogram(x, {.spectrogram = magnitude, .n_mels = 40}); }},
      {"mfcc", [=](const Tensor& x) { return mfcc(x, {.n_mfcc = 13, .log_mels = true, .mel = mel}); }},
      {"lfcc", [=](const Tensor& x) { return lfcc(x, {.spectrogram = power}); }},
      {"whisper", [](const Tensor& x) { return whisper_log_mel(x); }},
      {"kaldi spectrogram", [](const Tensor& x) { return kaldi::spectrogram(x); }},
      {"kaldi fbank", [](const Tensor& x) { return kaldi::fbank(x, {.num_mel_bins = 80, .use_energy = true}); }},
      {"kaldi fbank of magnitudes",
       [](const Tensor& x) {
         return kaldi::fbank(x, {.frame = {.snip_edges = false, .raw_energy = false, .subtract_mean = true},
                                 .use_power = false,
                                 .use_energy = true});
       }},
      {"kaldi mfcc", [](const Tensor& x) { return kaldi::mfcc(x); }},
      {"resample", [](const Tensor& x) { return resample(x, 44100, 16000); }},
  };
}

// Several blocks of a line; lines of several blocks; blocks of several lines, the last of fewer.
const Shape kShapes[] = {{100000}, {2, 60001}, {37, 5000}};

TEST(FrameBlocks, HaveTheBitsOfOpsThatAreRecorded) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    for (const DType t : {f32, f64}) {
      for (const Shape& shape : kShapes) {
        Generator random(1);
        const Tensor x = randn(shape, {.dtype = t}, &random);
        const Tensor got = c.feature(x), want = c.feature(x.clone().requires_grad_());
        EXPECT_FALSE(got.requires_grad());
        EXPECT_TRUE(want.requires_grad());
        ASSERT_EQ(got.shape(), want.shape());
        EXPECT_TRUE(got.equal(want.detach())) << concat(t, " ", shape);
      }
    }
  }
}

TEST(FrameBlocks, HaveTheSameBitsForAnyNumberOfThreads) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Generator random(2);
    const Tensor x = randn({2, 60001}, {}, &random);
    const auto of = [&](int threads) {
      const ThreadWidth width(threads);
      return c.feature(x);
    };
    const Tensor one = of(1);
    for (const int threads : {2, 4}) EXPECT_TRUE(of(threads).equal(one)) << threads << " threads";
  }
}

// Each frame is looked at once, wherever it is, and what is made of it is at its place.
TEST(FrameBlocks, CoverAllFrames) {
  constexpr int64_t kSize = 1000;
  const Tensor signal = arange(200000).to(f64);
  const Tensor frames[] = {signal.unfold(0, kSize, 10), signal.reshape({2, 100000}).unfold(-1, kSize, 333),
                           signal.reshape({2, 50, 2000}).unfold(-1, kSize, 250),
                           signal.reshape({2000, 100}).transpose(0, 1).unfold(-1, kSize, 500)};
  for (const Tensor& x : frames) {
    std::atomic<int> calls = 0;
    std::atomic<int64_t> seen = 0;
    const Tensor y = detail::in_blocks(x, false, [&](const Tensor& part) {
      ++calls;
      seen += part.numel();
      return part.slice(-1, 0, 3) * 2;
    });
    EXPECT_GT(calls, 1);
    EXPECT_EQ(seen, x.numel());
    EXPECT_TRUE(y.equal(x.slice(-1, 0, 3) * 2));
  }
  int calls = 0;
  const auto first = [&](const Tensor& part) {
    ++calls;
    return part.slice(-1, 0, 1);
  };
  EXPECT_TRUE(detail::in_blocks(frames[0], true, first).equal(frames[0].slice(-1, 0, 1)));
  EXPECT_EQ(detail::in_blocks(zeros({3, 0, 5}), false, first).shape(), Shape({3, 0, 1}));
  EXPECT_EQ(detail::in_blocks(zeros({0, 4, 5}), false, first).shape(), Shape({0, 4, 1}));
  EXPECT_EQ(calls, 3);
}

TEST(FrameBlocks, PassErrorsOn) {
  std::atomic<int> calls = 0;
  EXPECT_EQ(testing::error_of([&] {
              detail::in_blocks(zeros({5000, 1000}), false, [&](const Tensor& part) {
                if (++calls > 2) fail("too many");
                return part;
              });
            }),
            "too many");
}

}  // namespace
}  // namespace hearth::audio
