// Recurrent layers, one layer and one direction a call: for each time step a product with the state, and a kernel for
// the gates. What both directions of computing share.
#pragma once

#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/rnn.h"
#include "core/op/attrs/rnn.h"

namespace hearth::cuda {

enum class RnnCell : uint8_t { kLstm, kGru, kTanh, kRelu };

constexpr int64_t gates_of(RnnCell c) { return c == RnnCell::kLstm ? 4 : c == RnnCell::kGru ? 3 : 1; }
// What forward keeps of a unit for backward. LSTM: i, f, g, o, c. GRU: r, z, n, and the n gate's part from h.
constexpr int64_t kept_of(RnnCell c) { return c == RnnCell::kLstm ? 5 : c == RnnCell::kGru ? 4 : 0; }

struct RnnShape {
  bool reverse;
  int64_t time, batch;
  int64_t hidden;          // units of the cell
  int64_t state;           // size of h: `hidden`, or smaller with a projection
  const int64_t* lengths;  // of the sequences, from 0 to `time`; null: all have `time` steps

  // The time at which a step, counted in the order of computing, takes place.
  int64_t at(int64_t step) const { return reverse ? time - 1 - step : step; }
  HEARTH_DEVICE bool active(int64_t t, int64_t row) const { return !lengths || t < lengths[row]; }
  // Whether the row's state at time t comes from a step before, at time before(t), and not from the initial state.
  HEARTH_DEVICE bool has_before(int64_t t, int64_t row) const {
    return reverse ? t + 1 < (lengths ? lengths[row] : time) : t > 0;
  }
  HEARTH_DEVICE int64_t before(int64_t t) const { return reverse ? t + 1 : t - 1; }
};

inline DType rnn_computed_in(DType t) { return t == DType::kF64 ? DType::kF64 : DType::kF32; }

// An operand in the computing dtype and row-major; undefined where it is absent.
inline Tensor rnn_operand(const OpCall& c, int i) {
  return i >= 0 && c.is_tensor(i) ? row_major_as(c.input(i), rnn_computed_in(c.dtype)) : Tensor();
}
// The result itself, or memory to compute it in, which copy_tensor() brings to it.
inline Tensor rnn_result(const OpCall& c, int i) {
  const Tensor& out = c.out[i];
  const DType t = rnn_computed_in(c.dtype);
  return out.layout().contiguous && out.dtype() == t ? out : hearth::detail::empty(out.shape(), t, c.device);
}
inline void rnn_give(const OpCall& c, int i, const Tensor& computed) {
  if (!c.out[i].is(computed)) copy_tensor(c.out[i], computed);
}
template <class T>
T* rnn_data(const Tensor& t) {
  return t.defined() && t.numel() > 0 ? static_cast<T*>(t.impl()->data()) : nullptr;
}
// `from`, or zeros where it is undefined, into `to`.
inline void copy_or_zero(const OpCall& c, const Tensor& to, const Tensor& from) {
  if (from.defined()) copy_tensor(to, from);
  else if (to.numel() > 0) check(cudaMemsetAsync(to.impl()->data(), 0, to.nbytes(), stream(c.device.index)), "memset");
}

// Checks lengths and brings them to [0, time].
HEARTH_KERNEL void lengths_kernel(int64_t n, const int64_t* from, int64_t step, int64_t time, int64_t* to,
                                  Complaint* complaint, const char* op) {
  for_each_item(n, [&](int64_t i) {
    const int64_t length = from[i * step];
    if (length < 0 || length > time) complain(complaint, op, length, time + 1);
    to[i] = length < 0 ? 0 : length < time ? length : time;
  });
}
// Operand i as lengths_kernel leaves it; undefined where it is absent.
inline Tensor rnn_lengths(const OpCall& c, int i, int64_t time) {
  if (!c.is_tensor(i) || c.input(i).numel() == 0) return {};
  const Tensor& from = c.input(i);
  Tensor to = hearth::detail::empty(from.shape(), DType::kI64, c.device);
  launch(over(c, to.numel()), lengths_kernel, to.numel(), static_cast<const int64_t*>(from.impl()->data()),
         from.strides()[0], time, static_cast<int64_t*>(to.impl()->data()), complaint(c.device.index), c.op.name);
  return to;
}

// f.operator()<T, kCell>()
template <class F>
void by_cell(DType t, RnnCell cell, F&& f) {
  const auto typed = [&]<class T>() {
    switch (cell) {
      case RnnCell::kLstm:
        return f.template operator()<T, RnnCell::kLstm>();
      case RnnCell::kGru:
        return f.template operator()<T, RnnCell::kGru>();
      case RnnCell::kTanh:
        return f.template operator()<T, RnnCell::kTanh>();
      case RnnCell::kRelu:
        return f.template operator()<T, RnnCell::kRelu>();
    }
  };
  if (t == DType::kF64) typed.template operator()<double>();
  else typed.template operator()<float>();
}

inline RnnCell cell_of(RnnNonlinearity n) { return n == RnnNonlinearity::kRelu ? RnnCell::kRelu : RnnCell::kTanh; }

}  // namespace hearth::cuda
