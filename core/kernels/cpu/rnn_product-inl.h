// Products of rows with packed weights (see rnn_steps.h), and vectors that may be shorter than a register.
#if defined(HEARTH_KERNELS_CPU_RNN_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_CPU_RNN_PRODUCT_INL_H_
#undef HEARTH_KERNELS_CPU_RNN_PRODUCT_INL_H_
#else
#define HEARTH_KERNELS_CPU_RNN_PRODUCT_INL_H_
#endif

#include <algorithm>

#include "core/kernels/cpu/rnn_steps.h"
#include "core/kernels/cpu/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
int64_t lanes_of() {
  return static_cast<int64_t>(Vec<T>::lanes());
}

// The largest number of rows whose sums fit into the registers: 32 of AVX-512, 16 of AVX2.
template <int kV>
constexpr int kTileRows = (HWY_TARGET <= HWY_AVX3 ? 24 : 12) / kV;

// sums[kR][kV vectors] = a[kR][terms] * panel
template <int kR, int kV, class T>
void tile(const T* a, int64_t a_row, const T* panel, int64_t terms, T* sums) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  using V = hn::Vec<Tag<T>>;
  V s[kR][kV];
  for (int r = 0; r < kR; ++r) {
    for (int v = 0; v < kV; ++v) s[r][v] = hn::Zero(d);
  }
  for (int64_t k = 0; k < terms; ++k) {
    V b[kV];
    for (int v = 0; v < kV; ++v) b[v] = hn::LoadU(d, panel + (k * kV + v) * lanes);
    for (int r = 0; r < kR; ++r) {
      const V x = hn::Set(d, a[r * a_row + k]);
      for (int v = 0; v < kV; ++v) s[r][v] = hn::MulAdd(x, b[v], s[r][v]);
    }
  }
  for (int r = 0; r < kR; ++r) {
    for (int v = 0; v < kV; ++v) hn::StoreU(s[r][v], d, sums + (r * kV + v) * lanes);
  }
}

template <int kV, class T, int kR = kTileRows<kV>>
void tile_of(int64_t rows, const T* a, int64_t a_row, const T* panel, int64_t terms, T* sums) {
  if constexpr (kR > 1) {
    if (rows < kR) return tile_of<kV, T, kR - 1>(rows, a, a_row, panel, terms, sums);
  }
  tile<kR, kV>(a, a_row, panel, terms, sums);
}

// The product of rows of `a` with panels; done(first row, rows, panel, sums) takes the sums. Tiles in which no row is
// active are left out.
template <int kV, class T, class F>
HWY_INLINE void product(const RnnShape& s, int64_t t, const T* a, int64_t a_row, const T* packed, int64_t terms,
                        Span rows, Span panels, F done) {
  HWY_ALIGN T sums[kTileRows<kV> * kV * kMaxLanes<T>] = {};
  const int64_t n = rows.end - rows.begin, tiles = (n + kTileRows<kV> - 1) / kTileRows<kV>;
  for (int64_t p = panels.begin; p < panels.end; ++p) {
    const T* panel = packed + p * terms * kV * lanes_of<T>();
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t first = rows.begin + n * i / tiles, count = rows.begin + n * (i + 1) / tiles - first;
      bool any = false;
      for (int64_t r = 0; r < count; ++r) any |= s.active(t, first + r);
      if (any) tile_of<kV>(count, a + first * a_row, a_row, panel, terms, sums);
      done(first, count, p, sums);
    }
  }
}

// The first n values at p, and zeros. Beyond them nothing is read, or written.
template <class T>
HWY_INLINE Vec<T> load(const T* p, int64_t n) {
  if (n >= lanes_of<T>()) return Vec<T>::load(p);
  HWY_ALIGN T some[kMaxLanes<T>] = {};
  for (int64_t i = 0; i < n; ++i) some[i] = p[i];
  return Vec<T>::load(some);
}
template <class T>
HWY_INLINE Vec<T> load_or_zero(const T* p, int64_t at, int64_t n) {
  return p ? load(p + at, n) : Vec<T>(T(0));
}
template <class T>
HWY_INLINE void store(Vec<T> v, T* p, int64_t n) {
  if (n >= lanes_of<T>()) return v.store(p);
  HWY_ALIGN T all[kMaxLanes<T>];
  v.store(all);
  for (int64_t i = 0; i < n; ++i) p[i] = all[i];
}

// f(row, first column, columns, sums) for each vector of a product's result.
template <class T, class F>
HWY_INLINE void plain_product(const RnnShape& s, int64_t t, const T* a, int64_t a_row, const T* packed, int64_t columns,
                              Span rows, Span panels, F f) {
  constexpr int kV = 4;
  const int64_t lanes = lanes_of<T>();
  product<kV>(s, t, a, a_row, packed, a_row, rows, panels, [&](int64_t first, int64_t count, int64_t p, const T* sums) {
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t v = 0; v < kV; ++v) {
        const int64_t u = (p * kV + v) * lanes, n = std::min(lanes, columns - u);
        if (n <= 0) break;
        f(first + r, u, n, Vec<T>::load(sums + (r * kV + v) * lanes));
      }
    }
  });
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
