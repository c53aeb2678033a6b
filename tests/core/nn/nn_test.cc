// Layers and losses against PyTorch.
#include <gtest/gtest.h>

#include <limits>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/conv.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/rnn.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/norm.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "tests/core/nn/golden.inc"
#include "tests/core/nn/nn_testing.h"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

// Parameters in the order of their names, filled as in nn.py.
std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    if (!t.requires_grad()) continue;
    t.copy_(wave(t.shape(), k++));
    out.push_back(t);
  }
  return out;
}

void check(const Tensor& out, std::vector<Tensor> leaves, const std::vector<double>& want) {
  const Tensor weighted = (out * wave(out.shape(), 5)).sum();
  std::vector<Tensor> got{out};
  for (Tensor& g : grad({&weighted, 1}, leaves)) got.push_back(g);
  expect_close(got, want);
}

std::vector<Tensor> with(const Tensor& x, std::vector<Tensor> rest) {
  rest.insert(rest.begin(), x);
  return rest;
}

TEST(Nn, Recurrent) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::LSTM lstm(4, 3, {.layers = 2, .bidirectional = true});
  auto p = fill(lstm);
  check(lstm(x).output, with(x, p), kGoldenLstm);
  nn::GRU gru(4, 3);
  p = fill(gru);
  check(gru(x).output, with(x, p), kGoldenGru);
}

TEST(Nn, RecurrentOfManyLayers) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::LSTM lstm(4, 3, {.layers = 9, .bidirectional = true});
  EXPECT_EQ(fill(lstm).size(), 18u * 4);
  const auto r = lstm(x);
  check(r.output, {x}, kGoldenLstmDeep);
  expect_close({r.state.h, r.state.c}, kGoldenLstmDeepStates);
  const auto copy = nn::clone(lstm);
  EXPECT_FALSE(copy->parameters()[70].is(lstm.parameters()[70]));
  EXPECT_TRUE((*copy)(x).output.equal(r.output));
}

TEST(Nn, RecurrentWithoutABatch) {
  const Tensor x = leaf({3, 4}, 1), h = leaf({2, 3}, 6), c = leaf({2, 3}, 7);
  nn::LSTM lstm(4, 3, {.layers = 2});
  auto p = fill(lstm);
  p.insert(p.begin(), {x, h, c});
  const auto r = lstm(x, {h, c});
  check(r.output, p, kGoldenLstmUnbatched);
  expect_close({r.state.h, r.state.c}, kGoldenLstmUnbatchedStates);
  nn::GRU gru(4, 3, {.batch_first = true, .bidirectional = true});
  p = fill(gru);
  const auto g = gru(x);
  check(g.output, with(x, p), kGoldenGruUnbatched);
  expect_close({g.h}, kGoldenGruUnbatchedStates);
}

TEST(Nn, PlainRecurrence) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::RNN tanh(4, 3, {.layers = 2}), relu(4, 3, {.layers = 2}, nn::RnnNonlinearity::kRelu);
  auto p = fill(tanh);
  const auto t = tanh(x);
  check(t.output, with(x, p), kGoldenRnnTanh);
  expect_close({t.h}, kGoldenRnnTanhStates);
  p = fill(relu);
  const auto r = relu(x);
  check(r.output, with(x, p), kGoldenRnnRelu);
  expect_close({r.h}, kGoldenRnnReluStates);
}

TEST(Nn, AttentionMasks) {
  const Tensor x = leaf({3, 2, 4}, 1), x2 = leaf({3, 4}, 1);
  nn::MultiheadAttention m(4, 2);
  fill(m);
  const Tensor k = wave({5, 2, 4}, 2), k2 = wave({5, 4}, 2), each = wave({4, 3, 5}, 3);
  const Tensor padding = tensor({{0, 0, 1, 0, 1}, {1, 0, 0, 0, 0}}).to(boolean);
  check(m(x, k, k, {.attention = each}), {x}, kGoldenAttentionEach);
  check(m(x, k, k, {.attention = each.gt(0.9), .padding = padding}), {x}, kGoldenAttentionEachPadded);
  check(m(x2, k2, k2), {x2}, kGoldenAttentionUnbatched);
  const Tensor added = tensor({0, 0, 1, 0, 1}).to(f64) * -3.0;
  check(m(x2, k2, k2, {.attention = wave({2, 3, 5}, 3), .padding = added}), {x2}, kGoldenAttentionUnbatchedMasked);
  check(m(x, k, k, {.causal = true}), {x}, kGoldenAttentionCausal);
  const Tensor some = tensor({{0, 0, 1, 0, 1}, {0, 0, 0, 0, 0}}).to(boolean);
  check(m(x, k, k, {.padding = some, .causal = true}), {x}, kGoldenAttentionCausalPadded);
  check(m(x, k, k, {.attention = each, .causal = true}), {x}, kGoldenAttentionCausalAdded);
  // A bool mask beside one that is added, either way round.
  const auto added_form = [](const Tensor& t) {
    return where(t, Scalar(-std::numeric_limits<double>::infinity()), zeros({}, {.dtype = f64}));
  };
  const Tensor late = each.gt(0.9);
  check(m(x, k, k, {.attention = late, .padding = added_form(padding)}), {x}, kGoldenAttentionEachPadded);
  check(m(x, k, k, {.attention = added_form(late), .padding = padding}), {x}, kGoldenAttentionEachPadded);
}

TEST(Nn, Attention) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::MultiheadAttention m(4, 2);
  const auto p = fill(m);
  check(m(x, x, x), with(x, p), kGoldenAttention);
  const Tensor q = leaf({1, 4, 3, 2}, 1), k = leaf({1, 2, 5, 2}, 2), v = leaf({1, 2, 5, 3}, 3);
  check(scaled_dot_product_attention(q, k, v), {q, k, v}, kGoldenSdpa);
}

TEST(Nn, Normalisation) {
  const Tensor x = leaf({3, 2, 4}, 1), y = leaf({3, 4, 2, 2}, 2);
  nn::LayerNorm layer({2, 4});
  fill(layer);
  check(layer(x), {x, *layer.weight, *layer.bias}, kGoldenLayerNorm);
  nn::RMSNorm rms({4}, {.eps = 1e-5});
  fill(rms);
  check(rms(x), {x, *rms.weight}, kGoldenRmsNorm);
  nn::GroupNorm group(2, 4);
  fill(group);
  check(group(y), {y, *group.weight, *group.bias}, kGoldenGroupNorm);
  nn::BatchNorm2d batch(4);
  fill(batch);
  check(batch(y), {y, *batch.weight, *batch.bias}, kGoldenBatchNorm);
  expect_close({*batch.running_mean, *batch.running_var}, kGoldenBatchNormRunning);
  batch.eval();
  check(batch(y), {y, *batch.weight, *batch.bias}, kGoldenBatchNormEval);
}

TEST(Nn, RmsNormWithoutEpsTakesThatOfTheDType) {
  const Tensor x = tensor({{1e-4, 2e-4, -3e-4, 4e-4}, {0, 0, 0, 0}}, {.dtype = f64});
  const std::vector<double> nothing(4, 0.0);
  const auto want = [&](std::vector<double> first) {
    first.insert(first.end(), nothing.begin(), nothing.end());
    return first;
  };
  const std::vector<double> wide = {0.36514837112958254, 0.7302967422591651, -1.0954451133887475, 1.4605934845183302};
  const std::vector<double> f32s = {0.22691594064235687, 0.45383188128471375, -0.6807478666305542, 0.9076637625694275};
  expect_close({rms_norm(x, {4})}, want(wide), 1e-12);
  expect_close({rms_norm(x.to(f32), {4}).to(f64)}, want(f32s), 1e-6);
  expect_close({rms_norm(x.to(f16), {4}).to(f64)},
               want({0.2269287109375, 0.453857421875, -0.6806640625, 0.90771484375}), 1e-3);
  expect_close({rms_norm(x.to(bf16), {4}).to(f64)}, want({0.2275390625, 0.455078125, -0.6796875, 0.91015625}), 1e-2);
  const nn::RMSNorm plain({4}), given({4}, {.eps = 1e-6});
  expect_close({plain(x.to(f32)).to(f64)}, want(f32s), 1e-6);
  EXPECT_EQ(plain.extra_repr(), "(4,), eps=None, elementwise_affine=True");
  EXPECT_EQ(given.extra_repr(), "(4,), eps=1e-06, elementwise_affine=True");
}

TEST(Nn, ComposedGradientsOfNormsEqualTheFused) {
  const Tensor x = leaf({3, 4, 2, 2}, 2);
  nn::BatchNorm2d batch(4);
  fill(batch);
  const Tensor loss = (batch(x) * wave({3, 4, 2, 2}, 5)).sum();
  const Tensor leaves[] = {x, *batch.weight, *batch.bias};
  const auto fused = grad({&loss, 1}, leaves, {}, {.retain_graph = true});
  const auto composed = grad({&loss, 1}, leaves, {}, {.create_graph = true});
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(fused[i].allclose(composed[i], 1e-9, 1e-12));
}

TEST(Nn, Losses) {
  const Tensor z = leaf({5, 4}, 3), u = wave({5, 4}, 7), y = leaf({3, 4, 2, 2}, 2), w = wave({4}, 1).abs();
  const Tensor t = tensor({1, 3, 0, 2, -100});
  check(cross_entropy(z, t), {z}, kGoldenCrossEntropy);
  check(cross_entropy(z, t, {.weight = w, .label_smoothing = 0.1}), {z}, kGoldenCrossEntropySmooth);
  check(cross_entropy(y, arange(12).view({3, 2, 2}).remainder(4), {.reduction = Reduction::kSum}), {y},
        kGoldenCrossEntropySum);
  check(smooth_l1_loss(z, u, 0.5), {z}, kGoldenSmoothL1);
  check(huber_loss(z, u, 0.5), {z}, kGoldenHuber);
  check(binary_cross_entropy_with_logits(z, u.abs(), {}, w), {z}, kGoldenBce);
  check(softmax(z, 0), {z}, kGoldenSoftmax);
  check(log_softmax(z, 1), {z}, kGoldenLogSoftmax);
  EXPECT_THROW(cross_entropy(z, tensor({1, 2})), Error);
  EXPECT_THROW(cross_entropy(z, tensor({1, 2, 3, 4, 5})), Error);  // class 4 and 5 of 4
}

TEST(Nn, WrongSizesNameTheLayer) {
  EXPECT_EQ(message([] { nn::Linear(-1, 3); }),
            "Linear: the numbers of inputs and outputs must not be negative, but are -1 and 3");
  EXPECT_EQ(message([] { nn::Embedding(-1, 3); }),
            "Embedding: the number of rows and their length must not be negative, but are -1 and 3");
  EXPECT_EQ(message([] { nn::Embedding(3, 3, {.padding_idx = 3}); }),
            "Embedding: padding_idx 3 is out of range for 3 rows");
  EXPECT_EQ(message([] { nn::Conv2d(3, 4, 0); }), "Conv2d: the kernel must be at least 1 wide, but is 0 x 0");
  EXPECT_EQ(message([] { nn::Conv1d(3, 4, 3, {.groups = 0}); }),
            "Conv1d: 3 input and 4 output channels cannot be cut into 0 groups");
  EXPECT_EQ(message([] { nn::BatchNorm1d(0); }), "BatchNorm: the number of channels must be at least 1, but is 0");
  EXPECT_EQ(message([] { nn::LayerNorm({3, -1}); }), "LayerNorm: sizes must be at least 1, but the shape is [3, -1]");
  EXPECT_EQ(message([] { nn::GroupNorm(2, -4); }), "GroupNorm: the number of channels must be at least 1, but is -4");
  EXPECT_EQ(message([] { nn::Dropout(1.5); }), "Dropout: the probability must be from 0 to 1, but is 1.5");
  EXPECT_EQ(message([] { nn::MultiheadAttention(4, 3); }),
            "MultiheadAttention: an embedding of 4 does not divide into 3 heads");
  EXPECT_EQ(message([] { nn::GRU(4, 0); }),
            "GRU: the sizes of input and hidden state and the number of layers must be at least 1, but are 4, 0 and 1");
  nn::LSTM lstm(4, 3);
  EXPECT_EQ(message([&] {
              lstm(ones({3, 2, 5}));
            }),
            "LSTM: expected 4 features in the input's last dimension, but the shape is [3, 2, 5]");
  EXPECT_EQ(message([&] { lstm(ones({4})); }),
            "LSTM: expected an input of [time, batch, 4] or [time, 4], but the shape is [4]");
  EXPECT_EQ(message([&] {
              lstm(ones({3, 2, 4}), nn::LSTM::State{ones({1, 3}), ones({1, 3})});
            }),
            "LSTM: the initial state has shape [1, 3]; expected [1, 2, 3]");
  nn::MultiheadAttention m(4, 2);
  const Tensor x = ones({3, 2, 4});
  EXPECT_EQ(
      message([&] {
        m(x, x, ones({5, 2, 4}));
      }),
      "MultiheadAttention: query, key and value must have the same batch, and key and value as many positions, but "
      "the shapes are [3, 2, 4], [3, 2, 4] and [5, 2, 4]");
  EXPECT_EQ(
      message([&] {
        m(x, x, x, {.attention = ones({3, 3, 3})});
      }),
      "MultiheadAttention: an attention mask of shape [3, 3, 3] fits neither [3, 3] nor [4, 3, 3] (batch * heads, "
      "time, keys)");
  EXPECT_EQ(message([&] {
              m(x, x, x, {.padding = ones({3, 2})});
            }),
            "MultiheadAttention: the padding mask has shape [3, 2]; expected [2, 3] (batch, keys)");
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
