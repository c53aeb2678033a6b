// Matrix products on raw memory, in GFLOP/s. Compare with a peer in the same run: machines differ, and so do hours.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "core/kernels/cpu/gemm.h"

namespace hearth::cpu {
namespace {

template <class T>
void product(benchmark::State& state, int64_t m, int64_t n, int64_t k, bool ta, bool tb, bool keep_packed) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> u(-1, 1);
  auto filled = [&](int64_t count) {
    std::vector<T> v(static_cast<size_t>(count));
    for (auto& x : v) x = T(u(random));
    return v;
  };
  auto a = filled(m * k), b = filled(k * n), c = filled(m * n);
  PackedCache cache;
  Gemm g;
  g.dtype = dtype_of<T>;
  g.m = m;
  g.n = n;
  g.k = k;
  g.a = a.data();
  g.a_row = ta ? 1 : k;
  g.a_col = ta ? m : 1;
  g.b = b.data();
  g.b_row = tb ? 1 : n;
  g.b_col = tb ? k : 1;
  g.c = c.data();
  g.c_row = n;
  if (keep_packed) g.packed = {&cache, 0};
  for (auto _ : state) {
    gemm(g);
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}

void square_f32(benchmark::State& s) { product<float>(s, s.range(0), s.range(0), s.range(0), false, false, false); }
void square_f32_packed(benchmark::State& s) {
  product<float>(s, s.range(0), s.range(0), s.range(0), false, false, true);
}
void square_bf16(benchmark::State& s) { product<BFloat16>(s, s.range(0), s.range(0), s.range(0), false, false, false); }
void square_bf16_packed(benchmark::State& s) {
  product<BFloat16>(s, s.range(0), s.range(0), s.range(0), false, false, true);
}
void square_f64(benchmark::State& s) { product<double>(s, s.range(0), s.range(0), s.range(0), false, false, false); }
BENCHMARK(square_f32)
    ->Arg(4)
    ->Arg(8)
    ->Arg(16)
    ->Arg(32)
    ->Arg(48)
    ->Arg(64)
    ->Arg(128)
    ->Arg(256)
    ->Arg(1024)
    ->Arg(2048)
    ->UseRealTime();
BENCHMARK(square_f32_packed)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();
BENCHMARK(square_bf16)->Arg(8)->Arg(64)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();
BENCHMARK(square_bf16_packed)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();
BENCHMARK(square_f64)->Arg(8)->Arg(256)->Arg(1024)->UseRealTime();

// The products of a linear layer: y = x w^T, dx = dy w, dw = dy^T x.
void linear_forward(benchmark::State& s) { product<float>(s, s.range(0), s.range(2), s.range(1), false, true, false); }
void linear_backward_input(benchmark::State& s) {
  product<float>(s, s.range(0), s.range(1), s.range(2), false, false, false);
}
void linear_backward_weight(benchmark::State& s) {
  product<float>(s, s.range(2), s.range(1), s.range(0), true, false, false);
}
#define LAYERS                       \
  ->ArgNames({"batch", "in", "out"}) \
      ->Args({128, 784, 1024})       \
      ->Args({128, 1024, 1024})      \
      ->Args({128, 1024, 10})        \
      ->Args({64, 3136, 10})         \
      ->Args({1, 1024, 1024})        \
      ->UseRealTime()
BENCHMARK(linear_forward) LAYERS;
BENCHMARK(linear_backward_input) LAYERS;
BENCHMARK(linear_backward_weight) LAYERS;

}  // namespace
}  // namespace hearth::cpu
BENCHMARK_MAIN();
