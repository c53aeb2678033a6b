#include "core/nn/rnn.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

int directions(const RnnOptions& o) { return o.bidirectional ? 2 : 1; }

void make_cells(const char* what, ModuleBase* self, detail::Cell* cells, int max_cells, int64_t gates, int64_t input,
                int64_t hidden, const RnnOptions& o) {
  HEARTH_CHECK(input >= 1 && hidden >= 1 && o.layers >= 1, what, ": sizes and the number of layers must be at least 1");
  HEARTH_CHECK(o.layers * directions(o) <= max_cells, what, ": at most ", max_cells, " layers times directions, but ",
               o.layers * directions(o), " were asked for");
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  const auto uniform = [&](const Shape& shape) {
    Tensor t = empty(shape);
    return init::uniform_(t, -bound, bound);
  };
  for (int64_t l = 0; l < o.layers; ++l) {
    const int64_t in = l == 0 ? input : hidden * directions(o);
    for (int d = 0; d < directions(o); ++d) {
      detail::Cell& c = cells[l * directions(o) + d];
      const std::string tail = "_l" + std::to_string(l) + (d ? "_reverse" : "");
      c.weight_ih.emplace(self, ("weight_ih" + tail).c_str(), uniform({gates * hidden, in}));
      c.weight_hh.emplace(self, ("weight_hh" + tail).c_str(), uniform({gates * hidden, hidden}));
      if (!o.bias) continue;
      c.bias_ih.emplace(self, ("bias_ih" + tail).c_str(), uniform({gates * hidden}));
      c.bias_hh.emplace(self, ("bias_hh" + tail).c_str(), uniform({gates * hidden}));
    }
  }
}

Tensor product(const Tensor& x, const Parameter& w, const std::optional<Parameter>& b) {
  return b ? linear(x, w, *b) : linear(x, w);
}

// Runs layers and directions. step(cell, time step's input product, states) replaces the states; states[0] is the
// output.
template <class Step>
Tensor run_layers(const char* what, const Tensor& x, const detail::Cell* cells, const RnnOptions& o, bool training,
                  std::vector<std::vector<Tensor>>& states, Step step) {
  HEARTH_CHECK(x.dim() == 3, what, ": expected 3 dimensions, but the shape is ", x.shape());
  Tensor layer = o.batch_first ? transpose(x, 0, 1) : x;
  const int64_t time = layer.shape()[0];
  HEARTH_CHECK(time >= 1, what, ": the sequence is empty");
  for (int64_t l = 0; l < o.layers; ++l) {
    std::vector<Tensor> sides;
    for (int d = 0; d < directions(o); ++d) {
      const auto k = static_cast<size_t>(l * directions(o) + d);
      const detail::Cell& c = cells[k];
      // The inputs' part of every time step is one product.
      const std::vector<Tensor> inputs = unbind(product(layer, *c.weight_ih, c.bias_ih), 0);
      std::vector<Tensor> outputs(static_cast<size_t>(time));
      for (int64_t i = 0; i < time; ++i) {
        const auto t = static_cast<size_t>(d == 0 ? i : time - 1 - i);
        step(c, inputs[t], states[k]);
        outputs[t] = states[k][0];
      }
      sides.push_back(stack(outputs, 0));
    }
    layer = sides.size() == 1 ? sides[0] : cat(sides, 2);
    if (o.dropout > 0 && l + 1 < o.layers) layer = dropout(layer, o.dropout, training);
  }
  return o.batch_first ? transpose(layer, 0, 1) : layer;
}

std::vector<Tensor> initial_states(const char* what, const std::optional<Tensor>& given, const Tensor& x,
                                   int64_t hidden, const RnnOptions& o) {
  const int64_t cells = o.layers * directions(o), batch = x.dim() == 3 ? x.shape()[o.batch_first ? 0 : 1] : 0;
  if (!given) {
    const Tensor zero = zeros({batch, hidden}, {.dtype = x.dtype(), .device = x.device()});
    return std::vector<Tensor>(static_cast<size_t>(cells), zero);
  }
  const Shape expected{cells, batch, hidden};
  HEARTH_CHECK(given->shape() == expected, what, ": the initial state has shape ", given->shape(), "; expected ",
               expected);
  return unbind(*given, 0);
}

Tensor gather_states(const std::vector<std::vector<Tensor>>& states, size_t which) {
  std::vector<Tensor> all;
  all.reserve(states.size());
  for (const auto& s : states) all.push_back(s[which]);
  return stack(all, 0);
}

}  // namespace

LSTM::LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options)
    : Module(parent, name), hidden_(hidden), options_(options) {
  make_cells("LSTM", this, cells_, kMaxCells, 4, input, hidden, options);
}

LSTM::Result LSTM::forward(const Tensor& x, const std::optional<State>& initial) const {
  const auto h = initial_states("LSTM", initial ? std::optional(initial->h) : std::nullopt, x, hidden_, options_);
  const auto c = initial_states("LSTM", initial ? std::optional(initial->c) : std::nullopt, x, hidden_, options_);
  std::vector<std::vector<Tensor>> states;
  for (size_t i = 0; i < h.size(); ++i) states.push_back({h[i], c[i]});
  Tensor output = run_layers("LSTM", x, cells_, options_, training(), states,
                             [&](const detail::Cell& cell, const Tensor& in, std::vector<Tensor>& s) {
                               const std::vector<Tensor> g =
                                   chunk(in + product(s[0], *cell.weight_hh, cell.bias_hh), 4, 1);
                               s[1] = sigmoid(g[1]) * s[1] + sigmoid(g[0]) * hearth::tanh(g[2]);
                               s[0] = sigmoid(g[3]) * hearth::tanh(s[1]);
                             });
  return {std::move(output), {gather_states(states, 0), gather_states(states, 1)}};
}

GRU::GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options)
    : Module(parent, name), hidden_(hidden), options_(options) {
  make_cells("GRU", this, cells_, kMaxCells, 3, input, hidden, options);
}

GRU::Result GRU::forward(const Tensor& x, const std::optional<Tensor>& initial) const {
  std::vector<std::vector<Tensor>> states;
  for (const Tensor& h : initial_states("GRU", initial, x, hidden_, options_)) states.push_back({h});
  Tensor output = run_layers("GRU", x, cells_, options_, training(), states,
                             [&](const detail::Cell& cell, const Tensor& in, std::vector<Tensor>& s) {
                               const std::vector<Tensor> a = chunk(in, 3, 1),
                                                         b = chunk(product(s[0], *cell.weight_hh, cell.bias_hh), 3, 1);
                               const Tensor r = sigmoid(a[0] + b[0]), z = sigmoid(a[1] + b[1]);
                               const Tensor n = hearth::tanh(a[2] + r * b[2]);
                               s[0] = n + z * (s[0] - n);
                             });
  return {std::move(output), gather_states(states, 0)};
}

}  // namespace hearth::nn
