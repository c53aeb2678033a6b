#include "core/kernels/cpu/fft_lanes.h"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/fft_lanes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct Lane {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static HWY_INLINE int64_t lanes() { return static_cast<int64_t>(hn::Lanes(D())); }
  static HWY_INLINE V load(const T* p) { return hn::Load(D(), p); }
  static HWY_INLINE void store(V v, T* p) { hn::Store(v, D(), p); }
  static HWY_INLINE V set(T v) { return hn::Set(D(), v); }
};

// A complex number in each lane.
template <class T>
struct Complex {
  using V = typename Lane<T>::V;
  V re, im;
  HWY_INLINE Complex(V r, V i) : re(r), im(i) {}
  HWY_INLINE friend Complex operator+(Complex a, Complex b) { return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)}; }
  HWY_INLINE friend Complex operator-(Complex a, Complex b) { return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)}; }
  // Times a complex number that is the same in all lanes.
  HWY_INLINE Complex times(T wr, T wi) const {
    const V r = Lane<T>::set(wr), i = Lane<T>::set(wi);
    return {hn::NegMulAdd(im, i, hn::Mul(re, r)), hn::MulAdd(re, i, hn::Mul(im, r))};
  }
  HWY_INLINE Complex times(Complex w) const {
    return {hn::NegMulAdd(im, w.im, hn::Mul(re, w.re)), hn::MulAdd(re, w.im, hn::Mul(im, w.re))};
  }
  // Times -i.
  HWY_INLINE Complex turned() const { return {im, hn::Neg(re)}; }
  HWY_INLINE Complex scaled(T f) const { return {hn::Mul(re, Lane<T>::set(f)), hn::Mul(im, Lane<T>::set(f))}; }
  // this + f b
  HWY_INLINE Complex plus(T f, Complex b) const {
    return {hn::MulAdd(b.re, Lane<T>::set(f), re), hn::MulAdd(b.im, Lane<T>::set(f), im)};
  }
};

// ---- The transform of R numbers in registers.
template <int R>
struct Butterfly;
template <>
struct Butterfly<2> {
  template <class T>
  static HWY_INLINE void run(Complex<T>* x) {
    const Complex<T> a = x[0], b = x[1];
    x[0] = a + b;
    x[1] = a - b;
  }
};
template <>
struct Butterfly<4> {
  template <class T>
  static HWY_INLINE void run(Complex<T>* x) {
    const Complex<T> a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = (x[1] - x[3]).turned();
    x[0] = a + c;
    x[1] = b + d;
    x[2] = a - c;
    x[3] = b - d;
  }
};
template <>
struct Butterfly<8> {
  template <class T>
  static HWY_INLINE void run(Complex<T>* x) {
    Complex<T> even[] = {x[0], x[2], x[4], x[6]}, odd[] = {x[1], x[3], x[5], x[7]};
    Butterfly<4>::run(even);
    Butterfly<4>::run(odd);
    constexpr T h = static_cast<T>(0.70710678118654752440);
    // exp(-i pi k / 4)
    const Complex<T> o1 = (odd[1] + odd[1].turned()).scaled(h), o2 = odd[2].turned(),
                     o3 = (odd[3].turned() - odd[3]).scaled(h);
    x[0] = even[0] + odd[0];
    x[1] = even[1] + o1;
    x[2] = even[2] + o2;
    x[3] = even[3] + o3;
    x[4] = even[0] - odd[0];
    x[5] = even[1] - o1;
    x[6] = even[2] - o2;
    x[7] = even[3] - o3;
  }
};
// Odd primes: sums and differences of numbers at equal distances from the first share the real products.
template <int R>
struct Butterfly {
  static constexpr int kHalf = R / 2;
  static constexpr double kCos[8][4] = {{}, {},
                                        {}, {-0.5},  // cos(2 pi k / R), 0 < k <= R / 2
                                        {}, {0.30901699437494742410, -0.80901699437494742410},
                                        {}, {0.62348980185873353053, -0.22252093395631440429, -0.90096886790241912624}};
  static constexpr double kSin[8][4] = {{}, {},
                                        {}, {0.86602540378443864676},
                                        {}, {0.95105651629515357212, 0.58778525229247312917},
                                        {}, {0.78183148246802980871, 0.97492791218182360702, 0.43388373911755812048}};
  // The table's entry of k, 0 < k < R.
  static constexpr double cos(int k) { return kCos[R][(k <= kHalf ? k : R - k) - 1]; }
  static constexpr double sin(int k) { return k <= kHalf ? kSin[R][k - 1] : -kSin[R][R - k - 1]; }

  template <class T, int K>
  static HWY_INLINE void output(Complex<T>* x, Complex<T> first, const Complex<T>* sum, const Complex<T>* difference) {
    Complex<T> a = first.plus(static_cast<T>(cos(K % R)), sum[0]);
    Complex<T> b = difference[0].scaled(static_cast<T>(sin(K % R)));
    if constexpr (kHalf > 1) {
      a = a.plus(static_cast<T>(cos(2 * K % R)), sum[1]);
      b = b.plus(static_cast<T>(sin(2 * K % R)), difference[1]);
    }
    if constexpr (kHalf > 2) {
      a = a.plus(static_cast<T>(cos(3 * K % R)), sum[2]);
      b = b.plus(static_cast<T>(sin(3 * K % R)), difference[2]);
    }
    x[K] = a + b.turned();
    x[R - K] = a - b.turned();
  }
  template <class T>
  static HWY_INLINE void run(Complex<T>* x) {
    const Complex<T> first = x[0];
    if constexpr (R == 3) {
      const Complex<T> sum[] = {x[1] + x[2]}, difference[] = {x[1] - x[2]};
      x[0] = first + sum[0];
      output<T, 1>(x, first, sum, difference);
    } else if constexpr (R == 5) {
      const Complex<T> sum[] = {x[1] + x[4], x[2] + x[3]}, difference[] = {x[1] - x[4], x[2] - x[3]};
      x[0] = first + sum[0] + sum[1];
      output<T, 1>(x, first, sum, difference);
      output<T, 2>(x, first, sum, difference);
    } else {
      const Complex<T> sum[] = {x[1] + x[6], x[2] + x[5], x[3] + x[4]},
                       difference[] = {x[1] - x[6], x[2] - x[5], x[3] - x[4]};
      x[0] = first + sum[0] + sum[1] + sum[2];
      output<T, 1>(x, first, sum, difference);
      output<T, 2>(x, first, sum, difference);
      output<T, 3>(x, first, sum, difference);
    }
  }
};

template <class T>
struct Block {
  T *re, *im;
  HWY_INLINE Complex<T> load(int64_t i) const {
    const int64_t at = i * Lane<T>::lanes();
    return {Lane<T>::load(re + at), Lane<T>::load(im + at)};
  }
  HWY_INLINE void store(int64_t i, Complex<T> v) const {
    const int64_t at = i * Lane<T>::lanes();
    Lane<T>::store(v.re, re + at);
    Lane<T>::store(v.im, im + at);
  }
};

// One pass of Stockham's algorithm: y[q + s (r p + k)] = w^(p k) sum_j x[q + s (p + m j)] root^(j k).
template <int R, class T>
void stage(const typename FftPlan<T>::Stage& stage, Block<T> x, Block<T> y, int64_t m, int64_t s) {
  const T* w = stage.twiddles.data();
  for (int64_t p = 0; p < m; ++p, w += 2 * (R - 1)) {
    for (int64_t q = 0; q < s; ++q) {
      const auto in = [&](int j) { return x.load(q + s * (p + m * j)); };
      const auto run = [&](auto... v) {
        Complex<T> t[] = {v...};
        Butterfly<R>::run(t);
        const int64_t to = q + s * R * p;
        y.store(to, t[0]);
        if (p == 0) {
          for (int k = 1; k < R; ++k) y.store(to + s * k, t[k]);
        } else {
          for (int k = 1; k < R; ++k) y.store(to + s * k, t[k].times(w[2 * k - 2], w[2 * k - 1]));
        }
      };
      if constexpr (R == 2) run(in(0), in(1));
      if constexpr (R == 3) run(in(0), in(1), in(2));
      if constexpr (R == 4) run(in(0), in(1), in(2), in(3));
      if constexpr (R == 5) run(in(0), in(1), in(2), in(3), in(4));
      if constexpr (R == 7) run(in(0), in(1), in(2), in(3), in(4), in(5), in(6));
      if constexpr (R == 8) run(in(0), in(1), in(2), in(3), in(4), in(5), in(6), in(7));
    }
  }
}

// Larger primes, one result after the other.
template <class T>
void any_stage(const typename FftPlan<T>::Stage& stage, Block<T> x, Block<T> y, int64_t m, int64_t s) {
  const int64_t r = stage.radix;
  const T *w = stage.twiddles.data(), *roots = stage.roots.data();
  for (int64_t p = 0; p < m; ++p, w += 2 * (r - 1)) {
    for (int64_t q = 0; q < s; ++q) {
      for (int64_t k = 0; k < r; ++k) {
        Complex<T> sum = x.load(q + s * p);
        for (int64_t j = 1, turn = k; j < r; ++j) {
          sum = sum + x.load(q + s * (p + m * j)).times(roots[2 * turn], roots[2 * turn + 1]);
          turn = turn + k < r ? turn + k : turn + k - r;
        }
        y.store(q + s * (r * p + k), k == 0 ? sum : sum.times(w[2 * k - 2], w[2 * k - 1]));
      }
    }
  }
}

template <class T>
T* stages(const FftPlan<T>& plan, T* a, T* b) {
  const int64_t size = plan.n * Lane<T>::lanes();
  int64_t left = plan.n, s = 1;
  for (const auto& st : plan.stages) {
    const Block<T> x{a, a + size}, y{b, b + size};
    const int64_t m = left / st.radix;
    switch (st.radix) {
      case 2:
        stage<2, T>(st, x, y, m, s);
        break;
      case 3:
        stage<3, T>(st, x, y, m, s);
        break;
      case 4:
        stage<4, T>(st, x, y, m, s);
        break;
      case 5:
        stage<5, T>(st, x, y, m, s);
        break;
      case 7:
        stage<7, T>(st, x, y, m, s);
        break;
      case 8:
        stage<8, T>(st, x, y, m, s);
        break;
      default:
        any_stage<T>(st, x, y, m, s);
    }
    left = m;
    s *= st.radix;
    T* const t = a;
    a = b;
    b = t;
  }
  return a;
}

template <class T>
T* transform(const FftPlan<T>& plan, T* a, T* b) {
  if (!plan.convolves()) return stages(plan, a, b);
  const int64_t lanes = Lane<T>::lanes(), n = plan.n, m = plan.padded;
  const T* const chirp = plan.chirp.data();
  const Block<T> x{a, a + n * lanes}, padded{b, b + m * lanes};
  for (int64_t k = 0; k < n; ++k) padded.store(k, x.load(k).times(chirp[2 * k], chirp[2 * k + 1]));
  const Complex<T> zero(Lane<T>::set(0), Lane<T>::set(0));
  for (int64_t k = n; k < m; ++k) padded.store(k, zero);
  T* const spectrum = stages(*plan.convolution, b, a);
  T* const other = spectrum == a ? b : a;
  // The inverse transform is the forward one with real and imaginary parts exchanged before and after.
  const Block<T> f{spectrum, spectrum + m * lanes}, exchanged{spectrum + m * lanes, spectrum};
  for (int64_t k = 0; k < m; ++k) {
    exchanged.store(
        k, f.load(k).times(plan.spectrum[static_cast<size_t>(2 * k)], plan.spectrum[static_cast<size_t>(2 * k + 1)]));
  }
  T* const back = stages(*plan.convolution, spectrum, other);
  T* const to = back == spectrum ? other : spectrum;
  const Block<T> g{back + m * lanes, back}, y{to, to + n * lanes};
  for (int64_t k = 0; k < n; ++k) y.store(k, g.load(k).times(chirp[2 * k], chirp[2 * k + 1]));
  return to;
}

template <class T>
HWY_INLINE void store_pairs(Complex<T> v, T* to) {
#if HWY_TARGET == HWY_SCALAR
  to[0] = hn::GetLane(v.re);
  to[1] = hn::GetLane(v.im);
#else
  hn::StoreInterleaved2(v.re, v.im, typename Lane<T>::D(), to);
#endif
}
template <class T>
HWY_INLINE Complex<T> load_pairs(const T* from) {
  const typename Lane<T>::D d;
#if HWY_TARGET == HWY_SCALAR
  return {hn::Set(d, from[0]), hn::Set(d, from[1])};
#else
  auto a = hn::Zero(d), b = hn::Zero(d);
  hn::LoadInterleaved2(d, from, a, b);
  return {a, b};
#endif
}

template <class T>
void split(const T* pairs, int64_t stride, T* re, T* im, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const Complex<T> v = load_pairs<T>(pairs + i * stride);
    Lane<T>::store(v.re, re + i * Lane<T>::lanes());
    Lane<T>::store(v.im, im + i * Lane<T>::lanes());
  }
}

template <class T>
void join(const T* re, const T* im, T* pairs, int64_t stride, int64_t count, T factor) {
  const int64_t lanes = Lane<T>::lanes();
  for (int64_t i = 0; i < count; ++i) {
    const Complex<T> v(Lane<T>::load(re + i * lanes), Lane<T>::load(im + i * lanes));
    store_pairs<T>(v.scaled(factor), pairs + i * stride);
  }
}

#if HWY_TARGET == HWY_SCALAR
template <class T>
void load_rows(const T* rows, int64_t /*row*/, int64_t n, T* re, T* im) {
  split(rows, 2, re, im, n);
}
template <class T>
void store_rows(const T* re, const T* im, T* rows, int64_t /*row*/, int64_t n, T factor) {
  join(re, im, rows, 2, n, factor);
}
#else
// Squares of numbers are turned in registers of 16 bytes: two pairs of four rows, or one pair of two rows.
template <class D, class V = hn::Vec<D> >
HWY_INLINE void turn_4x4(D d, V& a, V& b, V& c, V& e) {
  const hn::Repartition<double, D> two;
  const auto ab_low = hn::BitCast(two, hn::InterleaveLower(d, a, b)),
             ab_high = hn::BitCast(two, hn::InterleaveUpper(d, a, b)),
             ce_low = hn::BitCast(two, hn::InterleaveLower(d, c, e)),
             ce_high = hn::BitCast(two, hn::InterleaveUpper(d, c, e));
  a = hn::BitCast(d, hn::InterleaveLower(two, ab_low, ce_low));
  b = hn::BitCast(d, hn::InterleaveUpper(two, ab_low, ce_low));
  c = hn::BitCast(d, hn::InterleaveLower(two, ab_high, ce_high));
  e = hn::BitCast(d, hn::InterleaveUpper(two, ab_high, ce_high));
}

template <class T>
void load_rows(const T* rows, int64_t row, int64_t n, T* re, T* im) {
  const hn::Full128<T> d;
  const int64_t lanes = Lane<T>::lanes();
  int64_t k = 0;
  if constexpr (sizeof(T) == 4) {
    for (; k + 2 <= n; k += 2) {
      for (int64_t l = 0; l < lanes; l += 4) {
        const T* p = rows + l * row + 2 * k;
        auto a = hn::LoadU(d, p), b = hn::LoadU(d, p + row), c = hn::LoadU(d, p + 2 * row),
             e = hn::LoadU(d, p + 3 * row);
        turn_4x4(d, a, b, c, e);
        hn::Store(a, d, re + k * lanes + l);
        hn::Store(b, d, im + k * lanes + l);
        hn::Store(c, d, re + (k + 1) * lanes + l);
        hn::Store(e, d, im + (k + 1) * lanes + l);
      }
    }
    for (; k < n; ++k) {
      for (int64_t l = 0; l < lanes; ++l) {
        re[k * lanes + l] = rows[l * row + 2 * k];
        im[k * lanes + l] = rows[l * row + 2 * k + 1];
      }
    }
  } else {
    for (; k < n; ++k) {
      for (int64_t l = 0; l < lanes; l += 2) {
        const auto a = hn::LoadU(d, rows + l * row + 2 * k), b = hn::LoadU(d, rows + (l + 1) * row + 2 * k);
        hn::Store(hn::InterleaveLower(d, a, b), d, re + k * lanes + l);
        hn::Store(hn::InterleaveUpper(d, a, b), d, im + k * lanes + l);
      }
    }
  }
}

template <class T>
void store_rows(const T* re, const T* im, T* rows, int64_t row, int64_t n, T factor) {
  const hn::Full128<T> d;
  const auto f = hn::Set(d, factor);
  const int64_t lanes = Lane<T>::lanes();
  int64_t k = 0;
  if constexpr (sizeof(T) == 4) {
    for (; k + 2 <= n; k += 2) {
      for (int64_t l = 0; l < lanes; l += 4) {
        auto a = hn::Mul(hn::Load(d, re + k * lanes + l), f), b = hn::Mul(hn::Load(d, im + k * lanes + l), f),
             c = hn::Mul(hn::Load(d, re + (k + 1) * lanes + l), f),
             e = hn::Mul(hn::Load(d, im + (k + 1) * lanes + l), f);
        turn_4x4(d, a, b, c, e);
        T* p = rows + l * row + 2 * k;
        hn::StoreU(a, d, p);
        hn::StoreU(b, d, p + row);
        hn::StoreU(c, d, p + 2 * row);
        hn::StoreU(e, d, p + 3 * row);
      }
    }
    for (; k < n; ++k) {
      for (int64_t l = 0; l < lanes; ++l) {
        rows[l * row + 2 * k] = re[k * lanes + l] * factor;
        rows[l * row + 2 * k + 1] = im[k * lanes + l] * factor;
      }
    }
  } else {
    for (; k < n; ++k) {
      for (int64_t l = 0; l < lanes; l += 2) {
        const auto a = hn::Mul(hn::Load(d, re + k * lanes + l), f), b = hn::Mul(hn::Load(d, im + k * lanes + l), f);
        hn::StoreU(hn::InterleaveLower(d, a, b), d, rows + l * row + 2 * k);
        hn::StoreU(hn::InterleaveUpper(d, a, b), d, rows + (l + 1) * row + 2 * k);
      }
    }
  }
}
#endif

template <class T>
void untangle(const T* z, const T* w, T* re, T* im, int64_t h) {
  const Block<T> x{const_cast<T*>(z), const_cast<T*>(z) + h * Lane<T>::lanes()}, y{re, im};
  for (int64_t k = 0; k <= h - k; ++k) {
    // Even numbers' transform and -i times the odd ones', both at k; at h - k they are the conjugates.
    const Complex<T> a = x.load(k), b = x.load(k == 0 ? 0 : h - k);
    const Complex<T> even(hn::Add(a.re, b.re), hn::Sub(a.im, b.im));
    const Complex<T> odd = Complex<T>(hn::Sub(a.re, b.re), hn::Add(a.im, b.im)).turned();
    const Complex<T> o = odd.times(w[2 * k], w[2 * k + 1]);
    y.store(k, (even + o).scaled(static_cast<T>(0.5)));
    const Complex<T> l = even - o;
    y.store(h - k, Complex<T>(l.re, hn::Neg(l.im)).scaled(static_cast<T>(0.5)));
  }
}

template <class T>
void tangle(const T* re, const T* im, const T* w, T* block, int64_t h) {
  const Block<T> x{const_cast<T*>(re), const_cast<T*>(im)}, y{block + h * Lane<T>::lanes(), block};  // exchanged
  for (int64_t k = 0; k <= h - k; ++k) {
    Complex<T> a = x.load(k), b = x.load(h - k);
    if (k == 0) a.im = b.im = Lane<T>::set(0);
    const Complex<T> even(hn::Add(a.re, b.re), hn::Sub(a.im, b.im));
    const Complex<T> difference(hn::Sub(a.re, b.re), hn::Add(a.im, b.im));
    // Times w^-k: the conjugate.
    const Complex<T> odd = difference.times(w[2 * k], -w[2 * k + 1]);
    y.store(k, Complex<T>(hn::Sub(even.re, odd.im), hn::Add(even.im, odd.re)));
    if (k > 0) y.store(h - k, Complex<T>(hn::Add(even.re, odd.im), hn::Sub(odd.re, even.im)));
  }
}

template <class T>
void twist(const FftPlan<T>& plan, T* block, int64_t first) {
  const int64_t lanes = Lane<T>::lanes(), n1 = plan.n1, units = first / kFftTile;
  const Block<T> x{block, block + n1 * lanes};
  const T *fine = plan.fine.data() + first % kFftTile, *fine_im = fine + n1 * kFftTile;
  const typename Lane<T>::D d;
  for (int64_t k = 0; k < n1; ++k) {
    const T* const c = plan.coarse.data() + 2 * k * units;
    const Complex<T> w(hn::LoadU(d, fine + k * kFftTile), hn::LoadU(d, fine_im + k * kFftTile));
    x.store(k, x.load(k).times(w.times(c[0], c[1])));
  }
}

template <class T>
FftLanes<T> make() {
  return {Lane<T>::lanes(), transform<T>, split<T>,  join<T>, load_rows<T>,
          store_rows<T>,    untangle<T>,  tangle<T>, twist<T>};
}
const FftLanes<float>* lanes_f32() {
  static const FftLanes<float> lanes = make<float>();
  return &lanes;
}
const FftLanes<double>* lanes_f64() {
  static const FftLanes<double> lanes = make<double>();
  return &lanes;
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(lanes_f32);
HWY_EXPORT(lanes_f64);

template <>
const FftLanes<float>& fft_lanes<float>() {
  return *HWY_DYNAMIC_DISPATCH(lanes_f32)();
}
template <>
const FftLanes<double>& fft_lanes<double>() {
  return *HWY_DYNAMIC_DISPATCH(lanes_f64)();
}

}  // namespace hearth::cpu
#endif
