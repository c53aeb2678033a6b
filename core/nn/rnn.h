// Recurrent layers, composed of matrix products. Parameter names and gate order are PyTorch's.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/nn/module.h"

namespace hearth::nn {

struct RnnOptions {
  int64_t layers = 1;
  bool bias = true;
  bool batch_first = false;  // [batch, time, features] in place of [time, batch, features]
  double dropout = 0;        // between layers, in training
  bool bidirectional = false;
};

namespace detail {

// The weights of all layers and directions: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..., with suffix
// _reverse.
struct RecurrentCell {
  std::string suffix;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};
struct Recurrent {
  const char* what;  // the layer's name in errors
  int64_t input, hidden;
  RnnOptions options;
  std::vector<RecurrentCell> cells;

  Recurrent(const char* layer, int64_t gates, int64_t inputs, int64_t hidden_size, const RnnOptions& o);
  void visit(const Owned& owned);
  void reset();
};

}  // namespace detail

// All take x [time, batch, input], or [time, input] without a batch, and states [layers * directions, batch, hidden],
// or [layers * directions, hidden]; zeros where none is given. output: h of the last layer at every time, both
// directions side by side. Throw Error, by the layer's name, for other shapes.

// Long short-term memory (Hochreiter and Schmidhuber, 1997): gates i, f, g, o.
class LSTM : public Module<LSTM> {
 public:
  struct State {
    Tensor h, c;
    auto tensors() { return std::tie(h, c); }
  };
  struct Result {
    Tensor output;
    State state;
    auto tensors() { return std::tie(output, state); }
  };
  LSTM(int64_t input, int64_t hidden, const RnnOptions& options = {}) : LSTM(nullptr, "", input, hidden, options) {}
  LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  Result forward(const Tensor& x, const std::optional<State>& initial = {}) const;
  // Takes {h, c} too.
  using Module::operator();
  Result operator()(const Tensor& x, const State& initial) const { return Module::operator()(x, initial); }

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }  // for ModuleBase

 private:
  detail::Recurrent layers_;
};

// Gated recurrent unit (Cho et al., 2014): gates r, z, n; the reset gate is applied after the product, as in PyTorch.
class GRU : public Module<GRU> {
 public:
  struct Result {
    Tensor output, h;
    auto tensors() { return std::tie(output, h); }
  };
  GRU(int64_t input, int64_t hidden, const RnnOptions& options = {}) : GRU(nullptr, "", input, hidden, options) {}
  GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {}) const;

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }  // for ModuleBase

 private:
  detail::Recurrent layers_;
};

enum class RnnNonlinearity : uint8_t { kTanh, kRelu };

// h = tanh(W x + b + V h + c), or relu (Elman, 1990).
class RNN : public Module<RNN> {
 public:
  struct Result {
    Tensor output, h;
    auto tensors() { return std::tie(output, h); }
  };
  RNN(int64_t input, int64_t hidden, const RnnOptions& options = {},
      RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh)
      : RNN(nullptr, "", input, hidden, options, nonlinearity) {}
  RNN(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {},
      RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh);
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {}) const;

  /// Gives the parameters their first values anew.
  void reset_parameters() { layers_.reset(); }

  void visit_owned(const detail::Owned& owned) { layers_.visit(owned); }  // for ModuleBase

 private:
  detail::Recurrent layers_;
  RnnNonlinearity nonlinearity_;
};

}  // namespace hearth::nn
