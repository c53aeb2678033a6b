// Recurrent layers, composed of matrix products. Parameter names and gate order are PyTorch's.
#pragma once

#include <optional>
#include <utility>
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
// Weights of all layers and directions: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..., with suffix _reverse.
struct Cell {
  std::optional<Parameter> weight_ih, weight_hh, bias_ih, bias_hh;
};
}  // namespace detail

// Long short-term memory (Hochreiter and Schmidhuber, 1997): gates i, f, g, o.
class LSTM : public Module<LSTM> {
 public:
  struct State {
    Tensor h, c;  // [layers * directions, batch, hidden]
  };
  struct Result {
    Tensor output;  // h of the last layer at every time, both directions side by side
    State state;
  };
  LSTM(int64_t input, int64_t hidden, const RnnOptions& options = {}) : LSTM(nullptr, "", input, hidden, options) {}
  LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  LSTM(const LSTM&) = default;
  Result forward(const Tensor& x, const std::optional<State>& initial = {}) const;

 private:
  static constexpr int kMaxCells = 16;
  detail::Cell cells_[kMaxCells];
  int64_t hidden_;
  RnnOptions options_;
};

// Gated recurrent unit (Cho et al., 2014): gates r, z, n; the reset gate is applied after the product, as in PyTorch.
class GRU : public Module<GRU> {
 public:
  struct Result {
    Tensor output;
    Tensor h;  // [layers * directions, batch, hidden]
  };
  GRU(int64_t input, int64_t hidden, const RnnOptions& options = {}) : GRU(nullptr, "", input, hidden, options) {}
  GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options = {});
  GRU(const GRU&) = default;
  Result forward(const Tensor& x, const std::optional<Tensor>& initial = {}) const;

 private:
  static constexpr int kMaxCells = 16;
  detail::Cell cells_[kMaxCells];
  int64_t hidden_;
  RnnOptions options_;
};

}  // namespace hearth::nn
