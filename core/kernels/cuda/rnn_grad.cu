#include "core/kernels/cuda/product.h"
#include "core/kernels/cuda/rnn.cuh"
#include "core/op/machinery.h"
#include "core/op/unrecorded.h"

namespace hearth::cuda {
namespace {

// As in rnn.cu.
template <class T>
struct Backward {
  RnnShape shape;
  const T* d_output;  // [time, batch, state] or null
  const T* kept;      // as forward left it
  const T* output;    // [time, batch, state]
  const T* h0;        // [batch, state] or null: zeros
  const T* c0;        // [batch, hidden] or null: zeros
  T* dh;              // [batch, state]: h's gradient, at the end the initial state's
  T* dc;              // [batch, hidden]
  T* d_input;         // [time, batch, gates * hidden]
  T* d_sums;          // the same of the part that comes from h: d_input but for GRU
  T* d_projected;     // [time, batch, state]: the gradient of what the projection gives; null without one
  const T* d_cell;    // [batch, hidden]: of what it takes
  T* cell;            // [time, batch, hidden]: what it takes
};

// The gradient of what the projection gives. Where it is taken, dh is left as 0: the step's product adds to it.
template <class T>
HEARTH_KERNEL void projected_grad_kernel(Backward<T> b, int64_t t) {
  const RnnShape& s = b.shape;
  for_each_item(s.batch * s.state, [&](int64_t i) {
    const int64_t at = t * s.batch * s.state + i;
    if (!s.active(t, i / s.state)) {
      b.d_projected[at] = T(0);
      return;
    }
    b.d_projected[at] = b.d_output ? b.dh[i] + b.d_output[at] : b.dh[i];
    b.dh[i] = T(0);
  });
}

// The gates' gradients of one step. What of h's gradient does not go through the gates is left in dh.
template <class T, RnnCell kCell>
HEARTH_KERNEL void gates_grad_kernel(Backward<T> b, int64_t t) {
  using V = Num<T>;
  constexpr int64_t kGates = gates_of(kCell), kKept = kept_of(kCell);
  const RnnShape& s = b.shape;
  const V one = T(1);
  for_each_item(s.batch * s.hidden, [&](int64_t item) {
    const int64_t row = item / s.hidden, u = item % s.hidden, place = t * s.batch + row;
    T *const d_input = b.d_input + place * kGates * s.hidden + u, *const d_sums =
                                                                      b.d_sums + place * kGates * s.hidden + u;
    if (!s.active(t, row)) {
      for (int64_t g = 0; g < kGates; ++g) d_input[g * s.hidden] = d_sums[g * s.hidden] = T(0);
      if (b.cell) b.cell[place * s.hidden + u] = T(0);
      return;
    }
    const bool first = !s.has_before(t, row);
    const int64_t before = s.before(t) * s.batch + row;
    V dh;
    if (b.d_projected) {
      dh = b.d_cell[item];
    } else {
      dh = b.d_output ? V(b.dh[item]) + V(b.d_output[place * s.state + u]) : V(b.dh[item]);
      b.dh[item] = T(0);
    }
    const auto kept = [&](int64_t part) { return V(b.kept[(place * kKept + part) * s.hidden + u]); };
    const auto give = [&](T* to, int64_t g, V v) { to[g * s.hidden] = v.v; };
    if constexpr (kCell == RnnCell::kLstm) {
      const V i = kept(0), f = kept(1), g = kept(2), o = kept(3), tanh_c = tanh(kept(4));
      V c_before;
      if (!first) c_before = b.kept[(before * kKept + 4) * s.hidden + u];
      else if (b.c0) c_before = b.c0[item];
      const V dc = V(b.dc[item]) + dh * o * (one - tanh_c * tanh_c);
      b.dc[item] = (dc * f).v;
      give(d_input, 0, dc * g * i * (one - i));
      give(d_input, 1, dc * c_before * f * (one - f));
      give(d_input, 2, dc * i * (one - g * g));
      give(d_input, 3, dh * tanh_c * o * (one - o));
      if (b.cell) b.cell[place * s.hidden + u] = (o * tanh_c).v;
    } else if constexpr (kCell == RnnCell::kGru) {
      const V r = kept(0), z = kept(1), g = kept(2), q = kept(3);
      V h_before;
      if (!first) h_before = b.output[before * s.state + u];
      else if (b.h0) h_before = b.h0[item];
      const V dg = dh * (one - z) * (one - g * g), dr = dg * q * r * (one - r),
              dz = dh * (h_before - g) * z * (one - z);
      give(d_input, 0, dr);
      give(d_input, 1, dz);
      give(d_input, 2, dg);
      give(d_sums, 0, dr);
      give(d_sums, 1, dz);
      give(d_sums, 2, dg * r);
      b.dh[item] = (dh * z).v;
    } else {
      const V h = b.output[place * s.state + u];
      if constexpr (kCell == RnnCell::kTanh) give(d_input, 0, dh * (one - h * h));
      else give(d_input, 0, select(h <= V(0), V(0), dh));
    }
  });
}

// to[t] = the state that the step at time t began with.
template <class T>
HEARTH_KERNEL void states_before_kernel(RnnShape s, const T* output, const T* h0, T* to) {
  for_each_item(s.time * s.batch * s.state, [&](int64_t i) {
    const int64_t u = i % s.state, place = i / s.state, row = place % s.batch, t = place / s.batch;
    T v = 0;
    if (s.has_before(t, row)) v = output[(s.before(t) * s.batch + row) * s.state + u];
    else if (h0) v = h0[row * s.state + u];
    to[i] = s.active(t, row) ? v : T(0);
  });
}

void backward(OpCall& c, RnnCell cell) {
  constexpr const RecurrentGradOperands& o = kRecurrentGradOperands;
  const auto& a = c.attrs_as<RecurrentGradAttrs>();
  const Shape &out = c.input(o.output).shape(), &w = c.input(o.weight).shape();
  const int64_t width = w[0];
  const DType t = rnn_computed_in(c.dtype);
  RnnShape s{.reverse = a.reverse,
             .time = out[0],
             .batch = out[1],
             .hidden = width / gates_of(cell),
             .state = w[1],
             .lengths = nullptr};
  const Tensor parts = rnn_result(c, 3);
  if (s.batch == 0) {
    copy_or_zero(c, parts, Tensor());
    return rnn_give(c, 3, parts);
  }
  const Tensor lengths = rnn_lengths(c, o.lengths, s.time);
  s.lengths = rnn_data<const int64_t>(lengths);
  const Tensor d_output = rnn_operand(c, o.d_output), d_h = rnn_operand(c, o.d_h), d_c = rnn_operand(c, o.d_c),
               h0 = rnn_operand(c, o.h0), c0 = rnn_operand(c, o.c0), hr = rnn_operand(c, o.projection),
               weight = rnn_operand(c, o.weight), output = rnn_operand(c, o.output),
               kept = kept_of(cell) > 0 ? rnn_operand(c, o.kept) : Tensor();
  const auto scratch = [&](const Shape& shape) { return hearth::detail::empty(shape, t, c.device); };
  const bool has_projection = hr.defined();
  const Tensor d_input = rnn_result(c, 0), dh = rnn_result(c, 1), dc = rnn_result(c, 2),
               d_sums = cell == RnnCell::kGru ? scratch({s.time, s.batch, width}) : d_input,
               d_projected = has_projection ? scratch(out) : Tensor(),
               d_cell = has_projection ? scratch({s.batch, s.hidden}) : Tensor(),
               unprojected = has_projection ? scratch({s.time, s.batch, s.hidden}) : Tensor();
  copy_or_zero(c, dh, d_h);
  if (cell == RnnCell::kLstm) copy_or_zero(c, dc, d_c);
  const int64_t rows = s.time * s.batch;
  by_cell(t, cell, [&]<class T, RnnCell kCell>() {
    const Backward<T> b{.shape = s,
                        .d_output = rnn_data<T>(d_output),
                        .kept = rnn_data<T>(kept),
                        .output = rnn_data<T>(output),
                        .h0 = rnn_data<T>(h0),
                        .c0 = rnn_data<T>(c0),
                        .dh = rnn_data<T>(dh),
                        .dc = rnn_data<T>(dc),
                        .d_input = rnn_data<T>(d_input),
                        .d_sums = rnn_data<T>(d_sums),
                        .d_projected = rnn_data<T>(d_projected),
                        .d_cell = rnn_data<T>(d_cell),
                        .cell = rnn_data<T>(unprojected)};
    for (int64_t step = s.time; step-- > 0;) {
      const int64_t now = s.at(step);
      if (has_projection) {
        launch(over(c, s.batch * s.state), projected_grad_kernel<T>, b, now);
        multiply(c, t,
                 {.m = s.batch,
                  .n = s.hidden,
                  .k = s.state,
                  .a = {b.d_projected + now * s.batch * s.state, s.state, 1},
                  .b = {hr.impl()->data(), s.hidden, 1},
                  .out = d_cell.impl()->data()});
      }
      launch(over(c, s.batch * s.hidden), gates_grad_kernel<T, kCell>, b, now);
      // The gradients of gates beyond a sequence's end are 0: its dh stays.
      multiply(c, t,
               {.m = s.batch,
                .n = s.state,
                .k = width,
                .a = {b.d_sums + now * s.batch * width, width, 1},
                .b = {weight.impl()->data(), s.state, 1},
                .out = dh.impl()->data(),
                .add = true});
    }
    T* to = rnn_data<T>(parts);
    if (a.weight) {
      const Tensor before = scratch({s.time, s.batch, s.state});
      launch(over(c, rows * s.state), states_before_kernel<T>, s, b.output, b.h0, rnn_data<T>(before));
      multiply(c, t,
               {.m = width,
                .n = s.state,
                .k = rows,
                .a = {b.d_sums, 1, width},
                .b = {before.impl()->data(), s.state, 1},
                .out = to});
      to += width * s.state;
    }
    if (a.bias) {
      const Unrecorded unrecorded;
      const Layout sums(Shape{rows, width}, Strides{width, 1}, d_sums.storage_offset()),
          place(Shape{1, width}, Strides{width, 1}, parts.storage_offset() + (to - rnn_data<T>(parts)));
      copy_tensor(hearth::detail::alias(parts, place, true),
                  machinery::sum_to(hearth::detail::alias(d_sums, sums, true), Shape{1, width}));
      to += width;
    }
    if (a.projection && has_projection) {
      multiply(c, t,
               {.m = s.state,
                .n = s.hidden,
                .k = rows,
                .a = {b.d_projected, 1, s.state},
                .b = {b.cell, s.hidden, 1},
                .out = to});
    }
  });
  rnn_give(c, 0, d_input);
  rnn_give(c, 1, dh);
  rnn_give(c, 2, dc);
  rnn_give(c, 3, parts);
}

}  // namespace

void lstm_grad(OpCall& c) { backward(c, RnnCell::kLstm); }
void gru_grad(OpCall& c) { backward(c, RnnCell::kGru); }
void rnn_grad(OpCall& c) { backward(c, cell_of(c.attrs_as<RecurrentGradAttrs>().nonlinearity)); }

}  // namespace hearth::cuda
