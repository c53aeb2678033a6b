// Recurrent layers over whole sequences: one layer in one direction. core/nn/rnn.h stacks them.
#pragma once

#include <optional>

#include "core/op/attrs/rnn.h"
#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

using OptionalTensor = std::optional<Tensor>;

/// Weights of one layer and direction, gates one below the other in PyTorch's order: LSTM i, f, g, o; GRU r, z, n. An
/// LSTM has 4 gates, a GRU 3, and an Elman network counts as one gate.
struct RecurrentWeights {
  Tensor weight_ih;        ///< Of the input: [gates * hidden, input].
  Tensor weight_hh;        ///< Of the state before: [gates * hidden, state].
  OptionalTensor bias_ih;  ///< Added to the input's part: [gates * hidden].
  OptionalTensor bias_hh;  ///< Added to the state's part: [gates * hidden].
  /// Projects h of an LSTM to `state` values: [state, hidden]. Without it state = hidden. Others than lstm() throw
  /// Error if it is given.
  OptionalTensor weight_hr;
};

/// How the sequences are read.
struct RecurrentOptions {
  /// Reads from the last step to the first.
  bool reverse = false;
  /// i64 [batch], from 0 to time: how many steps each sequence has. Further ones give output 0 and leave the state; in
  /// reverse a sequence is read from its own end. What x holds beyond it changes nothing, as long as it is finite where
  /// gradients are wanted. Absent: all have `time` steps.
  OptionalTensor lengths = {};
};

/// What lstm() gives.
struct LstmResult {
  Tensor output;  ///< h after every step, 0 beyond a sequence's length: [time, batch, state].
  Tensor h;       ///< The h that each sequence ends with: [batch, state].
  Tensor c;       ///< The c that each sequence ends with: [batch, hidden].
};
/// What gru() and rnn() give.
struct RecurrentResult {
  Tensor output;  ///< h after every step, 0 beyond a sequence's length: [time, batch, hidden].
  Tensor h;       ///< The h that each sequence ends with: [batch, hidden].
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

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x, weight_hh, h0, c0, bias_hh, weight_hr, lengths) -> output, h, c, with RecurrentAttrs. x is the input times
/// weight_ih^T, with bias_ih added. All but x and weight_hh may be absent.
extern constinit const OpDef kLstm;
/// (x, weight_hh, h0, bias_hh, lengths) -> output, h, with RecurrentAttrs. Otherwise as kLstm.
extern constinit const OpDef kGru;
/// (x, weight_hh, h0, bias_hh, lengths) -> output, h, with RnnAttrs. Otherwise as kLstm.
extern constinit const OpDef kRnn;

}  // namespace hearth
