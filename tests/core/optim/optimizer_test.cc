// What an optimizer is made of, what its state is, and what it refuses.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/anomaly.h"
#include "core/graph/trace.h"
#include "core/nn/linear.h"
#include "core/op/interposer.h"
#include "core/op/run.h"
#include "core/testing/error_of.h"
#include "tests/core/optim/optim_testing.h"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

using optim::SGD, optim::Adam, optim::AdamW, optim::RMSprop, optim::Optimizer, optim::Parameters;
using testing::error_of;
using Named = std::vector<Parameters::Named>;

Tensor parameter(const Shape& shape, double s, DType t = f32) { return wave(shape, s).to(t).requires_grad_(); }
void set_gradients(const std::vector<Tensor>& parameters, double s) {
  for (Tensor p : parameters) p.set_grad(wave(p.shape(), s).to(p.dtype()).to(p.device()));
}
std::vector<std::string> keys(const Optimizer::StateDict& state) {
  std::vector<std::string> out;
  for (const auto& [name, t] : state) out.push_back(name);
  return out;
}
std::vector<double> values(const Tensor& t) { return t.detach().to_vector<double>(); }

TEST(Optimizer, ShortForms) {
  nn::Linear net(2, 3);
  const auto p = net.parameters();
  EXPECT_EQ(SGD(p).lr(), 1e-3);
  EXPECT_EQ(Adam(p).lr(), 1e-3);
  EXPECT_EQ(AdamW(p).lr(), 1e-3);
  EXPECT_EQ(RMSprop(p).lr(), 1e-2);
  EXPECT_EQ(SGD(p, 0.5).lr(), 0.5);
  EXPECT_EQ(Adam(p, 0.5f).lr(), 0.5);
  EXPECT_EQ(AdamW(p, 1).lr(), 1);
  EXPECT_EQ(RMSprop(p, 0.5).lr(), 0.5);
  EXPECT_EQ(Adam(p, {}).lr(), 1e-3);  // options, not the number 0
  EXPECT_EQ(Adam(p, {.lr = 0.25}).lr(), 0.25);
  EXPECT_EQ(AdamW(net.named_parameters(), {.lr = 0.25}).lr(), 0.25);
  const Tensor w = net.weight, b = *net.bias;
  AdamW o({{"w", w}, {"b", b}});
  EXPECT_EQ(o.names(0), (std::vector<std::string>{"w", "b"}));
  EXPECT_TRUE(o.named());
  // A group of another kind of options has that kind's defaults.
  AdamW two({w});
  two.add_group({b}, {.lr = 0.5});
  EXPECT_EQ(two.options(1).weight_decay, 1e-2);
  EXPECT_EQ(two.lr(1), 0.5);
  EXPECT_EQ(two.names(1), (std::vector<std::string>{"1"}));
  EXPECT_FALSE(two.named());
}

TEST(Optimizer, Refuses) {
  nn::Linear net(2, 3);
  const Tensor w = net.weight, b = *net.bias;
  EXPECT_EQ(error_of([&] { SGD o(std::vector<Tensor>{}); }), "SGD: there are no parameters to optimize");
  EXPECT_EQ(error_of([&] {
              Adam({w}).add_group({b, w}, {});
            }),
            "Adam: parameter 1 of group 1, of shape [3, 2], is the same tensor as parameter 0 of group 0");
  EXPECT_EQ(error_of([&] { SGD o({Tensor()}); }), "SGD: parameter 0 of group 0 is undefined");
  EXPECT_EQ(error_of([&] { SGD o({arange(3)}); }), "SGD: parameter 0 of group 0 is not floating-point, but i64 [3]");
  EXPECT_EQ(
      error_of([&] { SGD o({w * 2}); }),
      "SGD: only leaf tensors can be optimized, but parameter 0 of group 0 of shape [3, 2] was computed from others");
  EXPECT_EQ(error_of([&] {
              SGD o({{"w", w}, {"w", b}});
            }),
            "SGD: two parameters have one name: \"w\" of group 0 and \"w\" of group 0");
  EXPECT_EQ(error_of([&] {
              SGD o({{"w", w}});
              o.add_group({b});
            }),
            "SGD: the parameters of group 1 have no names, but those of the groups before have");
  EXPECT_EQ(error_of([&] {
              SGD o({w});
              o.add_group({{"b", b}});
            }),
            "SGD: the parameters of group 1 have names, but those of the groups before have none");
  SGD sgd({w});
  Adam adam({w});
  AdamW adamw({w});
  RMSprop rms({w});
  const auto refuses = [](Optimizer& o, const std::string& name) {
    const std::string says = name + ": there is no parameter group 5; the optimizer has 1";
    EXPECT_EQ(error_of([&] { o.set_lr(1, 5); }), says);
    EXPECT_EQ(error_of([&] { (void)o.lr(5); }), says);
    EXPECT_EQ(error_of([&] { (void)o.parameters(5); }), says);
    EXPECT_EQ(error_of([&] { (void)o.names(5); }), says);
    EXPECT_EQ(error_of([&] { o.set_momentum(0, 5); }), says);
    EXPECT_EQ(error_of([&] { o.like({}); }), name + ": like: expected parameters for 1 groups, but got 0");
  };
  refuses(sgd, "SGD");
  refuses(adam, "Adam");
  refuses(adamw, "AdamW");
  refuses(rms, "RMSprop");
  EXPECT_EQ(error_of([&] { SGD({w}).add_group({b}, {.lr = -1}); }),
            "SGD: lr, momentum and weight_decay must not be negative, but are -1, 0 and 0");
  EXPECT_EQ(error_of([&] { AdamW({w}, {.beta1 = 1}); }), "AdamW: betas must be in [0, 1), but are 1 and 0.999");
}

TEST(Optimizer, StateIsKeyedByName) {
  const Tensor a = parameter({2, 3}, 0), b = parameter({4}, 1), c = parameter({1}, 2);
  AdamW o({{"encoder.weight", a}, {"bias", b}});
  o.add_group({{"head", c}}, {.lr = 0.5, .amsgrad = true});
  set_gradients({a, c}, 3);
  o.step();
  EXPECT_EQ(keys(o.state_dict()),
            (std::vector<std::string>{"bias.step", "encoder.weight.exp_avg", "encoder.weight.exp_avg_sq",
                                      "encoder.weight.step", "group.0", "group.1", "head.exp_avg", "head.exp_avg_sq",
                                      "head.max_exp_avg_sq", "head.step"}));
  EXPECT_EQ(o.state_dict().at("bias.step").item<int64_t>(), 0);
  EXPECT_EQ(o.state_dict().at("head.step").item<int64_t>(), 1);
  AdamW index({a, b});
  index.step();
  EXPECT_EQ(keys(index.state_dict()),
            (std::vector<std::string>{"0.exp_avg", "0.exp_avg_sq", "0.step", "1.step", "group.0"}));
}

TEST(Optimizer, StateByNameLoadsInAnyOrder) {
  const Tensor a = parameter({3}, 0), b = parameter({3}, 1);
  Adam o({{"a", a}, {"b", b}});
  Tensor(a).set_grad(wave({3}, 5).to(f32));
  Tensor(b).set_grad(wave({3}, 6).to(f32));
  o.step();
  const auto state = o.state_dict();
  Adam other({{"b", b}, {"a", a}}, {.lr = 3});
  other.load_state_dict(state);
  EXPECT_EQ(other.lr(), 1e-3);
  const auto loaded = other.state_dict();
  EXPECT_EQ(keys(loaded), keys(state));
  for (const auto& [name, t] : state) EXPECT_EQ(values(loaded.at(name)), values(t)) << name;
  // A copy: the first optimizer goes on without the second's noticing.
  o.step();
  EXPECT_EQ(loaded.at("a.step").item<int64_t>(), 1);
  EXPECT_NE(values(o.state_dict().at("a.exp_avg")), values(loaded.at("a.exp_avg")));
}

TEST(Optimizer, WhatDoesNotFitIsNamed) {
  const Tensor a = parameter({3}, 0), b = parameter({2}, 1), c = parameter({4}, 2);
  Adam o({{"a", a}, {"b", b}, {"c", c}});
  set_gradients({a, b, c}, 1);
  o.step();
  const auto state = o.state_dict();
  Adam other({{"a", parameter({2}, 0)}, {"b", b}, {"d", c}}, {.lr = 0.5});
  EXPECT_EQ(
      error_of([&] { other.load_state_dict(state); }),
      "Adam: the state does not fit: a.exp_avg is f32 [3], expected f32 [2]; a.exp_avg_sq is f32 [3], expected f32 "
      "[2]; missing: d.step; unexpected: c.exp_avg; unexpected: c.exp_avg_sq; unexpected: c.step");
  EXPECT_EQ(other.lr(), 0.5);
  EXPECT_EQ(other.state_dict().at("b.step").item<int64_t>(), 0);
  auto less = state;
  less.erase("b.exp_avg_sq");
  less["a.step"] = tensor(-1);
  less.erase("group.0");
  EXPECT_EQ(
      error_of([&] { o.load_state_dict(less); }),
      "Adam: the state does not fit: missing: group.0; a.step must be from 0 to 9007199254740992, but is -1; missing: "
      "b.exp_avg_sq");
  // By index into names, and names into indices.
  Adam index({a, b});
  index.step();
  EXPECT_EQ(error_of([&] {
              Adam({{"a", a}, {"b", b}}).load_state_dict(index.state_dict());
            }),
            "Adam: the state does not fit: missing: a.step; missing: b.step; unexpected: 0.exp_avg; unexpected: "
            "0.exp_avg_sq; unexpected: 0.step; unexpected: 1.exp_avg; unexpected: 1.exp_avg_sq; unexpected: 1.step");
  // Another optimizer's.
  SGD sgd({{"a", a}, {"b", b}, {"c", c}}, {.momentum = 0.9});
  EXPECT_NE(error_of([&] { sgd.load_state_dict(state); }).find("unexpected: a.exp_avg"), std::string::npos);
  // A momentum that was switched on after the last step has no buffer yet.
  SGD plain({{"a", a}});
  plain.step();
  plain.set_momentum(0.9, 0);
  plain.load_state_dict(plain.state_dict());
  plain.step();
}

// What was saved before parameters could have names.
TEST(Optimizer, OldStateByIndexLoads) {
  const Tensor a = parameter({3}, 0), b = parameter({2}, 1), c = parameter({1}, 2);
  const Optimizer::StateDict old{{"group.0", tensor({0.25, 0.5}, {.dtype = f64})},
                                 {"group.1", tensor({0.125, 0.75}, {.dtype = f64})},
                                 {"steps", tensor({4, 0, 7})},
                                 {"state.0.exp_avg", wave({3}, 1).to(f32)},
                                 {"state.0.exp_avg_sq", wave({3}, 2).to(f32)},
                                 {"state.2.exp_avg", wave({1}, 3).to(f32)},
                                 {"state.2.exp_avg_sq", wave({1}, 4).to(f32)}};
  Adam o({a, b});
  o.add_group({c}, {});
  o.load_state_dict(old);
  EXPECT_EQ(o.lr(0), 0.25);
  EXPECT_EQ(o.momentum(1), 0.75);
  const auto state = o.state_dict();
  EXPECT_EQ(values(state.at("0.exp_avg")), values(old.at("state.0.exp_avg")));
  EXPECT_EQ(values(state.at("2.exp_avg_sq")), values(old.at("state.2.exp_avg_sq")));
  EXPECT_EQ(state.at("0.step").item<int64_t>(), 4);
  EXPECT_EQ(state.at("1.step").item<int64_t>(), 0);
  EXPECT_EQ(state.at("2.step").item<int64_t>(), 7);
  Adam one({a});
  EXPECT_EQ(
      error_of([&] { one.load_state_dict(old); }),
      "Adam: the state does not fit: missing: 0.step; unexpected: 2.exp_avg; unexpected: 2.exp_avg_sq; unexpected: "
      "group.1; unexpected: steps");
  EXPECT_NE(error_of([&] {
              Adam({{"a", a}}).load_state_dict(old);
            }).find("missing: a.step; unexpected"),
            std::string::npos);
}

TEST(Optimizer, TiedParametersAreOne) {
  const Tensor w = parameter({3}, 0), b = parameter({2}, 1);
  SGD twice({{"embedding", w}, {"bias", b}, {"head", w}}, {.lr = 0.5});
  EXPECT_EQ(twice.names(0), (std::vector<std::string>{"embedding", "bias"}));
  EXPECT_EQ(SGD({w, b, w}).parameters(0).size(), 2u);
  EXPECT_EQ(SGD({w, w, b}).names(0), (std::vector<std::string>{"0", "1"}));
  Tensor(w).set_grad(ones({3}));
  const std::vector<double> before = values(w);
  twice.step();
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(values(w)[i], before[i] - 0.5, 1e-6);
}

// Counts calls, and the rows of each.
class Counter final : public Interposer {
 public:
  std::vector<std::pair<std::string, int>> calls;
  void intercept(OpCall& c) override {
    if (c.op.writes) calls.emplace_back(c.op.name, c.rows());
    c.proceed();
  }
};

TEST(Optimizer, AStepIsOneCallForEachGroup) {
  std::vector<Tensor> p;
  for (int k = 0; k < 20; ++k) p.push_back(parameter({k}, k));
  const std::vector<Tensor> few{p[0], p[1], p[2]}, rest(p.begin() + 3, p.end());
  for (const auto& [make, record] : std::vector<std::pair<MakeOptimizer, std::string>>{
           {[&](const Parameters& q) {
              auto o = std::make_unique<AdamW>(q);
              o->add_group(rest);
              return o;
            },
            "adam_step"},
           {[&](const Parameters& q) {
              auto o = std::make_unique<SGD>(q, optim::SGDOptions{.momentum = 0.5});
              o->add_group(rest, {});
              return o;
            },
            "sgd_step"},
           {[&](const Parameters& q) {
              auto o = std::make_unique<RMSprop>(q);
              o->add_group(rest);
              return o;
            },
            "rmsprop_step"}}) {
    const auto o = make(few);
    for (int s = 0; s < 2; ++s) {
      set_gradients(p, s);
      Counter counter;
      const InterposerGuard guard(counter);
      o->step();
      EXPECT_EQ(counter.calls, (std::vector<std::pair<std::string, int>>{{record, 3}, {record, 17}}));
    }
    // Parameters of other histories need calls of their own where the record's attributes differ.
    o->zero_grad();
    set_gradients(few, 1);
    Tensor(p[0]).set_grad({});
    o->step();
    set_gradients(p, 2);
    Counter counter;
    const InterposerGuard guard(counter);
    o->step();
    EXPECT_EQ(counter.calls.size(), record == "adam_step" ? 3u : 2u);
  }
}

// The buffer takes its first gradient as a whole, whenever that is.
TEST(Optimizer, MomentumThatBeginsLater) {
  Tensor p = zeros({1}, {.dtype = f64, .requires_grad = true});
  SGD o({p}, {.lr = 1, .dampening = 0.5});
  p.set_grad(ones({1}, {.dtype = f64}));
  o.step();
  o.set_momentum(0.5, 0);
  o.step();
  EXPECT_EQ(values(p)[0], -2);  // 1 + 1
  o.step();
  EXPECT_EQ(values(p)[0], -3);  // 0.5 * 1 + 0.5 * 1
}

TEST(Optimizer, StateFollowsItsParameter) {
  const auto dtype_of_state = [](Optimizer& o) { return o.state_dict().at("weight.exp_avg").dtype(); };
  nn::Linear net(3, 2), other(3, 2);
  other.load_state_dict(net.state_dict());
  Adam o(net.named_parameters(), {.lr = 0.125}), same(other.named_parameters(), {.lr = 0.125});
  set_gradients(net.parameters(), 1);
  set_gradients(other.parameters(), 1);
  o.step();
  same.step();
  net.to(f64);
  EXPECT_EQ(dtype_of_state(o), f32);  // until it is needed
  set_gradients(net.parameters(), 2);
  o.step();
  EXPECT_EQ(dtype_of_state(o), f64);
  set_gradients(other.parameters(), 2);
  same.step();
  for (size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(values(net.weight)[i], values(other.weight)[i], 1e-6) << "the moments were lost";
  EXPECT_EQ(o.state_dict().at("weight.step").item<int64_t>(), 2);
  net.to(bf16);
  set_gradients(net.parameters(), 3);
  o.step();
  EXPECT_EQ(dtype_of_state(o), f32);
  net.to(kMeta);
  set_gradients(net.parameters(), 3);
  o.step();
  EXPECT_TRUE(o.state_dict().at("weight.exp_avg").device().is_meta());
}

TEST(Optimizer, AStepThatIsRefusedChangesNothing) {
  Tensor memory = zeros({6});
  Tensor a = memory.slice(0, 0, 4).detach(), b = memory.slice(0, 3, 6).detach();
  SGD o({a, b}, {.momentum = 0.9});
  set_gradients({a, b}, 0);
  EXPECT_EQ(
      error_of([&] { o.step(); }),
      "sgd_step: cannot write in place: operand 0 of row 0, which is written, shares memory with operand 0 of row "
      "1; clone() one of them first");
  EXPECT_EQ(keys(o.state_dict()), (std::vector<std::string>{"0.step", "1.step", "group.0"}));
  EXPECT_EQ(o.state_dict().at("0.step").item<int64_t>(), 0);
  // Parts of one memory side by side may be parameters, as slices of a flat buffer are.
  Tensor c = memory.slice(0, 4, 6).detach();
  SGD beside({a, c});
  set_gradients({a, c}, 0);
  beside.step();
  EXPECT_NE(values(memory)[5], 0);
  // A gradient that is the parameter.
  Tensor p = ones({2}).requires_grad_();
  p.set_grad(p.detach());
  EXPECT_NE(error_of([&] { SGD({p}).step(); }).find("shares memory with operand 1 of row 0"), std::string::npos);
}

// Half of each parameter's elements, as a rank of several would hold them; driven through the base class alone.
class Sharded final : public Optimizer {
 public:
  Sharded(const Optimizer& prototype, int rank) : Optimizer("Sharded"), rank_(rank) {
    std::vector<Parameters> slices;
    for (size_t g = 0; g < prototype.groups(); ++g) {
      Named whole, parts;
      for (size_t i = 0; i < prototype.parameters(g).size(); ++i) {
        whole.emplace_back(prototype.names(g)[i], prototype.parameters(g)[i]);
        parts.emplace_back(prototype.names(g)[i], slice(prototype.parameters(g)[i].detach()));
      }
      add(whole);
      slices.emplace_back(parts);
    }
    own_ = prototype.like(slices);
  }
  StateDict state_dict() override { return own_->state_dict(); }
  void load_state_dict(const StateDict& state) override { own_->load_state_dict(state); }
  std::unique_ptr<Optimizer> like(const std::vector<Parameters>& groups) const override { return own_->like(groups); }
  double lr(size_t g = 0) const override { return own_->lr(g); }
  void set_lr(double lr, size_t g) override { own_->set_lr(lr, g); }
  double momentum(size_t g) const override { return own_->momentum(g); }
  void set_momentum(double m, size_t g) override { own_->set_momentum(m, g); }

 protected:
  void take_step() override {
    for (size_t g = 0; g < groups(); ++g) {
      for (size_t i = 0; i < parameters(g).size(); ++i) {
        Tensor part = own_->parameters(g)[i];
        const Tensor grad = parameters(g)[i].grad();
        part.set_grad(grad.defined() ? slice(grad) : Tensor());
      }
    }
    own_->step();
  }

 private:
  Tensor slice(const Tensor& t) const {
    const int64_t n = t.numel(), half = (n + 1) / 2;
    return t.view({n}).slice(0, rank_ ? half : 0, rank_ ? n : half);
  }
  int rank_;
  std::unique_ptr<Optimizer> own_;
};

TEST(Optimizer, SlicesAreDrivenByAnother) {
  for (const auto& make :
       std::vector<MakeOptimizer>{making<SGD>({.lr = 0.25, .momentum = 0.5, .weight_decay = 0.125}),
                                  making<AdamW>({.lr = 0.25, .weight_decay = 0.125, .amsgrad = true}),
                                  making<RMSprop>({.lr = 0.25, .momentum = 0.5, .centered = true})}) {
    const Named whole{{"w", parameter({3, 5}, 0)}, {"one", parameter({1}, 1)}};
    Named cut;
    for (const auto& [name, t] : whole) cut.emplace_back(name, t.detach().clone().requires_grad_());
    const auto single = make(whole);
    std::unique_ptr<Optimizer> prototype = make(cut);
    Sharded first(*prototype, 0), second(*prototype, 1);
    prototype.reset();
    optim::StepLR a(*single, 1), b(first, 1), c(second, 1);
    for (int s = 0; s < 3; ++s) {
      for (size_t i = 0; i < 2; ++i) {
        Tensor x = whole[i].second, y = cut[i].second;
        x.set_grad(wave(x.shape(), s).to(f32));
        y.set_grad(x.grad());
      }
      single->step();
      first.step();
      second.step();
      a.step(), b.step(), c.step();
    }
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(values(whole[i].second), values(cut[i].second));
    // The ranks' states put together are the state of the whole.
    const auto want = single->state_dict(), left = first.state_dict(), right = second.state_dict();
    EXPECT_EQ(keys(left), keys(want));
    for (const auto& [name, t] : want) {
      std::vector<double> got = values(left.at(name));
      if (name.find("group") == std::string::npos && !name.ends_with(".step")) {
        for (double v : values(right.at(name))) got.push_back(v);
      }
      EXPECT_EQ(got, values(t.contiguous())) << name;
    }
  }
}

TEST(Optimizer, LikeHasTheOptionsOfNow) {
  const Tensor a = parameter({3}, 0), b = parameter({2}, 1);
  AdamW o({{"a", a}}, {.lr = 0.5, .weight_decay = 0.25});
  o.add_group({{"b", b}}, {.amsgrad = true});
  o.set_lr(0.125, 1);
  const auto made = o.like({Parameters(std::vector<Tensor>{}), Parameters({{"c", b}})});
  EXPECT_EQ(made->groups(), 2u);
  EXPECT_TRUE(made->parameters(0).empty());
  EXPECT_EQ(made->names(1), (std::vector<std::string>{"c"}));
  EXPECT_EQ(made->lr(0), 0.5);
  EXPECT_EQ(made->lr(1), 0.125);
  const auto* same = dynamic_cast<AdamW*>(made.get());
  ASSERT_NE(same, nullptr);
  EXPECT_EQ(same->options(0).weight_decay, 0.25);
  EXPECT_TRUE(same->options(1).amsgrad);
  made->step();  // without gradients: nothing
}

TEST(Optimizer, InterposersAreRightOrRefuse) {
  const Tensor p = parameter({3}, 0);
  SGD o({p});
  Tensor(p).set_grad(ones({3}));
  EXPECT_EQ(error_of([&] {
              (void)graph::trace(
                  [&](std::span<const Tensor> in) {
                    o.step();
                    return std::vector<Tensor>{in[0] + p.detach()};
                  },
                  std::vector<graph::Spec>{{"x", f32, {3}}}, {});
            }),
            "sgd_step: it changes its operands, which a graph cannot hold; trace the function without it");
  // A learning rate of 0 times an infinite gradient.
  Tensor(p).set_grad(full({3}, INFINITY));
  o.set_lr(0);
  EXPECT_EQ(error_of([&] {
              const AnomalyMode anomaly({.check_forward = true});
              o.step();
            }),
            "sgd_step: operand 0 of shape [3] has NaN now, but no operand had (anomaly mode)");
}

TEST(Optimizer, LoadedValuesAreChecked) {
  const Tensor p = parameter({2}, 0);
  set_gradients({p}, 1);
  Adam adam({p});
  adam.step();
  const auto with = [](Optimizer& o, const std::string& name, const Tensor& t) {
    auto state = o.state_dict();
    for (auto& [key, value] : state) value = value.clone();
    state[name] = t;
    return error_of([&] { o.load_state_dict(state); });
  };
  const auto rates = [](double lr, double momentum) { return tensor({lr, momentum}, {.dtype = f64}); };
  EXPECT_NE(with(adam, "group.0", rates(NAN, 0.9)).find("group.0: learning rate and momentum must be finite"),
            std::string::npos);
  EXPECT_NE(with(adam, "group.0", rates(1, 1)).find("betas must be in [0, 1), but are 1 and"), std::string::npos);
  EXPECT_NE(with(adam, "group.0", rates(-1, 0.9)).find("must not be negative, but are -1"), std::string::npos);
  EXPECT_NE(with(adam, "0.step", full({}, INT64_MAX)).find("0.step must be from 0 to 9007199254740992"),
            std::string::npos);
  EXPECT_EQ(adam.lr(), 1e-3);
  EXPECT_EQ(adam.momentum(0), 0.9);
  // A momentum that was switched off is one, whatever it was needed for.
  SGD sgd({p}, {.momentum = 0.9, .nesterov = true});
  sgd.step();
  sgd.set_momentum(0, 0);
  sgd.load_state_dict(sgd.state_dict());
  EXPECT_EQ(sgd.momentum(0), 0);
}

TEST(Optimizer, StatesOfAParameterThatWasConverted) {
  nn::Linear net(2, 1, {.bias = false});
  set_gradients(net.parameters(), 1);
  Adam adam(net.parameters());
  adam.step();
  const std::vector<double> moment = values(adam.state_dict().at("0.exp_avg"));
  net.to(f64);
  adam.load_state_dict(adam.state_dict());
  EXPECT_EQ(adam.state_dict().at("0.exp_avg").dtype(), f64);
  EXPECT_EQ(values(adam.state_dict().at("0.exp_avg")), moment);
}

// A decay of 0 is none: 0 times an infinite weight would be NaN.
TEST(Optimizer, WithoutWeightDecayInfiniteWeightsStay) {
  const auto stays = [](Optimizer& o, const Tensor& p) {
    Tensor(p).set_grad(zeros({2}));
    o.step();
    EXPECT_EQ(values(p), (std::vector<double>{-INFINITY, 1}));
  };
  const auto infinite = [] { return tensor({-INFINITY, 1.0}, {.requires_grad = true}); };
  for (double momentum : {0.0, 0.9}) {
    const Tensor p = infinite();
    SGD sgd({p}, {.lr = 0.1, .momentum = momentum});
    stays(sgd, p);
  }
  for (bool amsgrad : {false, true}) {
    const Tensor p = infinite();
    Adam adam({p}, {.amsgrad = amsgrad});
    stays(adam, p);
  }
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
