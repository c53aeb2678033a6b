// Recurrent layers against PyTorch, lengths and projections included; what they refuse.
#include "core/nn/rnn.h"

#include <limits>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/nn/golden.inc"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

// Parameters in the order of their names, filled as in nn.py.
std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  const NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    t.copy_(wave(t.shape(), k++));
    out.push_back(t);
  }
  return out;
}

void check(const Tensor& out, const std::vector<Tensor>& first, const std::vector<Tensor>& parameters,
           const std::vector<double>& want) {
  const Tensor weighted = (out * wave(out.shape(), 5)).sum();
  std::vector<Tensor> leaves = first, got{out};
  leaves.insert(leaves.end(), parameters.begin(), parameters.end());
  for (Tensor& g : grad({&weighted, 1}, leaves, {}, {.retain_graph = true})) got.push_back(g);
  expect_close(got, want);
  // The composed form, which gradients of gradients pass through.
  got = {out};
  for (Tensor& g : grad({&weighted, 1}, leaves, {}, {.create_graph = true})) got.push_back(g);
  expect_close(got, want);
}

const Tensor& lengths() {
  static const Tensor t = tensor(std::vector<int64_t>{3, 5, 1});
  return t;
}

TEST(Rnn, LstmWithLengths) {
  const Tensor x = leaf({5, 3, 4}, 1), h = leaf({4, 3, 2}, 6), c = leaf({4, 3, 3}, 7);
  nn::LSTM lstm(4, 3, {.layers = 2, .bidirectional = true, .proj_size = 2});
  const auto p = fill(lstm);
  const auto r = lstm(x, {h, c}, lengths());
  check(r.output, {x, h, c}, p, kGoldenLstmLengths);
  expect_close({r.state.h, r.state.c}, kGoldenLstmLengthsStates);
}

TEST(Rnn, GruWithLengths) {
  const Tensor x = leaf({5, 3, 4}, 1), h = leaf({2, 3, 3}, 6);
  nn::GRU gru(4, 3, {.bias = false, .bidirectional = true});
  const auto p = fill(gru);
  const auto r = gru(x, h, lengths());
  check(r.output, {x, h}, p, kGoldenGruLengths);
  check(r.h, {x, h}, p, kGoldenGruLengthsState);
  nn::GRU turned(4, 3, {.bias = false, .batch_first = true, .bidirectional = true});
  fill(turned);
  EXPECT_TRUE(turned(transpose(x, 0, 1), h, lengths()).output.equal(transpose(r.output, 0, 1)));
}

TEST(Rnn, RnnWithLengths) {
  const Tensor x = leaf({5, 3, 4}, 1);
  nn::RNN rnn(4, 3, {.layers = 2, .bidirectional = true});
  const auto p = fill(rnn);
  const auto r = rnn(x, std::nullopt, lengths());
  check(r.output, {x}, p, kGoldenRnnLengths);
  expect_close({r.h}, kGoldenRnnLengthsState);
}

TEST(Rnn, ProjectedLstm) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::LSTM lstm(4, 5, {.layers = 2, .proj_size = 3});
  const auto p = fill(lstm);
  EXPECT_EQ(p.size(), 10u);
  EXPECT_TRUE(lstm.state_dict().contains("weight_hr_l1"));
  const auto r = lstm(x);
  check(r.output, {x}, p, kGoldenLstmProjected);
  expect_close({r.state.h, r.state.c}, kGoldenLstmProjectedStates);
}

TEST(Rnn, ASequenceOfNoStepsKeepsItsState) {
  const Tensor x = leaf({4, 2, 3}, 1), h = leaf({2, 2, 5}, 2), c = leaf({2, 2, 5}, 3);
  const Tensor none = tensor(std::vector<int64_t>{0, 4});
  nn::LSTM lstm(3, 5, {.bidirectional = true});
  fill(lstm);
  const auto r = lstm(x, {h, c}, none);
  EXPECT_TRUE(r.output.select(1, 0).equal(zeros({4, 10}, {.dtype = f64})));
  EXPECT_TRUE(r.state.h.select(1, 0).equal(h.select(1, 0)));
  EXPECT_TRUE(r.state.c.select(1, 0).equal(c.select(1, 0)));
  // The other one does not notice.
  const auto alone = lstm(x.narrow(1, 1, 1), {h.narrow(1, 1, 1), c.narrow(1, 1, 1)});
  EXPECT_TRUE(alone.output.equal(r.output.narrow(1, 1, 1)));
  // Its gradients go to the initial states, and nowhere else.
  const auto d = grad(r.state.h.sum() + r.state.c.sum(), {x, h, c});
  EXPECT_TRUE(d[0].select(1, 0).equal(zeros({4, 3}, {.dtype = f64})));
  EXPECT_TRUE(d[1].select(1, 0).equal(ones({2, 5}, {.dtype = f64})));
  EXPECT_TRUE(d[2].select(1, 0).equal(ones({2, 5}, {.dtype = f64})));
}

// What lies beyond the end of a sequence is not looked at, whatever it is.
TEST(Rnn, PaddingIsNotRead) {
  manual_seed(1);
  Tensor x = randn({6, 30, 4});
  const Tensor some = remainder(arange(30), 7), padding = le(unsqueeze(some, 0), unsqueeze(arange(6), 1)).unsqueeze(2);
  const Tensor bad = where(padding, std::numeric_limits<double>::quiet_NaN(), x);
  const nn::GRU gru(4, 9, {.layers = 2, .bidirectional = true});
  x.requires_grad_();
  const Tensor from_bad = bad.detach().requires_grad_();
  const auto a = gru(x, std::nullopt, some), b = gru(from_bad, std::nullopt, some);
  EXPECT_TRUE(a.output.equal(b.output));
  EXPECT_TRUE(a.h.equal(b.h));
  EXPECT_TRUE(grad(a.output.sum(), x).equal(grad(b.output.sum(), from_bad)));
}

// Many sequences are cut into blocks of them, few into blocks of units: each sequence comes out the same. Inputs and
// weights are such that their products are exact: the product with the inputs may add in another order for other
// numbers of rows.
TEST(Rnn, ASequenceIsTheSameInEveryBatch) {
  manual_seed(2);
  const NoGrad off;
  const Tensor x = round(randn({3, 70, 5}) * 4) / 4;
  const auto same = [&](const auto& layer) {
    for (Tensor p : layer.parameters()) p.copy_(round(p * 64) / 64);
    const Tensor all = layer(x).output;
    for (int64_t n : {1, 2, 7, 24, 69}) EXPECT_TRUE(layer(x.narrow(1, 1, n)).output.equal(all.narrow(1, 1, n))) << n;
  };
  same(nn::RNN(5, 33));
  same(nn::LSTM(5, 33, {.proj_size = 20}));
  same(nn::GRU(5, 33));
}

TEST(Rnn, ASecondBackwardNeedsTheGraph) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::GRU gru(4, 3);
  fill(gru);
  const Tensor y = gru(x).output.sum();
  grad(y, x);
  EXPECT_NE(message([&] { grad(y, x); }), "");
}

TEST(Rnn, SavedGraphs) {
  manual_seed(3);
  struct Net : nn::Module<Net> {
    nn::RNN rnn{this, "rnn", 4, 3, {.bidirectional = true}, nn::RnnNonlinearity::kRelu};
    nn::LSTM lstm{this, "lstm", 6, 5, {.proj_size = 2}};
    Tensor forward(const Tensor& x, const Tensor& lengths) const {
      return lstm(rnn(x, std::nullopt, lengths).output, std::nullopt, lengths).output;
    }
  };
  Net net;
  net.eval();
  graph::Exported model{.main = graph::trace(net, {{"x", f32, {"time", "batch", 4}}, {"lengths", i64, {"batch"}}})};
  const std::string directory = ::testing::TempDir() + "/rnn_model";
  ASSERT_TRUE(graph::save(model, directory).ok());
  const auto loaded = graph::load(directory);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  const Tensor in[] = {randn({6, 4, 4}), tensor(std::vector<int64_t>{6, 0, 2, 5})};
  EXPECT_TRUE(loaded->main.run(in)[0].equal(net(in[0], in[1])));
}

TEST(Rnn, WhatIsRefused) {
  const nn::LSTM lstm(4, 3);
  const Tensor x = ones({5, 2, 4});
  const auto of = [&](std::vector<int64_t> v) { return message([&] { lstm(x, std::nullopt, tensor(v)); }); };
  EXPECT_EQ(of({5, 6}), "LSTM: lstm: lengths[1] is 6; expected 0 to 5, the number of time steps");
  EXPECT_EQ(of({-1, 2}), "LSTM: lstm: lengths[0] is -1; expected 0 to 5, the number of time steps");
  EXPECT_EQ(of({5}), "LSTM: the lengths have shape [1]; expected [2]");
  EXPECT_EQ(message([&] { lstm(x, std::nullopt, ones({2})); }), "LSTM: lstm: lengths must be i64, but are f32");
  EXPECT_EQ(message([&] {
              lstm(ones({5, 4}), std::nullopt, ones({1}));
            }),
            "LSTM: lengths need a batch of sequences, but the input's shape is [5, 4]");
  EXPECT_EQ(message([&] { lstm(ones({0, 2, 4})); }), "LSTM: the sequence is empty: its shape is [0, 2, 4]");
  EXPECT_EQ(message([] { nn::GRU(4, 3, {.proj_size = 2}); }), "GRU: only an LSTM takes proj_size");
  EXPECT_EQ(message([] { nn::LSTM(4, 3, {.proj_size = 3}); }),
            "LSTM: proj_size must be from 0 to 2, below the hidden size, but is 3");
  const RecurrentWeights w{ones({12, 4}), ones({12, 3})};
  EXPECT_EQ(message([&] {
              hearth::lstm(ones({5, 4}), w);
            }),
            "lstm: expected an input of [time, batch, features], but the shape is [5, 4]");
  EXPECT_EQ(message([&] { hearth::lstm(x, w, ones({1, 3})); }), "lstm: h0 has shape [1, 3]; expected [2, 3]");
  EXPECT_EQ(message([&] {
              hearth::lstm(x, w, ones({2, 3}, {.dtype = f64}));
            }),
            "lstm: h0 is f64, but weight_hh is f32");
  EXPECT_EQ(message([&] {
              hearth::lstm(x, {ones({12, 4}), ones({12, 2})});
            }),
            "lstm: weight_hh has shape [12, 2]; expected [12, 3]");
  EXPECT_EQ(message([&] {
              hearth::gru(x, {ones({9, 4}), ones({9, 3}), {}, {}, ones({2, 3})});
            }),
            "gru: only lstm takes a projection (weight_hr)");
}

}  // namespace
}  // namespace hearth
