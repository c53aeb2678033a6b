// Features against torchaudio's, of f64 and f32; gradients, sizes and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "audio/ops/cepstrum.h"
#include "audio/ops/features.h"
#include "audio/ops/kaldi.h"
#include "audio/ops/mel.h"
#include "audio/ops/phase.h"
#include "audio/ops/resample.h"
#include "audio/ops/spectrogram.h"
#include "audio/ops/whisper.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/ops/window.h"
#include "tests/audio/golden.h"

namespace hearth::audio {
namespace {

using ::testing::HasSubstr;

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
      {"lfcc",
       [](const Tensor& x) {
         return lfcc(x, {.spectrogram = {.n_fft = 256, .hop_length = 100},
                         .n_filter = 30,
                         .f_min = 200,
                         .f_max = 6000,
                         .n_lfcc = 13});
       }},
      {"lfcc_log", [](const Tensor& x) { return lfcc(x, {.n_lfcc = 20, .log_lf = true}); }},
      {"deltas", [](const Tensor& x) { return compute_deltas(x); }, "power"},
      {"deltas_9", [](const Tensor& x) { return compute_deltas(x, 9, SignalPadding::kConstant); }, "power"},
      {"centroid", [](const Tensor& x) { return spectral_centroid(x, 16000, {.n_fft = 256, .hop_length = 80}); }},
      {"cmn", [](const Tensor& x) { return sliding_window_cmn(x); }, "frames"},
      {"cmn_short", [](const Tensor& x) { return sliding_window_cmn(x, {.cmn_window = 40, .min_cmn_window = 10}); },
       "frames"},
      {"cmn_center",
       [](const Tensor& x) { return sliding_window_cmn(x, {.cmn_window = 41, .min_cmn_window = 10, .center = true}); },
       "frames"},
      {"cmn_vars",
       [](const Tensor& x) {
         return sliding_window_cmn(x, {.cmn_window = 40, .min_cmn_window = 10, .norm_vars = true});
       },
       "frames"},
      {"cmn_center_vars",
       [](const Tensor& x) {
         return sliding_window_cmn(x, {.cmn_window = 30, .min_cmn_window = 10, .center = true, .norm_vars = true});
       },
       "frames"},
      {"pitch_up", [](const Tensor& x) { return pitch_shift(x, 16000, 4); }},
      {"pitch_down", [](const Tensor& x) { return pitch_shift(x, 16000, -5, {.bins_per_octave = 24, .n_fft = 256}); }},
      {"kaldi_spectrogram", [](const Tensor& x) { return kaldi::spectrogram(x); }, "wave"},
      {"kaldi_spectrogram_edges",
       [](const Tensor& x) {
         return kaldi::spectrogram(
             x, {.snip_edges = false, .energy_floor = 0, .raw_energy = false, .subtract_mean = true});
       },
       "wave"},
      {"kaldi_fbank", [](const Tensor& x) { return kaldi::fbank(x); }, "wave"},
      {"kaldi_fbank_80",
       [](const Tensor& x) {
         return kaldi::fbank(x, {.frame = {.window_type = kaldi::WindowType::kHamming},
                                 .num_mel_bins = 80,
                                 .high_freq = -400,
                                 .use_energy = true});
       },
       "wave"},
      {"kaldi_fbank_plain",
       [](const Tensor& x) {
         return kaldi::fbank(x, {.frame = {.preemphasis_coefficient = 0,
                                           .remove_dc_offset = false,
                                           .round_to_power_of_two = false,
                                           .window_type = kaldi::WindowType::kBlackman},
                                 .use_log_fbank = false,
                                 .use_power = false,
                                 .use_energy = true,
                                 .htk_compat = true});
       },
       "wave"},
      {"kaldi_fbank_wide",
       [](const Tensor& x) {
         return kaldi::fbank(
             x, {.frame = {.frame_shift = 30, .snip_edges = false, .window_type = kaldi::WindowType::kRectangular}});
       },
       "wave"},
      {"kaldi_mfcc", [](const Tensor& x) { return kaldi::mfcc(x); }, "wave"},
      {"kaldi_mfcc_energy",
       [](const Tensor& x) {
         return kaldi::mfcc(x, {.frame = {.window_type = kaldi::WindowType::kHanning},
                                .num_ceps = 20,
                                .cepstral_lifter = 0,
                                .use_energy = true});
       },
       "wave"},
      {"kaldi_mfcc_htk",
       [](const Tensor& x) { return kaldi::mfcc(x, {.frame = {.subtract_mean = true}, .htk_compat = true}); }, "wave"},
      {"kaldi_mfcc_htk_energy",
       [](const Tensor& x) { return kaldi::mfcc(x, {.use_energy = true, .htk_compat = true}); }, "wave"},
  };
}

TEST(AudioOps, AsTorchaudio) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor x = stored(c.input), want = stored(c.name);
    const Tensor wide = c.call(x), narrow = c.call(x.to(f32));
    EXPECT_EQ(wide.dtype(), f64);
    EXPECT_EQ(narrow.dtype(), f32);
    // torchaudio computes Kaldi's filters in f32.
    const std::string name = c.name;
    const bool rounded = name.starts_with("kaldi_mfcc") || name.starts_with("kaldi_fbank");
    EXPECT_LE(difference(wide, want), rounded ? 2e-6 : 2e-12);
    // Whisper's logarithm shows bins eight decades below the loudest, where f32 itself ends: PyTorch's own f32
    // is 2.0e-5 and 2.2e-5 away from its f64.
    // A stretched signal's phases are sums of those of bins without a sound, too: PyTorch's f32 is 8.8e-4 away. In
    // logarithms of single bins it is up to 3.6e-5 away; ours, whose transforms add in another order on each kind of
    // CPU, 5.6e-5 without AVX-512: twice PyTorch's.
    const double limit = name.starts_with("whisper")             ? 2.2e-5
                         : name.starts_with("pitch")             ? 9e-4
                         : name.starts_with("kaldi_spectrogram") ? 7.2e-5
                                                                 : 5e-6;
    EXPECT_LE(difference(narrow, want), limit);
  }
}

// Windows and filters become constants of the graph; a batch may have any size.
TEST(AudioOps, AreTraced) {
  for (const Case& c : cases()) {
    if (std::string(c.name) == "db_batch" || std::string(c.name) == "resample_width" ||
        std::string(c.name) == "spectrogram_complex")
      continue;  // they look at one signal or make a batch of two
    SCOPED_TRACE(c.name);
    const Tensor x = stored(c.input);
    std::vector<graph::Size> shape = {graph::Size("batch")};
    for (int d = 1; d < x.dim(); ++d) shape.emplace_back(x.shape()[d]);
    const graph::Graph g =
        graph::trace([&](std::span<const Tensor> in) -> std::vector<Tensor> { return {c.call(in[0])}; },
                     std::vector<graph::Spec>{{"x", x.dtype(), shape}});
    const NoGrad off;
    EXPECT_TRUE(equal(g(x), c.call(x)));
    const Tensor three = cat({x, x.slice(0, 0, 1)}, 0);
    EXPECT_TRUE(equal(g(three), c.call(three)));
  }
}

TEST(AudioOps, HalvesAndComplexWindows) {
  const Tensor small = tensor({0.0, 1e-5, 1.0}, {.dtype = f16});
  EXPECT_EQ(amplitude_to_db(small).to_vector<float>(), (std::vector<float>{-100, -50, 0}));
  EXPECT_EQ(db_to_amplitude(tensor({40.0}, {.dtype = f16})).item<float>(), 10000);
  const Tensor x = stored("x"), w = hann_window(64, true, {.dtype = f64});
  const SpectrogramOptions turned{.n_fft = 64, .window = complex(zeros_like(w), w), .onesided = false};
  EXPECT_LE(difference(spectrogram(x, turned), spectrogram(x, {.n_fft = 64, .onesided = false})), 1e-13);
}

// A signal's features do not depend on what is beside it.
TEST(AudioOps, WhisperOfABatch) {
  const Tensor x = stored("x"), quiet = x * 1e-4;
  EXPECT_TRUE(equal(whisper_log_mel(cat({x, quiet}, 0)).slice(0, 2, 4), whisper_log_mel(quiet)));
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

TEST(AudioOps, LinearFilters) {
  EXPECT_LE(difference(linear_fbanks(201, 100, 7000, 30, 16000, {.dtype = f64}), stored("linear_fbanks")), 1e-12);
}

TEST(AudioOps, AWindowOfOneFrameDoesNotVary) {
  const Tensor one = stored("frames").slice(1, 0, 1);
  const Tensor y = sliding_window_cmn(one, {.cmn_window = 1, .min_cmn_window = 0, .center = true, .norm_vars = true});
  EXPECT_TRUE(equal(y, stored("cmn_one")));
}

TEST(AudioOps, SignalsOfSpectra) {
  const Tensor x = stored("x"), z = view_as_complex(stored("spectra"));
  EXPECT_LE(difference(inverse_spectrogram(z, {.n_fft = 256}, 1500), stored("inverse")), 1e-12);
  const SpectrogramOptions padded{.n_fft = 256, .pad = 20, .power = {}, .normalized = SpectrogramNorm::kWindow};
  EXPECT_LE(difference(inverse_spectrogram(spectrogram(x, padded), padded, 1500), stored("inverse_pad")), 1e-12);
  EXPECT_LE(difference(inverse_spectrogram(spectrogram(x, padded), padded, 1500), x), 1e-12);
  const Tensor advance = phase_advance(129, 128, {.dtype = f64});
  EXPECT_LE(
      difference(view_as_real(phase_vocoder(z, 1.3, advance).slice(-1, 0, 9).contiguous()), stored("stretch_fast")),
      1e-10);
  EXPECT_LE(difference(view_as_real(phase_vocoder(z.select(0, 0), 0.7, advance)), stored("stretch_slow")), 1e-10);
  EXPECT_EQ(phase_vocoder(z, 1.3, advance).shape(), Shape({2, 129, 10}));
  EXPECT_TRUE(phase_vocoder(z, 1, advance).is(z));
  const Tensor magnitude = abs(z);
  EXPECT_LE(difference(griffin_lim(square(magnitude), {.n_fft = 256, .n_iter = 4, .length = 1500, .rand_init = false}),
                       stored("griffin_lim")),
            1e-10);
  EXPECT_LE(
      difference(griffin_lim(magnitude, {.n_fft = 256, .power = 1, .n_iter = 3, .momentum = 0, .rand_init = false}),
                 stored("griffin_lim_plain")),
      1e-10);
  // From random phases it comes to a signal that has nearly this spectrogram.
  Generator g(3);
  const Tensor found = griffin_lim(square(magnitude), {.n_fft = 256, .hop_length = 128}, &g);
  EXPECT_EQ(found.shape(), Shape({2, 1408}));
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
  EXPECT_EQ(spectrogram(zeros({2, 3, 0}), {.n_fft = 8, .pad = 10}).shape(), Shape({2, 3, 5, 6}));
  EXPECT_THAT(error_of([] { melscale_fbanks(int64_t{1} << 61, 0, 8000, 8, 16000); }), HasSubstr("melscale_fbanks: "));
  EXPECT_THAT(error_of([] { create_dct(int64_t{1} << 40, int64_t{1} << 40); }), HasSubstr("create_dct: "));
  EXPECT_THAT(error_of([] { hann_window(int64_t{1} << 60); }), HasSubstr("hann_window: "));
  EXPECT_THAT(error_of([&] { spectrogram(x, {.win_length = int64_t{1} << 36}); }),
              HasSubstr("win_length must be from 1 to n_fft = 400"));
  EXPECT_THAT(error_of([] { spectrogram(ones({100})); }),
              HasSubstr("is too short for 200 and 200 values of reflection"));
  EXPECT_THAT(error_of([] { spectrogram(tensor({1, 2})); }), HasSubstr("spectrogram: dtype i64 is not supported"));
  EXPECT_THAT(error_of([&] { spectrogram(x, {.pad = -1}); }), HasSubstr("pad must not be negative"));
  EXPECT_THAT(error_of([&] { mel_spectrogram(x, {.spectrogram = {.power = {}}}); }), HasSubstr("give a power"));
  EXPECT_THAT(error_of([&] { mel_spectrogram(x, {.f_min = 9000}); }), HasSubstr("must rise from f_min >= 0 to f_max"));
  EXPECT_THAT(error_of([&] { mfcc(x, {.n_mfcc = 200}); }), HasSubstr("200 coefficients of 128 mels are too many"));
  EXPECT_THAT(error_of([&] { resample(x, 0, 3); }), HasSubstr("the rates must be positive, but are 0 and 3"));
  // Rates without a common divisor.
  EXPECT_EQ(resample(x, 99991, 99989).shape(), Shape({2, 3, 1000}));
  EXPECT_THAT(error_of([&] { resample(x, INT64_MAX, 3); }), HasSubstr("which is too much"));
  EXPECT_THAT(error_of([&] { resample(x, 3, INT64_MAX); }), HasSubstr("which is too much"));
  EXPECT_THAT(error_of([&] { resample(x, 2, 1, {.rolloff = 0}); }), HasSubstr("rolloff in (0, 1]"));
  EXPECT_THAT(error_of([&] { amplitude_to_db(x, 10, 0); }), HasSubstr("amin must be positive"));
}

}  // namespace
}  // namespace hearth::audio
