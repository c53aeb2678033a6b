#include "core/kernels/cpu/transpose.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/transpose.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLine = 64;

// The transpose of n x n items, n to a cache line, goes by way of `line`: every line of the source is read once, and
// every line of the result written once and whole.
template <class Item>
struct Tile {
  static constexpr int64_t n = kLine / sizeof(Item);
  HWY_ALIGN Item line[n][n];

  HWY_INLINE void load(const Item* from, int64_t column) {
#if HWY_TARGET != HWY_SCALAR
    if constexpr (sizeof(Item) == 4) {
      for (int64_t j = 0; j < n; j += 4) {
        for (int64_t i = 0; i < n; i += 4) load_4x4(from + i + j * column, column, i, j);
      }
      return;
    }
#endif
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = 0; i < n; ++i) line[i][j] = from[i + j * column];
    }
  }

#if HWY_TARGET != HWY_SCALAR
  HWY_INLINE void load_4x4(const Item* from, int64_t column, int64_t i, int64_t j) {
    const hn::Full128<Item> d;
    const hn::Full128<uint64_t> pairs;
    const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + column), c = hn::LoadU(d, from + 2 * column),
               e = hn::LoadU(d, from + 3 * column);
    const auto ab_low = hn::BitCast(pairs, hn::InterleaveLower(d, a, b)),
               ab_high = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b)),
               ce_low = hn::BitCast(pairs, hn::InterleaveLower(d, c, e)),
               ce_high = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
    hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, ab_low, ce_low)), d, &line[i][j]);
    hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_low, ce_low)), d, &line[i + 1][j]);
    hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, ab_high, ce_high)), d, &line[i + 2][j]);
    hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_high, ce_high)), d, &line[i + 3][j]);
  }
#endif

  HWY_INLINE void store(Item* to, int64_t row, bool past_cache) const {
    const hn::ScalableTag<Item> d;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; j += static_cast<int64_t>(hn::Lanes(d))) {
        const auto v = hn::Load(d, &line[i][j]);
        if (past_cache) hn::Stream(v, d, to + i * row + j);
        else hn::StoreU(v, d, to + i * row + j);
      }
    }
  }
};

template <class Item>
void strip(void* to_bytes, int64_t to_row, const void* from_bytes, int64_t from_column, int64_t rows, int64_t columns,
           bool past_cache) {
  constexpr int64_t n = Tile<Item>::n;
  Item* to = static_cast<Item*>(to_bytes);
  const Item* from = static_cast<const Item*>(from_bytes);
  past_cache = past_cache && reinterpret_cast<uintptr_t>(to) % kLine == 0 && to_row % n == 0;
  const int64_t whole_rows = rows / n * n, whole_columns = columns / n * n;
  Tile<Item> tile;
  for (int64_t j = 0; j < whole_columns; j += n) {
    for (int64_t i = 0; i < whole_rows; i += n) {
      // Lines of a column are far apart, where the processor does not look ahead by itself.
      if (j + 2 * n <= whole_columns) {
        for (int64_t k = 0; k < n; ++k) hwy::Prefetch(from + i + (j + n + k) * from_column);
      }
      tile.load(from + i + j * from_column, from_column);
      tile.store(to + i * to_row + j, to_row, past_cache);
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[i * to_row + j] = from[i + j * from_column];
  }
}

void transpose(void* to, int64_t to_row, const void* from, int64_t from_column, int64_t rows, int64_t columns,
               int64_t itemsize, bool past_cache) {
  auto* const run = itemsize == 1   ? strip<uint8_t>
                    : itemsize == 2 ? strip<uint16_t>
                    : itemsize == 4 ? strip<uint32_t>
                                    : strip<uint64_t>;
  run(to, to_row, from, from_column, rows, columns, past_cache);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(transpose);
void transpose_strip(void* to, int64_t to_row, const void* from, int64_t from_column, int64_t rows, int64_t columns,
                     int64_t itemsize, bool past_cache) {
  HWY_DYNAMIC_DISPATCH(transpose)(to, to_row, from, from_column, rows, columns, itemsize, past_cache);
}
}  // namespace hearth::cpu
#endif
