// Products with one row: limited by memory, so that B is read once, in its own type and in long runs.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// In which numbers of type T are summed.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;
template <class T>
using Tag = hn::ScalableTag<Sum<T>>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

template <class T>
HWY_INLINE Vec<T> load(const T* p) {
  const Tag<T> d;
  if constexpr (std::is_same_v<T, BFloat16>) {
    const hn::Rebind<uint16_t, Tag<T>> d16;
    const hn::Rebind<uint32_t, Tag<T>> d32;
    const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
    return hn::BitCast(d, hn::ShiftLeft<16>(bits));
  } else if constexpr (std::is_same_v<T, Half>) {
#if HWY_TARGET <= HWY_AVX2
    const hn::Rebind<hwy::float16_t, Tag<T>> d16;
    return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
#else
    static_assert(HWY_TARGET == HWY_SCALAR);
    return hn::Set(d, static_cast<float>(*p));
#endif
  } else {
    return hn::LoadU(d, p);
  }
}

template <class T>
Sum<T> dot(const Sum<T>* x, const T* y, int64_t n) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  int64_t i = 0;
  Sum<T> rest = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, x + i), load(y + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, x + i + lanes), load(y + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * lanes), load(y + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * lanes), load(y + i + 3 * lanes), s3);
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, x + i), load(y + i), s0);
  for (; i < n; ++i) rest += x[i] * convert<Sum<T>>(y[i]);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)))) + rest;
}

template <class T>
void finish(const Gemm& g, int64_t j, Sum<T> v) {
  T& to = static_cast<T*>(g.c)[j];
  if (g.bias) v += convert<Sum<T>>(static_cast<const T*>(g.bias)[j]);
  if (g.accumulate) v += convert<Sum<T>>(to);
  to = convert<T>(v);
}

// A long sum is cut into pieces that are joined in order, so that a few dot products can use all threads.
constexpr int64_t kPiece = 16384;
int64_t pieces_of(const Gemm& g) { return g.n < 64 ? (g.k + kPiece - 1) / kPiece : 1; }

// Columns of B lie in one piece: dot products. `sums` has room for one of each piece.
template <class T>
void by_columns(const Gemm& g, const Sum<T>* x, Sum<T>* sums) {
  const T* b = static_cast<const T*>(g.b);
  const int64_t pieces = pieces_of(g);
  if (pieces > 1) {
    parallel_for(g.n * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t j = i / pieces, from = (i % pieces) * kPiece;
        sums[i] = dot(x + from, b + j * g.b_col + from, std::min(kPiece, g.k - from));
      }
    });
    for (int64_t j = 0; j < g.n; ++j) {
      Sum<T> sum = 0;
      for (int64_t p = 0; p < pieces; ++p) sum += sums[j * pieces + p];
      finish<T>(g, j, sum);
    }
    return;
  }
  parallel_for(g.n, std::max<int64_t>(1, 65536 / std::max<int64_t>(g.k, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) finish<T>(g, j, dot(x, b + j * g.b_col, g.k));
  });
}

// sums[n] += x[p] b[p][n] for kRows rows of B.
template <int kRows, class T>
HWY_INLINE void add_rows(const Sum<T>* x, const T* b, int64_t b_row, int64_t n, Sum<T>* HWY_RESTRICT sums) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec<T> a[kRows];
  for (int r = 0; r < kRows; ++r) a[r] = hn::Set(d, x[r]);
  int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    Vec<T> s = hn::LoadU(d, sums + j);
    for (int r = 0; r < kRows; ++r) s = hn::MulAdd(a[r], load(b + r * b_row + j), s);
    hn::StoreU(s, d, sums + j);
  }
  for (; j < n; ++j) {
    for (int r = 0; r < kRows; ++r) sums[j] += x[r] * convert<Sum<T>>(b[r * b_row + j]);
  }
}

// How rows of B are cut: into blocks of columns whose sums stay in the nearest cache, and each of them into pieces of
// rows, whose sums are joined in order. Memory is read in runs as long as a block.
struct RowPieces {
  int64_t block, rows, blocks, pieces;
};
RowPieces row_pieces(const Gemm& g) {
  constexpr int64_t kMostColumns = 4096, kMostPieces = 16, kElements = 131072, kAtOnce = 8;
  const int64_t block = std::min(g.n, kMostColumns);
  const int64_t least = (g.k + kMostPieces - 1) / kMostPieces;
  const int64_t rows = (std::max(least, kElements / block) + kAtOnce - 1) / kAtOnce * kAtOnce;
  return {block, rows, (g.n + block - 1) / block, (g.k + rows - 1) / rows};
}

// Rows of B lie in one piece. `sums` has room for n of each piece.
template <class T>
void by_rows(const Gemm& g, const Sum<T>* x, Sum<T>* sums) {
  constexpr int64_t kAtOnce = 8;
  const RowPieces cut = row_pieces(g);
  parallel_for(cut.blocks * cut.pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t j = i / cut.pieces * cut.block, n = std::min(cut.block, g.n - j);
      const int64_t piece = i % cut.pieces, last = std::min(g.k, (piece + 1) * cut.rows);
      Sum<T>* to = sums + piece * g.n + j;
      std::fill_n(to, n, Sum<T>(0));
      int64_t p = piece * cut.rows;
      const T* b = static_cast<const T*>(g.b) + j;
      for (; p + kAtOnce <= last; p += kAtOnce) add_rows<kAtOnce>(x + p, b + p * g.b_row, g.b_row, n, to);
      for (; p < last; ++p) add_rows<1>(x + p, b + p * g.b_row, g.b_row, n, to);
    }
  });
  for (int64_t piece = 1; piece < cut.pieces; ++piece) {
    for (int64_t j = 0; j < g.n; ++j) sums[j] += sums[piece * g.n + j];
  }
  for (int64_t j = 0; j < g.n; ++j) finish<T>(g, j, sums[j]);
}

template <class T>
void gemv_typed(const Gemm& g) {
  // The row side by side, as it is summed. The memory is none that gemm() gathers operands in.
  const T* a = static_cast<const T*>(g.a);
  const int64_t pieces = g.b_row == 1 ? pieces_of(g) : row_pieces(g).pieces;
  auto* memory = static_cast<Sum<T>*>(
      onednn::scratch(onednn::Slot::kSmall, static_cast<size_t>(g.k + pieces * g.n) * sizeof(Sum<T>)));
  const Sum<T>* x = memory;
  if (std::is_same_v<T, Sum<T>> && g.a_col == 1) {
    x = reinterpret_cast<const Sum<T>*>(a);
  } else {
    for (int64_t p = 0; p < g.k; ++p) memory[p] = convert<Sum<T>>(a[p * g.a_col]);
  }
  if (g.b_row == 1) by_columns<T>(g, x, memory + g.k);
  else by_rows<T>(g, x, memory + g.k);
}

void gemv_target(const Gemm& g) {
  switch (g.dtype) {
    case DType::kF32:
      return gemv_typed<float>(g);
    case DType::kF64:
      return gemv_typed<double>(g);
    case DType::kBF16:
      return gemv_typed<BFloat16>(g);
    case DType::kF16:
      return gemv_typed<Half>(g);
    default:
      fail(ErrorKind::kInternal, "gemm: no vector kernel for dtype ", g.dtype);
  }
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(gemv_target);
namespace gemm_detail {
void gemv(const Gemm& g) { HWY_DYNAMIC_DISPATCH(gemv_target)(g); }
}  // namespace gemm_detail
}  // namespace hearth::cpu
#endif
