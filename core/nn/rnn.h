// Recurrent layers: LSTM, GRU and RNN over whole sequences. Parameter names and gate order are PyTorch's.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/nn/module.h"
#include "core/ops/rnn.h"

namespace hearth::nn {

/// Options of all three layers.
struct RnnOptions {
  int64_t layers = 1;
  bool bias = true;
  bool batch_first = false;  // [batch, time, features] in place of [time, batch, features]
  double dropout = 0;        // between layers, in training
  bool bidirectional = false;
  int64_t proj_size = 0;  // LSTM only: if above 0, h is projected to so many values (Sak et al., 2014)
};

namespace detail {

// The weights of all layers and directions: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0, ..., with
// suffix _reverse.
struct RecurrentCell {
  std::string suffix;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh, weight_hr;
};
struct Recurrent {
  const char* what;  // the layer's name in errors
  int64_t input, hidden;
  int64_t state;  // size of h
  RnnOptions options;
  std::vector<RecurrentCell> cells;

  Recurrent(const char* layer, int64_t gates, int64_t inputs, int64_t hidden_size, const RnnOptions& o);
  void visit(const Owned& owned);
  void reset();
};

}  // namespace detail

// All take x [time, batch, input], or [time, input] without a batch, and initial states
// [layers * directions, batch, state], or [layers * directions, state]; zeros where none is given. `state` is the
// hidden size, of an LSTM's h its proj_size if that is set. output: h of the last layer at every time, both directions
// side by side.
//
// lengths, i64 [batch] from 0 to time, says how many steps each sequence of a padded batch has. The results are those
// of PyTorch's packed sequences: beyond its end a sequence has output 0, its last state is that of its own end, and the
// reverse direction begins there. A sequence of length 0 keeps its initial state.
//
// All throw Error, by the layer's name, for other shapes and for lengths out of range. A traced graph holds one record
// for each layer and direction, and runs with any time and batch that its inputs' sizes name.

/// Long short-term memory (Hochreiter and Schmidhuber, 1997): gates i, f, g, o.
class LSTM : public Module<LSTM> {
 public:
  /// h [layers * directions, batch, state] and c [layers * directions, batch, hidden].
  struct State {
    Tensor h, c;
    auto tensors() { return std::tie(h, c); }
  };
  /// Output [time, batch, directions * state] and the last state.
  struct Result {
    Tensor output;
    State state;
    auto tensors() { return std::tie(output, state); }
  };
  /// `input` features, `hidden` units.
  LSTM(int64_t input, int64_t hidden, const RnnOptions& options = {}) : LSTM(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  /// Runs all layers; see above.
  Result forward(const Tensor& x, const std::optional<State>& initial = {},
                 const std::optional<Tensor>& lengths = {}) const;
  // Takes {h, c} too.
  using Module::operator();
  /// forward(x, {h, c}, lengths).
  Result operator()(const Tensor& x, const State& initial, const std::optional<Tensor>& lengths = {}) const {
    return Module::operator()(x, initial, lengths);
  }

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }  // for ModuleBase

 private:
  detail::Recurrent layers_;
};

/// Gated recurrent unit (Cho et al., 2014): gates r, z, n; the reset gate is applied after the product, as in PyTorch.
class GRU : public Module<GRU> {
 public:
  /// Output [time, batch, directions * hidden] and the last state.
  struct Result {
    Tensor output, h;
    auto tensors() { return std::tie(output, h); }
  };
  /// `input` features, `hidden` units.
  GRU(int64_t input, int64_t hidden, const RnnOptions& options = {}) : GRU(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  /// Runs all layers; see above.
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {},
                 const std::optional<Tensor>& lengths = {}) const;

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }  // for ModuleBase

 private:
  detail::Recurrent layers_;
};

using hearth::RnnNonlinearity;

/// h = tanh(W x + b + V h + c), or relu (Elman, 1990).
class RNN : public Module<RNN> {
 public:
  /// Output [time, batch, directions * hidden] and the last state.
  struct Result {
    Tensor output, h;
    auto tensors() { return std::tie(output, h); }
  };
  /// `input` features, `hidden` units.
  RNN(int64_t input, int64_t hidden, const RnnOptions& options = {},
      RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh)
      : RNN(nullptr, "", input, hidden, options, nonlinearity) {}
  /// The same as a member of `parent`.
  RNN(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {},
      RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh);
  /// Runs all layers; see above.
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {},
                 const std::optional<Tensor>& lengths = {}) const;

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }  // for ModuleBase

 private:
  detail::Recurrent layers_;
  RnnNonlinearity nonlinearity_;
};

}  // namespace hearth::nn
