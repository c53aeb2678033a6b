// Small products, which would spend most of their time in a library's fixed cost, and products of integers.
#include <algorithm>
#include <cstdint>

#include "core/base/parallel.h"
#include "core/kernels/cpu/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemm_small.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kRows = 6;  // with two vectors of columns: 12 sums, which AVX2's 16 registers can hold

// c[kM][2 lanes] = a[kM][k] * panel[k][2 lanes]; the panel holds two vectors per row of B.
template <int kM, class T>
HWY_INLINE void tile(const T* a, int64_t a_row, int64_t a_col, const T* panel, int64_t k, T* out) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  using V = hn::Vec<hn::ScalableTag<T>>;
  V s0[kM], s1[kM];
  for (int i = 0; i < kM; ++i) s0[i] = s1[i] = hn::Zero(d);
  for (int64_t p = 0; p < k; ++p) {
    const V b0 = hn::LoadU(d, panel + p * 2 * lanes), b1 = hn::LoadU(d, panel + p * 2 * lanes + lanes);
    for (int i = 0; i < kM; ++i) {
      const V x = hn::Set(d, a[i * a_row + p * a_col]);
      s0[i] = hn::MulAdd(x, b0, s0[i]);
      s1[i] = hn::MulAdd(x, b1, s1[i]);
    }
  }
  for (int i = 0; i < kM; ++i) {
    hn::StoreU(s0[i], d, out + i * 2 * lanes);
    hn::StoreU(s1[i], d, out + i * 2 * lanes + lanes);
  }
}

template <class T>
void small_typed(const Gemm& g) {
  const hn::ScalableTag<T> d;
  const int64_t width = 2 * static_cast<int64_t>(hn::Lanes(d));
  const T* a = static_cast<const T*>(g.a);
  const T* b = static_cast<const T*>(g.b);
  const T* bias = static_cast<const T*>(g.bias);
  T* c = static_cast<T*>(g.c);
  T* panel =
      static_cast<T*>(onednn::scratch(onednn::Slot::kSmall, static_cast<size_t>(width * (g.k + kRows)) * sizeof(T)));
  T* sums = panel + width * g.k;
  for (int64_t j = 0; j < g.n; j += width) {
    const int64_t nj = std::min(width, g.n - j);
    for (int64_t p = 0; p < g.k; ++p) {
      T* to = panel + p * width;
      const T* from = b + p * g.b_row + j * g.b_col;
      if (g.b_col == 1) {
        for (int64_t q = 0; q < nj; ++q) to[q] = from[q];
      } else {
        for (int64_t q = 0; q < nj; ++q) to[q] = from[q * g.b_col];
      }
      for (int64_t q = nj; q < width; ++q) to[q] = T(0);
    }
    for (int64_t i = 0; i < g.m; i += kRows) {
      const int64_t mi = std::min(kRows, g.m - i);
      const T* x = a + i * g.a_row;
      switch (mi) {
        case 1:
          tile<1>(x, g.a_row, g.a_col, panel, g.k, sums);
          break;
        case 2:
          tile<2>(x, g.a_row, g.a_col, panel, g.k, sums);
          break;
        case 3:
          tile<3>(x, g.a_row, g.a_col, panel, g.k, sums);
          break;
        case 4:
          tile<4>(x, g.a_row, g.a_col, panel, g.k, sums);
          break;
        case 5:
          tile<5>(x, g.a_row, g.a_col, panel, g.k, sums);
          break;
        default:
          tile<kRows>(x, g.a_row, g.a_col, panel, g.k, sums);
          break;
      }
      for (int64_t r = 0; r < mi; ++r) {
        T* to = c + (i + r) * g.c_row + j;
        const T* s = sums + r * width;
        if (!bias && !g.accumulate) {
          for (int64_t q = 0; q < nj; ++q) to[q] = s[q];
        } else {
          for (int64_t q = 0; q < nj; ++q) {
            T v = s[q];
            if (bias) v += bias[j + q];
            if (g.accumulate) v += to[q];
            to[q] = v;
          }
        }
      }
    }
  }
}

void small_target(const Gemm& g) { g.dtype == DType::kF32 ? small_typed<float>(g) : small_typed<double>(g); }

// C++ has no multiplication of narrow integers: they are promoted to int. Sums are kept unsigned, which wraps around.
template <class T>
void integer_typed(const Gemm& g) {
  using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  const auto wrapped = [](T v) { return static_cast<U>(static_cast<int64_t>(v)); };  // its sign extended
  const T* bias = static_cast<const T*>(g.bias);
  constexpr int64_t kBlock = 256;
  U sum[kBlock];
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j0 = 0; j0 < g.n; j0 += kBlock) {
      const int64_t nj = std::min(kBlock, g.n - j0);
      for (int64_t j = 0; j < nj; ++j) sum[j] = bias ? wrapped(bias[j0 + j]) : U(0);
      for (int64_t p = 0; p < g.k; ++p) {
        const U x = wrapped(static_cast<const T*>(g.a)[i * g.a_row + p * g.a_col]);
        const T* b = static_cast<const T*>(g.b) + p * g.b_row + j0 * g.b_col;
        if (g.b_col == 1) {
          for (int64_t j = 0; j < nj; ++j) sum[j] += x * wrapped(b[j]);
        } else {
          for (int64_t j = 0; j < nj; ++j) sum[j] += x * wrapped(b[j * g.b_col]);
        }
      }
      T* to = static_cast<T*>(g.c) + i * g.c_row + j0;
      for (int64_t j = 0; j < nj; ++j) to[j] = static_cast<T>(g.accumulate ? wrapped(to[j]) + sum[j] : sum[j]);
    }
  }
}

void integer_target(const Gemm& g) {
  switch (g.dtype) {
    case DType::kU8:
      return integer_typed<uint8_t>(g);
    case DType::kI8:
      return integer_typed<int8_t>(g);
    case DType::kI16:
      return integer_typed<int16_t>(g);
    case DType::kI32:
      return integer_typed<int32_t>(g);
    case DType::kI64:
      return integer_typed<int64_t>(g);
    default:
      fail(ErrorKind::kInternal, "gemm: no integer kernel for dtype ", g.dtype);
  }
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(small_target);
HWY_EXPORT(integer_target);

namespace gemm_detail {
bool small_gemm_fits(int64_t m, int64_t n, int64_t k) { return k <= 512 && n <= 128 && m * n * k <= 48 * 48 * 48; }
void small_gemm(const Gemm& g) { HWY_DYNAMIC_DISPATCH(small_target)(g); }
void integer_gemm(const Gemm& g) { HWY_DYNAMIC_DISPATCH(integer_target)(g); }
}  // namespace gemm_detail
}  // namespace hearth::cpu
#endif
