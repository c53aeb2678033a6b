#include "core/nn/rnn_cell.h"

#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

int64_t checked_rows(const char* what, int64_t gates, int64_t input, int64_t hidden) {
  HEARTH_CHECK(input >= 1 && hidden >= 1, what, ": the sizes of input and hidden state must be at least 1, but are ",
               input, " and ", hidden);
  return gates * hidden;
}

OptionalTensor tensor_of(const std::optional<Parameter>& p) { return p ? OptionalTensor(*p) : std::nullopt; }

}  // namespace

template <class D>
RecurrentCellBase<D>::RecurrentCellBase(ModuleBase* parent, const char* name, const char* what, int64_t gates,
                                        int64_t input, int64_t hidden, bool bias)
    : Module<D>(parent, name),
      weight_ih(this, "weight_ih", empty({checked_rows(what, gates, input, hidden), input})),
      weight_hh(this, "weight_hh", empty({gates * hidden, hidden})),
      what_(what) {
  if (bias) {
    bias_ih.emplace(this, "bias_ih", empty({gates * hidden}));
    bias_hh.emplace(this, "bias_hh", empty({gates * hidden}));
  }
  reset_parameters();
}

template <class D>
void RecurrentCellBase<D>::reset_parameters() {
  const double bound = 1 / std::sqrt(static_cast<double>(weight_hh.size(1)));
  init::uniform_(weight_ih, -bound, bound);
  init::uniform_(weight_hh, -bound, bound);
  if (bias_ih) init::uniform_(*bias_ih, -bound, bound);
  if (bias_hh) init::uniform_(*bias_hh, -bound, bound);
}

template <class D>
RecurrentWeights RecurrentCellBase<D>::weights() const {
  return {weight_ih, weight_hh, tensor_of(bias_ih), tensor_of(bias_hh)};
}

template <class D>
Tensor RecurrentCellBase<D>::sequence(const Tensor& x) const {
  const int64_t input = weight_ih.size(1);
  HEARTH_CHECK((x.dim() == 1 || x.dim() == 2) && x.size(-1) == input, what_, ": expected an input of [batch, ", input,
               "] or [", input, "], but the shape is ", x.shape());
  return reshape(x, {1, x.dim() == 2 ? x.size(0) : 1, input});
}

template <class D>
OptionalTensor RecurrentCellBase<D>::state(const Tensor& x, const OptionalTensor& given) const {
  if (!given) return std::nullopt;
  const int64_t hidden = weight_hh.size(1);
  const Shape expected = x.dim() == 2 ? Shape{x.size(0), hidden} : Shape{hidden};
  HEARTH_CHECK(given->defined() && given->shape() == expected, what_, ": the state ",
               given->defined() ? concat("has shape ", given->shape()) : "is undefined", "; expected ", expected);
  return x.dim() == 2 ? *given : unsqueeze(*given, 0);
}

template <class D>
Tensor RecurrentCellBase<D>::result(const Tensor& x, const Tensor& h) {
  return x.dim() == 2 ? h : squeeze(h, 0);
}

template class RecurrentCellBase<RNNCell>;
template class RecurrentCellBase<LSTMCell>;
template class RecurrentCellBase<GRUCell>;

RNNCell::RNNCell(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnCellOptions& options)
    : RecurrentCellBase(parent, name, "RNNCell", 1, input, hidden, options.bias), nonlinearity_(options.nonlinearity) {}

Tensor RNNCell::forward(const Tensor& x, const std::optional<Tensor>& h) const {
  const CalledAs called("RNNCell");
  const Tensor in = sequence(x);
  return result(x, rnn(in, weights(), state(x, h), nonlinearity_).h);
}

LSTMCell::LSTMCell(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnCellOptions& options)
    : RecurrentCellBase(parent, name, "LSTMCell", 4, input, hidden, options.bias) {}

LSTMCell::State LSTMCell::forward(const Tensor& x, const std::optional<State>& before) const {
  const CalledAs called("LSTMCell");
  const Tensor in = sequence(x);
  const OptionalTensor h = before ? OptionalTensor(before->h) : std::nullopt,
                       c = before ? OptionalTensor(before->c) : std::nullopt;
  const LstmResult after = lstm(in, weights(), state(x, h), state(x, c));
  return {result(x, after.h), result(x, after.c)};
}

GRUCell::GRUCell(ModuleBase* parent, const char* name, int64_t input, int64_t hidden, const RnnCellOptions& options)
    : RecurrentCellBase(parent, name, "GRUCell", 3, input, hidden, options.bias) {}

Tensor GRUCell::forward(const Tensor& x, const std::optional<Tensor>& h) const {
  const CalledAs called("GRUCell");
  const Tensor in = sequence(x);
  return result(x, gru(in, weights(), state(x, h)).h);
}

}  // namespace hearth::nn
