// Whole training steps. tools/bench runs each beside the row of the same name in peers/libtorch.cc.

#include <benchmark/benchmark.h>

#include "core/hearth.h"
#include "examples/fashion/net.h"

namespace {

using hearth::Tensor;
namespace nn = hearth::nn;
namespace optim = hearth::optim;

template <class Net, class Optimizer>
void train(benchmark::State& state, Net& net, Optimizer& optimizer, const hearth::Shape& input) {
  const Tensor x = hearth::randn(input), y = hearth::randint(0, 10, {input[0]});
  for (auto _ : state) {
    optimizer.zero_grad();
    hearth::cross_entropy(net(x), y).backward();
    optimizer.step();
  }
}

void mlp_step(benchmark::State& state) {
  nn::Sequential net(nn::Linear(784, 1024), nn::ReLU(), nn::Linear(1024, 1024), nn::ReLU(), nn::Linear(1024, 10));
  optim::Adam optimizer(net.parameters(), {.lr = 1e-3});
  train(state, net, optimizer, {128, 784});
}
BENCHMARK(mlp_step)->UseRealTime();

void cnn_step(benchmark::State& state) {
  const auto conv = [](int64_t in, int64_t out) { return nn::Conv2d(in, out, 3, {.padding = 1}); };
  nn::Sequential net(conv(1, 32), nn::ReLU(), nn::MaxPool2d(2), conv(32, 64), nn::BatchNorm2d(64), nn::ReLU(),
                     nn::MaxPool2d(2), nn::Flatten(), nn::Linear(64 * 7 * 7, 10));
  optim::SGD optimizer(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  train(state, net, optimizer, {64, 1, 28, 28});
}
BENCHMARK(cnn_step)->UseRealTime();

void fashion_step(benchmark::State& state) {
  hearth::fashion::Net net;
  optim::AdamW optimizer(net.parameters(), {.lr = 1e-3});
  train(state, net, optimizer, {64, 1, 28, 28});
}
BENCHMARK(fashion_step)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
