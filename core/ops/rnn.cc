#include "core/ops/rnn.h"

#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/rnn.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"

namespace hearth {

extern constinit const OpDef kLstmGrad, kGruGrad, kRnnGrad;

namespace {

struct Cell {
  const OpDef& grad;
  const RecurrentOperands& in;
  int64_t gates;
  int64_t kept;  // values of a unit that only backward reads
  int visible;   // outputs; the kept values come after them
};
constexpr Cell kLstmCell{kLstmGrad, kLstmOperands, 4, 5, 3}, kGruCell{kGruGrad, kGruOperands, 3, 4, 2},
    kRnnCell{kRnnGrad, kRnnOperands, 1, 0, 2};

// What f16 and bf16 are computed in.
DType computed_in(DType t) { return is_half(t) ? DType::kF32 : t; }

bool present(const OpCall& c, int i) { return i >= 0 && c.is_tensor(i); }

// Throws unless operand i, which may be absent, has the shape and the call's dtype.
void expect_operand(const OpCall& c, int i, const char* what, const Shape& shape) {
  if (!present(c, i)) return;
  const Tensor& t = c.input(i);
  HEARTH_CHECK(t.shape() == shape, c.op.name, ": ", what, " has shape ", t.shape(), "; expected ", shape);
  HEARTH_CHECK(t.dtype() == c.dtype, c.op.name, ": ", what, " is ", t.dtype(), ", but weight_hh is ", c.dtype);
}
void expect_lengths(const OpCall& c, int i, int64_t batch) {
  if (!present(c, i)) return;
  const Tensor& t = c.input(i);
  HEARTH_CHECK(t.dtype() == DType::kI64, c.op.name, ": lengths must be i64, but are ", t.dtype());
  HEARTH_CHECK(t.shape() == Shape{batch}, c.op.name, ": lengths have shape ", t.shape(), "; expected ", Shape{batch});
}

struct Sizes {
  int64_t time, batch, hidden, state;
};

// From the shapes of weight_hh and of an array [time, batch, ...]; checks the operands that both directions have.
Sizes sizes_of(OpCall& c, const Cell& cell, const Tensor& weight, const Tensor& sequence, int h0, int c0,
               int projection, int lengths) {
  c.dtype = weight.dtype();
  HEARTH_CHECK(c.op.dtypes.contains(c.dtype), c.op.name, ": dtype ", c.dtype, " is not supported; it takes ",
               c.op.dtypes);
  HEARTH_CHECK(
      weight.dim() == 2 && weight.shape()[0] >= 1 && weight.shape()[1] >= 1 && weight.shape()[0] % cell.gates == 0,
      c.op.name, ": weight_hh has shape ", weight.shape(), "; expected [", cell.gates, " * hidden, state]");
  HEARTH_CHECK(sequence.dim() == 3, c.op.name, ": expected 3 dimensions, but the shape is ", sequence.shape());
  const Sizes s{sequence.shape()[0], sequence.shape()[1], weight.shape()[0] / cell.gates, weight.shape()[1]};
  HEARTH_CHECK(s.time >= 1, c.op.name, ": the sequence is empty: its shape is ", sequence.shape());
  HEARTH_CHECK(present(c, projection) || s.state == s.hidden, c.op.name, ": weight_hh has shape ", weight.shape(),
               "; expected ", Shape{weight.shape()[0], s.hidden});
  expect_operand(c, h0, "h0", {s.batch, s.state});
  expect_operand(c, c0, "c0", {s.batch, s.hidden});
  expect_operand(c, projection, "weight_hr", {s.state, s.hidden});
  expect_lengths(c, lengths, s.batch);
  return s;
}

// Whether this call will be recorded, so that backward may read what only it needs.
bool recorded(const OpCall& c) {
  if (!GradMode::enabled()) return false;
  for (int i = 0; i < c.inputs(); ++i) {
    if (c.is_tensor(i) && needs_grad(*c.input(i).impl())) return true;
  }
  return false;
}

template <const Cell& cell>
void infer(OpCall& c) {
  constexpr const RecurrentOperands& in = cell.in;
  const Sizes s = sizes_of(c, cell, c.input(in.weight), c.input(in.input), in.h0, in.c0, in.projection, in.lengths);
  expect_operand(c, in.input, "the input's product", {s.time, s.batch, cell.gates * s.hidden});
  expect_operand(c, in.bias, "bias_hh", {cell.gates * s.hidden});
  c.make(0, {s.time, s.batch, s.state}, c.dtype);
  c.make(1, {s.batch, s.state}, c.dtype);
  if (cell.visible == 3) c.make(2, {s.batch, s.hidden}, c.dtype);
  if (cell.kept > 0) {
    c.make(cell.visible, recorded(c) ? Shape{s.time, s.batch, cell.kept * s.hidden} : Shape{0}, computed_in(c.dtype));
  }
}

template <const Cell& cell>
void infer_grad(OpCall& c) {
  constexpr const RecurrentGradOperands& in = kRecurrentGradOperands;
  const auto& a = c.attrs_as<RecurrentGradAttrs>();
  const Sizes s = sizes_of(c, cell, c.input(in.weight), c.input(in.output), in.h0, in.c0, in.projection, in.lengths);
  const Shape output{s.time, s.batch, s.state}, h{s.batch, s.state}, h_of_cell{s.batch, s.hidden};
  expect_operand(c, in.output, "the output", output);
  expect_operand(c, in.d_output, "the output's gradient", output);
  expect_operand(c, in.d_h, "h's gradient", h);
  expect_operand(c, in.d_c, "c's gradient", h_of_cell);
  HEARTH_CHECK(cell.visible == 3 || !(present(c, in.d_c) || present(c, in.c0) || present(c, in.projection)), c.op.name,
               ": this cell has no c and no projection");
  if (cell.kept > 0) {
    const Tensor& kept = c.input(in.kept);
    HEARTH_CHECK(kept.shape() == (Shape{s.time, s.batch, cell.kept * s.hidden}) && kept.dtype() == computed_in(c.dtype),
                 c.op.name, ": the kept values are ", kept.dtype(), " ", kept.shape());
  }
  const int64_t gates = cell.gates * s.hidden;
  c.make(0, {s.time, s.batch, gates}, c.dtype);
  c.make(1, h, c.dtype);
  c.make(2, cell.visible == 3 ? h_of_cell : Shape{0}, c.dtype);
  c.make(3,
         {(a.weight ? gates * s.state : 0) + (a.bias ? gates : 0) +
          (a.projection && present(c, in.projection) ? s.state * s.hidden : 0)},
         c.dtype);
}

// A call's operands for the composed form; undefined where they are absent.
struct Composed {
  Tensor input, weight, h0, c0, bias, projection, lengths;
};

// The same results made of other ops, step by step, for gradients of gradients.
template <const Cell& cell>
std::vector<Tensor> compose(const Composed& x, const RnnAttrs& a) {
  const int64_t time = x.input.shape()[0], batch = x.input.shape()[1], hidden = x.weight.shape()[0] / cell.gates;
  const TensorOptions like{.dtype = x.input.dtype(), .device = x.input.device()};
  const std::vector<Tensor> inputs = unbind(x.input, 0);
  std::vector<Tensor> active;
  if (x.lengths.defined())
    active =
        unbind(unsqueeze(lt(unsqueeze(arange(time, {.device = x.input.device()}), 1), unsqueeze(x.lengths, 0)), 2), 0);
  Tensor h = x.h0.defined() ? x.h0 : zeros({batch, x.weight.shape()[1]}, like);
  Tensor c = x.c0.defined() ? x.c0 : zeros({batch, hidden}, like);
  std::vector<Tensor> outputs(static_cast<size_t>(time));
  for (int64_t step = 0; step < time; ++step) {
    const auto t = static_cast<size_t>(a.reverse ? time - 1 - step : step);
    const Tensor sums = x.bias.defined() ? linear(h, x.weight, x.bias) : linear(h, x.weight);
    Tensor next_h, next_c = c;
    if constexpr (cell.gates == 4) {
      const std::vector<Tensor> g = chunk(inputs[t] + sums, 4, 1);
      next_c = sigmoid(g[1]) * c + sigmoid(g[0]) * tanh(g[2]);
      next_h = sigmoid(g[3]) * tanh(next_c);
      if (x.projection.defined()) next_h = linear(next_h, x.projection);
    } else if constexpr (cell.gates == 3) {
      const std::vector<Tensor> p = chunk(inputs[t], 3, 1), q = chunk(sums, 3, 1);
      const Tensor reset = sigmoid(p[0] + q[0]), z = sigmoid(p[1] + q[1]), n = tanh(p[2] + reset * q[2]);
      next_h = n + z * (h - n);
    } else {
      const Tensor sum = inputs[t] + sums;
      next_h = a.nonlinearity == RnnNonlinearity::kRelu ? relu(sum) : tanh(sum);
    }
    if (active.empty()) {
      outputs[t] = h = next_h;
      c = next_c;
    } else {
      outputs[t] = where(active[t], next_h, 0);
      h = where(active[t], next_h, h);
      c = where(active[t], next_c, c);
    }
  }
  std::vector<Tensor> results{stack(outputs, 0), h};
  if (cell.visible == 3) results.push_back(c);
  return results;
}

template <const Cell& cell>
RnnAttrs attrs_of(const GradContext& g) {
  if constexpr (cell.gates == 1) return g.attrs<RnnAttrs>();
  else return {.reverse = g.attrs<RecurrentAttrs>().reverse};
}

template <const Cell& cell>
void composed_backward(GradContext& g) {
  g.widen();
  std::vector<Tensor> wanted;
  std::vector<int> places;
  // Each operand stands for itself alone, also where one tensor is given as two of them.
  const auto operand = [&](int i) {
    if (i < 0 || !g.is_tensor(i)) return Tensor();
    const Tensor t = g.input(i);
    if (!g.needs(i)) return t.detach();
    wanted.push_back(view(t, t.shape()));
    places.push_back(i);
    return wanted.back();
  };
  constexpr const RecurrentOperands& in = cell.in;
  const Composed x{.input = operand(in.input),
                   .weight = operand(in.weight),
                   .h0 = operand(in.h0),
                   .c0 = operand(in.c0),
                   .bias = operand(in.bias),
                   .projection = operand(in.projection),
                   .lengths = operand(in.lengths)};
  std::vector<Tensor> outputs, gradients;
  const std::vector<Tensor> results = compose<cell>(x, attrs_of<cell>(g));
  for (int k = 0; k < cell.visible; ++k) {
    const Tensor& y = results[static_cast<size_t>(k)];
    if (!g.has_grad(k) || !y.requires_grad()) continue;
    outputs.push_back(y);
    gradients.push_back(g.grad(k));
  }
  if (outputs.empty()) return;
  const std::vector<Tensor> d = grad(outputs, wanted, gradients, {.create_graph = true}, true);
  for (size_t k = 0; k < d.size(); ++k) g.set(places[k], d[k]);
}

template <const Cell& cell>
void backward(GradContext& g) {
  constexpr const RecurrentOperands& in = cell.in;
  bool any = false;
  for (int k = 0; k < cell.visible; ++k) any |= g.has_grad(k);
  if (!any) return;
  if (GradMode::enabled()) return composed_backward<cell>(g);
  const RnnAttrs a = attrs_of<cell>(g);
  const auto needs = [&](int i) { return i >= 0 && g.is_tensor(i) && g.needs(i); };
  const auto operand = [&](int i) { return i >= 0 && g.is_tensor(i) ? OptionalTensor(g.input(i)) : std::nullopt; };
  const auto gradient = [&](int k) {
    return k < cell.visible && g.has_grad(k) ? OptionalTensor(g.grad(k)) : std::nullopt;
  };
  const RecurrentGradAttrs parts{.reverse = a.reverse,
                                 .nonlinearity = a.nonlinearity,
                                 .weight = needs(in.weight),
                                 .bias = needs(in.bias),
                                 .projection = needs(in.projection)};
  std::vector<OptionalTensor> tensors{gradient(0),         gradient(1),        gradient(2),
                                      operand(in.h0),      operand(in.c0),     operand(in.projection),
                                      operand(in.lengths), operand(in.weight), g.output(0)};
  if (cell.kept > 0) tensors.emplace_back(g.output(cell.visible));
  const std::vector<Operand> operands(tensors.begin(), tensors.end());  // which refer to them
  const auto d = run_all(cell.grad, operands, parts);
  g.set(in.input, d[0]);
  if (needs(in.h0)) g.set(in.h0, d[1]);
  if (needs(in.c0)) g.set(in.c0, d[2]);
  int64_t at = 0;
  for (int i : {in.weight, in.bias, in.projection}) {
    if (!needs(i)) continue;
    const Shape& shape = g.input_shape(i);
    int64_t n = 1;
    for (int64_t size : shape) n *= size;
    g.set(i, view(narrow(d[3], 0, at, n), shape));
    at += n;
  }
}

constexpr Save kKeepAll{
    .input = {kAnyGradient, kAnyGradient, kAnyGradient, kAnyGradient, kAnyGradient, kAnyGradient, kAnyGradient}};
constexpr Save keep_also(uint8_t outputs) {
  Save s = kKeepAll;
  s.outputs = outputs;
  return s;
}

}  // namespace

extern constinit const OpDef kLstmGrad = {
    .name = "lstm_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 10,
    .max_inputs = 10,
    .absent = 0b1111111,
    .outputs = 4,
    .visible = 4,
    .internal = true,
    .attrs = &attrs_type<RecurrentGradAttrs>,
    .infer = infer_grad<kLstmCell>,
    .kernel = {cpu::lstm_grad, cuda::lstm_grad},
};
HEARTH_OP(kLstmGrad);

extern constinit const OpDef kGruGrad = {
    .name = "gru_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 10,
    .max_inputs = 10,
    .absent = 0b1111111,
    .outputs = 4,
    .visible = 4,
    .internal = true,
    .attrs = &attrs_type<RecurrentGradAttrs>,
    .infer = infer_grad<kGruCell>,
    .kernel = {cpu::gru_grad, cuda::gru_grad},
};
HEARTH_OP(kGruGrad);

extern constinit const OpDef kRnnGrad = {
    .name = "rnn_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 9,
    .max_inputs = 9,
    .absent = 0b1111111,
    .outputs = 4,
    .visible = 4,
    .internal = true,
    .attrs = &attrs_type<RecurrentGradAttrs>,
    .infer = infer_grad<kRnnCell>,
    .kernel = {cpu::rnn_grad, cuda::rnn_grad},
};
HEARTH_OP(kRnnGrad);

extern constinit const OpDef kLstm = {
    .name = "lstm",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 7,
    .max_inputs = 7,
    .absent = 0b1111100,
    .outputs = 4,
    .visible = 3,
    .attrs = &attrs_type<RecurrentAttrs>,
    .infer = infer<kLstmCell>,
    .save = keep_also(0b1001),
    .kernel = {cpu::lstm, cuda::lstm},
    .backward = backward<kLstmCell>,
};
HEARTH_OP(kLstm);

extern constinit const OpDef kGru = {
    .name = "gru",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 5,
    .max_inputs = 5,
    .absent = 0b11100,
    .outputs = 3,
    .visible = 2,
    .attrs = &attrs_type<RecurrentAttrs>,
    .infer = infer<kGruCell>,
    .save = keep_also(0b101),
    .kernel = {cpu::gru, cuda::gru},
    .backward = backward<kGruCell>,
};
HEARTH_OP(kGru);

extern constinit const OpDef kRnn = {
    .name = "rnn",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 5,
    .max_inputs = 5,
    .absent = 0b11100,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<RnnAttrs>,
    .infer = infer<kRnnCell>,
    .save = keep_also(0b1),
    .kernel = {cpu::rnn, cuda::rnn},
    .backward = backward<kRnnCell>,
};
HEARTH_OP(kRnn);

namespace {

// The input's part of every step's gates, as one product.
Tensor product_of_input(const char* op, const Tensor& x, const RecurrentWeights& w) {
  expect_defined(op, {x, w.weight_ih, w.weight_hh});
  expect_dtypes(op, x, kFloatTypes);
  HEARTH_CHECK(x.dim() == 3, op, ": expected an input of [time, batch, features], but the shape is ", x.shape());
  HEARTH_CHECK(w.weight_ih.dim() == 2 && w.weight_ih.shape()[1] == x.shape()[2], op, ": weight_ih has shape ",
               w.weight_ih.shape(), ", but the input has ", x.shape()[2], " features: its shape is ", x.shape());
  HEARTH_CHECK(w.weight_hh.dim() == 2 && w.weight_hh.shape()[0] == w.weight_ih.shape()[0], op, ": weight_ih has shape ",
               w.weight_ih.shape(), ", but weight_hh ", w.weight_hh.shape());
  return linear(x, w.weight_ih, w.bias_ih);
}
void refuse_projection(const char* op, const RecurrentWeights& w) {
  HEARTH_CHECK(!w.weight_hr, op, ": only lstm takes a projection (weight_hr)");
}

}  // namespace

LstmResult lstm(const Tensor& x, const RecurrentWeights& w, const OptionalTensor& h0, const OptionalTensor& c0,
                const RecurrentOptions& o) {
  const CalledAs called("lstm");
  auto r = run_all(kLstm, {product_of_input("lstm", x, w), w.weight_hh, h0, c0, w.bias_hh, w.weight_hr, o.lengths},
                   RecurrentAttrs{.reverse = o.reverse});
  return {std::move(r[0]), std::move(r[1]), std::move(r[2])};
}

RecurrentResult gru(const Tensor& x, const RecurrentWeights& w, const OptionalTensor& h0, const RecurrentOptions& o) {
  const CalledAs called("gru");
  refuse_projection("gru", w);
  auto r = run_all(kGru, {product_of_input("gru", x, w), w.weight_hh, h0, w.bias_hh, o.lengths},
                   RecurrentAttrs{.reverse = o.reverse});
  return {std::move(r[0]), std::move(r[1])};
}

RecurrentResult rnn(const Tensor& x, const RecurrentWeights& w, const OptionalTensor& h0, RnnNonlinearity nonlinearity,
                    const RecurrentOptions& o) {
  const CalledAs called("rnn");
  refuse_projection("rnn", w);
  auto r = run_all(kRnn, {product_of_input("rnn", x, w), w.weight_hh, h0, w.bias_hh, o.lengths},
                   RnnAttrs{.reverse = o.reverse, .nonlinearity = nonlinearity});
  return {std::move(r[0]), std::move(r[1])};
}

}  // namespace hearth
