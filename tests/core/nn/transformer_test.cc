// Transformer layers and the options of attention against PyTorch: values, gradients, names and shapes of parameters.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/transformer.h"
#include "core/nn/weight_norm.h"
#include "core/ops/index.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/nn_testing.h"
#include "tests/core/nn/transformer_golden.inc"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

using Names = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// Parameters in the order of their names, filled as by the script.
std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  const NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    if (!t.requires_grad()) continue;
    t.copy_(wave(t.shape(), k++));
    out.push_back(t);
  }
  return out;
}

std::vector<Tensor> joined(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void check(const Tensor& out, const std::vector<Tensor>& leaves, const std::vector<double>& want) {
  const Tensor weighted = (out * wave(out.shape(), 5)).sum();
  std::vector<Tensor> got{out};
  for (const Tensor& g : grad({&weighted, 1}, leaves)) got.push_back(g);
  expect_close(got, want);
}

void check_names(const nn::ModuleBase& m, const Names& want) {
  Names got;
  for (const auto& [name, t] : m.state_dict()) {
    got.emplace_back(name, std::vector<int64_t>(t.shape().begin(), t.shape().end()));
  }
  EXPECT_EQ(got, want);
}

const Tensor& padding() {
  static const Tensor t = tensor({{0, 0, 1, 0, 1}, {1, 0, 0, 0, 0}}).to(boolean);
  return t;
}
const Tensor& pad3() {
  static const Tensor t = tensor({{0, 0, 1}, {0, 0, 0}}).to(boolean);
  return t;
}

TEST(Attention, Weights) {
  const Tensor q = leaf({3, 2, 4}, 1), k = leaf({5, 2, 4}, 2), v = leaf({5, 2, 4}, 3), each = wave({4, 3, 5}, 3);
  nn::MultiheadAttention m(4, 2);
  const auto p = fill(m);
  nn::AttentionResult r = m.with_weights(q, k, v);
  expect_close({r.output, r.weights}, kGoldenWeights);
  EXPECT_TRUE(r.output.allclose(m(q, k, v), 1e-12, 1e-12));
  r = m.with_weights(q, k, v, {.attention = each}, false);
  check(r.weights, {q, k, p[0], p[1]}, kGoldenWeightsOfHeads);
  r = m.with_weights(q, k, v, {.attention = each.gt(0.9), .padding = padding()});
  expect_close({r.weights}, kGoldenWeightsPadded);
  r = m.with_weights(q.select(1, 0), k.select(1, 0), v.select(1, 0), {}, false);
  expect_close({r.output, r.weights}, kGoldenWeightsSingle);
  r = m.with_weights(q, k, v, {.causal = true});
  expect_close({r.output, r.weights}, kGoldenWeightsCausal);
  // A query that attends to nothing.
  r = m.with_weights(q, k, v, {.padding = ones({2, 5}, {.dtype = boolean})});
  EXPECT_EQ(r.weights.abs().sum().item<double>(), 0);
  EXPECT_TRUE(r.output.equal(m(q, k, v, {.padding = ones({2, 5}, {.dtype = boolean})})));
}

TEST(Attention, WeightsInTrainingAreThoseAfterDropout) {
  nn::MultiheadAttention m(4, 2, {.dropout = 0.5});
  const Tensor x = wave({8, 2, 4}, 1).to(f32);
  manual_seed(3);
  const nn::AttentionResult r = m.with_weights(x, x, x, {}, false);
  const auto zeros = r.weights.eq(0).to(f32).mean().item<double>();
  EXPECT_GT(zeros, 0.3);
  EXPECT_LT(zeros, 0.7);
  m.eval();
  EXPECT_TRUE(m.with_weights(x, x, x).weights.sum(-1).allclose(ones({2, 8}), 1e-5, 1e-5));
}

TEST(Attention, OtherFeaturesOfKeysAndValues) {
  const Tensor q = leaf({3, 2, 4}, 1), k = leaf({5, 2, 3}, 2), v = leaf({5, 2, 6}, 3);
  nn::MultiheadAttention m(4, 2, {.kdim = 3, .vdim = 6});
  check_names(m, kNamesApart);
  const auto filled = fill(m);
  check(m(q, k, v), joined({q, k, v}, filled), kGoldenApart);
  const Tensor a = leaf({2, 3, 4}, 1), b = leaf({2, 5, 4}, 2), c = leaf({2, 5, 6}, 3);
  nn::MultiheadAttention first(4, 2, {.bias = false, .batch_first = true, .vdim = 6});
  const auto p = fill(first);
  check(first(a, b, c), joined({a, b, c}, p), kGoldenApartBatchFirst);
  EXPECT_EQ(message([&] { first(a, c, c); }),
            "MultiheadAttention: key must be [batch, time, 4], but its shape is [2, 5, 6]");
  EXPECT_EQ(message([&] { first(c, b, c); }),
            "MultiheadAttention: query must be [batch, time, 4] or [time, 4], but its shape is [2, 5, 6]");
  EXPECT_EQ(message([&] { m(q[0], k[0], v); }),
            "MultiheadAttention: value must be [time, 6], but its shape is [5, 2, 6]");
  EXPECT_EQ(message([] { nn::MultiheadAttention(4, 2, {.kdim = 0}); }),
            "MultiheadAttention: kdim and vdim must be at least 1, but are 0 and 4");
}

TEST(Attention, MasksAreBoolOrAdded) {
  const nn::MultiheadAttention m(4, 2);
  const Tensor x = wave({3, 2, 4}, 1).to(f32), added = wave({3, 3}, 2), left_out = tensor({{0, 0, 1}, {1, 0, 0}});
  EXPECT_EQ(message([&] { m.with_weights(x, x, x, {.padding = left_out}); }),
            "MultiheadAttention: the padding mask must be bool or floating-point, but is i64");
  EXPECT_EQ(message([&] {
              m(x, x, x, {.attention = zeros({3, 3}).to(boolean), .padding = left_out});
            }),
            "MultiheadAttention: the padding mask must be bool or floating-point, but is i64");
  EXPECT_EQ(message([&] {
              m(x, x, x, {.attention = ones({3, 3}, {.dtype = i32})});
            }),
            "MultiheadAttention: the attention mask must be bool or floating-point, but is i32");
  EXPECT_EQ(message([&] { m(x, x, x, {.attention = Tensor()}); }),
            "MultiheadAttention: the attention mask is undefined");
  // One of another floating-point dtype does not make the scores wider.
  const auto wide = m.with_weights(x, x, x, {.attention = added}),
             same = m.with_weights(x, x, x, {.attention = added.to(f32)});
  EXPECT_EQ(wide.weights.dtype(), f32);
  EXPECT_TRUE(wide.output.equal(same.output));
  EXPECT_TRUE(m(x, x, x, {.attention = added}).allclose(wide.output, 1e-5, 1e-6));
}

TEST(Attention, ParametersThatAreComputed) {
  nn::MultiheadAttention m(4, 2, {.add_bias_kv = true});
  const Tensor x = wave({3, 2, 4}, 1).to(f32);
  {
    const NoGrad off;
    m.out_proj.bias->copy_(wave({4}, 1));
  }
  const Tensor before = m(x, x, x);
  nn::weight_norm(m.out_proj);
  nn::weight_norm(m, "in_proj_weight");
  nn::weight_norm(m, "bias_k", std::nullopt);
  nn::register_parametrization(m.out_proj, "bias", [](const Tensor& b) { return b; });
  EXPECT_TRUE(m(x, x, x).allclose(before, 1e-5, 1e-6));
  EXPECT_TRUE(m.with_weights(x, x, x).output.allclose(before, 1e-5, 1e-6));
  EXPECT_FALSE(m.in_proj_weight.defined());
  m.initialize();
  EXPECT_FALSE(m(x, x, x).allclose(before, 1e-5, 1e-6));
  // Computed weights have a Linear's first values and Xavier's.
  EXPECT_LE(nn::parametrized(m.out_proj, "bias").abs().amax().item<double>(), 0.5);
  const double bound = std::sqrt(6.0 / (4 + 12)),
               greatest = nn::parametrized(m, "in_proj_weight").abs().amax().item<double>();
  EXPECT_LE(greatest, bound + 1e-6);
  EXPECT_GT(greatest, bound / 2);
}

TEST(Attention, KeysThatAreAdded) {
  const Tensor q = leaf({3, 2, 4}, 1), k = leaf({5, 2, 4}, 2), v = leaf({5, 2, 4}, 3), each = wave({4, 3, 5}, 3);
  nn::MultiheadAttention biased(4, 2, {.add_bias_kv = true});
  check_names(biased, kNamesBiasKv);
  auto p = fill(biased);
  check(biased(q, k, v), joined({q, k, v}, p), kGoldenBiasKv);
  nn::AttentionResult r = biased.with_weights(q, k, v, {.padding = padding()});
  expect_close({r.output, r.weights}, kGoldenBiasKvWeights);
  nn::MultiheadAttention zero(4, 2, {.add_zero_attn = true});
  p = fill(zero);
  check(zero(q, k, v, {.attention = each}), joined({q, k, v}, p), kGoldenZeroAttention);
  nn::MultiheadAttention both(4, 2, {.add_bias_kv = true, .add_zero_attn = true});
  p = fill(both);
  check(both(q, k, v, {.attention = each, .padding = padding().to(f64) * -2.0}), joined({q, k, v}, p),
        kGoldenBothAdded);
  r = both.with_weights(q, k, v, {.causal = true});
  expect_close({r.output, r.weights}, kGoldenBothAddedCausal);
  EXPECT_TRUE(both(q, k, v, {.causal = true}).allclose(r.output, 1e-12, 1e-12));
  expect_close({both(q.select(1, 0), k.select(1, 0), v.select(1, 0))}, kGoldenBothAddedSingle);
  // A mask that is stretched over keys and queries.
  const Tensor none = zeros({1, 1}, {.dtype = boolean});
  EXPECT_TRUE(both(q, k, v, {.attention = none}).allclose(both(q, k, v), 1e-12, 1e-12));
}

TEST(Attention, HalvesAreRoundedOnce) {
  nn::MultiheadAttention m(8, 2), wide(8, 2);
  m.to(bf16);
  wide.load_state_dict(m.state_dict());
  const Tensor x = wave({5, 2, 8}, 1).to(bf16);
  const nn::AttentionResult got = m.with_weights(x, x, x), want = wide.with_weights(x.to(f32), x.to(f32), x.to(f32));
  EXPECT_EQ(got.weights.dtype(), bf16);
  EXPECT_TRUE(got.output.to(f32).allclose(want.output, 2e-2, 2e-2));
  EXPECT_TRUE(got.weights.to(f32).allclose(want.weights, 2e-2, 2e-2));
}

Tensor gelu_of(const Tensor& x) { return gelu(x); }

// The layers of one kind of options.
void check_layers(const nn::TransformerLayerOptions& o, const std::vector<double>& encoded,
                  const std::vector<double>& encoded_masked, const std::vector<double>& decoded,
                  const std::vector<double>& decoded_masked) {
  const Tensor x = leaf({3, 2, 4}, 1), memory = leaf({5, 2, 4}, 2);
  nn::TransformerEncoderLayer encoder(4, 2, o);
  auto p = fill(encoder);
  check(encoder(x), joined({x}, p), encoded);
  expect_close({encoder(x, {.padding = pad3(), .causal = true})}, encoded_masked);
  nn::TransformerDecoderLayer decoder(4, 2, o);
  p = fill(decoder);
  check(decoder(x, memory), joined({x, memory}, p), decoded);
  const Tensor soft = padding().to(f64) * -2.0;
  expect_close(
      {decoder(x, memory, {.padding = pad3(), .causal = true}, {.attention = wave({3, 5}, 3), .padding = soft})},
      decoded_masked);
}

TEST(Transformer, Layers) {
  check_layers({.dim_feedforward = 3, .dropout = 0}, kGoldenEncoderLayer, kGoldenEncoderLayerMasked,
               kGoldenDecoderLayer, kGoldenDecoderLayerMasked);
  check_layers({.dim_feedforward = 3, .dropout = 0, .activation = gelu_of, .norm_first = true},
               kGoldenEncoderLayerNormFirst, kGoldenEncoderLayerMaskedNormFirst, kGoldenDecoderLayerNormFirst,
               kGoldenDecoderLayerMaskedNormFirst);
  check_layers({.dim_feedforward = 3, .dropout = 0, .activation = gelu_of, .layer_norm_eps = 0.1, .bias = false},
               kGoldenEncoderLayerNoBias, kGoldenEncoderLayerMaskedNoBias, kGoldenDecoderLayerNoBias,
               kGoldenDecoderLayerMaskedNoBias);
  nn::TransformerEncoderLayer first(4, 2, {.dim_feedforward = 3, .dropout = 0, .batch_first = true});
  fill(first);
  const Tensor x = wave({2, 3, 4}, 1);
  const Tensor mask = wave({4, 3, 5}, 3).slice(2, 0, 3);
  expect_close({first(x, {.attention = mask})}, kGoldenEncoderLayerBatchFirst);
  expect_close({first(x[0])}, kGoldenEncoderLayerSingle);
}

TEST(Transformer, NamesAndShapesArePyTorchs) {
  const nn::TransformerLayerOptions o{.dim_feedforward = 3};
  check_names(nn::TransformerEncoderLayer(4, 2, o), kNamesEncoderLayer);
  check_names(nn::TransformerEncoderLayer(4, 2, {.dim_feedforward = 3, .bias = false}), kNamesEncoderLayerNoBias);
  check_names(nn::TransformerDecoderLayer(4, 2, o), kNamesDecoderLayer);
  check_names(nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2, o), 2, nn::LayerNorm({4})), kNamesEncoder);
  check_names(nn::TransformerDecoder(nn::TransformerDecoderLayer(4, 2, o), 2), kNamesDecoder);
  check_names(nn::Transformer(4, 2, {.encoder_layers = 2, .decoder_layers = 1, .layer = o}), kNamesTransformer);
}

TEST(Transformer, Stacks) {
  const nn::TransformerLayerOptions o{.dim_feedforward = 3, .dropout = 0};
  const Tensor x = leaf({3, 2, 4}, 1), memory = leaf({5, 2, 4}, 2);
  nn::TransformerEncoder encoder(nn::TransformerEncoderLayer(4, 2, o), 2, nn::LayerNorm({4}));
  auto p = fill(encoder);
  check(encoder(x, {.padding = pad3(), .causal = true}), joined({x}, p), kGoldenEncoder);
  nn::TransformerDecoder decoder(nn::TransformerDecoderLayer(4, 2, o), 2);
  p = fill(decoder);
  check(decoder(x, memory, {.causal = true}, {.padding = padding()}), joined({x, memory}, p), kGoldenDecoder);
  nn::Transformer whole(4, 2,
                        {.encoder_layers = 2,
                         .decoder_layers = 1,
                         .layer = {.dim_feedforward = 3, .dropout = 0, .batch_first = true, .norm_first = true}});
  p = fill(whole);
  const Tensor s = leaf({2, 5, 4}, 1), t = leaf({2, 3, 4}, 2);
  check(whole(s, t,
              {.src = {.padding = padding()},
               .tgt = {.padding = pad3(), .causal = true},
               .memory = {.padding = padding()}}),
        joined({s, t}, p), kGoldenTransformer);
  expect_close({nn::Transformer::generate_square_subsequent_mask(3, {.dtype = f64}).clamp(-1e9)},
               kGoldenSubsequentMask);
  EXPECT_TRUE(encoder(x, {.attention = nn::Transformer::generate_square_subsequent_mask(3, {.dtype = f64})})
                  .equal(encoder(x, {.attention = ones({3, 3}).triu(1).to(boolean)})));
}

TEST(Transformer, LayersOfAStackBeginEqualAndAreApart) {
  nn::TransformerEncoder m(nn::TransformerEncoderLayer(4, 2, {.dim_feedforward = 3}), 2);
  Tensor a = m.layers[0].linear1.weight, b = m.layers[1].linear1.weight;
  EXPECT_FALSE(a.is(b));
  EXPECT_TRUE(a.equal(b));
  EXPECT_EQ(m.parameters().size(), 24u);
  m.initialize();
  EXPECT_FALSE(m.layers[0].linear1.weight.equal(m.layers[1].linear1.weight));
  const auto copy = nn::clone(m);
  const Tensor x = wave({3, 2, 4}, 1).to(f32);
  m.eval();
  copy->eval();
  EXPECT_TRUE((*copy)(x).equal(m(x)));
  m.train();
  EXPECT_FALSE(m(x).equal(m(x)));  // dropout
}

TEST(Transformer, WrongArgumentsNameTheLayer) {
  EXPECT_EQ(message([] { nn::TransformerEncoderLayer(4, 2, {.dim_feedforward = 0}); }),
            "TransformerEncoderLayer: dim_feedforward must be at least 1, but is 0");
  EXPECT_EQ(message([] { nn::TransformerDecoderLayer(4, 2, {.activation = nullptr}); }),
            "TransformerDecoderLayer: there is no activation");
  EXPECT_EQ(message([] { nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2), -1); }),
            "TransformerEncoder: the number of layers must not be negative, but is -1");
  EXPECT_EQ(message([] { nn::Transformer::generate_square_subsequent_mask(-1); }),
            "generate_square_subsequent_mask: the size must not be negative, but is -1");
}

TEST(BatchNorm3d, AsPyTorch) {
  const Tensor x = leaf({2, 3, 2, 2, 2}, 2);
  nn::BatchNorm3d m(3);
  fill(m);
  check(m(x), {x, *m.bias, *m.weight}, kGoldenBatchNorm3d);
  expect_close({*m.running_mean, *m.running_var}, kGoldenBatchNorm3dRunning);
  m.eval();
  expect_close({m(x)}, kGoldenBatchNorm3dEval);
}

TEST(LayerNorm, WithoutABias) {
  nn::LayerNorm m({4}, {.bias = false});
  EXPECT_EQ(m.state_dict().size(), 1u);
  const Tensor x = wave({3, 4}, 1).to(f32);
  EXPECT_TRUE(m(x).equal(nn::LayerNorm({4})(x)));
  EXPECT_EQ(nn::GroupNorm(2, 4, {.bias = false}).state_dict().size(), 1u);
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
