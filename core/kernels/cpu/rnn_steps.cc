#include "core/kernels/cpu/rnn_steps.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/rnn_steps.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

// Vectors in a row of a panel: a GRU's three gates, an LSTM's four, or four of one kind.
constexpr int64_t vectors_of(int64_t gates) { return gates == 3 ? 3 : 4; }
template <class T>
int64_t lanes_of() {
  return static_cast<int64_t>(Vec<T>::lanes());
}
template <class T>
int64_t panel_columns(int64_t gates) {
  return vectors_of(gates) * lanes_of<T>();
}
template <class T>
int64_t panel_units(int64_t gates) {
  return panel_columns<T>(gates) / gates;
}

template <class T>
void pack(const RnnWeights<T>& w, Span panels, T* packed) {
  const int64_t columns = panel_columns<T>(w.gates), units = panel_units<T>(w.gates);
  for (int64_t p = panels.begin; p < panels.end; ++p) {
    T* to = packed + p * columns * w.terms;
    for (int64_t g = 0; g < w.gates; ++g) {
      const int64_t n = std::min(units, w.units - p * units);
      const T* from = w.data + g * w.gate_stride + p * units * w.unit_stride;
      T* column = to + g * units;
      // In blocks of terms, so that each cache line that is read serves several of them.
      for (int64_t k0 = 0; k0 < w.terms; k0 += 16) {
        const int64_t k1 = std::min(w.terms, k0 + 16);
        for (int64_t u = 0; u < n; ++u) {
          for (int64_t k = k0; k < k1; ++k) column[k * columns + u] = from[u * w.unit_stride + k * w.term_stride];
        }
        for (int64_t u = n; u < units; ++u) {
          for (int64_t k = k0; k < k1; ++k) column[k * columns + u] = T(0);
        }
      }
    }
  }
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

// ---- forward

// One vector of units of one row. `sums`: those of its gates, `step` apart.
template <class T>
struct Unit {
  const RnnForward<T>& f;
  int64_t t, row;
  const T* h_before;
  T* h_after;
  const T* sums;
  int64_t step;

  HWY_INLINE Vec<T> sum(int64_t g, int64_t u, int64_t n) const {
    return Vec<T>::load(sums + g * step) + load_or_zero(f.bias, g * f.shape.hidden + u, n);
  }
  HWY_INLINE Vec<T> input(int64_t g, int64_t u, int64_t n) const {
    const RnnShape& s = f.shape;
    return load(f.input + ((t * s.batch + row) * s.gates() + g) * s.hidden + u, n);
  }
  HWY_INLINE void keep(int64_t part, int64_t u, int64_t n, Vec<T> v) const {
    const RnnShape& s = f.shape;
    if (f.kept) store(v, f.kept + ((t * s.batch + row) * s.kept() + part) * s.hidden + u, n);
  }
  HWY_INLINE void give(int64_t u, int64_t n, Vec<T> h) const {
    const RnnShape& s = f.shape;
    if (f.projection) return store(h, f.cell + row * s.hidden + u, n);
    store(h, h_after + row * s.state + u, n);
    store(h, f.output + (t * s.batch + row) * s.state + u, n);
  }
  // Beyond the sequence's end: the state stays, the output is 0.
  HWY_INLINE void skip(int64_t u, int64_t n) const {
    const RnnShape& s = f.shape;
    for (int64_t part = 0; part < s.kept(); ++part) keep(part, u, n, Vec<T>(T(0)));
    if (f.projection) return;
    store(load(h_before + row * s.state + u, n), h_after + row * s.state + u, n);
    store(Vec<T>(T(0)), f.output + (t * s.batch + row) * s.state + u, n);
  }
};

template <RnnCell kCell, class T>
HWY_INLINE void advance(const Unit<T>& x, int64_t u, int64_t n) {
  const RnnShape& s = x.f.shape;
  if constexpr (kCell == RnnCell::kLstm) {
    T* c_at = x.f.c + x.row * s.hidden + u;
    const Vec<T> i = sigmoid(x.input(0, u, n) + x.sum(0, u, n)), f = sigmoid(x.input(1, u, n) + x.sum(1, u, n)),
                 g = tanh(x.input(2, u, n) + x.sum(2, u, n)), o = sigmoid(x.input(3, u, n) + x.sum(3, u, n));
    const Vec<T> c = f * load(c_at, n) + i * g;
    store(c, c_at, n);
    x.keep(0, u, n, i);
    x.keep(1, u, n, f);
    x.keep(2, u, n, g);
    x.keep(3, u, n, o);
    x.keep(4, u, n, c);
    x.give(u, n, o * tanh(c));
  } else if constexpr (kCell == RnnCell::kGru) {
    const Vec<T> r = sigmoid(x.input(0, u, n) + x.sum(0, u, n)), z = sigmoid(x.input(1, u, n) + x.sum(1, u, n)),
                 q = x.sum(2, u, n), g = tanh(x.input(2, u, n) + r * q);
    x.keep(0, u, n, r);
    x.keep(1, u, n, z);
    x.keep(2, u, n, g);
    x.keep(3, u, n, q);
    x.give(u, n, g + z * (load(x.h_before + x.row * s.state + u, n) - g));
  } else {
    const Vec<T> a = x.input(0, u, n) + x.sum(0, u, n);
    if constexpr (kCell == RnnCell::kTanh) x.give(u, n, tanh(a));
    else x.give(u, n, max(a, Vec<T>(T(0))));
  }
}

template <RnnCell kCell, class T>
void cells_of(const RnnForward<T>& f, int64_t step, Span rows, Span panels) {
  constexpr int kV = kCell == RnnCell::kGru ? 3 : 4;
  constexpr int64_t kVectors = kCell == RnnCell::kLstm || kCell == RnnCell::kGru ? 1 : 4;  // of units
  const RnnShape& s = f.shape;
  const int64_t t = s.at(step), lanes = lanes_of<T>();
  const T* before = f.h[step % 2];
  T* after = f.h[(step + 1) % 2];
  product<kV>(s, t, before, s.state, f.weights, s.state, rows, panels,
              [&](int64_t first, int64_t count, int64_t p, const T* sums) {
                for (int64_t r = 0; r < count; ++r) {
                  for (int64_t v = 0; v < kVectors; ++v) {
                    const int64_t u = (p * kVectors + v) * lanes, n = std::min(lanes, s.hidden - u);
                    if (n <= 0) break;
                    const Unit<T> unit{f, t, first + r, before, after, sums + (r * kV + v) * lanes, lanes};
                    if (s.active(t, first + r)) advance<kCell>(unit, u, n);
                    else unit.skip(u, n);
                  }
                }
              });
}

template <class T>
void cells(const RnnForward<T>& f, int64_t step, Span rows, Span panels) {
  switch (f.shape.cell) {
    case RnnCell::kLstm:
      return cells_of<RnnCell::kLstm>(f, step, rows, panels);
    case RnnCell::kGru:
      return cells_of<RnnCell::kGru>(f, step, rows, panels);
    case RnnCell::kTanh:
      return cells_of<RnnCell::kTanh>(f, step, rows, panels);
    case RnnCell::kRelu:
      return cells_of<RnnCell::kRelu>(f, step, rows, panels);
  }
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

template <class T>
void project(const RnnForward<T>& f, int64_t step, Span rows, Span panels) {
  const RnnShape& s = f.shape;
  const int64_t t = s.at(step);
  const T* before = f.h[step % 2];
  T* after = f.h[(step + 1) % 2];
  plain_product(s, t, static_cast<const T*>(f.cell), s.hidden, f.projection, s.state, rows, panels,
                [&](int64_t row, int64_t u, int64_t n, Vec<T> h) {
                  const bool active = s.active(t, row);
                  store(active ? h : load(before + row * s.state + u, n), after + row * s.state + u, n);
                  store(active ? h : Vec<T>(T(0)), f.output + (t * s.batch + row) * s.state + u, n);
                });
}

// ---- backward

template <class T>
void projected_grad(const RnnBackward<T>& b, int64_t step, Span rows) {
  const RnnShape& s = b.shape;
  const int64_t t = s.at(step), lanes = lanes_of<T>();
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const int64_t at = (t * s.batch + row) * s.state;
    for (int64_t u = 0; u < s.state; u += lanes) {
      const int64_t n = std::min(lanes, s.state - u);
      const Vec<T> d =
          s.active(t, row) ? load(b.dh + row * s.state + u, n) + load_or_zero(b.d_output, at + u, n) : Vec<T>(T(0));
      store(d, b.d_projected + at + u, n);
    }
  }
}

template <class T>
void cell_grad(const RnnBackward<T>& b, int64_t step, Span rows, Span panels) {
  const RnnShape& s = b.shape;
  const int64_t t = s.at(step);
  plain_product(s, t, static_cast<const T*>(b.d_projected + t * s.batch * s.state), s.state, b.projection, s.hidden,
                rows, panels, [&](int64_t row, int64_t u, int64_t n, Vec<T> d) {
                  if (s.active(t, row)) store(d, b.d_cell + row * s.hidden + u, n);
                });
}

template <RnnCell kCell, class T>
void gate_grad_of(const RnnBackward<T>& b, int64_t step, Span rows, Span units) {
  const RnnShape& s = b.shape;
  const int64_t t = s.at(step), lanes = lanes_of<T>();
  constexpr int64_t kGates = kCell == RnnCell::kLstm  ? 4
                             : kCell == RnnCell::kGru ? 3
                                                      : 1,
                    kKept = kCell == RnnCell::kLstm ? 5 : 4;
  const Vec<T> one(T(1)), zero(T(0));
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const int64_t place = t * s.batch + row, before = s.before(t) * s.batch + row;
    const bool first = !s.has_before(t, row);
    T* const d_input = b.d_input + place * kGates * s.hidden;
    T* const d_sums = b.d_sums + place * kGates * s.hidden;
    if (!s.active(t, row)) {
      for (int64_t g = 0; g < kGates; ++g) {
        const size_t at = static_cast<size_t>(g * s.hidden + units.begin),
                     bytes = static_cast<size_t>(units.end - units.begin) * sizeof(T);
        std::memset(d_input + at, 0, bytes);
        std::memset(d_sums + at, 0, bytes);
        if (b.cell && g == 0) std::memset(b.cell + place * s.hidden + units.begin, 0, bytes);
      }
      continue;
    }
    for (int64_t u = units.begin; u < units.end; u += lanes) {
      const int64_t n = std::min(lanes, units.end - u);
      T* const dh_at = b.dh + row * s.state + u;  // not with a projection
      const Vec<T> dh = b.projection ? load(b.d_cell + row * s.hidden + u, n)
                                     : load(dh_at, n) + load_or_zero(b.d_output, place * s.state + u, n);
      const auto kept = [&](int64_t part) { return load(b.kept + (place * kKept + part) * s.hidden + u, n); };
      if constexpr (kCell == RnnCell::kLstm) {
        T* const dc_at = b.dc + row * s.hidden + u;
        const Vec<T> i = kept(0), f = kept(1), g = kept(2), o = kept(3), tanh_c = tanh(kept(4));
        const Vec<T> c_before =
            first ? load_or_zero(b.c0, row * s.hidden + u, n) : load(b.kept + (before * kKept + 4) * s.hidden + u, n);
        const Vec<T> dc = load(dc_at, n) + dh * o * (one - tanh_c * tanh_c);
        store(dc * f, dc_at, n);
        store(dc * g * i * (one - i), d_input + u, n);
        store(dc * c_before * f * (one - f), d_input + s.hidden + u, n);
        store(dc * i * (one - g * g), d_input + 2 * s.hidden + u, n);
        store(dh * tanh_c * o * (one - o), d_input + 3 * s.hidden + u, n);
        if (b.cell) store(o * tanh_c, b.cell + place * s.hidden + u, n);
      } else {
        if constexpr (kCell == RnnCell::kGru) {
          const Vec<T> r = kept(0), z = kept(1), g = kept(2), q = kept(3);
          const Vec<T> h_before =
              first ? load_or_zero(b.h0, row * s.state + u, n) : load(b.output + before * s.state + u, n);
          const Vec<T> dg = dh * (one - z) * (one - g * g), dr = dg * q * r * (one - r),
                       dz = dh * (h_before - g) * z * (one - z);
          store(dr, d_input + u, n);
          store(dz, d_input + s.hidden + u, n);
          store(dg, d_input + 2 * s.hidden + u, n);
          store(dr, d_sums + u, n);
          store(dz, d_sums + s.hidden + u, n);
          store(dg * r, d_sums + 2 * s.hidden + u, n);
          store(dh * z, dh_at, n);  // state_grad adds to it
        } else {
          const Vec<T> h = load(b.output + place * s.state + u, n);
          if constexpr (kCell == RnnCell::kTanh) store(dh * (one - h * h), d_input + u, n);
          else store(select(h <= zero, zero, dh), d_input + u, n);
        }
      }
    }
  }
}

template <class T>
void gate_grad(const RnnBackward<T>& b, int64_t step, Span rows, Span units) {
  switch (b.shape.cell) {
    case RnnCell::kLstm:
      return gate_grad_of<RnnCell::kLstm>(b, step, rows, units);
    case RnnCell::kGru:
      return gate_grad_of<RnnCell::kGru>(b, step, rows, units);
    case RnnCell::kTanh:
      return gate_grad_of<RnnCell::kTanh>(b, step, rows, units);
    case RnnCell::kRelu:
      return gate_grad_of<RnnCell::kRelu>(b, step, rows, units);
  }
}

template <class T>
void state_grad(const RnnBackward<T>& b, int64_t step, Span rows, Span panels) {
  const RnnShape& s = b.shape;
  const int64_t t = s.at(step), width = s.gates() * s.hidden;
  const bool add = s.cell == RnnCell::kGru;
  plain_product(s, t, static_cast<const T*>(b.d_sums + t * s.batch * width), width, b.weights, s.state, rows, panels,
                [&](int64_t row, int64_t u, int64_t n, Vec<T> d) {
                  if (!s.active(t, row)) return;
                  T* to = b.dh + row * s.state + u;
                  store(add ? load(to, n) + d : d, to, n);
                });
}

template <class T>
void column_sums(const T* x, int64_t rows, int64_t columns, Span which, T* sums) {
  constexpr int64_t kColumns = 64, kRows = 32;
  for (int64_t j = which.begin; j < which.end; j += kColumns) {
    const int64_t n = std::min(kColumns, which.end - j);
    double total[kColumns] = {};
    for (int64_t i = 0; i < rows;) {
      T part[kColumns] = {};
      for (const int64_t stop = std::min(rows, i + kRows); i < stop; ++i) {
        const T* from = x + i * columns + j;
        for (int64_t k = 0; k < n; ++k) part[k] += from[k];
      }
      for (int64_t k = 0; k < n; ++k) total[k] += static_cast<double>(part[k]);
    }
    for (int64_t k = 0; k < n; ++k) sums[j + k] = static_cast<T>(total[k]);
  }
}

template <class T>
RnnSteps<T> steps() {
  return {lanes_of<T>(),     panel_units<T>, panel_columns<T>, pack<T>,       cells<T>,      project<T>,
          projected_grad<T>, cell_grad<T>,   gate_grad<T>,     state_grad<T>, column_sums<T>};
}
const void* rnn_steps_target(bool is_double) {
  static const RnnSteps<float> single = steps<float>();
  static const RnnSteps<double> wide = steps<double>();
  return is_double ? static_cast<const void*>(&wide) : static_cast<const void*>(&single);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(rnn_steps_target);

template <class T>
const RnnSteps<T>& rnn_steps() {
  return *static_cast<const RnnSteps<T>*>(HWY_DYNAMIC_DISPATCH(rnn_steps_target)(sizeof(T) == sizeof(double)));
}
template const RnnSteps<float>& rnn_steps<float>();
template const RnnSteps<double>& rnn_steps<double>();

}  // namespace hearth::cpu
#endif
