// Recurrent layers and their gradients, one layer and one direction a call. core/ops/rnn.cc says what the operands are.
#pragma once

namespace hearth {

struct OpCall;

// The places of a record's operands; -1: it has no such operand. All but the first two may be absent.
struct RecurrentOperands {
  int input, weight, h0, c0, bias, projection, lengths;
};
inline constexpr RecurrentOperands kLstmOperands{0, 1, 2, 3, 4, 5, 6}, kGruOperands{0, 1, 2, -1, 3, -1, 4},
    kRnnOperands = kGruOperands;

// Those of the gradients: the gradients of the outputs, of which one is there, and what forward was given and has made.
// The ones before `weight` may be absent; rnn_grad has no `kept`.
struct RecurrentGradOperands {
  int d_output = 0, d_h = 1, d_c = 2, h0 = 3, c0 = 4, projection = 5, lengths = 6, weight = 7, output = 8, kept = 9;
};
inline constexpr RecurrentGradOperands kRecurrentGradOperands;

}  // namespace hearth

namespace hearth::cpu {

// f16 and bf16 are computed in f32, state and all, and rounded once at the outputs.
void lstm(OpCall&);
void gru(OpCall&);
void rnn(OpCall&);
void lstm_grad(OpCall&);
void gru_grad(OpCall&);
void rnn_grad(OpCall&);

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void lstm(OpCall&);
[[gnu::weak]] void gru(OpCall&);
[[gnu::weak]] void rnn(OpCall&);
[[gnu::weak]] void lstm_grad(OpCall&);
[[gnu::weak]] void gru_grad(OpCall&);
[[gnu::weak]] void rnn_grad(OpCall&);

}  // namespace hearth::cuda
