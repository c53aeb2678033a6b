// Signals in parts of any size, beside the whole.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "audio/ops/filter.h"
#include "audio/stream/frame_stream.h"
#include "audio/stream/resample_stream.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::audio {
namespace {

Tensor sound(const Shape& shape, DType t, uint64_t seed = 1) {
  Generator random(seed);
  return randn(shape, {.dtype = t}, &random);
}

// What the stream gives of x in random parts, some of them empty.
template <class Stream>
Tensor in_parts(Stream& stream, const Tensor& x, int dim, int64_t largest, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Tensor> parts;
  for (int64_t at = 0; at < x.size(-1);) {
    const int64_t n = std::min<int64_t>(random() % static_cast<uint32_t>(largest + 1), x.size(-1) - at);
    parts.push_back(stream(x.slice(-1, at, at + n)));
    at += n;
  }
  parts.push_back(stream.finish());
  return cat(parts, dim);
}

using Whole = std::function<Tensor(const Tensor&)>;

template <class Stream>
void expect_same(Stream stream, const Whole& whole, int dim = -1) {
  for (const DType t : {f32, f64}) {
    for (const Shape& shape : {Shape{4321}, Shape{2, 1, 1203}}) {
      const Tensor x = sound(shape, t), want = whole(x);
      uint32_t seed = 1;
      for (const int64_t largest : {7, 50, 401, 1999, 10000}) {
        const Tensor got = in_parts(stream, x, dim, largest, seed++);
        ASSERT_EQ(got.shape(), want.shape()) << largest;
        ASSERT_TRUE(got.equal(want)) << concat(t, " ", shape, ", parts of up to ", largest);
      }
    }
  }
}

void expect_same_spectrogram(const SpectrogramOptions& o) {
  expect_same(FrameStream::spectrogram(o), [o](const Tensor& x) { return spectrogram(x, o); });
}

TEST(FrameStream, Spectrogram) {
  expect_same_spectrogram({});
  expect_same_spectrogram({.n_fft = 256, .win_length = 200, .hop_length = 77, .pad = 13});
  expect_same_spectrogram({.n_fft = 512, .hop_length = 160, .center = false});
  expect_same_spectrogram({.n_fft = 100, .hop_length = 250, .pad_mode = SignalPadding::kConstant});
  expect_same_spectrogram({.n_fft = 129, .hop_length = 64, .pad_mode = SignalPadding::kReplicate});
}

TEST(FrameStream, MelSpectrogram) {
  const MelOptions o{.spectrogram = {.hop_length = 160}, .n_mels = 80};
  expect_same(FrameStream::mel_spectrogram(o), [o](const Tensor& x) { return mel_spectrogram(x, o); });
}

TEST(FrameStream, Mfcc) {
  const MfccOptions o{.n_mfcc = 13, .log_mels = true};
  expect_same(FrameStream::mfcc(o), [o](const Tensor& x) { return mfcc(x, o); });
}

TEST(FrameStream, Kaldi) {
  expect_same(
      FrameStream::kaldi_spectrogram(), [](const Tensor& x) { return kaldi::spectrogram(x); }, -2);
  expect_same(
      FrameStream::fbank({.num_mel_bins = 80, .use_energy = true}),
      [](const Tensor& x) { return kaldi::fbank(x, {.num_mel_bins = 80, .use_energy = true}); }, -2);
  expect_same(
      FrameStream::kaldi_mfcc(), [](const Tensor& x) { return kaldi::mfcc(x); }, -2);
}

TEST(FrameStream, AFunctionOfOnesOwn) {
  const auto loudest = [](const Tensor& x) { return x.unfold(-1, 300, 100).amax({-1}); };
  expect_same(FrameStream({.size = 300, .hop = 100}, loudest), loudest);
}

TEST(ResampleStream, GivesTheBitsOfTheWhole) {
  const int64_t rates[][2] = {{44100, 16000}, {16000, 44100}, {8000, 16000}, {16000, 8000}, {3, 2}, {16000, 16000}};
  for (const auto& r : rates)
    expect_same(ResampleStream(r[0], r[1]), [&](const Tensor& x) { return resample(x, r[0], r[1]); });
  const ResampleOptions o{.lowpass_filter_width = 16, .method = ResampleMethod::kSincKaiser};
  expect_same(ResampleStream(48000, 22050, o), [&](const Tensor& x) { return resample(x, 48000, 22050, o); });
}

TEST(Streams, SayWhatDoesNotFit) {
  EXPECT_EQ(testing::error_of([] { FrameStream::mfcc({}); }),
            "FrameStream: mfcc of a stream needs log_mels: decibels are cut below the loudest frame of all");
  EXPECT_EQ(testing::error_of([] { FrameStream::spectrogram({.pad_mode = SignalPadding::kCircular}); }),
            "FrameStream: the padding before a signal cannot be its end, which is not known");
  EXPECT_EQ(testing::error_of([] { FrameStream::fbank({.frame = {.snip_edges = false}}); }),
            "FrameStream: Kaldi's features of a stream need snip_edges");
  EXPECT_EQ(testing::error_of([] { FrameStream::fbank({.frame = {.subtract_mean = true}}); }),
            "FrameStream: the mean over all frames is not known before the end (subtract_mean)");
  FrameStream stream = FrameStream::spectrogram();
  EXPECT_EQ(testing::error_of([&] { stream.finish(); }), "FrameStream: there was no signal");
  EXPECT_EQ(stream(zeros({2, 1000})).shape(), (Shape{2, 201, 5}));
  EXPECT_EQ(stream(zeros({2, 0})).shape(), (Shape{2, 201, 0}));
  EXPECT_EQ(testing::error_of([&] {
              stream(zeros({3, 10}));
            }),
            "FrameStream: the signal goes on as f32 [3, 10], but it began as f32 with the dimensions [2, 0]");
  stream.reset();
  stream(zeros({100}));
  EXPECT_NE(testing::error_of([&] { stream.finish(); }).find("too short"), std::string::npos);
  // The next signal does not hang on that one.
  const Tensor sound = sin(arange(1000, {.dtype = f32}));
  EXPECT_TRUE(cat({stream(sound), stream.finish()}, -1).equal(spectrogram(sound)));
  // Shorter than a frame, without padding.
  FrameStream uncentered = FrameStream::spectrogram({.center = false}),
              own({.size = 4, .hop = 2}, [](const Tensor&x) { return x.unfold(-1, 4, 2); });
  uncentered(zeros({100}));
  EXPECT_EQ(testing::error_of([&] { uncentered.finish(); }),
            "FrameStream: stft: n_fft is 400, but the signal has only 100 samples");
  own(zeros({3}));
  EXPECT_NE(testing::error_of([&] { own.finish(); }), "no error");
  EXPECT_EQ(testing::error_of([] { ResampleStream(0, 1); }),
            "ResampleStream: resample: the rates must be positive, but are 0 and 1");
}

}  // namespace
}  // namespace hearth::audio
