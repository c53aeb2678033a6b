// Whole training steps. tools/bench runs each beside the row of the same name in peers/libtorch.cc.

#include <benchmark/benchmark.h>

#include <memory>

#include "core/hearth.h"
#include "examples/fashion/data.h"
#include "examples/fashion/net.h"
#include "tests/bench/resnet.h"
#include "vision/datasets/fashion_mnist.h"

namespace {

using hearth::Tensor;
namespace nn = hearth::nn;
namespace optim = hearth::optim;

template <class Net, class Optimizer>
void train(benchmark::State& state, Net& net, Optimizer& optimizer, const Tensor& x, const Tensor& y) {
  for (auto _ : state) {
    optimizer.zero_grad();
    hearth::cross_entropy(net(x), y).backward();
    optimizer.step();
  }
}

template <class Net, class Optimizer>
void train(benchmark::State& state, Net& net, Optimizer& optimizer, const hearth::Shape& input) {
  train(state, net, optimizer, hearth::randn(input), hearth::randint(0, 10, {input[0]}));
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

// Images in the layout that convolutions give.
void resnet18_step(benchmark::State& state) {
  hearth::bench::ResNet18 net;
  optim::SGD optimizer(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  const Tensor x = hearth::randn({8, 3, 224, 224}).contiguous(hearth::MemoryFormat::kChannelsLast),
               y = hearth::randint(0, 1000, {8});
  train(state, net, optimizer, x, y);
}
BENCHMARK(resnet18_step)->UseRealTime();

// 55,000 images as the quickstart takes them: read, augmented and normalised by a loader's thread, in another order.
void fashion_epoch(benchmark::State& state) {
  auto images = hearth::vision::FashionMnist::load(hearth::vision::FashionMnist::Split::kTrain,
                                                   hearth::vision::kFashionMnistDirectory);
  if (!images.ok()) return state.SkipWithError(std::string(images.status().message()).c_str());
  const auto parts =
      hearth::data::random_split(std::make_shared<hearth::vision::FashionMnist>(*std::move(images)), {55000, 5000}, 1);
  const auto preprocess = std::make_shared<const hearth::graph::Graph>(hearth::fashion::preprocess_graph());
  hearth::data::DataLoader loader(
      hearth::data::preprocessed(hearth::fashion::augmented(parts[0]), preprocess),
      {.batch_size = 64, .shuffle = true, .drop_last = true, .workers = 1, .prefetch = 8, .seed = 1});
  hearth::fashion::Net net;
  optim::AdamW optimizer(net.parameters(), {.lr = 4e-3});
  optim::OneCycleLR schedule(optimizer, {.max_lr = 4e-3, .total_steps = 1000 * loader.batches()});
  for (auto _ : state) {
    double loss = 0;
    for (auto& [x, y] : loader) {
      const Tensor l = hearth::cross_entropy(net(x), y);
      optimizer.zero_grad();
      l.backward();
      optimizer.step();
      schedule.step();
      loss += l.item<double>();
    }
    benchmark::DoNotOptimize(loss);
  }
}
BENCHMARK(fashion_epoch)->UseRealTime()->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
