#include "core/nn/rnn.h"

#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

using detail::Recurrent;
using detail::RecurrentCell;

int64_t directions(const RnnOptions& o) { return o.bidirectional ? 2 : 1; }

Tensor product(const Tensor& x, const Tensor& w, const Tensor& b) {
  return b.defined() ? linear(x, w, b) : linear(x, w);
}

// The output, and the last states of all cells: results[k] stacks states[.][k].
struct Run {
  Tensor output;
  std::vector<Tensor> states;
};

// Runs layers and directions over [time, batch, input]. step(cell, time step's input product, states) replaces the
// states of one cell; the first of them is its output.
template <class Step>
Run run_layers(const Recurrent& r, const Tensor& x, const std::vector<std::optional<Tensor>>& initial, bool training,
               Step step) {
  const RnnOptions& o = r.options;
  HEARTH_CHECK(x.dim() == 2 || x.dim() == 3, r.what, ": expected an input of ",
               o.batch_first ? "[batch, time, " : "[time, batch, ", r.input, "] or [time, ", r.input,
               "], but the shape is ", x.shape());
  HEARTH_CHECK(x.size(-1) == r.input, r.what, ": expected ", r.input,
               " features in the input's last dimension, but the "
               "shape is ",
               x.shape());
  const bool batched = x.dim() == 3;
  Tensor layer = !batched ? unsqueeze(x, 1) : o.batch_first ? transpose(x, 0, 1) : x;
  const int64_t time = layer.shape()[0], batch = layer.shape()[1], cells = o.layers * directions(o);
  HEARTH_CHECK(time >= 1, r.what, ": the sequence is empty: its shape is ", x.shape());

  std::vector<std::vector<Tensor>> states(static_cast<size_t>(cells));
  for (const std::optional<Tensor>& given : initial) {
    std::vector<Tensor> parts;
    if (given) {
      const Shape expected = batched ? Shape{cells, batch, r.hidden} : Shape{cells, r.hidden};
      HEARTH_CHECK(given->defined() && given->shape() == expected, r.what, ": the initial state ",
                   given->defined() ? concat("has shape ", given->shape()) : "is undefined", "; expected ", expected);
      parts = unbind(batched ? *given : unsqueeze(*given, 1), 0);
    } else {
      parts.assign(states.size(), zeros({batch, r.hidden}, {.dtype = x.dtype(), .device = x.device()}));
    }
    for (size_t k = 0; k < states.size(); ++k) states[k].push_back(parts[k]);
  }

  for (int64_t l = 0; l < o.layers; ++l) {
    std::vector<Tensor> sides;
    for (int64_t d = 0; d < directions(o); ++d) {
      const auto k = static_cast<size_t>(l * directions(o) + d);
      const RecurrentCell& c = r.cells[k];
      // The inputs' part of every time step is one product.
      const std::vector<Tensor> inputs = unbind(product(layer, c.weight_ih, c.bias_ih), 0);
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

  Run out{!batched ? squeeze(layer, 1) : o.batch_first ? transpose(layer, 0, 1) : layer, {}};
  for (size_t which = 0; which < initial.size(); ++which) {
    std::vector<Tensor> all;
    all.reserve(states.size());
    for (const auto& s : states) all.push_back(s[which]);
    const Tensor stacked = stack(all, 0);
    out.states.push_back(batched ? stacked : squeeze(stacked, 1));
  }
  return out;
}

}  // namespace

Recurrent::Recurrent(const char* layer, int64_t gates, int64_t inputs, int64_t hidden_size, const RnnOptions& o)
    : what(layer), input(inputs), hidden(hidden_size), options(o) {
  HEARTH_CHECK(input >= 1 && hidden >= 1 && o.layers >= 1, what,
               ": the sizes of input and hidden state and the number of layers must be at least 1, but are ", input,
               ", ", hidden, " and ", o.layers);
  HEARTH_CHECK(o.dropout >= 0 && o.dropout <= 1, what, ": dropout must be from 0 to 1, but is ", o.dropout);
  const auto parameter = [](const Shape& shape) { return empty(shape, {.requires_grad = true}); };
  for (int64_t l = 0; l < o.layers; ++l) {
    const int64_t in = l == 0 ? input : hidden * directions(o);
    for (int64_t d = 0; d < directions(o); ++d) {
      RecurrentCell c{.suffix = "_l" + std::to_string(l) + (d ? "_reverse" : "")};
      c.weight_ih = parameter({gates * hidden, in});
      c.weight_hh = parameter({gates * hidden, hidden});
      if (o.bias) {
        c.bias_ih = parameter({gates * hidden});
        c.bias_hh = parameter({gates * hidden});
      }
      cells.push_back(std::move(c));
    }
  }
  reset();
}

void Recurrent::reset() {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  for (RecurrentCell& c : cells) {
    for (Tensor* t : {&c.weight_ih, &c.weight_hh, &c.bias_ih, &c.bias_hh}) {
      if (t->defined()) init::uniform_(*t, -bound, bound);
    }
  }
}

void Recurrent::visit(const detail::Owned& owned) {
  for (RecurrentCell& c : cells) {
    owned.parameter("weight_ih" + c.suffix, c.weight_ih);
    owned.parameter("weight_hh" + c.suffix, c.weight_hh);
    if (!options.bias) continue;
    owned.parameter("bias_ih" + c.suffix, c.bias_ih);
    owned.parameter("bias_hh" + c.suffix, c.bias_hh);
  }
}

LSTM::LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options)
    : Module(parent, name), layers_("LSTM", 4, input, hidden, options) {}

LSTM::Result LSTM::forward(const Tensor& x, const std::optional<State>& initial) const {
  const CalledAs called("LSTM");
  using Given = std::optional<Tensor>;
  Run r = run_layers(layers_, x, {initial ? Given(initial->h) : Given(), initial ? Given(initial->c) : Given()},
                     training(), [](const RecurrentCell& cell, const Tensor& in, std::vector<Tensor>& s) {
                       const std::vector<Tensor> g = chunk(in + product(s[0], cell.weight_hh, cell.bias_hh), 4, 1);
                       s[1] = sigmoid(g[1]) * s[1] + sigmoid(g[0]) * hearth::tanh(g[2]);
                       s[0] = sigmoid(g[3]) * hearth::tanh(s[1]);
                     });
  return {std::move(r.output), {std::move(r.states[0]), std::move(r.states[1])}};
}

GRU::GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options)
    : Module(parent, name), layers_("GRU", 3, input, hidden, options) {}

GRU::Result GRU::forward(const Tensor& x, const std::optional<Tensor>& initial) const {
  const CalledAs called("GRU");
  Run r = run_layers(
      layers_, x, {initial}, training(), [](const RecurrentCell& cell, const Tensor& in, std::vector<Tensor>& s) {
        const std::vector<Tensor> a = chunk(in, 3, 1), b = chunk(product(s[0], cell.weight_hh, cell.bias_hh), 3, 1);
        const Tensor reset = sigmoid(a[0] + b[0]), z = sigmoid(a[1] + b[1]);
        const Tensor n = hearth::tanh(a[2] + reset * b[2]);
        s[0] = n + z * (s[0] - n);
      });
  return {std::move(r.output), std::move(r.states[0])};
}

RNN::RNN(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options,
         RnnNonlinearity nonlinearity)
    : Module(parent, name), layers_("RNN", 1, input, hidden, options), nonlinearity_(nonlinearity) {}

RNN::Result RNN::forward(const Tensor& x, const std::optional<Tensor>& initial) const {
  Run r = run_layers(layers_, x, {initial}, training(),
                     [this](const RecurrentCell& cell, const Tensor& in, std::vector<Tensor>& s) {
                       const Tensor sum = in + product(s[0], cell.weight_hh, cell.bias_hh);
                       s[0] = nonlinearity_ == RnnNonlinearity::kRelu ? relu(sum) : hearth::tanh(sum);
                     });
  return {std::move(r.output), std::move(r.states[0])};
}

}  // namespace hearth::nn
