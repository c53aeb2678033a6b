// Recurrent layers, 100 steps of 256 features into 256 units. tests/bench/peers/rnn.py runs PyTorch's beside them.
#include <benchmark/benchmark.h>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/rnn.h"
#include "core/ops/random.h"

namespace {

using hearth::Tensor;
namespace nn = hearth::nn;

// Argument: the batch size.
template <class Layer>
void forward_backward(benchmark::State& state) {
  const Layer layer(256, 256);
  const Tensor x = hearth::randn({100, state.range(0), 256}).requires_grad_(),
               g = hearth::randn({100, state.range(0), 256});
  std::vector<Tensor> leaves = layer.parameters();
  leaves.push_back(x);
  for (auto _ : state) benchmark::DoNotOptimize(grad({{layer(x).output}}, leaves, {{g}}));
}
template <class Layer>
void forward(benchmark::State& state) {
  const Layer layer(256, 256);
  const Tensor x = hearth::randn({100, state.range(0), 256});
  const hearth::NoGrad off;
  for (auto _ : state) benchmark::DoNotOptimize(layer(x));
}

#define HEARTH_LAYER(name, layer)                                                                  \
  void name##_step(benchmark::State& state) { forward_backward<layer>(state); }                    \
  BENCHMARK(name##_step)->Arg(1)->Arg(32)->Arg(128)->UseRealTime()->Unit(benchmark::kMillisecond); \
  void name##_forward(benchmark::State& state) { forward<layer>(state); }                          \
  BENCHMARK(name##_forward)->Arg(1)->Arg(32)->Arg(128)->UseRealTime()->Unit(benchmark::kMillisecond)

HEARTH_LAYER(lstm, nn::LSTM);
HEARTH_LAYER(gru, nn::GRU);
HEARTH_LAYER(rnn, nn::RNN);

}  // namespace

BENCHMARK_MAIN();
