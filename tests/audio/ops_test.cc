// Features against torchaudio's, of f64 and f32; gradients, sizes and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "audio/ops/mel.h"
#include "audio/ops/resample.h"
#include "audio/ops/spectrogram.h"
#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/ops/window.h"

namespace hearth::audio {
namespace {

using ::testing::HasSubstr;

Tensor stored(const std::string& name) {
  static const auto* const file = [] {
    auto f = io::load_safetensors("tests/audio/ops_golden.safetensors");
    if (!f.ok()) ADD_FAILURE() << f.status();
    return new io::Safetensors(*std::move(f));
  }();
  const auto it = file->tensors.find(name);
  EXPECT_NE(it, file->tensors.end()) << name;
  return it == file->tensors.end() ? zeros({1}) : it->second;
}

// As a part of the largest value.
double difference(const Tensor& got, const Tensor& want) {
  EXPECT_EQ(got.shape(), want.shape());
  if (!(got.shape() == want.shape())) return 1;
  return abs(got.detach().to(f64) - want).amax({}).item<double>() / abs(want).amax({}).item<double>();
}

struct Case {
  const char* name;
  std::function<Tensor(const Tensor&)> call;
  const char* input = "x";
};

std::vector<Case> cases() {
  return {
      {"spectrogram", [](const Tensor& x) { return spectrogram(x); }},
      {"spectrogram_magnitude",
       [](const Tensor& x) { return spectrogram(x, {.n_fft = 256, .win_length = 200, .hop_length = 80, .power = 1}); }},
      {"spectrogram_power",
       [](const Tensor& x) { return spectrogram(x, {.n_fft = 256, .pad = 30, .power = 1.5, .center = false}); }},
      {"spectrogram_window",
       [](const Tensor& x) { return spectrogram(x, {.n_fft = 256, .normalized = SpectrogramNorm::kWindow}); }},
      {"spectrogram_frame",
       [](const Tensor& x) {
         return spectrogram(
             x, {.n_fft = 256, .normalized = SpectrogramNorm::kFrameLength, .pad_mode = SignalPadding::kConstant});
       }},
      {"spectrogram_complex",
       [](const Tensor& x) {
         const Tensor w = hamming_window(128, true, 0.54, 0.46, {.dtype = x.dtype()});
         return view_as_real(
             spectrogram(x.select(0, 0), {.n_fft = 128, .window = w, .power = {}, .onesided = false}).contiguous());
       }},
      {"mel", [](const Tensor& x) { return mel_spectrogram(x, {.n_mels = 64}); }},
      {"mel_slaney",
       [](const Tensor& x) {
         return mel_spectrogram(x, {.spectrogram = {.n_fft = 512, .hop_length = 160, .power = 1},
                                    .f_min = 50,
                                    .f_max = 7000,
                                    .n_mels = 40,
                                    .norm = MelNorm::kSlaney,
                                    .mel_scale = MelScale::kSlaney});
       }},
      {"mfcc", [](const Tensor& x) { return mfcc(x, {.n_mfcc = 20, .mel = {.n_mels = 64}}); }},
      {"mfcc_log",
       [](const Tensor& x) {
         return mfcc(x, {.n_mfcc = 13,
                         .ortho = false,
                         .log_mels = true,
                         .mel = {.spectrogram = {.hop_length = 160}, .n_mels = 40}});
       }},
      {"db", [](const Tensor& x) { return amplitude_to_db(x); }, "power"},
      {"db_top", [](const Tensor& x) { return amplitude_to_db(x, 20, 1e-5, 0.5, 30); }, "power"},
      {"db_batch",
       [](const Tensor& x) {
         return amplitude_to_db(stack({x, x * 1e-3}), 10, 1e-10, 0, 20);
       },
       "power"},
      {"db_back", [](const Tensor& x) { return db_to_amplitude(amplitude_to_db(x), 2, 0.5); }, "power"},
      {"resample_44100_16000", [](const Tensor& x) { return resample(x, 44100, 16000); }},
      {"resample_16000_44100", [](const Tensor& x) { return resample(x, 16000, 44100); }},
      {"resample_8000_16000", [](const Tensor& x) { return resample(x, 8000, 16000); }},
      {"resample_16000_8000", [](const Tensor& x) { return resample(x, 16000, 8000); }},
      {"resample_3_2", [](const Tensor& x) { return resample(x, 3, 2); }},
      {"resample_kaiser",
       [](const Tensor& x) {
         return resample(
             x, 16000, 11025,
             {.lowpass_filter_width = 16, .rolloff = 0.9475937167399596, .method = ResampleMethod::kSincKaiser});
       }},
      {"resample_width",
       [](const Tensor& x) {
         return resample(x.select(0, 0).slice(0, 0, 50), 48000, 16000, {.lowpass_filter_width = 64});
       }},
      {"whisper_80", [](const Tensor& x) { return whisper_log_mel(x, 80); }},
      {"whisper_128", [](const Tensor& x) { return whisper_log_mel(x, 128); }},
  };
}

TEST(AudioOps, AsTorchaudio) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor x = stored(c.input), want = stored(c.name);
    const Tensor wide = c.call(x), narrow = c.call(x.to(f32));
    EXPECT_EQ(wide.dtype(), f64);
    EXPECT_EQ(narrow.dtype(), f32);
    // create_dct is f32 as torchaudio's own, but computed in f64.
    EXPECT_LE(difference(wide, want), std::string(c.name).starts_with("mfcc") ? 2e-7 : 2e-12);
    // Whisper's logarithm shows bins eight decades below the loudest, where f32 itself ends: PyTorch's own f32
    // is 2.0e-5 and 2.2e-5 away from its f64.
    EXPECT_LE(difference(narrow, want), std::string(c.name).starts_with("whisper") ? 2.2e-5 : 5e-6);
  }
}

TEST(AudioOps, Filters) {
  for (const MelNorm norm : {MelNorm::kNone, MelNorm::kSlaney}) {
    for (const MelScale scale : {MelScale::kHtk, MelScale::kSlaney}) {
      const std::string name = std::string("fbanks_") + (scale == MelScale::kHtk ? "htk" : "slaney") +
                               (norm == MelNorm::kNone ? "_none" : "_slaney");
      EXPECT_LE(difference(melscale_fbanks(201, 20, 7600, 40, 16000, norm, scale, {.dtype = f64}), stored(name)), 1e-12)
          << name;
    }
  }
  EXPECT_LE(difference(melscale_fbanks(129, 0, 5512, 23, 11025, MelNorm::kNone, MelScale::kHtk, {.dtype = f64}),
                       stored("fbanks_odd")),
            1e-12);
  for (const MelScale scale : {MelScale::kHtk, MelScale::kSlaney}) {
    for (double hz : {0.0, 440.0, 999.0, 1000.0, 1001.0, 8000.0})
      EXPECT_NEAR(mel_to_hz(hz_to_mel(hz, scale), scale), hz, 1e-9);
  }
  EXPECT_DOUBLE_EQ(hz_to_mel(1000, MelScale::kSlaney), 15);
}

TEST(AudioOps, Gradients) {
  Tensor x = stored("x").slice(1, 0, 800).clone().requires_grad_();
  mel_spectrogram(x, {.n_mels = 64}).backward(stored("mel_w"));
  EXPECT_LE(difference(x.grad(), stored("mel_grad")), 1e-12);
  x.set_grad({});
  resample(x, 16000, 11025).backward(stored("resample_w"));
  EXPECT_LE(difference(x.grad(), stored("resample_grad")), 1e-12);
  // Of silence.
  for (double power : {1.0, 1.5, 2.0, 3.0}) {
    Tensor silence = zeros({1000}).requires_grad_();
    spectrogram(silence, {.power = power}).sum().backward();
    EXPECT_TRUE(equal(silence.grad(), zeros({1000}))) << power;
  }
}

TEST(AudioOps, SizesAndErrors) {
  const auto error_of = [](auto f) -> std::string {
    try {
      f();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  const Tensor x = ones({2, 3, 1000});
  EXPECT_EQ(spectrogram(x).shape(), Shape({2, 3, 201, 6}));
  EXPECT_EQ(spectrogram(ones({1000})).shape(), Shape({201, 6}));
  EXPECT_EQ(mel_spectrogram(x, {.n_mels = 12}).shape(), Shape({2, 3, 12, 6}));
  EXPECT_EQ(whisper_log_mel(zeros({480000})).shape(), Shape({80, 3000}));
  EXPECT_EQ(resample(x, 4, 3).shape(), Shape({2, 3, 750}));
  EXPECT_EQ(resample(ones({1}), 3, 1).shape(), Shape({1}));
  EXPECT_EQ(resample(ones({2, 0}), 3, 2).shape(), Shape({2, 0}));
  EXPECT_TRUE(resample(x, 8000, 8000).is(x));
  EXPECT_EQ(spectrogram(ones({0, 1000})).shape(), Shape({0, 201, 6}));
  EXPECT_THAT(error_of([] { spectrogram(ones({100})); }),
              HasSubstr("is too short for 200 and 200 values of reflection"));
  EXPECT_THAT(error_of([] { spectrogram(tensor({1, 2})); }), HasSubstr("spectrogram: dtype i64 is not supported"));
  EXPECT_THAT(error_of([&] { spectrogram(x, {.pad = -1}); }), HasSubstr("pad must not be negative"));
  EXPECT_THAT(error_of([&] { mel_spectrogram(x, {.spectrogram = {.power = {}}}); }), HasSubstr("give a power"));
  EXPECT_THAT(error_of([&] { mel_spectrogram(x, {.f_min = 9000}); }), HasSubstr("must rise from f_min >= 0 to f_max"));
  EXPECT_THAT(error_of([&] { mfcc(x, {.n_mfcc = 200}); }), HasSubstr("200 coefficients of 128 mels are too many"));
  EXPECT_THAT(error_of([&] { resample(x, 0, 3); }), HasSubstr("the rates must be positive, but are 0 and 3"));
  EXPECT_THAT(error_of([&] { resample(x, 99991, 99989); }), HasSubstr("which is too much"));
  EXPECT_THAT(error_of([&] { resample(x, INT64_MAX, 3); }), HasSubstr("which is too much"));
  EXPECT_THAT(error_of([&] { resample(x, 3, INT64_MAX); }), HasSubstr("which is too much"));
  EXPECT_THAT(error_of([&] { resample(x, 2, 1, {.rolloff = 0}); }), HasSubstr("rolloff in (0, 1]"));
  EXPECT_THAT(error_of([&] { amplitude_to_db(x, 10, 0); }), HasSubstr("amin must be positive"));
}

}  // namespace
}  // namespace hearth::audio
