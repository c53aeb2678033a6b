// What steps are made with: closures, hooks, gradients of zeros, options that change. Numbers are PyTorch's.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/ops/reduce.h"
#include "core/testing/error_of.h"
#include "tests/core/optim/optim_testing.h"

namespace hearth {
namespace {

using optim::SGD, optim::AdamW, optim::RMSprop, optim::LBFGS, optim::Optimizer;
using testing::error_of;
using V = std::vector<double>;

V values(const Tensor& t) { return t.detach().to_vector<double>(); }
Tensor parameter() { return tensor({1.0, 2.0}, {.dtype = f64, .requires_grad = true}); }
void expect_near(const Tensor& t, const V& want) {
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(values(t)[i], want[i], 1e-12) << i;
}

// Four steps, the last two with other options.
template <class O, class Change>
Tensor changed_halfway(const typename O::Options& options, Change change) {
  Tensor p = parameter();
  O o({p}, options);
  for (int s = 0; s < 4; ++s) {
    if (s == 2) {
      auto changed = o.options(0);
      change(changed);
      o.set_options(changed, 0);
    }
    o.zero_grad();
    (p * tensor({0.5, -1.0}, {.dtype = f64}) + p * p).sum().backward();
    o.step();
  }
  return p;
}

TEST(Step, OptionsChangeBetweenSteps) {
  expect_near(changed_halfway<SGD>({.lr = 0.1, .momentum = 0.5},
                                   [](optim::SGDOptions& o) {
                                     o.weight_decay = 0.25;
                                     o.nesterov = true;
                                   }),
              {-0.06901171875, 0.6623109375});
  expect_near(changed_halfway<AdamW>({.lr = 0.1},
                                     [](optim::AdamWOptions& o) {
                                       o.weight_decay = 0.5;
                                       o.eps = 0.25;
                                     }),
              {0.5475463787179002, 1.4447896281037198});
  expect_near(changed_halfway<RMSprop>({.lr = 0.1, .weight_decay = 0.125},
                                       [](optim::RMSpropOptions& o) {
                                         o.weight_decay = 0;
                                         o.alpha = 0.5;
                                       }),
              {-0.2508094588590329, 0.5169755857538136});
}

TEST(Step, OptionsOfOneGroupAlone) {
  AdamW o({parameter()}, {.weight_decay = 0.5});
  o.add_group({parameter()});
  o.set_options({.lr = 0.25, .weight_decay = 0}, 1);
  EXPECT_EQ(o.options(0).weight_decay, 0.5);
  EXPECT_EQ(o.options(1).weight_decay, 0);
  EXPECT_EQ(o.lr(1), 0.25);
  EXPECT_EQ(error_of([&] { o.set_options({}, 2); }), "AdamW: there is no parameter group 2; the optimizer has 2");
  EXPECT_EQ(error_of([&] { o.set_options({.lr = -1, .weight_decay = 0}, 1); }),
            "AdamW: lr, eps and weight_decay must not be negative, but are -1, 1e-08 and 0");
  EXPECT_EQ(o.lr(1), 0.25);
  // A state that the new options call for begins with zeros.
  AdamW grows({parameter()});
  Tensor p = grows.parameters(0)[0];
  p.set_grad(ones({2}, {.dtype = f64}));
  grows.step();
  grows.set_options({.amsgrad = true}, 0);
  grows.step();
  EXPECT_TRUE(grows.state_dict().contains("0.max_exp_avg_sq"));
  LBFGS l({parameter()});
  l.set_options({.lr = 0.5, .max_iter = 3});
  EXPECT_EQ(l.lr(), 0.5);
  EXPECT_EQ(l.options().max_iter, 3);
  EXPECT_NE(error_of([&] { l.set_options({.max_iter = 0}); }), "");
}

TEST(Step, ClosuresAndHooksInTheirOrder) {
  Tensor p = parameter();
  SGD o({p}, {.lr = 0.5});
  std::string log;
  o.register_step_pre_hook([&](Optimizer& of) {
    EXPECT_EQ(&of, &o);
    log += "a";
  });
  HookHandle second = o.register_step_pre_hook([&](Optimizer&) { log += "b"; });
  o.register_step_post_hook([&](Optimizer&) {
    EXPECT_EQ(values(p), (V{0, 0}));
    log += "z";
  });
  const auto closure = [&] {
    log += "c";
    o.zero_grad();
    Tensor loss = (p * p).sum();
    loss.backward();
    return loss;
  };
  {
    const NoGrad off;  // the closure has gradients all the same
    const Tensor loss = o.step(closure);
    EXPECT_EQ(values(loss), V{5});
    EXPECT_TRUE(loss.requires_grad());
  }
  EXPECT_EQ(log, "abcz");
  EXPECT_EQ(values(p), (V{0, 0}));
  second.remove();
  o.zero_grad();
  o.step();
  EXPECT_EQ(log, "abczaz");
  EXPECT_THROW(o.step([]() -> Tensor { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(log, "abczaza");
  EXPECT_EQ(error_of([&] { o.step(nullptr); }), "SGD: step: the closure is empty");
  EXPECT_EQ(error_of([&] { o.register_step_pre_hook(nullptr); }), "SGD: register_step_pre_hook: the function is empty");
  // An optimizer that is made like it has hooks of its own.
  const auto other = o.like({optim::Parameters{parameter()}});
  other->step();
  EXPECT_EQ(log, "abczaza");
}

TEST(Step, HooksOfLbfgs) {
  Tensor p = parameter();
  LBFGS o({p}, {.max_iter = 3});
  int before = 0, after = 0, calls = 0;
  o.register_step_pre_hook([&](Optimizer&) { ++before; });
  o.register_step_post_hook([&](Optimizer&) { ++after; });
  Optimizer& as_any = o;
  const Tensor loss = as_any.step([&] {
    ++calls;
    as_any.zero_grad();
    Tensor l = (p * p).sum();
    l.backward();
    return l;
  });
  EXPECT_EQ(values(loss), V{5});
  EXPECT_GT(calls, 1);
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 1);
  EXPECT_EQ(error_of([&] { as_any.step(); }),
            "LBFGS: a step needs a closure that computes the loss and its gradients: step(closure)");
}

TEST(Step, ZerosInPlaceOfGradients) {
  Tensor p = parameter(), q = parameter();
  SGD o({p, q}, {.lr = 0.5, .weight_decay = 0.5});
  (p * p).sum().backward();
  const Tensor g = p.grad();
  o.zero_grad(false);
  EXPECT_TRUE(p.grad().is(g) || p.grad().data<double>() == g.data<double>());
  EXPECT_EQ(values(p.grad()), (V{0, 0}));
  EXPECT_FALSE(q.grad().defined());
  o.step();  // the one with a gradient decays
  EXPECT_EQ(values(p), (V{0.75, 1.5}));
  EXPECT_EQ(values(q), (V{1, 2}));
  // A gradient with a history loses it.
  (p * p * p).sum().backward({.create_graph = true});
  EXPECT_TRUE(p.grad().requires_grad());
  o.zero_grad(false);
  EXPECT_FALSE(p.grad().requires_grad());
  EXPECT_EQ(values(p.grad()), (V{0, 0}));
  o.zero_grad();
  EXPECT_FALSE(p.grad().defined());
}

}  // namespace
}  // namespace hearth
