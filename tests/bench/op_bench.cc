// More single ops, and some with their gradients. tools/bench --peer=torch runs each beside the row of the same name in
// peers/torch_rows.py.

#include <benchmark/benchmark.h>

#include <optional>
#include <vector>

#include "core/autograd/guards.h"
#include "core/nn/norm.h"
#include "core/nn/transformer.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/conv.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/sort.h"

namespace {

using hearth::MemoryFormat;
using hearth::Tensor;

constexpr int64_t kMany = int64_t{1} << 24;

void rate(benchmark::State& state, const char* of, double per_iteration) {
  state.counters[of] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

template <class F>
void run(benchmark::State& state, F op) {
  const hearth::InferenceMode guard;
  for (auto _ : state) benchmark::DoNotOptimize(op());
}
template <class F>
void of_one(benchmark::State& state, const hearth::Shape& shape, F op) {
  const Tensor a = hearth::randn(shape);
  run(state, [&] { return op(a); });
}
// Runs op() and gives the leaves their gradients; without `dy` op gives a single value.
template <class F>
void with_gradients(benchmark::State& state, std::vector<Tensor> leaves, const std::optional<Tensor>& dy, F op) {
  for (Tensor& t : leaves) t.requires_grad_();
  for (auto _ : state) {
    const Tensor y = op();
    dy ? y.backward(*dy) : y.backward();
    for (Tensor& t : leaves) t.set_grad({});
  }
}

void sum_2p24(benchmark::State& state) {
  of_one(state, {kMany}, [](const Tensor& a) { return hearth::sum(a); });
  rate(state, "bytes", 4.0 * kMany);
}
BENCHMARK(sum_2p24)->UseRealTime();

#define HEARTH_OF_ONE(name, expression, ...)                                        \
  void name(benchmark::State& state) {                                              \
    of_one(state, __VA_ARGS__, [](const Tensor& a) { return hearth::expression; }); \
  }                                                                                 \
  BENCHMARK(name)->UseRealTime()
HEARTH_OF_ONE(tanh_2p24, tanh(a), {kMany});
HEARTH_OF_ONE(sum_columns_4096, sum(a, {0}), {4096, 4096});
HEARTH_OF_ONE(amax_4096, amax(a, {1}), {4096, 4096});
HEARTH_OF_ONE(argmax_4096, argmax(a, 1), {4096, 4096});
HEARTH_OF_ONE(logsumexp_4096, logsumexp(a, {1}), {4096, 4096});
HEARTH_OF_ONE(cumsum_4096, cumsum(a, 1), {4096, 4096});
HEARTH_OF_ONE(sort_2p20, sort(a), {1 << 20});
HEARTH_OF_ONE(sort_1024, sort(a), {1024, 1024});
HEARTH_OF_ONE(topk_4096, topk(a, 50), {1024, 4096});

void add_row_4096(benchmark::State& state) {
  const Tensor a = hearth::randn({4096, 4096}), b = hearth::randn({4096});
  run(state, [&] { return a + b; });
}
BENCHMARK(add_row_4096)->UseRealTime();

void where_2p24(benchmark::State& state) {
  const Tensor a = hearth::randn({kMany}), b = hearth::randn({kMany}), mask = a > b;
  run(state, [&] { return hearth::where(mask, a, b); });
}
BENCHMARK(where_2p24)->UseRealTime();

void cat_4096(benchmark::State& state) {
  const Tensor a = hearth::randn({4096, 2048}), b = hearth::randn({4096, 2048});
  run(state, [&] { return hearth::cat({a, b}, 1); });
}
BENCHMARK(cat_4096)->UseRealTime();

void gather_4096(benchmark::State& state) {
  const Tensor a = hearth::randn({4096, 4096}), index = hearth::randint(0, 4096, {4096, 4096});
  run(state, [&] { return hearth::gather(a, 1, index); });
}
BENCHMARK(gather_4096)->UseRealTime();

void index_select_rows(benchmark::State& state) {
  const Tensor a = hearth::randn({4096, 1024}), index = hearth::randint(0, 4096, {16384});
  run(state, [&] { return hearth::index_select(a, 0, index); });
}
BENCHMARK(index_select_rows)->UseRealTime();

void bmm_64x128(benchmark::State& state) {
  const Tensor a = hearth::randn({64, 128, 128}), b = hearth::randn({64, 128, 128});
  run(state, [&] { return hearth::bmm(a, b); });
  rate(state, "flops", 2.0 * 64 * 128 * 128 * 128);
}
BENCHMARK(bmm_64x128)->UseRealTime();

void matvec_4096(benchmark::State& state) {
  const Tensor a = hearth::randn({4096, 4096}), b = hearth::randn({4096});
  run(state, [&] { return hearth::matmul(a, b); });
  rate(state, "bytes", 4.0 * 4096 * 4096);
}
BENCHMARK(matvec_4096)->UseRealTime();

void embedding_step(benchmark::State& state) {
  const Tensor table = hearth::randn({32000, 512}), ids = hearth::randint(0, 32000, {8, 512});
  with_gradients(state, {table}, hearth::randn({8, 512, 512}), [&] { return hearth::embedding(table, ids); });
}
BENCHMARK(embedding_step)->UseRealTime();

void cross_entropy_step(benchmark::State& state) {
  const Tensor x = hearth::randn({2048, 32000}), y = hearth::randint(0, 32000, {2048});
  with_gradients(state, {x}, {}, [&] { return hearth::cross_entropy(x, y); });
}
BENCHMARK(cross_entropy_step)->UseRealTime();

// Channels last, the layout that convolutions give.
void batch_norm_step(benchmark::State& state) {
  hearth::nn::BatchNorm2d net(64);
  const auto images = [] { return hearth::randn({32, 64, 56, 56}).contiguous(MemoryFormat::kChannelsLast); };
  const Tensor x = images();
  std::vector<Tensor> leaves = net.parameters();
  leaves.push_back(x);
  with_gradients(state, leaves, images(), [&] { return net(x); });
}
BENCHMARK(batch_norm_step)->UseRealTime();

void conv_step(benchmark::State& state) {
  const auto images = [] { return hearth::randn({16, 64, 56, 56}).contiguous(MemoryFormat::kChannelsLast); };
  const Tensor x = images(), w = hearth::randn({64, 64, 3, 3});
  with_gradients(state, {x, w}, images(), [&] { return hearth::conv2d(x, w, std::nullopt, {.padding = 1}); });
  rate(state, "flops", 3 * 2.0 * 16 * 64 * 64 * 9 * 56 * 56);
}
BENCHMARK(conv_step)->UseRealTime();

// 1024 tokens.
void transformer_layer_step(benchmark::State& state) {
  const hearth::nn::TransformerEncoderLayer net(384, 6,
                                                {.dim_feedforward = 1536,
                                                 .dropout = 0,
                                                 .activation = [](const Tensor& x) { return hearth::gelu(x); },
                                                 .batch_first = true});
  const Tensor x = hearth::randn({8, 128, 384});
  std::vector<Tensor> leaves = net.parameters();
  leaves.push_back(x);
  with_gradients(state, leaves, hearth::randn({8, 128, 384}), [&] { return net(x); });
}
BENCHMARK(transformer_layer_step)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
