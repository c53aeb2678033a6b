#include "core/kernels/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/draw.h"
#include "core/kernels/uniform_end.h"
#include "core/op/attrs/random.h"
#include "core/op/op_call.h"
#include "core/tensor/generator.h"

namespace hearth::cpu {

namespace {

constexpr int64_t kGrain = 8192;

float unit24(uint32_t a) { return static_cast<float>(a >> 8) * 0x1p-24f; }

// Box and Muller, 1958: a pair of normals from two words. Elements 2j and 2j + 1 take the cosine and the sine of pair
// j.
template <class T>
void normals(const GeneratorState& s, T* out, int64_t begin, int64_t end, T mean, T std) {
  const auto pair = [&](const uint32_t* w, T& a, T& b) {
    const double u = (static_cast<double>(w[0]) + 0.5) * 0x1p-32, v = (static_cast<double>(w[1]) + 0.5) * 0x1p-32;
    const double r = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
    a = static_cast<T>(r * std::cos(angle));
    b = static_cast<T>(r * std::sin(angle));
  };
  for (int64_t i = begin; i < end;) {
    const auto w = philox(s.seed, s.offset + static_cast<uint64_t>(i / 4));
    T z[4];
    pair(w.data(), z[0], z[1]);
    pair(w.data() + 2, z[2], z[3]);
    for (int64_t k = i % 4; k < 4 && i < end; ++k, ++i) out[i] = mean + std * z[k];
  }
}

// Both streams of words are consumed per element: f32 takes one, f64 and integers two.
void fill(const Tensor& t, const RandomAttrs& a, Generator& g) {
  const int64_t n = t.numel();
  const bool wide = t.dtype() == DType::kF64, narrow_normal = a.distribution == Distribution::kNormal;
  const bool two = !narrow_normal && (wide || a.distribution == Distribution::kInteger);
  const GeneratorState s = g.take(static_cast<uint64_t>(two ? 2 * n : n));
  char* p = static_cast<char*>(t.impl()->data());
  const DType compute = a.distribution == Distribution::kInteger ? DType::kI64
                        : compute_type(t.dtype()) == DType::kF64 ? DType::kF64
                                                                 : DType::kF32;
  const ConvertFn convert = convert_fn(compute, t.dtype());
  const double last = a.distribution == Distribution::kUniform ? last_before(t.dtype(), a.a, a.b) : 0;
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    const auto count = static_cast<size_t>(end - begin);
    const auto store = [&](auto& values) {
      convert(values.data(), p + begin * static_cast<int64_t>(t.itemsize()), end - begin);
    };
    if (a.distribution == Distribution::kInteger) {
      std::vector<int64_t> v(count);
      const auto range = static_cast<uint64_t>(a.high) - static_cast<uint64_t>(a.low);
      draw<2>(s, begin, end, [&](int64_t i, const uint32_t* w) {
        // The high part of a 64 x 64 product: unbiased to 2^-64 times the range.
        const auto x = static_cast<unsigned __int128>(uint64_t{w[0]} << 32 | w[1]) * range;
        v[static_cast<size_t>(i - begin)] =
            static_cast<int64_t>(static_cast<uint64_t>(a.low) + static_cast<uint64_t>(x >> 64));
      });
      store(v);
    } else if (compute == DType::kF64) {
      std::vector<double> v(count);
      if (a.distribution == Distribution::kNormal) {
        normals(s, v.data() - begin, begin, end, a.a, a.b);
      } else {
        draw<2>(s, begin, end, [&](int64_t i, const uint32_t* w) {
          const double u = unit53(w[0], w[1]);
          v[static_cast<size_t>(i - begin)] = a.distribution == Distribution::kBernoulli
                                                  ? below<double>(w, a.a)
                                                  : std::min(a.a + u * (a.b - a.a), last);
        });
      }
      store(v);
    } else {
      std::vector<float> v(count);
      const auto lo = static_cast<float>(a.a), hi = static_cast<float>(a.b);
      if (a.distribution == Distribution::kNormal) {
        normals(s, v.data() - begin, begin, end, lo, hi);
      } else {
        draw<1>(s, begin, end, [&](int64_t i, const uint32_t* w) {
          float& x = v[static_cast<size_t>(i - begin)];
          if (a.distribution == Distribution::kBernoulli) {
            x = below<float>(w, a.a);
          } else {
            x = std::min(lo + unit24(w[0]) * (hi - lo), static_cast<float>(last));
          }
        });
      }
      store(v);
    }
  });
}

}  // namespace

void random(OpCall& c) {
  const Tensor& out = c.out[0];
  if (out.numel() == 0) return;
  Generator& g = *c.generator;
  const auto& a = c.attrs_as<RandomAttrs>();
  if (out.layout().contiguous) return fill(out, a, g);
  const Tensor dense = detail::empty(out.shape(), out.dtype(), kCpu, "random");
  fill(dense, a, g);
  copy_tensor(out, dense);
}

}  // namespace hearth::cpu
