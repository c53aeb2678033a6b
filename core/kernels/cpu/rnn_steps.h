// One time step of recurrent layers, in vector code: what rnn.cc calls for every step, for some of the sequences (rows)
// and some of the hidden units.
//
// Weights are packed into panels: for `vectors * lanes` columns of a product all its terms, one row of columns after
// the other. A panel of a cell's weights holds every gate of the same hidden units, so that these are ready at once.
#pragma once

#include <cstdint>

namespace hearth::cpu {

enum class RnnCell : uint8_t { kLstm, kGru, kTanh, kRelu };

struct RnnShape {
  RnnCell cell;
  bool reverse;
  int64_t time, batch;
  int64_t hidden;          // units of the cell
  int64_t state;           // size of h: `hidden`, or smaller with a projection
  const int64_t* lengths;  // of the sequences; null: all have `time` steps

  int64_t gates() const { return cell == RnnCell::kLstm ? 4 : cell == RnnCell::kGru ? 3 : 1; }
  // What forward keeps of a unit for backward. LSTM: i, f, g, o, c. GRU: r, z, n, and the n gate's part from h.
  int64_t kept() const { return cell == RnnCell::kLstm ? 5 : cell == RnnCell::kGru ? 4 : 0; }
  // The time at which a step, counted in the order of computing, takes place.
  int64_t at(int64_t step) const { return reverse ? time - 1 - step : step; }
  bool active(int64_t t, int64_t row) const { return !lengths || t < lengths[row]; }
  // Whether the row's state at time t comes from a step before, at time before(t), and not from the initial state.
  bool has_before(int64_t t, int64_t row) const { return reverse ? t + 1 < (lengths ? lengths[row] : time) : t > 0; }
  int64_t before(int64_t t) const { return reverse ? t + 1 : t - 1; }
};

// All arrays are row-major without gaps; [..] is their shape. What may be null says so.
template <class T>
struct RnnForward {
  RnnShape shape;
  const T* input;       // [time, batch, gates * hidden]: the input's part of the gates' sums
  const T* bias;        // [gates * hidden] or null
  const T* weights;     // packed: a cell's
  const T* projection;  // packed: a product's; or null
  T* h[2];              // [batch, state]: before a step h[step % 2], after it the other one
  T* c;                 // [batch, hidden], LSTM only
  T* cell;              // [batch, hidden]: h before the projection; null without one
  T* output;            // [time, batch, state]
  T* kept;              // [time, batch, kept() * hidden], or null
};

template <class T>
struct RnnBackward {
  RnnShape shape;
  const T* d_output;    // [time, batch, state] or null
  const T* kept;        // as forward left it
  const T* output;      // [time, batch, state]
  const T* h0;          // [batch, state] or null: zeros
  const T* c0;          // [batch, hidden] or null: zeros
  const T* weights;     // packed: a product's, of the gates' gradients with weight_hh
  const T* projection;  // packed: a product's, of h's gradient with weight_hr; or null
  T* dh;                // [batch, state]: h's gradient, at the end the initial state's
  T* dc;                // [batch, hidden]
  T* d_input;           // [time, batch, gates * hidden]
  T* d_sums;            // the same of the part that comes from h: d_input but for GRU
  T* d_projected;       // [time, batch, state]: the gradient of what the projection gives; null without one
  T* d_cell;            // [batch, hidden]: of what it takes
  T* cell;              // [time, batch, hidden]: what it takes
};

// Half-open.
struct Span {
  int64_t begin, end;
};

// The columns of a product as the weights' memory has them: column u of gate g, term k at
// g * gate_stride + u * unit_stride + k * term_stride.
template <class T>
struct RnnWeights {
  const T* data;
  int64_t units, gates, terms;
  int64_t unit_stride, gate_stride, term_stride;
};

template <class T>
struct RnnSteps {
  // Of packed weights: the units in a panel, and its columns.
  int64_t (*panel_units)(int64_t gates);
  int64_t (*panel_columns)(int64_t gates);
  void (*pack)(const RnnWeights<T>& w, Span panels, T* packed);

  void (*cells)(const RnnForward<T>& f, int64_t step, Span rows, Span panels);
  void (*project)(const RnnForward<T>& f, int64_t step, Span rows, Span panels);
};

// In this order: with a projection the first two, then the others.
template <class T>
struct RnnGradSteps {
  void (*projected_grad)(const RnnBackward<T>& b, int64_t step, Span rows);
  void (*cell_grad)(const RnnBackward<T>& b, int64_t step, Span rows, Span panels);
  void (*gate_grad)(const RnnBackward<T>& b, int64_t step, Span rows, Span units);
  void (*state_grad)(const RnnBackward<T>& b, int64_t step, Span rows, Span panels);

  // The sums of columns of a [rows, columns] array, in a fixed order.
  void (*column_sums)(const T* x, int64_t rows, int64_t columns, Span which, T* sums);
};

// For the instruction set that runs.
template <class T>
const RnnSteps<T>& rnn_steps();
extern template const RnnSteps<float>& rnn_steps<float>();
extern template const RnnSteps<double>& rnn_steps<double>();
template <class T>
const RnnGradSteps<T>& rnn_grad_steps();
extern template const RnnGradSteps<float>& rnn_grad_steps<float>();
extern template const RnnGradSteps<double>& rnn_grad_steps<double>();

}  // namespace hearth::cpu
