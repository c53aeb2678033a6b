// Modules by name, lists of parameters, bilinear layers, bags, distances, dropout of channels.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/autograd/autocast.h"
#include "core/autograd/backward.h"
#include "core/nn/activation.h"
#include "core/nn/bilinear.h"
#include "core/nn/dictionary.h"
#include "core/nn/distance.h"
#include "core/nn/dropout.h"
#include "core/nn/embedding_bag.h"
#include "core/nn/init.h"
#include "core/ops/bilinear.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

std::vector<std::string> names(const nn::ModuleBase& m) {
  std::vector<std::string> out;
  for (const auto& [name, t] : m.named_parameters()) out.push_back(name);
  return out;
}

struct Choice : nn::Module<Choice> {
  nn::ModuleDict<> heads{this, "heads"};
  nn::ParameterList scales{this, "scales", {ones({2}), ones({3})}};
  nn::ParameterDict biases{this, "biases", {{"left", zeros({2})}}};
  Choice() {
    heads.emplace("wide", nn::Linear(2, 3));
    heads.emplace("narrow", nn::Linear(2, 1, {.bias = false}));
    heads.emplace("act", nn::ReLU());
  }
  Tensor forward(const Tensor& x, const std::string& which) const {
    return heads[which](x * scales[0] + biases["left"]);
  }
};

TEST(ModuleDict, NamesAndCalls) {
  Choice m;
  EXPECT_EQ(names(m), (std::vector<std::string>{"heads.wide.weight", "heads.wide.bias", "heads.narrow.weight",
                                                "scales.0", "scales.1", "biases.left"}));
  EXPECT_EQ(m.heads.keys(), (std::vector<std::string>{"wide", "narrow", "act"}));
  EXPECT_EQ(m(ones({4, 2}), "narrow").shape(), (Shape{4, 1}));
  EXPECT_EQ(message([&] { m(ones({4, 2}), "none"); }), "ModuleDict: there is no module 'none'");
  EXPECT_EQ(m.heads["wide"].module().name(), "heads.wide");
  const auto copy = nn::clone(m);
  EXPECT_FALSE(copy->parameters()[0].is(m.parameters()[0]));
  EXPECT_TRUE(copy->parameters()[3].equal(m.parameters()[3]));
  EXPECT_TRUE((*copy)(ones({4, 2}), "wide").equal(m(ones({4, 2}), "wide")));
  m.heads.erase("wide");
  EXPECT_FALSE(m.heads.contains("wide"));
  EXPECT_EQ(m.heads.size(), 2u);
  EXPECT_EQ(names(m).size(), 4u);
  m.train(false);
  EXPECT_FALSE(m.heads["act"].module().training());
  EXPECT_EQ(message([&] { m.heads.emplace("a.b", nn::ReLU()); }),
            "ModuleDict: a name must not be empty or contain a dot, but is 'a.b'");
  EXPECT_EQ(message([&] { m.heads.emplace("act", nn::ReLU()); }), "ModuleDict: there is a module 'act' already");
  EXPECT_EQ(message([&] { m.heads.erase("gone"); }), "ModuleDict: there is no module 'gone'");
}

TEST(ModuleDict, OfOneType) {
  nn::ModuleDict<nn::Linear> d;
  nn::Linear& first = d.emplace("first", 2, 3);
  d.emplace("second", 3, 4);
  EXPECT_TRUE(d["first"].weight.is(first.weight));
  EXPECT_EQ(d["second"].weight.shape(), (Shape{4, 3}));
}

TEST(ParameterList, HoldsTheTensorsThemselves) {
  Tensor own = ones({2});
  nn::ParameterList list{own};
  list.push_back(tensor({1, 2}), false);
  EXPECT_TRUE(list[0].is(own));
  EXPECT_TRUE(own.requires_grad());
  EXPECT_EQ(list.size(), 2u);
  (list[0] * 3).sum().backward();
  EXPECT_EQ(own.grad().to_vector<float>(), (std::vector<float>{3, 3}));
  list.to(f64);
  EXPECT_EQ(own.dtype(), f64);
  EXPECT_EQ(message([&] { list[2]; }), "ParameterList: index 2 is out of range for 2 parameters");
  EXPECT_EQ(message([&] { list.push_back(Tensor()); }), "ParameterList: the tensor is undefined");
  EXPECT_THROW(list.push_back(tensor({1})), Error);
  nn::ParameterDict d{{"a", ones({1})}};
  EXPECT_EQ(message([&] { d.emplace("a", ones({1})); }), "ParameterDict: there is a parameter 'a' already");
  EXPECT_EQ(message([&] { d["b"]; }), "ParameterDict: there is no parameter 'b'");
  d.emplace("b", zeros({1}));
  d.erase("a");
  EXPECT_EQ(names(d), (std::vector<std::string>{"b"}));
}

struct Scales : nn::Module<Scales> {
  nn::ParameterList all{this, "all", {zeros({2}), zeros({3})}};
  nn::ModuleList<nn::ParameterDict> named{this, "named"};
  Scales() {
    named.emplace_back().emplace("left", zeros({1}));
    reset_parameters();
  }
  void reset_parameters() {
    for (Tensor t : all) nn::init::ones_(t);
    for (auto [name, t] : named[0]) nn::init::ones_(t);
  }
};
struct Forgetful : nn::Module<Forgetful> {
  nn::ModuleList<nn::ParameterList> lists{this, "lists"};
  nn::Member<Choice> choice{this, "choice"};
};

TEST(ParameterList, ValuesAreThoseOfTheModuleThatHasIt) {
  Scales m;
  m.to_empty(kCpu);
  m.initialize();
  for (const Tensor& t : m.parameters()) EXPECT_TRUE(t.equal(ones(t.shape())));
  Forgetful f;
  f.lists.emplace_back().push_back(ones({2}));
  EXPECT_EQ(message([&] { f.initialize(); }),
            "initialize: these modules own tensors but have no public reset_parameters(): Forgetful owns lists.0.0; "
            "Choice 'choice' owns scales.0, scales.1, biases.left");
  nn::ParameterList alone{ones({2})};
  EXPECT_EQ(message([&] { alone.initialize(); }),
            "initialize: these modules own tensors but have no public reset_parameters(): nn::ParameterList owns 0");
}

TEST(Layers, Bilinear) {
  nn::Bilinear m(3, 4, 5), bare(3, 4, 5, {.bias = false});
  EXPECT_EQ(names(m), (std::vector<std::string>{"weight", "bias"}));
  EXPECT_EQ(names(bare), (std::vector<std::string>{"weight"}));
  EXPECT_LE(m.weight.abs().amax().item<double>(), 1 / std::sqrt(3.0));
  const Tensor a = randn({2, 6, 3}), b = randn({2, 6, 4});
  EXPECT_TRUE(m(a, b).equal(bilinear(a, b, m.weight, *m.bias)));  // NOLINT(bugprone-unchecked-optional-access)
  const Tensor wide = m(a, b);
  {  // behind a layer that gives 16 bits
    const Autocast mixed(bf16);
    const Tensor low = matmul(a, ones({3, 3}));
    EXPECT_EQ(low.dtype(), bf16);
    EXPECT_EQ(m(low, b).dtype(), f32);
    EXPECT_TRUE(m(low, b).equal(m(low.to(f32), b)));
    EXPECT_EQ(bilinear(low, b.to(bf16), bare.weight.to(bf16)).dtype(), bf16);
    EXPECT_TRUE(m(a, b).equal(wide));
    EXPECT_THROW(m(a.to(f64), b), Error);
    EXPECT_THROW(m(a, b.to(f64)), Error);
  }
  EXPECT_THROW(m(a.to(bf16), b), Error);
  const Tensor one = matmul(matmul(a[1][2].view({1, 3}), bare.weight[3]), b[1][2].view({4, 1}));
  EXPECT_NEAR(bare(a, b)[1][2][3].item<double>(), one.item<double>(), 1e-5);
  EXPECT_EQ(message([&] { m(a, a); }),
            "bilinear: shapes [2, 6, 3] and [2, 6, 3] do not fit a weight of shape [5, 3, 4]");
  EXPECT_EQ(message([&] { m(a, b[0]); }),
            "bilinear: shapes [2, 6, 3] and [6, 4] do not fit a weight of shape [5, 3, 4]");
  EXPECT_EQ(message([] { nn::Bilinear(0, 1, 1); }),
            "Bilinear: the numbers of features must be at least 1, but are 0, 1 and 1");
}

TEST(Layers, EmbeddingBag) {
  nn::EmbeddingBag m(5, 3, {.mode = BagMode::kSum, .padding_idx = -1});
  EXPECT_EQ(m.weight[4].abs().sum().item<double>(), 0);
  const Tensor index = tensor({0, 4, 1, 1}), offsets = tensor({0, 3});
  const Tensor out = m(index, offsets);
  EXPECT_TRUE(out[0].allclose(m.weight[0] + m.weight[1], 1e-6, 1e-6));
  EXPECT_TRUE(out[1].equal(m.weight[1]));
  out.sum().backward();
  EXPECT_EQ(m.weight.grad().select(1, 0).to_vector<float>(), (std::vector<float>{1, 2, 0, 0, 0}));
  EXPECT_TRUE(m(tensor({{0, 1}}), std::nullopt, tensor({{0.5, 2.0}}).to(f32))[0].allclose(m.weight[0] * 0.5 +
                                                                                          m.weight[1] * 2.0));
  EXPECT_EQ(embedding_bag(m.weight, index.to(i32), {.offsets = offsets.to(i32)}).shape(), (Shape{2, 3}));
  const auto error = [&](const Tensor& i, const EmbeddingBagOptions& o) {
    return message([&] { embedding_bag(m.weight, i, o); });
  };
  EXPECT_EQ(error(index, {}), "embedding_bag: an index of 1 dimension needs offsets");
  EXPECT_EQ(error(index, {.offsets = tensor({1, 2})}), "embedding_bag: the first offset must be 0, but is 1");
  EXPECT_EQ(error(index, {.offsets = zeros({0}, {.dtype = i64})}),
            "embedding_bag: the first offset must be 0, but there is none");
  EXPECT_EQ(error(index, {.offsets = tensor({0, 3, 2})}),
            "embedding_bag: offset 2 is 2; offsets must not fall and not be above the length 4 of the index");
  EXPECT_EQ(error(index, {.offsets = tensor({0, 5})}),
            "embedding_bag: offset 1 is 5; offsets must not fall and not be above the length 4 of the index");
  EXPECT_EQ(error(index, {.offsets = tensor({0, 3}), .include_last_offset = true}),
            "embedding_bag: the last offset must be the length 4 of the index, but is 3");
  EXPECT_EQ(error(tensor({{0, 1}}), {.offsets = tensor({0})}),
            "embedding_bag: an index of 2 dimensions has no offsets: its rows are the bags");
  EXPECT_EQ(error(tensor({{0, 1}}), {.per_sample_weights = ones({1, 2})}),
            "embedding_bag: per_sample_weights are for sums");
  EXPECT_THROW(embedding_bag(m.weight, tensor({{0, 5}})), Error);
  EXPECT_EQ(message([] { nn::EmbeddingBag(3, 3, {.padding_idx = 3}); }),
            "EmbeddingBag: padding_idx 3 is out of range for 3 rows");
}

TEST(Layers, Distances) {
  const Tensor a = randn({3, 4}), b = randn({3, 4});
  EXPECT_TRUE(nn::CosineSimilarity(0, 0.1)(a, b).equal(cosine_similarity(a, b, 0, 0.1)));
  EXPECT_TRUE(nn::PairwiseDistance(1, 0.5, true)(a, b).equal(pairwise_distance(a, b, 1, 0.5, true)));
}

// Each channel of x is 0 or scaled, and about p of them are 0.
void check_channels(const Tensor& y, double p) {
  const Tensor channels = y.view({200, 50, -1});
  EXPECT_TRUE(channels.amax({2}).equal(channels.amin({2})));
  const Tensor kept = channels.amax({2}).ne(0);
  EXPECT_NEAR(kept.to(f64).mean().item<double>(), 1 - p, 0.02);
  EXPECT_NEAR(channels.amax().item<double>(), 1 / (1 - p), 1e-6);
}

TEST(Dropout, Channels) {
  manual_seed(5);
  check_channels(nn::Dropout1d(0.25)(ones({200, 50, 3})), 0.25);
  check_channels(nn::Dropout3d(0.25)(ones({200, 50, 2, 2, 2})), 0.25);
  EXPECT_EQ(dropout1d(ones({50, 3})).shape(), (Shape{50, 3}));
  const Tensor single = dropout3d(ones({64, 2, 2, 2}), 0.5);
  EXPECT_TRUE(single.view({64, 8}).amax({1}).equal(single.view({64, 8}).amin({1})));
  const Tensor x = ones({2, 3, 4});
  EXPECT_TRUE(dropout1d(x, 0.5, false).is(x));
  EXPECT_EQ(message([&] { dropout1d(ones({2})); }), "dropout1d: expected 2 or 3 dimensions, but the shape is [2]");
  EXPECT_EQ(message([&] { dropout3d(x); }), "dropout3d: expected 4 or 5 dimensions, but the shape is [2, 3, 4]");
  EXPECT_EQ(message([] { nn::Dropout1d(-1); }), "Dropout1d: the probability must be from 0 to 1, but is -1");
}

TEST(Dropout, AlphaKeepsMeanAndVariance) {
  manual_seed(5);
  const double least = 1.7580993408473766, p = 0.3, a = 1 / std::sqrt((least * least * p + 1) * (1 - p));
  const Tensor y = alpha_dropout(full({1000}, 0.75, {.dtype = f64}), p);
  const double kept = 0.75 * a + least * a * p, dropped = -least * a + least * a * p;
  const Tensor far = minimum((y - kept).abs(), (y - dropped).abs());
  EXPECT_LT(far.amax().item<double>(), 1e-12);
  EXPECT_NEAR((y - dropped).abs().lt(1e-9).to(f64).mean().item<double>(), p, 0.05);
  const Tensor x = randn({200000}), z = nn::AlphaDropout(0.2)(x);
  EXPECT_NEAR(z.mean().item<double>(), 0, 0.01);
  EXPECT_NEAR(z.std().item<double>(), 1, 0.01);
  const Tensor grown = leaf({500}, 1);
  const Tensor slope = grad(alpha_dropout(grown, p).sum(), grown);
  EXPECT_NEAR(slope.amax().item<double>(), a, 1e-12);
  EXPECT_EQ(slope.amin().item<double>(), 0);
  EXPECT_EQ(alpha_dropout(x, 1).abs().sum().item<double>(), 0);
  EXPECT_TRUE(alpha_dropout(x, 0).is(x));
  nn::AlphaDropout off(0.5);
  off.eval();
  EXPECT_TRUE(off(x).is(x));
  const Tensor f = nn::FeatureAlphaDropout(0.5)(ones({40, 50, 6}));
  EXPECT_TRUE(f.amax({2}).equal(f.amin({2})));
  EXPECT_NE(f.amax().item<double>(), f.amin().item<double>());
  EXPECT_EQ(alpha_dropout(x.to(bf16)).dtype(), bf16);
  EXPECT_EQ(message([&] { feature_alpha_dropout(x); }),
            "feature_alpha_dropout: expected [n, c, ...], but the shape is [200000]");
}

}  // namespace
}  // namespace hearth
