// Recurrent layers: LSTM, GRU and RNN over whole sequences. Parameter names and gate order are PyTorch's. Parameters
// start uniform in +-1 / sqrt(hidden).
//
// All take x [time, batch, input], or [time, input] without a batch, and initial states
// [layers * directions, batch, state], or [layers * directions, state]; zeros where none is given. `state` is the
// hidden size, of an LSTM's h its proj_size if that is set. output: h of the last layer at every time, both directions
// side by side.
//
// lengths, i64 [batch] from 0 to time, says how many steps each sequence of a padded batch has. The results are those
// of PyTorch's packed sequences: beyond its end a sequence has output 0, its last state is that of its own end, and the
// reverse direction begins there. A sequence of length 0 keeps its initial state.
//
// All take a PackedSequence in place of x and lengths, too, and give one. States are those of the sequences as they
// were given. batch_first says nothing of packed steps.
//
// All throw Error, by the layer's name, for other shapes and for lengths out of range. A traced graph holds one record
// for each layer and direction, and runs with any time and batch that its inputs' sizes name.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/nn/module.h"
#include "core/nn/packed_sequence.h"
#include "core/ops/rnn.h"

namespace hearth::nn {

/// Options of all three layers.
struct RnnOptions {
  /// How many layers stand one on the other, at least 1.
  int64_t layers = 1;
  /// Has biases.
  bool bias = true;
  /// [batch, time, features] in place of [time, batch, features].
  bool batch_first = false;
  /// In training, the probability from 0 to 1 that an element between two layers becomes 0.
  double dropout = 0;
  /// Reads the sequence in the other direction too, with weights of its own.
  bool bidirectional = false;
  /// LSTM only: if above 0, h is projected to so many values, fewer than the hidden size (Sak et al., 2014).
  int64_t proj_size = 0;
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
  std::string extra_repr() const;
};

}  // namespace detail

/// Long short-term memory (Hochreiter and Schmidhuber, 1997): gates i, f, g, o.
class LSTM : public Module<LSTM> {
 public:
  /// h [layers * directions, batch, state] and c [layers * directions, batch, hidden].
  struct State {
    Tensor h;  ///< What each cell gave last.
    Tensor c;  ///< What each cell remembers.
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(h, c); }
  };
  /// What forward() gives.
  struct Result {
    Tensor output;  ///< h of the last layer at every time: [time, batch, directions * state].
    State state;    ///< The state at the end of each sequence, of every layer and direction.
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(output, state); }
  };
  /// `input` features, `hidden` units. Throws Error if one is below 1 or an option is out of range.
  LSTM(int64_t input, int64_t hidden, const RnnOptions& options = {}) : LSTM(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  /// Runs all layers over x [time, batch, input] or [time, input]. Without `initial` states begin at 0; `lengths`, i64
  /// [batch], says how long each sequence of a padded batch is. The file's description tells the rest. Throws Error for
  /// other shapes and for lengths out of range.
  Result forward(const Tensor& x, const std::optional<State>& initial = {},
                 const std::optional<Tensor>& lengths = {}) const;
  /// What forward() gives of packed sequences.
  struct PackedResult {
    PackedSequence output;  ///< h of the last layer at every step.
    State state;            ///< The state at the end of each sequence, of every layer and direction.
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(output, state); }
  };
  /// Runs all layers over packed sequences. Throws Error for features or states that do not fit.
  PackedResult forward(const PackedSequence& x, const std::optional<State>& initial = {}) const;
  // Takes {h, c} too.
  using Module::operator();
  /// forward(x, {h, c}, lengths).
  Result operator()(const Tensor& x, const State& initial, const std::optional<Tensor>& lengths = {}) const {
    return Module::operator()(x, initial, lengths);
  }
  /// forward(x, {h, c}) of packed sequences.
  PackedResult operator()(const PackedSequence& x, const State& initial) const {
    return Module::operator()(x, initial);
  }

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  /// For ModuleBase: tells the parameters.
  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return layers_.extra_repr(); }

 private:
  detail::Recurrent layers_;
};

/// Gated recurrent unit (Cho et al., 2014): gates r, z, n; the reset gate is applied after the product, as in PyTorch.
class GRU : public Module<GRU> {
 public:
  /// What forward() gives.
  struct Result {
    Tensor output;  ///< h of the last layer at every time: [time, batch, directions * hidden].
    Tensor h;       ///< The state at the end of each sequence: [layers * directions, batch, hidden].
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(output, h); }
  };
  /// `input` features, `hidden` units. Throws Error if one is below 1 or an option is out of range.
  GRU(int64_t input, int64_t hidden, const RnnOptions& options = {}) : GRU(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  /// Runs all layers over x [time, batch, input] or [time, input]. Without `initial` states begin at 0; `lengths`, i64
  /// [batch], says how long each sequence of a padded batch is. The file's description tells the rest. Throws Error for
  /// other shapes and for lengths out of range.
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {},
                 const std::optional<Tensor>& lengths = {}) const;
  /// What forward() gives of packed sequences.
  struct PackedResult {
    PackedSequence output;  ///< h of the last layer at every step.
    Tensor h;               ///< The state at the end of each sequence: [layers * directions, batch, hidden].
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(output, h); }
  };
  /// Runs all layers over packed sequences. Throws Error for features or states that do not fit.
  PackedResult forward(const PackedSequence& x, const std::optional<Tensor>& initial = {}) const;

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  /// For ModuleBase: tells the parameters.
  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return layers_.extra_repr(); }

 private:
  detail::Recurrent layers_;
};

/// What an RNN applies to its sums: kTanh or kRelu.
using hearth::RnnNonlinearity;

/// h = tanh(W x + b + V h + c), or relu (Elman, 1990).
class RNN : public Module<RNN> {
 public:
  /// What forward() gives.
  struct Result {
    Tensor output;  ///< h of the last layer at every time: [time, batch, directions * hidden].
    Tensor h;       ///< The state at the end of each sequence: [layers * directions, batch, hidden].
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(output, h); }
  };
  /// `input` features, `hidden` units. Throws Error if one is below 1 or an option is out of range.
  RNN(int64_t input, int64_t hidden, const RnnOptions& options = {},
      RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh)
      : RNN(nullptr, "", input, hidden, options, nonlinearity) {}
  /// The same as a member of `parent`.
  RNN(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {},
      RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh);
  /// Runs all layers over x [time, batch, input] or [time, input]. Without `initial` states begin at 0; `lengths`, i64
  /// [batch], says how long each sequence of a padded batch is. The file's description tells the rest. Throws Error for
  /// other shapes and for lengths out of range.
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {},
                 const std::optional<Tensor>& lengths = {}) const;
  /// What forward() gives of packed sequences.
  struct PackedResult {
    PackedSequence output;  ///< h of the last layer at every step.
    Tensor h;               ///< The state at the end of each sequence: [layers * directions, batch, hidden].
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(output, h); }
  };
  /// Runs all layers over packed sequences. Throws Error for features or states that do not fit.
  PackedResult forward(const PackedSequence& x, const std::optional<Tensor>& initial = {}) const;

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  /// For ModuleBase: tells the parameters.
  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return layers_.extra_repr(); }

 private:
  detail::Recurrent layers_;
  RnnNonlinearity nonlinearity_;
};

}  // namespace hearth::nn
