// Features of a minute of sound, whole and in parts of a second; and what tests/bench/peers/audio.py compares with
// torchaudio and librosa, of ten minutes. Items are samples.
#include <benchmark/benchmark.h>

#include "audio/audio.h"
#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

constexpr int64_t kRate = 16000, kSamples = 60 * kRate;
const MelOptions kMel{.spectrogram = {.n_fft = 400, .hop_length = 160}, .n_mels = 80};
const MfccOptions kMfcc{.n_mfcc = 13, .log_mels = true, .mel = kMel};
const kaldi::FbankOptions kFbank{.num_mel_bins = 80};

template <class F>
void whole(benchmark::State& state, F f) {
  const NoGrad off;
  const Tensor x = randn({kSamples});
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetItemsProcessed(state.iterations() * kSamples);
}

template <class Stream>
void in_parts(benchmark::State& state, Stream stream) {
  const NoGrad off;
  const Tensor x = randn({kSamples});
  for (auto _ : state) {
    for (int64_t at = 0; at < kSamples; at += kRate) benchmark::DoNotOptimize(stream(x.slice(0, at, at + kRate)));
    benchmark::DoNotOptimize(stream.finish());
  }
  state.SetItemsProcessed(state.iterations() * kSamples);
}

void mel_whole(benchmark::State& state) {
  whole(state, [](const Tensor& x) { return mel_spectrogram(x, kMel); });
}
BENCHMARK(mel_whole)->UseRealTime();
void mel_in_parts(benchmark::State& state) { in_parts(state, FrameStream::mel_spectrogram(kMel)); }
BENCHMARK(mel_in_parts)->UseRealTime();

void mfcc_whole(benchmark::State& state) {
  whole(state, [](const Tensor& x) { return mfcc(x, kMfcc); });
}
BENCHMARK(mfcc_whole)->UseRealTime();
void mfcc_in_parts(benchmark::State& state) { in_parts(state, FrameStream::mfcc(kMfcc)); }
BENCHMARK(mfcc_in_parts)->UseRealTime();

void fbank_whole(benchmark::State& state) {
  whole(state, [](const Tensor& x) { return kaldi::fbank(x, kFbank); });
}
BENCHMARK(fbank_whole)->UseRealTime();
void fbank_in_parts(benchmark::State& state) { in_parts(state, FrameStream::fbank(kFbank)); }
BENCHMARK(fbank_in_parts)->UseRealTime();

void resample_whole(benchmark::State& state) {
  whole(state, [](const Tensor& x) { return resample(x, kRate, 11025); });
}
BENCHMARK(resample_whole)->UseRealTime();
void resample_in_parts(benchmark::State& state) { in_parts(state, ResampleStream(kRate, 11025)); }
BENCHMARK(resample_in_parts)->UseRealTime();

template <class F>
void ten_minutes(benchmark::State& state, int64_t rate, F f) {
  const NoGrad off;
  const Tensor x = randn({600 * rate}) * 0.1;
  benchmark::DoNotOptimize(f(x));  // memory that is used for the first time is another matter
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetItemsProcessed(state.iterations() * x.numel());
}
void log_mel_600(benchmark::State& state) {
  ten_minutes(state, kRate, [](const Tensor& x) { return log(mel_spectrogram(x, kMel) + 1e-10); });
}
BENCHMARK(log_mel_600)->UseRealTime();
void mfcc_600(benchmark::State& state) {
  ten_minutes(state, kRate, [](const Tensor& x) { return mfcc(x, kMfcc); });
}
BENCHMARK(mfcc_600)->UseRealTime();
void resample_600(benchmark::State& state) {
  ten_minutes(state, 44100, [](const Tensor& x) { return resample(x, 44100, 16000); });
}
BENCHMARK(resample_600)->UseRealTime();

}  // namespace
}  // namespace hearth::audio

BENCHMARK_MAIN();
