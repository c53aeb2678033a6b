#include <algorithm>
#include <cstring>

#include "core/kernels/cpu/rnn_steps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/rnn_grad_steps.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/math-inl.h"
#include "core/kernels/cpu/rnn_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

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
constexpr RnnGradSteps<T> kRnnGradSteps{projected_grad<T>, cell_grad<T>, gate_grad<T>, state_grad<T>, column_sums<T>};
const void* rnn_grad_steps_target(bool is_double) {
  return is_double ? static_cast<const void*>(&kRnnGradSteps<double>) : static_cast<const void*>(&kRnnGradSteps<float>);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(rnn_grad_steps_target);

template <class T>
const RnnGradSteps<T>& rnn_grad_steps() {
  return *static_cast<const RnnGradSteps<T>*>(HWY_DYNAMIC_DISPATCH(rnn_grad_steps_target)(sizeof(T) == sizeof(double)));
}
template const RnnGradSteps<float>& rnn_grad_steps<float>();
template const RnnGradSteps<double>& rnn_grad_steps<double>();

}  // namespace hearth::cpu
#endif
