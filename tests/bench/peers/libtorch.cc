// The rows of tools/bench in libtorch 1.13, each under the name that Hearth's own benchmark of it has.
//
// Where libtorch has two layouts both are measured (name/nchw, name/nhwc); tools/bench takes the better one.
// All operands are written with random numbers before the clock starts: untouched memory is one shared page of
// zeros, and reading it measures nothing.

#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <cstdlib>
#include <thread>

namespace {

using torch::Tensor;
namespace F = torch::nn::functional;

void flops(benchmark::State& state, double per_iteration) {
  state.counters["flops"] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void bytes(benchmark::State& state, double per_iteration) {
  state.counters["bytes"] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void add_8(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({8}), b = torch::randn({8});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
}
BENCHMARK(add_8);

void backward_8(benchmark::State& state) {
  Tensor a = torch::randn({8}).requires_grad_(), b = torch::randn({8}).requires_grad_();
  for (auto _ : state) {
    (a * b).sum().backward();
    a.mutable_grad().reset();
    b.mutable_grad().reset();
  }
}
BENCHMARK(backward_8);

void matmul(benchmark::State& state, torch::ScalarType type) {
  c10::InferenceMode guard;
  const int64_t n = state.range(0);
  const Tensor a = torch::randn({n, n}).to(type), b = torch::randn({n, n}).to(type);
  for (auto _ : state) benchmark::DoNotOptimize(torch::matmul(a, b));
  flops(state, 2.0 * n * n * n);
}
void matmul_f32(benchmark::State& state) { matmul(state, torch::kFloat32); }
void matmul_bf16(benchmark::State& state) { matmul(state, torch::kBFloat16); }
BENCHMARK(matmul_f32)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();
BENCHMARK(matmul_bf16)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();

void conv(benchmark::State& state, torch::MemoryFormat format) {
  c10::InferenceMode guard;
  const Tensor x = torch::randn({16, 64, 56, 56}).contiguous(format);
  const Tensor w = torch::randn({64, 64, 3, 3}).contiguous(format);
  const auto options = F::Conv2dFuncOptions().padding(1);
  for (auto _ : state) benchmark::DoNotOptimize(F::conv2d(x, w, options));
  flops(state, 2.0 * 16 * 64 * 64 * 9 * 56 * 56);
}
void conv_nchw(benchmark::State& state) { conv(state, torch::MemoryFormat::Contiguous); }
void conv_nhwc(benchmark::State& state) { conv(state, torch::MemoryFormat::ChannelsLast); }
BENCHMARK(conv_nchw)->UseRealTime();
BENCHMARK(conv_nhwc)->UseRealTime();

constexpr int64_t kMany = int64_t{1} << 24;

void add_2p24(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({kMany}), b = torch::randn({kMany});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
  bytes(state, 12.0 * kMany);
}
BENCHMARK(add_2p24)->UseRealTime();

void exp_2p24(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({kMany});
  for (auto _ : state) benchmark::DoNotOptimize(torch::exp(a));
}
BENCHMARK(exp_2p24)->UseRealTime();

void gelu_2p24(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({kMany});
  for (auto _ : state) benchmark::DoNotOptimize(torch::gelu(a));
}
BENCHMARK(gelu_2p24)->UseRealTime();

void softmax_4096(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({4096, 4096});
  for (auto _ : state) benchmark::DoNotOptimize(torch::softmax(a, 1));
}
BENCHMARK(softmax_4096)->UseRealTime();

void layer_norm_4096(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({4096, 4096}), weight = torch::randn({4096}), bias = torch::randn({4096});
  for (auto _ : state) benchmark::DoNotOptimize(torch::layer_norm(a, {4096}, weight, bias));
}
BENCHMARK(layer_norm_4096)->UseRealTime();

void transpose_4096(benchmark::State& state) {
  c10::InferenceMode guard;
  const Tensor a = torch::randn({4096, 4096});
  for (auto _ : state) benchmark::DoNotOptimize(a.t().contiguous());
}
BENCHMARK(transpose_4096)->UseRealTime();

void mlp_step(benchmark::State& state) {
  torch::nn::Sequential net(torch::nn::Linear(784, 1024), torch::nn::ReLU(), torch::nn::Linear(1024, 1024),
                            torch::nn::ReLU(), torch::nn::Linear(1024, 10));
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(1e-3));
  const Tensor x = torch::randn({128, 784}), y = torch::randint(0, 10, {128});
  for (auto _ : state) {
    optimizer.zero_grad();
    F::cross_entropy(net->forward(x), y).backward();
    optimizer.step();
  }
}
BENCHMARK(mlp_step)->UseRealTime();

torch::nn::Conv2d conv3(int64_t in, int64_t out, bool bias = true) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).padding(1).bias(bias));
}

template <typename Optimizer, typename Options>
void train(benchmark::State& state, torch::nn::Sequential net, int64_t batch, const Options& options,
           torch::MemoryFormat format) {
  for (auto& parameter : net->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(format));
  }
  Optimizer optimizer(net->parameters(), options);
  const Tensor x = torch::randn({batch, 1, 28, 28}).contiguous(format), y = torch::randint(0, 10, {batch});
  for (auto _ : state) {
    optimizer.zero_grad();
    F::cross_entropy(net->forward(x), y).backward();
    optimizer.step();
  }
}

void cnn_step(benchmark::State& state, torch::MemoryFormat format) {
  using namespace torch::nn;
  Sequential net(conv3(1, 32), ReLU(), MaxPool2d(2), conv3(32, 64), BatchNorm2d(64), ReLU(), MaxPool2d(2), Flatten(),
                 Linear(64 * 7 * 7, 10));
  train<torch::optim::SGD>(state, net, 64, torch::optim::SGDOptions(0.01).momentum(0.9), format);
}
void cnn_step_nchw(benchmark::State& state) { cnn_step(state, torch::MemoryFormat::Contiguous); }
void cnn_step_nhwc(benchmark::State& state) { cnn_step(state, torch::MemoryFormat::ChannelsLast); }
BENCHMARK(cnn_step_nchw)->UseRealTime();
BENCHMARK(cnn_step_nhwc)->UseRealTime();

torch::nn::Sequential fashion_net() {
  using namespace torch::nn;
  return Sequential(conv3(1, 32, false), BatchNorm2d(32), MaxPool2d(2), ReLU(), conv3(32, 48, false), BatchNorm2d(48),
                    MaxPool2d(2), ReLU(), conv3(48, 96, false), BatchNorm2d(96), ReLU(), MaxPool2d(2), Flatten(),
                    Linear(96 * 9, 10));
}

void fashion_step(benchmark::State& state, torch::MemoryFormat format) {
  train<torch::optim::AdamW>(state, fashion_net(), 64, torch::optim::AdamWOptions(1e-3), format);
}
void fashion_step_nchw(benchmark::State& state) { fashion_step(state, torch::MemoryFormat::Contiguous); }
void fashion_step_nhwc(benchmark::State& state) { fashion_step(state, torch::MemoryFormat::ChannelsLast); }
BENCHMARK(fashion_step_nchw)->UseRealTime();
BENCHMARK(fashion_step_nhwc)->UseRealTime();

// Images of noise in memory, normalised one by one by a worker as Hearth's loader does it, but not augmented.
class Images : public torch::data::datasets::Dataset<Images> {
 public:
  torch::data::Example<> get(size_t i) override {
    const auto k = static_cast<int64_t>(i);
    return {pixels_[k].to(torch::kFloat32).div_(255).sub_(0.286).div_(0.353), labels_[k]};
  }
  torch::optional<size_t> size() const override { return 55000; }

 private:
  Tensor pixels_ = torch::randint(0, 256, {55000, 1, 28, 28}, torch::kUInt8), labels_ = torch::randint(0, 10, {55000});
};

void fashion_epoch(benchmark::State& state, torch::MemoryFormat format) {
  torch::nn::Sequential net = fashion_net();
  for (auto& parameter : net->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(format));
  }
  torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto loader = torch::data::make_data_loader<torch::data::samplers::RandomSampler>(
      Images().map(torch::data::transforms::Stack<>()),
      torch::data::DataLoaderOptions().batch_size(64).drop_last(true).workers(1).max_jobs(8));
  for (auto _ : state) {
    double sum = 0;
    for (auto& batch : *loader) {
      const Tensor loss = F::cross_entropy(net->forward(batch.data.contiguous(format)), batch.target);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      sum += loss.item<double>();
    }
    benchmark::DoNotOptimize(sum);
  }
}
void fashion_epoch_nchw(benchmark::State& state) { fashion_epoch(state, torch::MemoryFormat::Contiguous); }
void fashion_epoch_nhwc(benchmark::State& state) { fashion_epoch(state, torch::MemoryFormat::ChannelsLast); }
BENCHMARK(fashion_epoch_nchw)->UseRealTime()->Unit(benchmark::kSecond)->Iterations(1);
BENCHMARK(fashion_epoch_nhwc)->UseRealTime()->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace

int main(int argc, char** argv) {
  // By itself libtorch takes half of the processors it sees, as if each were half a core.
  const char* threads = std::getenv("HEARTH_NUM_THREADS");
  at::set_num_threads(threads != nullptr ? std::atoi(threads) : static_cast<int>(std::thread::hardware_concurrency()));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
