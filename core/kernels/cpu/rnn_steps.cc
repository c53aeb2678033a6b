#include <algorithm>
#include <cstring>

#include "core/kernels/cpu/rnn_steps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/rnn_steps.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/math-inl.h"
#include "core/kernels/cpu/rnn_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

// Vectors in a row of a panel: a GRU's three gates, an LSTM's four, or four of one kind.
constexpr int64_t vectors_of(int64_t gates) { return gates == 3 ? 3 : 4; }
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
      if (w.unit_stride == 1) {
        for (int64_t k = 0; k < w.terms; ++k) {
          std::copy_n(from + k * w.term_stride, n, column + k * columns);
          std::fill_n(column + k * columns + n, units - n, T(0));
        }
        continue;
      }
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

template <class T>
constexpr RnnSteps<T> kRnnSteps{panel_units<T>, panel_columns<T>, pack<T>, cells<T>, project<T>};
const void* rnn_steps_target(bool is_double) {
  return is_double ? static_cast<const void*>(&kRnnSteps<double>) : static_cast<const void*>(&kRnnSteps<float>);
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
