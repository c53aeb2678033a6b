// Small products and products with one row: both would spend most of their time in a library's fixed cost.
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

template <class T>
T dot(const T* x, int64_t x_step, const T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  int64_t i = 0;
  T rest = 0;
  if (x_step == 1) {
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      s0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), s0);
      s1 = hn::MulAdd(hn::LoadU(d, x + i + lanes), hn::LoadU(d, y + i + lanes), s1);
      s2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * lanes), hn::LoadU(d, y + i + 2 * lanes), s2);
      s3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * lanes), hn::LoadU(d, y + i + 3 * lanes), s3);
    }
    for (; i + lanes <= n; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), s0);
  }
  for (; i < n; ++i) rest += x[i * x_step] * y[i];
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)))) + rest;
}

template <class T>
void finish(const Gemm& g, int64_t j, T v) {
  T& to = static_cast<T*>(g.c)[j];
  if (g.bias) v += static_cast<const T*>(g.bias)[j];
  to = g.accumulate ? to + v : v;
}

template <class T>
void gemv_typed(const Gemm& g) {
  const T* x = static_cast<const T*>(g.a);
  const T* b = static_cast<const T*>(g.b);
  if (g.b_row == 1) {
    // A long sum is cut into pieces that are joined in order, so that one dot product can use all threads.
    constexpr int64_t kPiece = 16384;
    const int64_t pieces = (g.k + kPiece - 1) / kPiece;
    if (pieces > 1 && g.n < 64) {
      T* sums = static_cast<T*>(onednn::scratch(onednn::Slot::kSmall, static_cast<size_t>(g.n * pieces) * sizeof(T)));
      parallel_for(g.n * pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t j = i / pieces, from = (i % pieces) * kPiece;
          sums[i] = dot(x + from * g.a_col, g.a_col, b + j * g.b_col + from, std::min(kPiece, g.k - from));
        }
      });
      for (int64_t j = 0; j < g.n; ++j) {
        T sum = 0;
        for (int64_t p = 0; p < pieces; ++p) sum += sums[j * pieces + p];
        finish(g, j, sum);
      }
      return;
    }
    const int64_t grain = std::max<int64_t>(1, 65536 / std::max<int64_t>(g.k, 1));
    parallel_for(g.n, grain, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) finish(g, j, dot(x, g.a_col, b + j * g.b_col, g.k));
    });
    return;
  }
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  parallel_for(g.n, 8 * lanes * std::max<int64_t>(1, 4096 / std::max<int64_t>(g.k, 1)),
               [&](int64_t begin, int64_t end) {
                 int64_t j = begin;
                 for (; j + 8 * lanes <= end; j += 8 * lanes) {
                   hn::Vec<hn::ScalableTag<T>> s[8];
                   for (auto& v : s) v = hn::Zero(d);
                   for (int64_t p = 0; p < g.k; ++p) {
                     const auto a = hn::Set(d, x[p * g.a_col]);
                     for (int q = 0; q < 8; ++q)
                       s[q] = hn::MulAdd(a, hn::LoadU(d, b + p * g.b_row + j + q * lanes), s[q]);
                   }
                   HWY_ALIGN T out[8 * HWY_MAX_BYTES / sizeof(T)];
                   for (int q = 0; q < 8; ++q) hn::Store(s[q], d, out + q * lanes);
                   for (int64_t q = 0; q < 8 * lanes; ++q) finish(g, j + q, out[q]);
                 }
                 for (; j < end; j += lanes) {
                   const int64_t nj = std::min(lanes, end - j);
                   HWY_ALIGN T out[HWY_MAX_BYTES / sizeof(T)] = {};
                   for (int64_t p = 0; p < g.k; ++p) {
                     const T a = x[p * g.a_col];
                     for (int64_t q = 0; q < nj; ++q) out[q] += a * b[p * g.b_row + j + q];
                   }
                   for (int64_t q = 0; q < nj; ++q) finish(g, j + q, out[q]);
                 }
               });
}

void small_target(const Gemm& g) { g.dtype == DType::kF32 ? small_typed<float>(g) : small_typed<double>(g); }
void gemv_target(const Gemm& g) { g.dtype == DType::kF32 ? gemv_typed<float>(g) : gemv_typed<double>(g); }

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
HWY_EXPORT(gemv_target);
HWY_EXPORT(integer_target);

namespace gemm_detail {
bool small_gemm_fits(int64_t m, int64_t n, int64_t k) { return k <= 512 && n <= 128 && m * n * k <= 48 * 48 * 48; }
void small_gemm(const Gemm& g) { HWY_DYNAMIC_DISPATCH(small_target)(g); }
void gemv(const Gemm& g) { HWY_DYNAMIC_DISPATCH(gemv_target)(g); }
void integer_gemm(const Gemm& g) { HWY_DYNAMIC_DISPATCH(integer_target)(g); }
}  // namespace gemm_detail
}  // namespace hearth::cpu
#endif
