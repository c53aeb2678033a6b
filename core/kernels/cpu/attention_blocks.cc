#include "core/kernels/cpu/attention_blocks.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attention_blocks.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

// A tile of sums must fit into the registers: 6 rows of 4 vectors into AVX-512's 32, 6 of 2 into AVX2's 16.
constexpr int64_t kTileRows = 6, kTileVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

template <int kM, int kV, class T>
HWY_INLINE void tile(int64_t k, const T* HWY_RESTRICT a, int64_t a_row, int64_t a_col, const T* HWY_RESTRICT b,
                     int64_t b_row, T* HWY_RESTRICT c, int64_t c_row, bool add) {
  const Tag<T> d;
  constexpr int64_t lanes = static_cast<int64_t>(hn::MaxLanes(Tag<T>()));
  using V = hn::Vec<Tag<T>>;
  V s[kM][kV];
  for (int i = 0; i < kM; ++i) {
    for (int j = 0; j < kV; ++j) s[i][j] = add ? hn::LoadU(d, c + i * c_row + j * lanes) : hn::Zero(d);
  }
  for (int64_t p = 0; p < k; ++p) {
    V x[kV];
    for (int j = 0; j < kV; ++j) x[j] = hn::LoadU(d, b + p * b_row + j * lanes);
    for (int i = 0; i < kM; ++i) {
      const V y = hn::Set(d, a[i * a_row + p * a_col]);
      for (int j = 0; j < kV; ++j) s[i][j] = hn::MulAdd(y, x[j], s[i][j]);
    }
  }
  for (int i = 0; i < kM; ++i) {
    for (int j = 0; j < kV; ++j) hn::StoreU(s[i][j], d, c + i * c_row + j * lanes);
  }
}

template <int kV, class T>
void panel(int64_t m, int64_t k, const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row, T* c,
           int64_t c_row, bool add) {
  int64_t i = 0;
  for (; i + kTileRows <= m; i += kTileRows)
    tile<kTileRows, kV>(k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, add);
  if (i + 4 <= m) {
    tile<4, kV>(k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, add);
    i += 4;
  }
  if (i + 2 <= m) {
    tile<2, kV>(k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, add);
    i += 2;
  }
  if (i < m) tile<1, kV>(k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, add);
}

template <class T>
void multiply(int64_t m, int64_t vectors, int64_t k, const T* a, int64_t a_row, int64_t a_col, const T* b,
              int64_t b_row, T* c, int64_t c_row, bool add) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  int64_t j = 0;
  for (; j + kTileVectors <= vectors; j += kTileVectors)
    panel<kTileVectors>(m, k, a, a_row, a_col, b + j * lanes, b_row, c + j * lanes, c_row, add);
  if constexpr (kTileVectors > 2) {
    if (j + 2 <= vectors) {
      panel<2>(m, k, a, a_row, a_col, b + j * lanes, b_row, c + j * lanes, c_row, add);
      j += 2;
    }
  }
  if (j < vectors) panel<1>(m, k, a, a_row, a_col, b + j * lanes, b_row, c + j * lanes, c_row, add);
}

// exp(x) for x up to about 0, and 0 where it would not be a normal number: beside the largest weight, which is 1, it is
// nothing. exactly 0 for -infinity; NaN for NaN.
template <class T>
HWY_INLINE Vec<T> exp_of_difference(Vec<T> x) {
  constexpr T low = sizeof(T) == 4 ? T(-87.0) : T(-708.0);
  if constexpr (HWY_TARGET == HWY_SCALAR) return select(x < Vec<T>(low), Vec<T>(T(0)), exp(x));
  const auto [n, r] = reduce_ln2(x);
  const Vec<T> y = (Vec<T>(T(1)) + expm1_reduced(r)) * pow2_normal(n);
  return select(x < Vec<T>(low), Vec<T>(T(0)), y);
}

// A maximum of -infinity is taken for 0, so that exp(-infinity - top) is 0.
template <class T>
HWY_INLINE Vec<T> finite_top(Vec<T> top) {
  return select(top == Vec<T>(-kInf<T>), Vec<T>(T(0)), top);
}

template <class T>
bool softmax(T* s, int64_t s_row, int64_t keys, int64_t vectors, T* top, T* total, T* shrink) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  bool shrunk = false;
  for (int64_t j = 0; j < vectors; ++j) {
    T* column = s + j * lanes;
    const Vec<T> before = Vec<T>::load(top + j * lanes);
    // A NaN that Max passes over makes the total NaN.
    Vec<T> m0 = before, m1 = before;
    int64_t k = 0;
    for (; k + 2 <= keys; k += 2) {
      m0 = hn::Max(Vec<T>::load(column + k * s_row).v, m0.v);
      m1 = hn::Max(Vec<T>::load(column + (k + 1) * s_row).v, m1.v);
    }
    if (k < keys) m0 = hn::Max(Vec<T>::load(column + k * s_row).v, m0.v);
    const Vec<T> now = hn::Max(m0.v, m1.v), shift = finite_top(now);
    Vec<T> sum0, sum1;
    for (k = 0; k + 2 <= keys; k += 2) {
      const Vec<T> a = exp_of_difference(Vec<T>::load(column + k * s_row) - shift),
                   b = exp_of_difference(Vec<T>::load(column + (k + 1) * s_row) - shift);
      a.store(column + k * s_row);
      b.store(column + (k + 1) * s_row);
      sum0 = sum0 + a;
      sum1 = sum1 + b;
    }
    if (k < keys) {
      const Vec<T> a = exp_of_difference(Vec<T>::load(column + k * s_row) - shift);
      a.store(column + k * s_row);
      sum0 = sum0 + a;
    }
    const Vec<T> factor = exp_of_difference(before - shift);
    shrunk |= (factor != Vec<T>(T(1))).any();
    factor.store(shrink + j * lanes);
    now.store(top + j * lanes);
    fma(Vec<T>::load(total + j * lanes), factor, sum0 + sum1).store(total + j * lanes);
  }
  return shrunk;
}

template <class T>
void softmax_grad(T* s, T* dp, int64_t row, int64_t keys, int64_t vectors, const T* lse, const T* delta,
                  const T* keep) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  for (int64_t k = 0; k < keys; ++k) {
    for (int64_t j = 0; j < vectors; ++j) {
      const int64_t at = k * row + j * lanes;
      const Vec<T> p = exp_of_difference(Vec<T>::load(s + at) - Vec<T>::load(lse + j * lanes));
      const Vec<T> g = Vec<T>::load(dp + at), shift = Vec<T>::load(delta + j * lanes);
      if (keep) {
        const Vec<T> f = Vec<T>::load(keep + at);
        (p * f).store(s + at);
        (p * (g * f - shift)).store(dp + at);
      } else {
        p.store(s + at);
        (p * (g - shift)).store(dp + at);
      }
    }
  }
}

template <class T>
void select_allowed(T* s, const T* allowed, int64_t n) {
  for (int64_t i = 0; i < n; ++i) s[i] = allowed[i] != T(0) ? s[i] : -kInf<T>;
}
template <class T>
void add_mask(T* s, const T* added, int64_t n) {
  for (int64_t i = 0; i < n; ++i) s[i] += added[i];
}
template <class T>
void scale(T* x, T factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}
template <class T>
void product(T* x, const T* factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor[i];
}

// In whatever order is fastest.
template <class T>
HWY_INLINE T fast_sum(Vec<T> v) {
  return hn::GetLane(hn::SumOfLanes(Tag<T>(), v.v));
}

template <class T>
T dot(const T* x, const T* y, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  Vec<T> a, b;
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    a = fma(Vec<T>::load(x + i), Vec<T>::load(y + i), a);
    b = fma(Vec<T>::load(x + i + lanes), Vec<T>::load(y + i + lanes), b);
  }
  for (; i + lanes <= n; i += lanes) a = fma(Vec<T>::load(x + i), Vec<T>::load(y + i), a);
  T s = fast_sum(a + b);
  for (; i < n; ++i) s += x[i] * y[i];
  return s;
}

template <class T>
void scores(const T* q, const T* k, int64_t k_row, int64_t keys, int64_t width, T* s) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  int64_t j = 0;
  for (; j + 4 <= keys; j += 4) {
    const T* row = k + j * k_row;
    Vec<T> a, b, c, d;
    for (int64_t i = 0; i < width; i += lanes) {
      const Vec<T> x = Vec<T>::load(q + i);
      a = fma(x, Vec<T>::load(row + i), a);
      b = fma(x, Vec<T>::load(row + k_row + i), b);
      c = fma(x, Vec<T>::load(row + 2 * k_row + i), c);
      d = fma(x, Vec<T>::load(row + 3 * k_row + i), d);
    }
    s[j] = fast_sum(a);
    s[j + 1] = fast_sum(b);
    s[j + 2] = fast_sum(c);
    s[j + 3] = fast_sum(d);
  }
  for (; j < keys; ++j) s[j] = dot(q, k + j * k_row, width);
}

template <class T>
T softmax_row(T* s, int64_t n, T* top, T* total) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  Vec<T> m(*top);
  for (int64_t i = 0; i < n; i += lanes) m = hn::Max(Vec<T>::load(s + i).v, m.v);
  const Vec<T> now = hn::MaxOfLanes(Tag<T>(), m.v), shift = finite_top(now);
  Vec<T> sum;
  for (int64_t i = 0; i < n; i += lanes) {
    const Vec<T> p = exp_of_difference(Vec<T>::load(s + i) - shift);
    p.store(s + i);
    sum = sum + p;
  }
  const T shrink = hn::GetLane(exp_of_difference(Vec<T>(*top) - shift).v);
  *top = hn::GetLane(now.v);
  *total = *total * shrink + fast_sum(sum);
  return shrink;
}

// Both halves of the products of 32-bit lanes with one number.
using Words = hn::ScalableTag<uint32_t>;
HWY_INLINE void wide_product(hn::Vec<Words> x, uint32_t factor, hn::Vec<Words>& low, hn::Vec<Words>& high) {
  const Words d;
#if HWY_TARGET == HWY_SCALAR
  const uint64_t p = uint64_t{factor} * hn::GetLane(x);
  low = hn::Set(d, static_cast<uint32_t>(p));
  high = hn::Set(d, static_cast<uint32_t>(p >> 32));
#else
  const hn::Repartition<uint64_t, Words> wide;
  const auto f = hn::Set(d, factor);
  const auto even = hn::BitCast(d, hn::MulEven(x, f)),
             odd = hn::BitCast(d, hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, x))), f));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(hn::BitCast(wide, odd))), even);
  high = hn::OddEven(odd, hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, even))));
#endif
}

// The words of philox() of generator.h for as many counters as there are lanes, from `first` on.
HWY_INLINE void philox_words(uint64_t seed, uint64_t first, uint32_t* to) {
  const Words d;
  const auto lanes = hn::Lanes(d);
  HWY_ALIGN uint32_t low[HWY_MAX_BYTES / 4];
  HWY_ALIGN uint32_t high[HWY_MAX_BYTES / 4];
  for (size_t i = 0; i < lanes; ++i) {
    low[i] = static_cast<uint32_t>(first + i);
    high[i] = static_cast<uint32_t>((first + i) >> 32);
  }
  auto c0 = hn::Load(d, low), c1 = hn::Load(d, high), c2 = hn::Zero(d), c3 = hn::Zero(d);
  auto k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    hn::Vec<Words> low0, high0, low1, high1;
    wide_product(c0, 0xD2511F53u, low0, high0);
    wide_product(c2, 0xCD9E8D57u, low1, high1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
    c1 = low1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  hn::StoreInterleaved4(c0, c1, c2, c3, d, to);
}

template <class T>
void dropout(T* to, int64_t n, GeneratorState state, uint64_t first, double keep, T factor) {
  constexpr int64_t most = HWY_MAX_BYTES / 4;
  const auto lanes = static_cast<int64_t>(hn::Lanes(Words()));
  uint32_t words[4 * most];
  T factors[4 * most];
  // word 2^-32 < keep, in whole numbers.
  const auto bound = static_cast<uint64_t>(std::ceil(keep * 0x1p32));
  if (bound == 0) return static_cast<void>(std::fill(to, to + n, T(0)));
  const auto last = static_cast<uint32_t>(bound - 1);
  uint64_t counter = state.offset + first / 4;
  for (int64_t at = -static_cast<int64_t>(first % 4); at < n;
       at += 4 * lanes, counter += static_cast<uint64_t>(lanes)) {
    philox_words(state.seed, counter, words);
    for (int64_t i = 0; i < 4 * lanes; ++i) factors[i] = words[i] <= last ? factor : T(0);
    const int64_t begin = std::max<int64_t>(0, -at), end = std::min<int64_t>(4 * lanes, n - at);
    std::copy(factors + begin, factors + end, to + at + begin);
  }
}

template <class T>
const AttentionBlocks<T>& blocks() {
  static const AttentionBlocks<T> table{static_cast<int64_t>(Vec<T>::lanes()),
                                        multiply<T>,
                                        softmax<T>,
                                        softmax_grad<T>,
                                        select_allowed<T>,
                                        add_mask<T>,
                                        scale<T>,
                                        product<T>,
                                        dot<T>,
                                        scores<T>,
                                        softmax_row<T>,
                                        dropout<T>};
  return table;
}

const AttentionBlocks<float>& float_blocks() { return blocks<float>(); }
const AttentionBlocks<double>& double_blocks() { return blocks<double>(); }

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(float_blocks);
HWY_EXPORT(double_blocks);

template <>
const AttentionBlocks<float>& attention_blocks<float>() {
  return HWY_DYNAMIC_DISPATCH(float_blocks)();
}
template <>
const AttentionBlocks<double>& attention_blocks<double>() {
  return HWY_DYNAMIC_DISPATCH(double_blocks)();
}

}  // namespace hearth::cpu
#endif
