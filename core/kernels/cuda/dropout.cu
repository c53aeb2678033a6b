#include "core/kernels/dropout.h"

#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/draw.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/random.h"

namespace hearth::cuda {
namespace {

// Elements in row-major order. `kept` is written where words are drawn, else read.
template <class T, bool kDraw>
HEARTH_KERNEL void dropout_kernel(Walk<2> walk, Draw draw, double p, DType from_type, const void* from, DType to_type,
                                  void* to, bool* kept) {
  constexpr int kPer = 4 / kWordsOf<T>;
  const T scale = static_cast<T>(1 / (1 - p));
  const GeneratorState s = kDraw ? draw.now() : GeneratorState{};
  for_each_item((walk.n + kPer - 1) / kPer, [&](int64_t block) {
    Words w{};
    if constexpr (kDraw) w = random_words(s, block);
    for (int k = 0; k < kPer && block * kPer + k < walk.n; ++k) {
      const int64_t i = block * kPer + k;
      if constexpr (kDraw) kept[i] = below<T>(w.w + k * kWordsOf<T>, 1 - p);
      int64_t at[2];
      walk.place(i, at);
      write<T>(to_type, to, at[1], read<T>(from_type, from, at[0]) * (kept[i] ? scale : T(0)));
    }
  });
}

template <bool kDraw>
void run(OpCall& c, bool* kept, const Draw& draw) {
  const Tensor &x = c.input(0), &y = c.out[0];
  const double p = c.attrs_as<DropoutAttrs>().p;
  Walk<2> walk;
  for (int d = 0; d < x.dim(); ++d) walk.add(x.shape()[d], {x.strides()[d], y.strides()[d]});
  const auto go = [&](auto kernel, int per) {
    launch(over(c, (walk.n + per - 1) / per), kernel, walk, draw, p, x.dtype(),
           static_cast<const void*>(x.impl()->data()), y.dtype(), y.impl()->data(), kept);
  };
  if (c.dtype == DType::kF64) go(dropout_kernel<double, kDraw>, 2);
  else go(dropout_kernel<float, kDraw>, 4);
}

}  // namespace

void dropout(OpCall& c) {
  const int64_t n = c.input(0).numel();
  if (n == 0) return;
  run<true>(c, static_cast<bool*>(c.out[1].impl()->data()),
            draw(c, static_cast<uint64_t>(c.dtype == DType::kF64 ? 2 * n : n)));
}

void dropout_grad(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  const Tensor kept = row_major(c.input(1));
  run<false>(c, static_cast<bool*>(kept.impl()->data()), {});
}

}  // namespace hearth::cuda
