// Recurrent layers over whole sequences: one layer in one direction. core/nn/rnn.h stacks them.
#pragma once

#include <optional>

#include "core/op/attrs/rnn.h"
#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

using OptionalTensor = std::optional<Tensor>;

/// Weights of one layer and direction, gates one below the other in PyTorch's order: LSTM i, f, g, o; GRU r, z, n.
struct RecurrentWeights {
  Tensor weight_ih;          // [gates * hidden, input]
  Tensor weight_hh;          // [gates * hidden, state]
  OptionalTensor bias_ih;    // [gates * hidden]
  OptionalTensor bias_hh;    // [gates * hidden]
  OptionalTensor weight_hr;  // [state, hidden], LSTM only: h is projected to `state` values; else state = hidden
};

/// How the sequences are read.
struct RecurrentOptions {
  bool reverse = false;  // from the last step to the first
  // i64 [batch], from 0 to time: how many steps each sequence has. Further ones give output 0 and leave the state; in
  // reverse a sequence is read from its own end. What x holds beyond it changes nothing, as long as it is finite where
  // gradients are wanted. Absent: all have `time` steps.
  OptionalTensor lengths = {};
};

/// `output` [time, batch, state] holds h after every step; `h` [batch, state] and `c` [batch, hidden] are the last
/// ones.
struct LstmResult {
  Tensor output, h, c;
};
/// As LstmResult, of cells that have no c.
struct RecurrentResult {
  Tensor output, h;
};

/// Long short-term memory (Hochreiter and Schmidhuber, 1997; forget gates of Gers et al., 2000; projection of Sak et
/// al., 2014). x is [time, batch, input] with at least one step, h0 [batch, state] and c0 [batch, hidden]; zeros where
/// they are absent. All of one float dtype. f16 and bf16: the input's product is rounded to the dtype, all steps are
/// computed in f32, and the outputs are rounded once. Throws Error for shapes that do not fit and for lengths out of
/// range.
LstmResult lstm(const Tensor& x, const RecurrentWeights& weights, const OptionalTensor& h0 = {},
                const OptionalTensor& c0 = {}, const RecurrentOptions& options = {});

/// Gated recurrent unit (Cho et al., 2014), with the reset gate applied after the product as in PyTorch:
/// n = tanh(W x + b + r (V h + d)). Operands as of lstm().
RecurrentResult gru(const Tensor& x, const RecurrentWeights& weights, const OptionalTensor& h0 = {},
                    const RecurrentOptions& options = {});

/// Elman network (1990): h = tanh(W x + b + V h + d), or relu. Operands as of lstm().
RecurrentResult rnn(const Tensor& x, const RecurrentWeights& weights, const OptionalTensor& h0 = {},
                    RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh, const RecurrentOptions& options = {});

// Operands: the input's product [time, batch, gates * hidden] with bias_ih, then as core/kernels/rnn.h numbers them.
extern constinit const OpDef kLstm, kGru, kRnn;

}  // namespace hearth
