#include "core/kernels/rnn.h"

#include "core/kernels/cuda/product.h"
#include "core/kernels/cuda/rnn.cuh"

namespace hearth::cuda {
namespace {

// All arrays are row-major without gaps; [..] is their shape. What may be null says so.
template <class T>
struct Forward {
  RnnShape shape;
  const T* input;   // [time, batch, gates * hidden]: the input's part of the gates' sums
  const T* bias;    // [gates * hidden] or null
  const T* sums;    // [batch, gates * hidden]: the state's part
  const T* before;  // [batch, state]: h before the step
  T* after;         // and after it
  T* c;             // [batch, hidden], LSTM only
  T* cell;          // [batch, hidden]: h before the projection; null without one
  T* output;        // [time, batch, state]
  T* kept;          // [time, batch, kept * hidden], or null
};

template <class T, RnnCell kCell>
HEARTH_KERNEL void gates_kernel(Forward<T> f, int64_t t) {
  using V = Num<T>;
  constexpr int64_t kGates = gates_of(kCell), kKept = kept_of(kCell);
  const RnnShape& s = f.shape;
  for_each_item(s.batch * s.hidden, [&](int64_t item) {
    const int64_t row = item / s.hidden, u = item % s.hidden, place = t * s.batch + row;
    const auto keep = [&](int64_t part, V v) {
      if (f.kept) f.kept[(place * kKept + part) * s.hidden + u] = v.v;
    };
    const auto give = [&](V h) {
      if (f.cell) {
        f.cell[item] = h.v;
      } else {
        f.after[item] = h.v;
        f.output[place * s.state + u] = h.v;
      }
    };
    if (!s.active(t, row)) {
      // Beyond the sequence's end: the state stays, the output is 0.
      for (int64_t part = 0; part < kKept; ++part) keep(part, T(0));
      if (f.cell) {
        f.cell[item] = T(0);
      } else {
        f.after[item] = f.before[item];
        f.output[place * s.state + u] = T(0);
      }
      return;
    }
    const auto input = [&](int64_t g) { return V(f.input[(place * kGates + g) * s.hidden + u]); };
    const auto sum = [&](int64_t g) {
      const V v = f.sums[(row * kGates + g) * s.hidden + u];
      return f.bias ? v + V(f.bias[g * s.hidden + u]) : v;
    };
    if constexpr (kCell == RnnCell::kLstm) {
      const V i = sigmoid(input(0) + sum(0)), forget = sigmoid(input(1) + sum(1)), g = tanh(input(2) + sum(2)),
              o = sigmoid(input(3) + sum(3)), c = forget * V(f.c[item]) + i * g;
      f.c[item] = c.v;
      keep(0, i);
      keep(1, forget);
      keep(2, g);
      keep(3, o);
      keep(4, c);
      give(o * tanh(c));
    } else if constexpr (kCell == RnnCell::kGru) {
      const V r = sigmoid(input(0) + sum(0)), z = sigmoid(input(1) + sum(1)), q = sum(2), g = tanh(input(2) + r * q);
      keep(0, r);
      keep(1, z);
      keep(2, g);
      keep(3, q);
      give(g + z * (V(f.before[item]) - g));
    } else {
      const V a = input(0) + sum(0);
      if constexpr (kCell == RnnCell::kTanh) give(tanh(a));
      else give(max(a, V(0)));
    }
  });
}

// What the projection gives, as the new state.
template <class T>
HEARTH_KERNEL void project_kernel(Forward<T> f, const T* projected, int64_t t) {
  const RnnShape& s = f.shape;
  for_each_item(s.batch * s.state, [&](int64_t i) {
    const bool active = s.active(t, i / s.state);
    f.after[i] = active ? projected[i] : f.before[i];
    f.output[t * s.batch * s.state + i] = active ? projected[i] : T(0);
  });
}

void forward(OpCall& c, RnnCell cell, bool reverse, const RecurrentOperands& o) {
  const Shape &in = c.input(o.input).shape(), &w = c.input(o.weight).shape();
  const int64_t width = w[0], gates = gates_of(cell);
  const DType t = rnn_computed_in(c.dtype);
  RnnShape s{
      .reverse = reverse, .time = in[0], .batch = in[1], .hidden = width / gates, .state = w[1], .lengths = nullptr};
  if (s.batch == 0) return;
  const Tensor lengths = rnn_lengths(c, o.lengths, s.time);
  s.lengths = rnn_data<const int64_t>(lengths);
  const Tensor input = rnn_operand(c, o.input), weight = rnn_operand(c, o.weight), h0 = rnn_operand(c, o.h0),
               c0 = rnn_operand(c, o.c0), bias = rnn_operand(c, o.bias), hr = rnn_operand(c, o.projection);
  const auto scratch = [&](const Shape& shape) { return hearth::detail::empty(shape, t, c.device); };
  const Tensor output = rnn_result(c, 0), sums = scratch({s.batch, width}),
               h[] = {scratch({s.batch, s.state}), scratch({s.batch, s.state})},
               state_of_cell = cell == RnnCell::kLstm ? rnn_result(c, 2) : Tensor(),
               unprojected = hr.defined() ? scratch({s.batch, s.hidden}) : Tensor(),
               projected = hr.defined() ? scratch({s.batch, s.state}) : Tensor();
  copy_or_zero(c, h[0], h0);
  if (state_of_cell.defined()) copy_or_zero(c, state_of_cell, c0);
  by_cell(t, cell, [&]<class T, RnnCell kCell>() {
    Forward<T> f{.shape = s,
                 .input = rnn_data<T>(input),
                 .bias = rnn_data<T>(bias),
                 .sums = rnn_data<T>(sums),
                 .before = nullptr,
                 .after = nullptr,
                 .c = rnn_data<T>(state_of_cell),
                 .cell = rnn_data<T>(unprojected),
                 .output = rnn_data<T>(output),
                 .kept = kept_of(kCell) > 0 ? rnn_data<T>(c.out[kCell == RnnCell::kLstm ? 3 : 2]) : nullptr};
    for (int64_t step = 0; step < s.time; ++step) {
      f.before = rnn_data<T>(h[step % 2]);
      f.after = rnn_data<T>(h[(step + 1) % 2]);
      multiply(c, t,
               {.m = s.batch,
                .n = width,
                .k = s.state,
                .a = {f.before, s.state, 1},
                .b = {weight.impl()->data(), 1, s.state},
                .out = sums.impl()->data()});
      launch(over(c, s.batch * s.hidden), gates_kernel<T, kCell>, f, s.at(step));
      if (!hr.defined()) continue;
      multiply(c, t,
               {.m = s.batch,
                .n = s.state,
                .k = s.hidden,
                .a = {f.cell, s.hidden, 1},
                .b = {hr.impl()->data(), 1, s.hidden},
                .out = projected.impl()->data()});
      launch(over(c, s.batch * s.state), project_kernel<T>, f, rnn_data<const T>(projected), s.at(step));
    }
  });
  rnn_give(c, 0, output);
  copy_tensor(c.out[1], h[s.time % 2]);
  if (state_of_cell.defined()) rnn_give(c, 2, state_of_cell);
}

}  // namespace

void lstm(OpCall& c) { forward(c, RnnCell::kLstm, c.attrs_as<RecurrentAttrs>().reverse, kLstmOperands); }
void gru(OpCall& c) { forward(c, RnnCell::kGru, c.attrs_as<RecurrentAttrs>().reverse, kGruOperands); }
void rnn(OpCall& c) {
  const auto& a = c.attrs_as<RnnAttrs>();
  forward(c, cell_of(a.nonlinearity), a.reverse, kRnnOperands);
}

}  // namespace hearth::cuda
