// Names of steps, items that come and go, and modules and tensors by their paths.
#include "core/nn/container.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/device/default_device.h"
#include "core/nn/activation.h"
#include "core/nn/assign.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/weight_norm.h"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

using Names = std::vector<std::string>;

Names names(const nn::ModuleBase& m) {
  Names out;
  for (const auto& [name, t] : m.named_parameters()) out.push_back(name);
  return out;
}
Names child_names(const nn::ModuleBase& m) {
  Names out;
  for (const auto& [name, child] : m.named_children()) out.push_back(name);
  return out;
}

TEST(Sequential, StepsWithNames) {
  const nn::Linear hidden(2, 3, {.bias = false});
  nn::Sequential s({{"hidden", hidden}, {"act", nn::ReLU()}, {"half", [](const Tensor& x) { return x * 0.5; }}});
  EXPECT_EQ(s.size(), 3u);
  EXPECT_TRUE(s["hidden"].as<nn::Linear>().weight.is(hidden.weight));
  s.push_back(nn::Linear(3, 1, {.bias = false}));
  EXPECT_EQ(names(s), (Names{"hidden.weight", "3.weight"}));
  EXPECT_EQ(child_names(s), (Names{"hidden", "act", "3"}));
  EXPECT_EQ(s["3"].module().name(), "3");
  EXPECT_EQ(s(ones({4, 2})).shape(), (Shape{4, 1}));
  EXPECT_EQ(message([&] { s(ones({4, 3})); }).substr(0, 17), "in hidden: linear");
  EXPECT_EQ(message([&] { s["none"]; }), "Sequential: there is no module 'none'");
  EXPECT_EQ(message([&] { s.add_module("act", nn::ReLU()); }), "Sequential: two modules would be named 'act'");
  EXPECT_EQ(message([&] { s.add_module("a.b", nn::ReLU()); }),
            "Sequential: a name must not be empty or contain a dot, but is 'a.b'");
  EXPECT_EQ(message([&] { s.add_module("", nn::ReLU()); }),
            "Sequential: a name must not be empty or contain a dot, but is ''");
  EXPECT_EQ(s.size(), 4u);
  const auto copy = nn::clone(s);
  EXPECT_EQ(names(*copy), names(s));
  EXPECT_FALSE((*copy)["hidden"].as<nn::Linear>().weight.is(hidden.weight));

  struct Net : nn::Module<Net> {
    nn::Sequential body{this, "body", {{"first", nn::Linear(2, 2)}}};
    nn::Sequential empty{this, "empty"};
    Tensor forward(const Tensor& x) const { return empty(body(x)); }
  };
  Net net;
  EXPECT_EQ(names(net), (Names{"body.first.weight", "body.first.bias"}));
  EXPECT_EQ(message([&] { net(ones({1, 3})); }).substr(0, 21), "in body.first: linear");
}

TEST(Sequential, StepsComeAndGo) {
  nn::Sequential s(nn::Linear(2, 3, {.bias = false}), nn::Linear(3, 4, {.bias = false}));
  const Tensor first = s[0].as<nn::Linear>().weight, last = s[1].as<nn::Linear>().weight;
  s.insert(1, nn::ReLU());
  EXPECT_EQ(names(s), (Names{"0.weight", "2.weight"}));
  EXPECT_EQ(s[2].module().name(), "2");
  EXPECT_TRUE(s[2].as<nn::Linear>().weight.is(last));
  s.insert(3, nn::Linear(4, 2, {.bias = false}));
  EXPECT_EQ(s(ones({1, 2})).shape(), (Shape{1, 2}));
  s.extend(s);
  EXPECT_EQ(s.size(), 8u);
  EXPECT_TRUE(s[4].as<nn::Linear>().weight.is(first));
  EXPECT_EQ(s(ones({1, 2})).shape(), (Shape{1, 2}));
  s.erase(0);
  EXPECT_EQ(names(s), (Names{"1.weight", "2.weight", "3.weight", "5.weight", "6.weight"}));
  EXPECT_EQ(message([&] { s.erase(7); }), "Sequential: index 7 is out of range for 7 modules");
  EXPECT_EQ(message([&] { s.insert(8, nn::ReLU()); }), "Sequential: index 8 is out of range to insert among 7 modules");
  // A name that is a number in the way of another.
  nn::Sequential numbers({{"0", nn::ReLU()}, {"2", nn::ReLU()}});
  EXPECT_EQ(message([&] { numbers.push_back(nn::ReLU()); }), "Sequential: two modules would be named '2'");
  EXPECT_EQ(numbers.size(), 2u);
  numbers.insert(0, nn::ReLU());
  EXPECT_EQ(child_names(numbers), (Names{"0", "1", "2"}));
}

TEST(ModuleList, ItemsComeAndGo) {
  struct Net : nn::Module<Net> {
    nn::ModuleList<nn::Linear> layers{this, "layers"};
  };
  Net net;
  nn::Linear& b = net.layers.emplace_back(3, 4);
  nn::Linear& a = net.layers.emplace(0, 2, 3);
  EXPECT_EQ(a.name(), "layers.0");
  EXPECT_EQ(b.name(), "layers.1");
  nn::ModuleList<nn::Linear> more;
  more.emplace_back(4, 5);
  net.layers.extend(more);
  EXPECT_TRUE(net.layers[2].weight.is(more[0].weight));
  net.layers.erase(0);
  EXPECT_EQ(&net.layers[0], &b);
  EXPECT_EQ(b.name(), "layers.0");
  EXPECT_EQ(names(net), (Names{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"}));
  EXPECT_EQ(message([&] { net.layers.erase(2); }), "ModuleList: index 2 is out of range for 2 modules");
  EXPECT_EQ(message([&] { net.layers.emplace(3, 1, 1); }),
            "ModuleList: index 3 is out of range to insert among 2 modules");
}

struct Block : nn::Module<Block> {
  nn::Linear fc{this, "fc", 2, 2};
  nn::BatchNorm1d norm{this, "norm", 2};
  Tensor forward(const Tensor& x) { return norm(fc(x)); }
};
struct Whole : nn::Module<Whole> {
  Block block{this, "block"};
  nn::ModuleList<nn::Linear> heads{this, "heads"};
  Whole() { heads.emplace_back(2, 1); }
};

TEST(Module, ChildrenAndPaths) {
  Whole m;
  const Whole& fixed = m;
  EXPECT_EQ(child_names(m), (Names{"block", "heads"}));
  EXPECT_EQ(child_names(m.block), (Names{"fc", "norm"}));
  EXPECT_EQ(m.children(), (std::vector<nn::ModuleBase*>{&m.block, &m.heads}));
  EXPECT_EQ(fixed.children().size(), 2u);
  EXPECT_EQ(&m.get_submodule("block.fc"), &m.block.fc);
  EXPECT_EQ(&fixed.get_submodule("heads.0"), &m.heads[0]);
  EXPECT_EQ(&m.get_submodule(""), &m);
  EXPECT_TRUE(fixed.get_parameter("block.fc.weight").is(m.block.fc.weight));
  EXPECT_TRUE(fixed.get_parameter("heads.0.bias").is(*m.heads[0].bias));                // NOLINT
  EXPECT_TRUE(m.get_buffer("block.norm.running_mean").is(*m.block.norm.running_mean));  // NOLINT
  EXPECT_EQ(message([&] { m.get_submodule("block.fd.x"); }),
            "get_submodule: Block 'block' has no module 'fd.x'; it has fc and norm");
  EXPECT_EQ(message([&] { m.get_submodule("block.fc.weight"); }),
            "get_submodule: nn::Linear 'block.fc' has no module 'weight'; it has nothing");
  EXPECT_EQ(message([&] { m.get_submodule("block."); }),
            "get_submodule: Block 'block' has no module ''; it has fc and norm");
  EXPECT_EQ(message([&] { m.get_parameter("block.fc.wieght"); }),
            "get_parameter: nn::Linear 'block.fc' has no parameter 'wieght'; it has weight and bias");
  EXPECT_EQ(message([&] { m.get_parameter("fc"); }),
            "get_parameter: Whole has no parameter 'fc'; it has the module block and the module heads");
  EXPECT_EQ(message([&] { m.get_buffer("block.norm.weight"); }).substr(0, 57),
            "get_buffer: nn::BatchNorm<2, 3> 'block.norm' has no buffe");
}

TEST(Module, ChildrenOfParametrizations) {
  nn::Linear m(2, 3);
  nn::weight_norm(m);
  EXPECT_EQ(m.get_parameter("parametrizations.weight.original0").shape(), (Shape{3, 1}));
  EXPECT_EQ(message([&] { m.get_parameter("weight"); }),
            "get_parameter: nn::Linear has no parameter 'weight'; it has bias, parametrizations.weight.original0 and "
            "parametrizations.weight.original1");
  nn::Linear n(2, 3);
  nn::spectral_norm(n);
  EXPECT_EQ(child_names(n), (Names{"parametrizations.weight.0"}));
  EXPECT_EQ(n.get_submodule("parametrizations.weight.0").named_buffers().size(), 2u);
}

TEST(Module, TellsWhatItDidNotLoad) {
  nn::Linear m(2, 3);
  const nn::StateDict some{{"weight", ones({3, 2})}, {"extra", ones({1})}, {"other", ones({1})}};
  const NameDifferences told = m.load_state_dict(some, false);
  EXPECT_EQ(told.missing, (Names{"bias"}));
  EXPECT_EQ(told.unexpected, (Names{"extra", "other"}));
  EXPECT_TRUE(m.weight.equal(ones({3, 2})));
  EXPECT_THROW(m.load_state_dict(some), Error);
  const NameDifferences none = m.load_state_dict(m.state_dict());
  EXPECT_TRUE(none.missing.empty() && none.unexpected.empty());
  const NameDifferences given = nn::assign_state_dict(m, some, false);
  EXPECT_EQ(given.missing, told.missing);
  EXPECT_EQ(given.unexpected, told.unexpected);
  // A wrong shape is an error all the same.
  EXPECT_EQ(message([&] {
              m.load_state_dict({{"weight", ones({2})}}, false);
            }),
            "load_state_dict: weight has shape [2], expected [3, 2]");
}

TEST(Module, StatesOfOlderNames) {
  nn::Sequential s({{"a", nn::Linear(2, 3)}, {"norm", nn::BatchNorm1d(3)}});
  nn::weight_norm(s["a"].module());
  const Tensor g = wave({3, 1}, 1).to(f32), v = wave({3, 2}, 2).to(f32), ones3 = ones({3});
  const nn::StateDict old{{"a.weight_g", g},          {"a.weight_v", v},    {"a.bias", ones3},
                          {"norm.weight", ones3},     {"norm.bias", ones3}, {"norm.running_mean", ones3},
                          {"norm.running_var", ones3}};
  s.load_state_dict(old);
  EXPECT_TRUE(s.get_parameter("a.parametrizations.weight.original0").equal(g));
  EXPECT_TRUE(s.get_parameter("a.parametrizations.weight.original1").equal(v));
  nn::assign_state_dict(s, old);
  EXPECT_TRUE(s.get_parameter("a.parametrizations.weight.original1").equal(v));
  std::optional<nn::BatchNorm1d> large;
  {
    const DefaultDevice meta(kMeta);
    large.emplace(3);
  }
  const nn::StateDict norm{{"weight", ones3}, {"bias", ones3}, {"running_mean", ones3}, {"running_var", ones3}};
  nn::assign_state_dict(*large, norm);
  EXPECT_EQ(large->get_buffer("num_batches_tracked").item<int64_t>(), 0);
  // Half of the pair is no older name.
  nn::StateDict half = old;
  half.erase("a.weight_v");
  const NameDifferences told = s.load_state_dict(half, false);
  EXPECT_EQ(told.missing, (Names{"a.parametrizations.weight.original0", "a.parametrizations.weight.original1"}));
  EXPECT_EQ(told.unexpected, (Names{"a.weight_g"}));
  nn::Linear plain(2, 3);
  EXPECT_EQ(plain.load_state_dict({{"weight_g", g}, {"weight_v", v}}, false).missing, (Names{"bias", "weight"}));
}

// A module of one's own that once had another name.
struct Renamed : nn::Module<Renamed> {
  nn::Parameter scale{this, "scale", ones({2})};
  static void upgrade_state(nn::StateDict& state, const std::string& prefix) {
    auto node = state.extract(prefix + "gamma");
    if (node.empty()) return;
    node.key() = prefix + "scale";
    state.insert(std::move(node));
  }
};

TEST(Module, UpgradesItsOwnStates) {
  struct Net : nn::Module<Net> {
    Renamed inner{this, "inner"};
  };
  Net net;
  net.load_state_dict({{"inner.gamma", zeros({2})}});
  EXPECT_TRUE(net.inner.scale.equal(zeros({2})));
}

}  // namespace
}  // namespace hearth
