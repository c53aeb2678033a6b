#include "core/kernels/random.h"

#include <algorithm>
#include <numbers>

#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/draw.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/uniform_end.h"
#include "core/op/attrs/random.h"

namespace hearth::cuda {
namespace {

// Each thread draws a counter's four words, which serve four elements or two.
template <class F>
HEARTH_DEVICE void for_each_draw(const Draw& draw, int64_t n, int per, F f) {
  const GeneratorState s = draw.now();
  for_each_item((n + per - 1) / per, [&](int64_t block) {
    const Words w = random_words(s, block);
    for (int k = 0; k < per && block * per + k < n; ++k) f(block * per + k, w, k);
  });
}

// Box and Muller, 1958: a pair of normals from two words. Elements 2j and 2j + 1 take the cosine and the sine of pair
// j.
template <class T>
HEARTH_KERNEL void normal_kernel(Draw s, DType type, void* out, int64_t n, T mean, T std) {
  for_each_draw(s, n, 4, [&](int64_t i, const Words& w, int k) {
    const uint32_t a = w.w[k / 2 * 2], b = w.w[k / 2 * 2 + 1];
    const double u = (static_cast<double>(a) + 0.5) * 0x1p-32, v = (static_cast<double>(b) + 0.5) * 0x1p-32;
    const double r = ::sqrt(-2 * ::log(u)), angle = 2 * std::numbers::pi * v;
    write<T>(type, out, i, mean + std * static_cast<T>(r * (k % 2 ? ::sin(angle) : ::cos(angle))));
  });
}

template <class T, bool kBernoulli>
HEARTH_KERNEL void unit_kernel(Draw s, DType type, void* out, int64_t n, double a, double b, double last) {
  constexpr int kWords = kWordsOf<T>;
  for_each_draw(s, n, 4 / kWords, [&](int64_t i, const Words& w, int k) {
    const uint32_t* const own = w.w + k * kWords;
    T v;
    if constexpr (kBernoulli) {
      v = T(below<T>(own, a));
    } else if constexpr (sizeof(T) == 8) {
      v = a + unit53(own[0], own[1]) * (b - a);
      if (v > last) v = last;
    } else {
      const auto low = static_cast<float>(a);
      v = low + unit24(own[0]) * (static_cast<float>(b) - low);
      if (v > static_cast<float>(last)) v = static_cast<float>(last);
    }
    write<T>(type, out, i, v);
  });
}

HEARTH_KERNEL void integer_kernel(Draw s, DType type, void* out, int64_t n, int64_t low, uint64_t range) {
  for_each_draw(s, n, 2, [&](int64_t i, const Words& w, int k) {
    // The high part of a 64 x 64 product: unbiased to 2^-64 times the range.
    const uint64_t drawn = uint64_t{w.w[2 * k]} << 32 | w.w[2 * k + 1];
    write<int64_t>(type, out, i, static_cast<int64_t>(static_cast<uint64_t>(low) + __umul64hi(drawn, range)));
  });
}

void fill(const OpCall& c, const Tensor& t, const RandomAttrs& a) {
  const int64_t n = t.numel();
  const bool wide = t.dtype() == DType::kF64, normal = a.distribution == Distribution::kNormal;
  const bool two = !normal && (wide || a.distribution == Distribution::kInteger);
  const Draw s = draw(c, static_cast<uint64_t>(two ? 2 * n : n));
  void* const p = t.impl()->data();
  const Launch l = over(c, two ? (n + 1) / 2 : (n + 3) / 4);
  const double last = a.distribution == Distribution::kUniform ? last_before(t.dtype(), a.a, a.b) : 0;
  switch (a.distribution) {
    case Distribution::kInteger:
      return launch(l, integer_kernel, s, t.dtype(), p, n, a.low,
                    static_cast<uint64_t>(a.high) - static_cast<uint64_t>(a.low));
    case Distribution::kNormal:
      return wide ? launch(l, normal_kernel<double>, s, t.dtype(), p, n, a.a, a.b)
                  : launch(l, normal_kernel<float>, s, t.dtype(), p, n, a.a, a.b);
    case Distribution::kBernoulli:
      return wide ? launch(l, unit_kernel<double, true>, s, t.dtype(), p, n, a.a, a.b, last)
                  : launch(l, unit_kernel<float, true>, s, t.dtype(), p, n, a.a, a.b, last);
    case Distribution::kUniform:
      return wide ? launch(l, unit_kernel<double, false>, s, t.dtype(), p, n, a.a, a.b, last)
                  : launch(l, unit_kernel<float, false>, s, t.dtype(), p, n, a.a, a.b, last);
  }
}

}  // namespace

void random(OpCall& c) {
  const Tensor& out = c.out[0];
  if (out.numel() == 0) return;
  const auto& a = c.attrs_as<RandomAttrs>();
  if (out.layout().contiguous) return fill(c, out, a);
  const Tensor dense = hearth::detail::empty(out.shape(), out.dtype(), out.device(), c.op.name);
  fill(c, dense, a);
  copy_tensor(out, dense);
}

}  // namespace hearth::cuda
