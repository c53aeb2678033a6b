// Fourier transforms. Items are transforms; the peer's numbers come from torch.fft on the same machine.
#include <benchmark/benchmark.h>

#include "core/autograd/guards.h"
#include "core/ops/complex.h"
#include "core/ops/fft.h"
#include "core/ops/random.h"

namespace {

using hearth::Shape;
using hearth::Tensor;

template <class F>
void run(benchmark::State& state, const Tensor& x, int64_t count, F f) {
  const hearth::NoGrad off;
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetItemsProcessed(state.iterations() * count);
}
Tensor complex_noise(const Shape& shape) { return hearth::complex(hearth::randn(shape), hearth::randn(shape)); }

void rfft_10000x400(benchmark::State& state) {
  run(state, hearth::randn({10000, 400}), 10000, [](const Tensor& x) { return hearth::fft::rfft(x); });
}
BENCHMARK(rfft_10000x400)->UseRealTime();

void irfft_10000x400(benchmark::State& state) {
  run(state, complex_noise({10000, 201}), 10000, [](const Tensor& x) { return hearth::fft::irfft(x); });
}
BENCHMARK(irfft_10000x400)->UseRealTime();

void rfft_1000x4096(benchmark::State& state) {
  run(state, hearth::randn({1000, 4096}), 1000, [](const Tensor& x) { return hearth::fft::rfft(x); });
}
BENCHMARK(rfft_1000x4096)->UseRealTime();

void fft_16384x64(benchmark::State& state) {
  run(state, complex_noise({16384, 64}), 16384, [](const Tensor& x) { return hearth::fft::fft(x); });
}
BENCHMARK(fft_16384x64)->UseRealTime();

void fft_2_20(benchmark::State& state) {
  run(state, complex_noise({1 << 20}), 1, [](const Tensor& x) { return hearth::fft::fft(x); });
}
BENCHMARK(fft_2_20)->UseRealTime();

void rfft_1000003(benchmark::State& state) {
  run(state, hearth::randn({1000003}), 1, [](const Tensor& x) { return hearth::fft::rfft(x); });
}
BENCHMARK(rfft_1000003)->UseRealTime();

void fft2_1024(benchmark::State& state) {
  run(state, complex_noise({1024, 1024}), 1, [](const Tensor& x) { return hearth::fft::fft2(x); });
}
BENCHMARK(fft2_1024)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
