// One call of attention as its kernels see it: where operands lie, which keys a query sees, and tiles of scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "core/kernels/cuda/draw.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/tile.cuh"
#include "core/op/attrs/attention.h"

namespace hearth::cuda {

// Tiles of kTile queries by kTile keys, for a block of kThreads threads. Products over head sizes go through shared
// memory kDepth at a time; a block sums up to kWidth columns of a result. Small in the emulation, so that the op table
// meets several of each.
template <class T>
struct AttentionTiles {
#if HEARTH_CUDA_EMULATED
  static constexpr int kSide = 8, kDepth = 4, kAcross = 1;
#else
  static constexpr int kSide = sizeof(T) == 4 ? 16 : 8, kDepth = 32, kAcross = 8;
#endif
  static constexpr int kThreads = kSide * kSide;
  static constexpr int kDown = 4, kTile = kSide * kDown;
  static constexpr int kWidth = kSide * kAcross;
  static constexpr int kPadded = kDepth + 1;  // rows of q, k, dy and v: neighbours lie in other banks
  static constexpr int kScoreRow = kTile + 1;
  // Shared memory holds two tiles of kTile rows and kDepth columns, or one of kDepth rows and kWidth columns.
  static constexpr int kOperands = 2 * kTile * kPadded > kDepth* kWidth ? 2 * kTile* kPadded : kDepth* kWidth;
  using Scores = TileSum<T, kSide, kDown, kDown>;
  using Sums = TileSum<T, kSide, kDown, kAcross>;
};

// A tensor [..., rows, columns] seen from the leading dimensions of the result. Strides are 0 where it is broadcast.
struct Matrices {
  char* data = nullptr;
  int64_t strides[kMaxRank] = {};
  int64_t group = 1;  // neighbours in the last of the leading dimensions, the heads, that share a matrix
  int64_t row = 0, column = 0;
};

struct Attention {
  int rank = 0;  // of the leading dimensions of the result
  int64_t lead[kMaxRank] = {};
  int64_t batch = 1, queries = 0, keys = 0, size = 0, value_size = 0;
  Matrices q, k, v, mask;
  DType mask_type = DType::kBool;
  double scale = 1;
  int64_t ahead = 0, behind = 0;  // query i sees keys i - behind to i + ahead
  // Dropout: a weight is kept if its random word is below the bound, and multiplied by the factor.
  bool drops = false;
  uint64_t bound = 0;
  double factor = 0;

  HEARTH_DEVICE int64_t offset(const Matrices& x, int64_t u) const {
    int64_t at = 0;
    for (int d = rank; d-- > 0;) {
      const int64_t i = u % lead[d];
      at += (d + 1 == rank ? i / x.group : i) * x.strides[d];
      u /= lead[d];
    }
    return at;
  }
  HEARTH_DEVICE bool sees(int64_t i, int64_t j) const { return j - i <= ahead && i - j <= behind; }
  // Keys that any of the queries [q0, q1) sees, and the other way round, but for the mask.
  HEARTH_DEVICE int64_t first_key(int64_t q0) const { return q0 > behind ? q0 - behind : 0; }
  HEARTH_DEVICE int64_t last_key(int64_t q1) const { return q1 + ahead < keys ? q1 + ahead : keys; }
  HEARTH_DEVICE int64_t first_query(int64_t k0) const { return k0 > ahead ? k0 - ahead : 0; }
  HEARTH_DEVICE int64_t last_query(int64_t k1) const { return k1 + behind < queries ? k1 + behind : queries; }

  // The dropout's factor of the weight of query i and key j.
  template <class T>
  HEARTH_DEVICE T keep(const GeneratorState& state, int64_t u, int64_t i, int64_t j) const {
    const int64_t n = (u * queries + i) * keys + j;
    const Words words = random_words(state, n / 4);
    // Not by an index, for which the words would leave their registers.
    const uint32_t first = n % 2 == 0 ? words.w[0] : words.w[1], second = n % 2 == 0 ? words.w[2] : words.w[3];
    return (n % 4 < 2 ? first : second) < bound ? static_cast<T>(factor) : T(0);
  }
};

inline Matrices matrices(const Attention& p, const Tensor& t) {
  Matrices m;
  m.data = static_cast<char*>(t.impl()->data());
  const int rank = t.dim();
  for (int d = 1; d <= p.rank && d + 2 <= rank; ++d) {
    const int64_t size = t.shape()[rank - 2 - d];
    if (size == 1) continue;
    m.strides[p.rank - d] = t.strides()[rank - 2 - d];
    if (d == 1 && size > 0) m.group = p.lead[p.rank - 1] / size;
  }
  if (rank >= 2 && t.shape()[rank - 2] != 1) m.row = t.strides()[rank - 2];
  if (rank >= 1 && t.shape()[rank - 1] != 1) m.column = t.strides()[rank - 1];
  return m;
}

inline Attention attention_of(const Shape& result, const Tensor& q, const Tensor& k, const Tensor& v,
                              const Tensor* mask, const AttentionAttrs& a) {
  Attention p;
  p.rank = result.rank() - 2;
  for (int d = 0; d < p.rank; ++d) {
    p.lead[d] = result[d];
    p.batch *= result[d];
  }
  p.queries = result[p.rank];
  p.keys = k.size(-2);
  p.size = k.size(-1);
  p.value_size = result.back();
  p.q = matrices(p, q);
  p.k = matrices(p, k);
  p.v = matrices(p, v);
  if (mask) {
    p.mask = matrices(p, *mask);
    p.mask_type = mask->dtype();
  }
  p.scale = a.scale.value_or(1 / std::sqrt(static_cast<double>(p.size)));
  const int64_t all = p.queries + p.keys, window = std::min(a.window.value_or(all), all);
  p.ahead = a.causal ? 0 : window;
  p.behind = window;
  p.drops = a.dropout > 0;
  p.bound = static_cast<uint64_t>(std::ceil((1 - a.dropout) * 0x1p32));
  p.factor = a.dropout < 1 ? 1 / (1 - a.dropout) : 0;
  return p;
}

// Elements [first, first + kRows) x [column, column + kColumns) of a matrix, times `factor`; zeros beyond its `rows`
// and `columns`.
template <int kRows, int kColumns, class S, class T>
HEARTH_DEVICE void load_tile(const Matrices& m, int64_t offset, int64_t first, int64_t rows, int64_t column,
                             int64_t columns, T factor, T* to, int to_row) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kColumns; i += static_cast<int>(blockDim.x)) {
    const int r = i / kColumns, c = i % kColumns;
    const int64_t row = first + r, col = column + c;
    to[r * to_row + c] =
        row < rows && col < columns
            ? convert_in<T>(reinterpret_cast<const S*>(m.data)[offset + row * m.row + col * m.column]) * factor
            : T(0);
  }
}

// sum = the products of rows of two matrices: [q0, q0 + kTile) of a times `factor`, [k0, k0 + kTile) of b.
template <class Tiles, class S, class T>
HEARTH_DEVICE void rows_by_rows(const Matrices& a, int64_t a_offset, int64_t q0, int64_t queries, T factor,
                                const Matrices& b, int64_t b_offset, int64_t k0, int64_t keys, int64_t size,
                                T* operands, typename Tiles::Scores& sum) {
  T* const other = operands + Tiles::kTile * Tiles::kPadded;
  sum.clear();
  for (int64_t d = 0; d < size; d += Tiles::kDepth) {
    __syncthreads();  // what was there may still be read
    load_tile<Tiles::kTile, Tiles::kDepth, S>(a, a_offset, q0, queries, d, size, factor, operands, Tiles::kPadded);
    load_tile<Tiles::kTile, Tiles::kDepth, S>(b, b_offset, k0, keys, d, size, T(1), other, Tiles::kPadded);
    __syncthreads();
    sum.add_product(Tiles::kDepth, operands, Tiles::kPadded, 1, other, 1, Tiles::kPadded);
  }
}

// The score of query i and key j, whose product is s: with the mask, and -infinity where the query does not see the
// key.
template <class T>
HEARTH_DEVICE T masked(const Attention& p, int64_t mask_offset, int64_t i, int64_t j, T s) {
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  if (i >= p.queries || j >= p.keys || !p.sees(i, j)) return kNever;
  if (!p.mask.data) return s;
  const int64_t at = mask_offset + i * p.mask.row + j * p.mask.column;
  if (p.mask_type == DType::kBool) return reinterpret_cast<const bool*>(p.mask.data)[at] ? s : kNever;
  return s + read<T>(p.mask_type, p.mask.data, at);
}

// Columns [column, column + kWidth) of sum += the product of a tile in shared memory with rows of a matrix, which are
// taken kDepth at a time. Element (row, k) of the tile lies at tile[row * tile_row + k * tile_step]; `width` of its k
// count. The tile must be complete, which this waits for.
template <class Tiles, class S, class T>
HEARTH_DEVICE void add_rows(const T* tile, int tile_row, int tile_step, int width, const Matrices& m, int64_t offset,
                            int64_t first, int64_t rows, int64_t column, int64_t columns, T* operands,
                            typename Tiles::Sums& sum) {
  for (int k = 0; k < width; k += Tiles::kDepth) {
    __syncthreads();
    load_tile<Tiles::kDepth, Tiles::kWidth, S>(m, offset, first + k, rows, column, columns, T(1), operands,
                                               Tiles::kWidth);
    __syncthreads();
    sum.add_product(Tiles::kDepth, tile + k * tile_step, tile_row, tile_step, operands, Tiles::kWidth, 1);
  }
}

// f.operator()<S, T>() with the element and the computing type of a call.
template <class F>
void by_float_type(DType t, F&& f) {
  switch (t) {
    case DType::kF64:
      return f.template operator()<double, double>();
    case DType::kF16:
      return f.template operator()<Half, float>();
    case DType::kBF16:
      return f.template operator()<BFloat16, float>();
    default:
      return f.template operator()<float, float>();
  }
}

// One element of a result.
template <class S, class T>
HEARTH_DEVICE void store(char* to, int64_t at, T v) {
  if constexpr (std::is_same_v<S, T>) reinterpret_cast<S*>(to)[at] = v;
  else narrow(v, reinterpret_cast<S*>(to)[at]);
}

template <class T>
Launch attention_launch(const OpCall& c, int64_t blocks) {
  return {.grid = blocks_for(blocks),
          .block = AttentionTiles<T>::kThreads,
          .stream = stream(c.device.index),
          .name = c.op.name};
}

}  // namespace hearth::cuda
