// Single ops. tools/bench runs each beside the row of the same name in peers/libtorch.cc.

#include <benchmark/benchmark.h>

#include "core/autograd/guards.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/conv.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/norm.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"

namespace {

using hearth::Tensor;

// Operands are always written: untouched memory is one shared page of zeros, and reading it measures nothing.
Tensor random(const hearth::Shape& shape) { return hearth::randn(shape); }

void bytes(benchmark::State& state, double per_iteration) {
  state.counters["bytes"] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void add_8(benchmark::State& state) {
  hearth::InferenceMode guard;
  const Tensor a = random({8}), b = random({8});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
}
BENCHMARK(add_8);

void backward_8(benchmark::State& state) {
  Tensor a = random({8}), b = random({8});
  a.requires_grad_();
  b.requires_grad_();
  for (auto _ : state) {
    (a * b).sum().backward();
    a.set_grad({});
    b.set_grad({});
  }
}
BENCHMARK(backward_8);

void flops(benchmark::State& state, double per_iteration) {
  state.counters["flops"] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void matmul(benchmark::State& state, hearth::DType type) {
  hearth::InferenceMode guard;
  const int64_t n = state.range(0);
  const Tensor a = random({n, n}).to(type), b = random({n, n}).to(type);
  for (auto _ : state) benchmark::DoNotOptimize(hearth::matmul(a, b));
  flops(state, 2.0 * static_cast<double>(n * n * n));
}
void matmul_f32(benchmark::State& state) { matmul(state, hearth::f32); }
void matmul_bf16(benchmark::State& state) { matmul(state, hearth::bf16); }
BENCHMARK(matmul_f32)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();
BENCHMARK(matmul_bf16)->Arg(256)->Arg(1024)->Arg(2048)->UseRealTime();

// nchw: row-major in and out, as a caller has it who never heard of layouts.
void conv(benchmark::State& state, hearth::MemoryFormat format) {
  hearth::InferenceMode guard;
  const Tensor x = random({16, 64, 56, 56}).contiguous(format), w = random({64, 64, 3, 3});
  for (auto _ : state) benchmark::DoNotOptimize(hearth::conv2d(x, w, std::nullopt, {.padding = 1}).contiguous(format));
  flops(state, 2.0 * 16 * 64 * 64 * 9 * 56 * 56);
}
void conv_nchw(benchmark::State& state) { conv(state, hearth::MemoryFormat::kContiguous); }
void conv_nhwc(benchmark::State& state) { conv(state, hearth::MemoryFormat::kChannelsLast); }
BENCHMARK(conv_nchw)->UseRealTime();
BENCHMARK(conv_nhwc)->UseRealTime();

constexpr int64_t kMany = int64_t{1} << 24;

template <class F>
void run_op(benchmark::State& state, const hearth::Shape& shape, F op) {
  hearth::InferenceMode guard;
  const Tensor a = random(shape);
  for (auto _ : state) benchmark::DoNotOptimize(op(a));
}

void add_2p24(benchmark::State& state) {
  const Tensor b = random({kMany});
  run_op(state, {kMany}, [&](const Tensor& a) { return a + b; });
  bytes(state, 12.0 * kMany);
}
BENCHMARK(add_2p24)->UseRealTime();

void exp_2p24(benchmark::State& state) {
  run_op(state, {kMany}, [](const Tensor& a) { return hearth::exp(a); });
}
BENCHMARK(exp_2p24)->UseRealTime();

void gelu_2p24(benchmark::State& state) {
  run_op(state, {kMany}, [](const Tensor& a) { return hearth::gelu(a); });
}
BENCHMARK(gelu_2p24)->UseRealTime();

void softmax_4096(benchmark::State& state) {
  run_op(state, {4096, 4096}, [](const Tensor& a) { return hearth::softmax(a, 1); });
}
BENCHMARK(softmax_4096)->UseRealTime();

void layer_norm_4096(benchmark::State& state) {
  const Tensor weight = random({4096}), bias = random({4096});
  run_op(state, {4096, 4096}, [&](const Tensor& a) { return hearth::layer_norm(a, {4096}, weight, bias); });
}
BENCHMARK(layer_norm_4096)->UseRealTime();

void transpose_4096(benchmark::State& state) {
  run_op(state, {4096, 4096}, [](const Tensor& a) { return a.t().contiguous(); });
}
BENCHMARK(transpose_4096)->UseRealTime();

// Batch 8, 8 heads, 512 positions, head size 64; training: with its gradient.
void attention(benchmark::State& state, hearth::DType type, bool causal, bool training) {
  const hearth::Shape shape{8, 8, 512, 64};
  Tensor q = random(shape).to(type), k = random(shape).to(type), v = random(shape).to(type);
  const Tensor dy = random(shape).to(type);
  if (training) q.requires_grad_(), k.requires_grad_(), v.requires_grad_();
  for (auto _ : state) {
    const Tensor y = hearth::scaled_dot_product_attention(q, k, v, {.causal = causal});
    benchmark::DoNotOptimize(y);
    if (!training) continue;
    y.backward(dy);
    for (Tensor* t : {&q, &k, &v}) t->set_grad({});
  }
}
void attention_f32(benchmark::State& state) { attention(state, hearth::f32, false, false); }
void attention_causal_f32(benchmark::State& state) { attention(state, hearth::f32, true, false); }
void attention_step_f32(benchmark::State& state) { attention(state, hearth::f32, false, true); }
void attention_step_causal_f32(benchmark::State& state) { attention(state, hearth::f32, true, true); }
void attention_step_causal_bf16(benchmark::State& state) { attention(state, hearth::bf16, true, true); }
BENCHMARK(attention_f32)->UseRealTime();
BENCHMARK(attention_causal_f32)->UseRealTime();
BENCHMARK(attention_step_f32)->UseRealTime();
BENCHMARK(attention_step_causal_f32)->UseRealTime();
BENCHMARK(attention_step_causal_bf16)->UseRealTime();

// One token's query for each of 64 heads over 1024 keys.
void attention_decode(benchmark::State& state) {
  hearth::InferenceMode guard;
  const Tensor q = random({8, 8, 1, 64}), k = random({8, 8, 1024, 64}), v = random({8, 8, 1024, 64});
  for (auto _ : state) benchmark::DoNotOptimize(hearth::scaled_dot_product_attention(q, k, v));
}
BENCHMARK(attention_decode)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
