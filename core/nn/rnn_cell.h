/// One step of a recurrent layer. Parameters are named as in PyTorch: weight_ih, weight_hh, bias_ih, bias_hh. They
/// start uniform in +-1 / sqrt(hidden).
///
/// All take x [batch, input] and states [batch, hidden], or [input] and [hidden] without a batch; zeros where no state
/// is given. They throw Error, by the cell's name, for other shapes.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "core/nn/module.h"
#include "core/ops/rnn.h"

namespace hearth::nn {

/// Options of the cells.
struct RnnCellOptions {
  bool bias = true;  ///< Has biases.
  /// What an RNNCell applies to its sums.
  RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh;
};

/// What the cells share: their parameters.
template <class D>
class RecurrentCellBase : public Module<D> {
 public:
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// Of the input: [gates * hidden, input], gates one below the other.
  Parameter weight_ih;
  /// Of the state before: [gates * hidden, hidden].
  Parameter weight_hh;
  /// Added to the input's part: [gates * hidden].
  std::optional<Parameter> bias_ih;
  /// Added to the state's part: [gates * hidden].
  std::optional<Parameter> bias_hh;

 protected:
  /// A cell called `what` in errors.
  RecurrentCellBase(ModuleBase* parent, const char* name, const char* what, int64_t gates, int64_t input,
                    int64_t hidden, bool bias);
  /// The parameters, for an op.
  RecurrentWeights weights() const;
  /// x as a sequence of one step. Throws Error unless it fits.
  Tensor sequence(const Tensor& x) const;
  /// A state of x's batch, if it is given. Throws Error unless it fits.
  OptionalTensor state(const Tensor& x, const OptionalTensor& given) const;
  /// [batch, hidden], without the batch if x has none.
  static Tensor result(const Tensor& x, const Tensor& h);

 private:
  const char* what_;
};

/// h = tanh(W x + b + V h + c), or relu (Elman, 1990).
class RNNCell : public RecurrentCellBase<RNNCell> {
 public:
  /// `input` features, `hidden` units. Throws Error if one is below 1.
  RNNCell(int64_t input, int64_t hidden, const RnnCellOptions& options = {})
      : RNNCell(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  RNNCell(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnCellOptions& options = {});
  /// The state after the step.
  Tensor forward(const Tensor& x, const std::optional<Tensor>& h = std::nullopt) const;

 private:
  RnnNonlinearity nonlinearity_;
};

/// Long short-term memory (Hochreiter and Schmidhuber, 1997): gates i, f, g, o.
class LSTMCell : public RecurrentCellBase<LSTMCell> {
 public:
  /// What a step begins with, and what it gives.
  struct State {
    Tensor h;  ///< What the cell gives.
    Tensor c;  ///< What the cell remembers.
    /// The tensors, for hooks of modules (core/nn/tensors_of.h).
    auto tensors() { return std::tie(h, c); }
  };
  /// `input` features, `hidden` units. Throws Error if one is below 1.
  LSTMCell(int64_t input, int64_t hidden, const RnnCellOptions& options = {})
      : LSTMCell(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  LSTMCell(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnCellOptions& options = {});
  /// The state after the step.
  State forward(const Tensor& x, const std::optional<State>& before = std::nullopt) const;
  /// Takes {h, c} too.
  using Module::operator();
  /// forward(x, {h, c}), called as a module.
  State operator()(const Tensor& x, const State& before) const { return Module::operator()(x, before); }
};

/// Gated recurrent unit (Cho et al., 2014): gates r, z, n; the reset gate is applied after the product, as in PyTorch.
class GRUCell : public RecurrentCellBase<GRUCell> {
 public:
  /// `input` features, `hidden` units. Throws Error if one is below 1.
  GRUCell(int64_t input, int64_t hidden, const RnnCellOptions& options = {})
      : GRUCell(nullptr, "", input, hidden, options) {}
  /// The same as a member of `parent`.
  GRUCell(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnCellOptions& options = {});
  /// The state after the step.
  Tensor forward(const Tensor& x, const std::optional<Tensor>& h = std::nullopt) const;
};

}  // namespace hearth::nn
