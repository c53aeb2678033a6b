// Steps of optimizers over many parameters, as a network of many layers has them.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "core/hearth.h"

namespace {

using hearth::Tensor;
namespace optim = hearth::optim;

// 160 parameters with gradients, of 256 to 65536 elements.
std::vector<Tensor> parameters() {
  std::vector<Tensor> out;
  for (int i = 0; i < 160; ++i) {
    const auto n = static_cast<int64_t>(256 * std::exp2(8.0 * i / 159));
    out.push_back(hearth::randn({n}).requires_grad_());
    out.back().set_grad(hearth::randn({n}));
  }
  return out;
}

template <class Optimizer, class Options>
void steps(benchmark::State& state, const Options& options) {
  const std::vector<Tensor> p = parameters();
  int64_t elements = 0;
  for (const Tensor& t : p) elements += t.numel();
  Optimizer optimizer(p, options);
  for (auto _ : state) optimizer.step();
  state.counters["elements"] = static_cast<double>(elements);
}

void adamw_step(benchmark::State& s) { steps<optim::AdamW>(s, optim::AdamWOptions{}); }
BENCHMARK(adamw_step)->UseRealTime();
void sgd_momentum_step(benchmark::State& s) { steps<optim::SGD>(s, optim::SGDOptions{.momentum = 0.9}); }
BENCHMARK(sgd_momentum_step)->UseRealTime();
void rmsprop_step(benchmark::State& s) { steps<optim::RMSprop>(s, optim::RMSpropOptions{.momentum = 0.9}); }
BENCHMARK(rmsprop_step)->UseRealTime();

void clip_grad_norm(benchmark::State& state) {
  const std::vector<Tensor> p = parameters();
  for (auto _ : state) optim::clip_grad_norm_(p, 1e9);
}
BENCHMARK(clip_grad_norm)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
