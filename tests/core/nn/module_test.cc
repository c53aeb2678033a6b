// Names, members, copies, hooks and containers.
#include <gtest/gtest.h>

#include "core/autograd/guards.h"
#include "core/nn/activation.h"
#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/rnn.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/nn_testing.h"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

struct Block : nn::Module<Block> {
  explicit Block(nn::ModuleBase* parent = nullptr, const char* name = "") : Module(parent, name) {}
  nn::Linear a{this, "a", 3, 4};
  std::optional<nn::Linear> extra;
  Tensor forward(const Tensor& x) { return a(x); }
};
struct Net : nn::Module<Net> {
  nn::ModuleList<Block> blocks{this, "blocks"};
  nn::Sequential head{this, "head", nn::Linear(4, 2), nn::ReLU(), nn::Dropout(0.5)};
  Net() { blocks.emplace_back().extra.emplace(&blocks[0], "extra", 4, 4); }
  Tensor forward(const Tensor& x) { return head(blocks[0](x)); }
};

TEST(Module, NamesStateAndCopies) {
  Net net;
  std::string names;
  for (auto& [n, t] : net.named_parameters()) names += n + " ";
  EXPECT_EQ(names,
            "blocks.0.a.weight blocks.0.a.bias blocks.0.extra.weight blocks.0.extra.bias head.0.weight head.0.bias ");
  EXPECT_EQ(net.parameter_count(), 3 * 4 + 4 + 16 + 4 + 8 + 2);
  auto copy = nn::clone(net);
  EXPECT_TRUE(copy->blocks[0].a.weight.equal(net.blocks[0].a.weight));
  EXPECT_FALSE(copy->blocks[0].a.weight.is(net.blocks[0].a.weight));
  EXPECT_TRUE(copy->blocks[0].extra->weight.requires_grad());
  {
    NoGrad off;
    copy->blocks[0].a.weight.fill_(0);
  }
  EXPECT_FALSE(copy->blocks[0].a.weight.equal(net.blocks[0].a.weight));
  copy->load_state_dict(net.state_dict());
  copy->eval();
  net.eval();
  const Tensor x = wave({2, 3}, 1).to(f32);
  EXPECT_TRUE((*copy)(x).equal(net(x)));
  nn::StateDict bad = net.state_dict();
  bad.erase("head.0.bias");
  bad["other"] = zeros({1});
  bad["head.0.weight"] = zeros({5});
  try {
    net.load_state_dict(bad);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(
        e.what(),
        "load_state_dict: missing: head.0.bias; head.0.weight has shape [5], expected [2, 4]; unexpected: other");
  }
}

TEST(Module, ErrorsNameThePath) {
  Net net;
  try {
    net(zeros({2, 7}));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, 16), "in blocks.0.a: l");
  }
}

// Nothing but members and a forward.
struct Plain : nn::Module<Plain> {
  nn::Linear a{this, "a", 3, 3};
  nn::ReLU act{this, "act"};
  Tensor forward(const Tensor& x) const { return act(a(x)); }
};
struct Nested : nn::Module<Nested> {
  Plain first{this, "first"}, second{this, "second"};
  Tensor forward(const Tensor& x) const { return second(first(x)); }
};
// A constructor and private members.
class Sized : public nn::Module<Sized> {
 public:
  explicit Sized(int64_t n) : a_(this, "a", n, n) {}
  Tensor forward(const Tensor& x) const { return a_(x); }

 private:
  nn::Linear a_;
};
struct Whole : nn::Module<Whole> {
  Nested nested{this, "nested"};
  nn::Member<Sized> sized{this, "sized", 3};
  nn::Member<Plain> plain{this, "plain"};
  Tensor forward(const Tensor& x) const { return plain(sized(nested(x))); }
};

std::string names(const nn::ModuleBase& m) {
  std::string all;
  for (const auto& [n, t] : m.named_parameters()) all += n + " ";
  return all;
}

TEST(Module, AStructIsAMemberWithNothingAdded) {
  const Whole net;  // const: everything that reads works
  EXPECT_EQ(names(net),
            "nested.first.a.weight nested.first.a.bias nested.second.a.weight nested.second.a.bias sized.a.weight "
            "sized.a.bias plain.a.weight plain.a.bias ");
  EXPECT_EQ(net.parameters().size(), 8u);
  EXPECT_EQ(net.state_dict().size(), 8u);
  EXPECT_EQ(net.parameter_count(), 4 * 12);
  EXPECT_EQ(net.named_modules()[2].first, "nested.first");
  EXPECT_EQ(net(ones({2, 3})).shape(), (Shape{2, 3}));
  EXPECT_EQ(message([&] { net(ones({2, 4})); }).substr(0, 25), "in nested.first.a: linear");
  EXPECT_EQ(message([&] { net.sized(ones({2, 4})); }).substr(0, 18), "in sized.a: linear");
  const Whole copy = net;
  EXPECT_TRUE(copy.nested.second.a.weight.is(net.nested.second.a.weight));
  EXPECT_FALSE(nn::clone(net)->sized.parameters()[0].is(net.sized.parameters()[0]));
}

TEST(Module, AsWhatItIs) {
  Whole net;
  int linear = 0;
  net.apply([&](nn::ModuleBase& m) { linear += m.as<nn::Linear>() != nullptr; });
  EXPECT_EQ(linear, 4);
  EXPECT_EQ(net.sized.as<Sized>(), &net.sized);
  EXPECT_EQ(net.as<Sized>(), nullptr);
  EXPECT_EQ(net.type_name(), "Whole");
}

// Memory that is near but not inside of the parent.
struct Far : nn::Module<Far> {
  std::unique_ptr<nn::Linear> heap;
  std::vector<nn::Linear> list;
  std::optional<nn::Linear> inside;
};
TEST(Module, MembersLieInside) {
  Far far;
  const std::string says = "Far: 'x' does not lie inside of the module it registers with; only data members do so";
  EXPECT_EQ(message([&] { far.heap = std::make_unique<nn::Linear>(&far, "x", 2, 2); }).substr(0, says.size()), says);
  EXPECT_EQ(message([&] { far.list.emplace_back(&far, "x", 2, 2); }).substr(0, says.size()), says);
  EXPECT_EQ(message([&] { nn::Linear local(&far, "x", 2, 2); }).substr(0, says.size()), says);
  EXPECT_EQ(message([&] { nn::Parameter p(&far, "x", ones({2})); }).substr(0, says.size()), says);
  EXPECT_EQ(far.parameters().size(), 0u);
  far.inside.emplace(&far, "inside", 2, 2);
  far.inside.emplace(&far, "inside", 2, 3);  // filled again
  EXPECT_EQ(far.parameter_count(), 9);
  EXPECT_EQ(message([&] { nn::Buffer b(nullptr, "x", ones({2})); }),
            "Buffer: 'x' needs the module that it belongs to: {this, \"name\", tensor}");
}

TEST(Module, CopiesHaveHooksOfTheirOwn) {
  nn::Linear a(2, 2);
  int of_a = 0, of_b = 0;
  a.register_forward_pre_hook([&](nn::ModuleBase&, nn::HookTensors&) { ++of_a; });
  nn::Linear b = a;
  b.register_forward_pre_hook([&](nn::ModuleBase&, nn::HookTensors&) { ++of_b; });
  b.register_forward_hook([](nn::ModuleBase&, const nn::HookTensors&, nn::HookTensors& y) { y[0] = y[0] * 0; });
  const Tensor x = ones({1, 2});
  EXPECT_NE(a(x).abs().sum().item<float>(), 0);
  EXPECT_EQ(of_a, 1);
  EXPECT_EQ(of_b, 0);
  EXPECT_EQ(b(x).abs().sum().item<float>(), 0);
  EXPECT_EQ(of_a, 2);
  EXPECT_EQ(of_b, 1);
  // A hook may register another while the hooks run.
  nn::Linear c(2, 2);
  int late = 0;
  c.register_forward_pre_hook([&](nn::ModuleBase& m, nn::HookTensors&) {
    for (int i = 0; i < 20; ++i) m.register_forward_pre_hook([&](nn::ModuleBase&, nn::HookTensors&) { ++late; });
  });
  c(x);
  EXPECT_EQ(late, 0);
}

struct Forgetful : nn::Module<Forgetful> {
  nn::Linear known{this, "known", 2, 2};
  nn::Linear forgotten{2, 2};
  nn::ModuleList<nn::Linear> list, named{this, "named"};
  int which = 0;
  Tensor forward(const Tensor& x) const {
    switch (which) {
      case 0:
        return known(x);
      case 1:
        return forgotten(x);
      case 2:
        return list[0](x);
      case 3:
        return named[0](x);
      default:
        return forgotten.forward(x);
    }
  }
};
TEST(Module, AMemberWithoutANameIsFoundOut) {
  Forgetful m;
  m.list.emplace_back(2, 2);
  m.named.emplace_back(2, 2);
  const std::string says =
      "Forgetful: its forward calls a nn::Linear that is no member of a module, so that it would not be trained, saved "
      "or switched by train(); declare it, or the list that holds it, as a member with {this, \"name\"}, or call "
      ".forward() if it shall stay apart";
  for (int which = 0; which <= 4; ++which) {
    m.which = which;
    EXPECT_EQ(message([&] { m(ones({1, 2})); }), which == 1 || which == 2 ? says : "no error") << which;
  }
  EXPECT_NO_THROW(m.forgotten(ones({1, 2})));  // by itself
  nn::ModuleList<nn::ModuleList<nn::Linear>> nested;
  nested.emplace_back().emplace_back(2, 2);
  EXPECT_NO_THROW(nested[0][0](ones({1, 2})));
}

TEST(Module, SequentialOfFunctions) {
  const auto twice = [](const Tensor& x) { return x * 2; };
  nn::Sequential s(nn::Linear(2, 3), relu, twice, nn::Sequential(nn::Linear(3, 1), hearth::tanh));
  EXPECT_EQ(names(s), "0.weight 0.bias 3.0.weight 3.0.bias ");
  const Tensor x = ones({4, 2});
  const auto& first = s[0].as<nn::Linear>();
  const auto& last = s[3].as<nn::Sequential>()[0].as<nn::Linear>();
  EXPECT_TRUE(s(x).equal(hearth::tanh(last(relu(first(x)) * 2))));
  EXPECT_TRUE(s[1](tensor({-1.0, 1.0})).equal(tensor({0.0, 1.0})));
  EXPECT_EQ(message([&] { (void)s[4]; }), "Sequential: index 4 is out of range for 4 modules");
  EXPECT_EQ(message([&] { (void)s[1].module(); }), "AnyModule: it holds a function, not a module");
  EXPECT_EQ(message([&] { (void)s[0].as<nn::ReLU>(); }), "AnyModule: it holds a nn::Linear, not a nn::ReLU");
  nn::Sequential copy = s;
  EXPECT_TRUE(copy[0].as<nn::Linear>().weight.is(first.weight));
  EXPECT_NE(&copy[0].module(), &s[0].module());
  const nn::Sequential frozen = s;
  EXPECT_TRUE(frozen(x).equal(s(x)));
  const Tensor y = s(x);
  NoGrad off;
  for (Tensor& p : nn::clone(s)->parameters()) p.zero_();
  EXPECT_TRUE(s(x).equal(y));
}

TEST(Module, ConvertsToFloatingPointOnly) {
  Net net;
  EXPECT_EQ(message([&] { net.to(i64); }), "Module::to: parameters are floating-point, but the dtype is i64");
  for (const Tensor& p : net.parameters()) EXPECT_EQ(p.dtype(), f32);
}

struct Mixed : nn::Module<Mixed> {
  nn::ModuleList<> layers{this, "layers"};
  Mixed() {
    layers.emplace_back(nn::Linear(2, 3));
    layers.emplace_back(relu);
    layers.emplace_back(nn::LSTM(3, 4));
  }
  Tensor forward(const Tensor& x) const {
    Tensor y = layers[1](layers[0](x));
    return layers[2].as<nn::LSTM>()(y).output;
  }
};
TEST(Module, ListsOfUnlikeModules) {
  Mixed m;
  EXPECT_EQ(names(m),
            "layers.0.weight layers.0.bias layers.2.weight_ih_l0 layers.2.weight_hh_l0 layers.2.bias_ih_l0 "
            "layers.2.bias_hh_l0 ");
  EXPECT_EQ(m(ones({5, 1, 2})).shape(), (Shape{5, 1, 4}));
  EXPECT_EQ(message([&] { m.layers[2](ones({5, 1, 3})); }), "AnyModule: nn::LSTM is no function of one tensor");
  EXPECT_EQ(message([&] { m(ones({5, 1, 7})); }).substr(0, 19), "in layers.0: linear");
  const Mixed copy = m;
  EXPECT_EQ(copy.parameters().size(), 6u);
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
