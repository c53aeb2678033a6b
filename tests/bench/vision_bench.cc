// Pictures on their way to a model: decoding, resizing, the whole preprocess graph.

#include <benchmark/benchmark.h>

#include "core/autograd/guards.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "vision/vision.h"

namespace {

using namespace hearth;

// What a photograph is like: smooth, with noise.
Tensor photograph(int64_t h, int64_t w) {
  Tensor noise = randn({3, h, w});
  const Tensor y = sin(arange(h).to(f32) * 0.013), x = sin(arange(w).to(f32) * 0.017);
  return ((y.view({h, 1}) + x.view({1, w})) * 60 + noise * 6 + 128).clamp(0, 255).to(u8);
}

void resize_u8(benchmark::State& state, vision::Interpolation interpolation) {
  const InferenceMode guard;
  const ThreadWidth one(1);
  const Tensor x = photograph(375, 500);
  for (auto _ : state) benchmark::DoNotOptimize(vision::resize(x, {256, 341}, {.interpolation = interpolation}));
}
BENCHMARK_CAPTURE(resize_u8, bilinear, vision::Interpolation::kBilinear)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(resize_u8, bicubic, vision::Interpolation::kBicubic)->Unit(benchmark::kMicrosecond);

void resize_f32(benchmark::State& state) {
  const InferenceMode guard;
  const ThreadWidth one(1);
  const Tensor x = vision::to_float(photograph(375, 500));
  for (auto _ : state) benchmark::DoNotOptimize(vision::resize(x, {256, 341}));
}
BENCHMARK(resize_f32)->Unit(benchmark::kMicrosecond);

void decode_jpeg(benchmark::State& state) {
  const std::string file = *vision::encode_jpeg(photograph(375, 500));
  for (auto _ : state) benchmark::DoNotOptimize(vision::decode_image(std::as_bytes(std::span<const char>(file))));
}
BENCHMARK(decode_jpeg)->Unit(benchmark::kMicrosecond);

void decode_png(benchmark::State& state) {
  const std::string file = *vision::encode_png(photograph(375, 500));
  for (auto _ : state) benchmark::DoNotOptimize(vision::decode_image(std::as_bytes(std::span<const char>(file))));
}
BENCHMARK(decode_png)->Unit(benchmark::kMicrosecond);

// resize_shorter_side(256), center_crop(224), to_float, normalize.
void preprocess(benchmark::State& state) {
  const InferenceMode guard;
  const ThreadWidth one(1);
  const graph::Graph g = vision::trace_preprocess([](const Tensor& x) {
    return vision::normalize(vision::to_float(vision::center_crop(vision::resize_shorter_side(x, 256), 224)),
                             {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
  });
  const Tensor x = photograph(375, 500);
  for (auto _ : state) benchmark::DoNotOptimize(g(x));
}
BENCHMARK(preprocess)->Unit(benchmark::kMicrosecond);

// An example of Fashion-MNIST as a loader's thread makes it.
void augment_28(benchmark::State& state) {
  const InferenceMode guard;
  const ThreadWidth one(1);
  const graph::Graph g = vision::trace_preprocess(
      [](const Tensor& x) { return vision::normalize(vision::to_float(vision::resize(x, 28)), {0.286}, {0.353}); },
      {.channels = 1});
  const Tensor x = photograph(28, 28).narrow(0, 0, 1);
  Generator random;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        g(vision::random_horizontal_flip(vision::random_crop(x, 28, random, {.padding = vision::Padding(2)}), random)));
  }
}
BENCHMARK(augment_28)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
