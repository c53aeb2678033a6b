#include "core/nn/rnn.h"

#include <cmath>
#include <string_view>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/nn/repr.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/join.h"
#include "core/ops/random.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

using detail::Recurrent;
using detail::RecurrentCell;

int64_t directions(const RnnOptions& o) { return o.bidirectional ? 2 : 1; }

OptionalTensor given(const Tensor& t) { return t.defined() ? OptionalTensor(t) : std::nullopt; }

RecurrentWeights weights(const RecurrentCell& c) {
  return {c.weight_ih, c.weight_hh, given(c.bias_ih), given(c.bias_hh), given(c.weight_hr)};
}

// An initial state of all cells, if there is one, and its size.
struct Initial {
  const OptionalTensor& state;
  int64_t size;
};

// The output, and the last states of all cells: states[k] is what belongs to the k-th initial one.
struct Run {
  Tensor output;
  std::vector<Tensor> states;
};

// Runs layers and directions over [time, batch, input]. run(weights, input, the cell's initial states, options) gives
// the output and the last states.
template <class F>
Run run_layers(const Recurrent& r, const Tensor& x, const std::vector<Initial>& initial, const OptionalTensor& lengths,
               bool training, F run) {
  const RnnOptions& o = r.options;
  HEARTH_CHECK(x.dim() == 2 || x.dim() == 3, r.what, ": expected an input of ",
               o.batch_first ? "[batch, time, " : "[time, batch, ", r.input, "] or [time, ", r.input,
               "], but the shape is ", x.shape());
  HEARTH_CHECK(x.size(-1) == r.input, r.what, ": expected ", r.input,
               " features in the input's last dimension, but the "
               "shape is ",
               x.shape());
  const bool batched = x.dim() == 3;
  HEARTH_CHECK(batched || !lengths, r.what, ": lengths need a batch of sequences, but the input's shape is ",
               x.shape());
  Tensor layer = !batched ? unsqueeze(x, 1) : o.batch_first ? transpose(x, 0, 1) : x;
  const int64_t time = layer.shape()[0], batch = layer.shape()[1], cells = o.layers * directions(o);
  HEARTH_CHECK(time >= 1, r.what, ": the sequence is empty: its shape is ", x.shape());
  HEARTH_CHECK(!lengths || (lengths->defined() && lengths->shape() == Shape{batch}), r.what, ": the lengths ",
               lengths->defined() ? concat("have shape ", lengths->shape()) : "are undefined", "; expected ",
               Shape{batch});

  std::vector<std::vector<OptionalTensor>> before(static_cast<size_t>(cells));
  for (const Initial& i : initial) {
    std::vector<Tensor> parts;
    if (i.state) {
      const Shape expected = batched ? Shape{cells, batch, i.size} : Shape{cells, i.size};
      HEARTH_CHECK(i.state->defined() && i.state->shape() == expected, r.what, ": the initial state ",
                   i.state->defined() ? concat("has shape ", i.state->shape()) : "is undefined", "; expected ",
                   expected);
      parts = unbind(batched ? *i.state : unsqueeze(*i.state, 1), 0);
    }
    for (size_t k = 0; k < before.size(); ++k)
      before[k].push_back(parts.empty() ? OptionalTensor() : OptionalTensor(parts[k]));
  }

  std::vector<std::vector<Tensor>> after(initial.size());
  for (int64_t l = 0; l < o.layers; ++l) {
    std::vector<Tensor> sides;
    for (int64_t d = 0; d < directions(o); ++d) {
      const auto k = static_cast<size_t>(l * directions(o) + d);
      Run one = run(weights(r.cells[k]), layer, before[k], RecurrentOptions{.reverse = d == 1, .lengths = lengths});
      sides.push_back(std::move(one.output));
      for (size_t i = 0; i < after.size(); ++i) after[i].push_back(std::move(one.states[i]));
    }
    layer = sides.size() == 1 ? sides[0] : cat(sides, 2);
    if (o.dropout > 0 && l + 1 < o.layers) layer = dropout(layer, o.dropout, training);
  }

  Run out{!batched ? squeeze(layer, 1) : o.batch_first ? transpose(layer, 0, 1) : layer, {}};
  for (const std::vector<Tensor>& all : after) {
    const Tensor stacked = all.size() == 1 ? unsqueeze(all[0], 0) : stack(all, 0);
    out.states.push_back(batched ? stacked : squeeze(stacked, 1));
  }
  return out;
}

// Runs forward(x, lengths) of packed sequences, padded as the options want them.
template <class F>
auto forward_padded(const PackedSequence& packed, const RnnOptions& o, F forward) {
  const PaddedSequence padded = pad_packed_sequence(packed, {.batch_first = o.batch_first});
  return forward(padded.data, padded.lengths.to(padded.data.device()));
}

}  // namespace

Recurrent::Recurrent(const char* layer, int64_t gates, int64_t inputs, int64_t hidden_size, const RnnOptions& o)
    : what(layer), input(inputs), hidden(hidden_size), state(o.proj_size > 0 ? o.proj_size : hidden_size), options(o) {
  HEARTH_CHECK(input >= 1 && hidden >= 1 && o.layers >= 1, what,
               ": the sizes of input and hidden state and the number of layers must be at least 1, but are ", input,
               ", ", hidden, " and ", o.layers);
  HEARTH_CHECK(o.dropout >= 0 && o.dropout <= 1, what, ": dropout must be from 0 to 1, but is ", o.dropout);
  HEARTH_CHECK(o.proj_size == 0 || std::string_view(what) == "LSTM", what, ": only an LSTM takes proj_size");
  HEARTH_CHECK(o.proj_size >= 0 && o.proj_size < hidden, what, ": proj_size must be from 0 to ", hidden - 1,
               ", below the hidden size, but is ", o.proj_size);
  const auto parameter = [](const Shape& shape) { return empty(shape, {.requires_grad = true}); };
  for (int64_t l = 0; l < o.layers; ++l) {
    const int64_t in = l == 0 ? input : state * directions(o);
    for (int64_t d = 0; d < directions(o); ++d) {
      RecurrentCell c{.suffix = "_l" + std::to_string(l) + (d ? "_reverse" : "")};
      c.weight_ih = parameter({gates * hidden, in});
      c.weight_hh = parameter({gates * hidden, state});
      if (o.bias) {
        c.bias_ih = parameter({gates * hidden});
        c.bias_hh = parameter({gates * hidden});
      }
      if (o.proj_size > 0) c.weight_hr = parameter({state, hidden});
      cells.push_back(std::move(c));
    }
  }
  reset();
}

void Recurrent::reset() {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  for (RecurrentCell& c : cells) {
    for (Tensor* t : {&c.weight_ih, &c.weight_hh, &c.bias_ih, &c.bias_hh, &c.weight_hr}) {
      if (t->defined()) init::uniform_(*t, -bound, bound);
    }
  }
}

void Recurrent::visit(const detail::Owned& owned) {
  for (RecurrentCell& c : cells) {
    owned.parameter("weight_ih" + c.suffix, c.weight_ih);
    owned.parameter("weight_hh" + c.suffix, c.weight_hh);
    if (options.bias) {
      owned.parameter("bias_ih" + c.suffix, c.bias_ih);
      owned.parameter("bias_hh" + c.suffix, c.bias_hh);
    }
    if (options.proj_size > 0) owned.parameter("weight_hr" + c.suffix, c.weight_hr);
  }
}

LSTM::LSTM(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options)
    : Module(parent, name), layers_("LSTM", 4, input, hidden, options) {}

LSTM::Result LSTM::forward(const Tensor& x, const std::optional<State>& initial,
                           const std::optional<Tensor>& lengths) const {
  const CalledAs called("LSTM");
  const OptionalTensor h0 = initial ? OptionalTensor(initial->h) : std::nullopt,
                       c0 = initial ? OptionalTensor(initial->c) : std::nullopt;
  Run r = run_layers(
      layers_, x, {{h0, layers_.state}, {c0, layers_.hidden}}, lengths, training(),
      [](const RecurrentWeights& w, const Tensor& in, const std::vector<OptionalTensor>& s, const RecurrentOptions& o) {
        LstmResult one = lstm(in, w, s[0], s[1], o);
        return Run{std::move(one.output), {std::move(one.h), std::move(one.c)}};
      });
  return {std::move(r.output), {std::move(r.states[0]), std::move(r.states[1])}};
}

LSTM::PackedResult LSTM::forward(const PackedSequence& x, const std::optional<State>& initial) const {
  const CalledAs called("LSTM");
  Result r = forward_padded(x, layers_.options,
                            [&](const Tensor& t, const Tensor& lengths) { return forward(t, initial, lengths); });
  return {pack_like(r.output, x, layers_.options.batch_first), std::move(r.state)};
}

GRU::GRU(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options)
    : Module(parent, name), layers_("GRU", 3, input, hidden, options) {}

GRU::Result GRU::forward(const Tensor& x, const std::optional<Tensor>& initial,
                         const std::optional<Tensor>& lengths) const {
  const CalledAs called("GRU");
  Run r = run_layers(
      layers_, x, {{initial, layers_.state}}, lengths, training(),
      [](const RecurrentWeights& w, const Tensor& in, const std::vector<OptionalTensor>& s, const RecurrentOptions& o) {
        RecurrentResult one = gru(in, w, s[0], o);
        return Run{std::move(one.output), {std::move(one.h)}};
      });
  return {std::move(r.output), std::move(r.states[0])};
}

GRU::PackedResult GRU::forward(const PackedSequence& x, const std::optional<Tensor>& initial) const {
  const CalledAs called("GRU");
  Result r = forward_padded(x, layers_.options,
                            [&](const Tensor& t, const Tensor& lengths) { return forward(t, initial, lengths); });
  return {pack_like(r.output, x, layers_.options.batch_first), std::move(r.h)};
}

RNN::RNN(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnOptions& options,
         RnnNonlinearity nonlinearity)
    : Module(parent, name), layers_("RNN", 1, input, hidden, options), nonlinearity_(nonlinearity) {}

RNN::Result RNN::forward(const Tensor& x, const std::optional<Tensor>& initial,
                         const std::optional<Tensor>& lengths) const {
  const CalledAs called("RNN");
  Run r = run_layers(layers_, x, {{initial, layers_.state}}, lengths, training(),
                     [this](const RecurrentWeights& w, const Tensor& in, const std::vector<OptionalTensor>& s,
                            const RecurrentOptions& o) {
                       RecurrentResult one = rnn(in, w, s[0], nonlinearity_, o);
                       return Run{std::move(one.output), {std::move(one.h)}};
                     });
  return {std::move(r.output), std::move(r.states[0])};
}

RNN::PackedResult RNN::forward(const PackedSequence& x, const std::optional<Tensor>& initial) const {
  const CalledAs called("RNN");
  Result r = forward_padded(x, layers_.options,
                            [&](const Tensor& t, const Tensor& lengths) { return forward(t, initial, lengths); });
  return {pack_like(r.output, x, layers_.options.batch_first), std::move(r.h)};
}

std::string detail::Recurrent::extra_repr() const {
  const RnnOptions& o = options;
  return concat(input, ", ", hidden, unless(int64_t{1}, "num_layers", o.layers), unless(true, "bias", o.bias),
                unless(false, "batch_first", o.batch_first), unless(0.0, "dropout", o.dropout),
                unless(false, "bidirectional", o.bidirectional), unless(int64_t{0}, "proj_size", o.proj_size));
}

}  // namespace hearth::nn
