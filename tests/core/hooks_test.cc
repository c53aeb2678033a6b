// Handles of hooks, the end of backward, and saved-tensor hooks inside of one another.
#include "core/autograd/hooks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/checkpoint.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using autograd::on_backward_end;
using testing::error_of;

Tensor leaf(double v) { return full({1}, v, {.dtype = f64, .requires_grad = true}); }
double value(const Tensor& t) { return t.item<double>(); }

TEST(HookHandle, RemovesOnceAndOutlivesTheTensor) {
  HookHandle of_leaf, of_result, of_accumulated, none;
  int calls = 0;
  const auto owned = std::make_shared<int>(0);
  {
    Tensor x = leaf(2);
    of_leaf = x.register_hook([&, owned](const Tensor&) {
      ++calls;
      return Tensor();
    });
    of_accumulated = x.register_post_accumulate_grad_hook([&](const Tensor&) { ++calls; });
    const Tensor y = x * 3;
    of_result = y.register_hook([&](const Tensor& g) {
      ++calls;
      return g * 2;
    });
    y.backward({.retain_graph = true});
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(value(x.grad()), 6);
    EXPECT_EQ(owned.use_count(), 2);
    of_leaf.remove();
    EXPECT_EQ(owned.use_count(), 1);  // what the hook held is gone at once
    of_leaf.remove();
    EXPECT_FALSE(of_leaf.active());
    const HookHandle copy = of_result;
    of_result.remove();
    EXPECT_FALSE(copy.active());
    y.backward();
    EXPECT_EQ(calls, 4);
    EXPECT_EQ(value(x.grad()), 9);
    EXPECT_TRUE(of_accumulated.active());
  }
  EXPECT_FALSE(of_accumulated.active());
  of_accumulated.remove();
  none.remove();
  EXPECT_EQ(error_of([] { leaf(1).register_hook(nullptr); }), "register_hook: the function is empty");
}

TEST(HookHandle, AHookRemovesItself) {
  Tensor x = leaf(2);
  const Tensor y = x * 3;
  int calls = 0;
  HookHandle h;
  h = y.register_hook([&, big = std::vector<int>(100, 7)](const Tensor&) {
    h.remove();
    calls += big[50];  // what it captured is still there
    return Tensor();
  });
  y.backward({.retain_graph = true});
  y.backward();
  EXPECT_EQ(calls, 7);
}

TEST(RetainGrad, SeveralHandlesOfOneResult) {
  Tensor x = leaf(2);
  const Tensor y = x * 3;
  y.retain_grad();
  {
    const Tensor z = x * 4;
    z.retain_grad();
    (z * 1).backward();
    EXPECT_EQ(value(z.grad()), 1);
  }
  (y * 5).backward();
  EXPECT_EQ(value(y.grad()), 5);
}

// ---- the end of backward

TEST(BackwardEnd, FindsUnusedParameters) {
  Tensor parameters[] = {leaf(1), leaf(2), leaf(3)};
  std::vector<bool> used(3);
  std::string unused;
  bool noted = false;
  const auto end = [&](bool complete) {
    EXPECT_TRUE(complete);
    for (size_t i = 0; i < 3; ++i) {
      if (!used[i]) unused += std::to_string(i);
    }
  };
  for (size_t i = 0; i < 3; ++i) {
    parameters[i].register_post_accumulate_grad_hook([&, i](const Tensor& p) {
      used[i] = true;
      EXPECT_TRUE(p.grad().defined());
      if (!std::exchange(noted, true)) on_backward_end(end);
    });
  }
  (parameters[0] * parameters[2]).backward();
  EXPECT_EQ(unused, "1");
  EXPECT_EQ(value(parameters[0].grad()), 3);
  used = {false, false, false};
  unused.clear();
  noted = false;
  parameters[1].backward();
  EXPECT_EQ(unused, "02");
}

TEST(BackwardEnd, RegisteredBeforeItIsCalledOnce) {
  Tensor x = leaf(1);
  std::string log;
  on_backward_end([&](bool complete) { log += complete ? "a" : "?"; });
  on_backward_end([&](bool complete) { log += complete ? "b" : "?"; });
  EXPECT_EQ(autograd::current_backward(), nullptr);
  (x * 2).backward();
  EXPECT_EQ(log, "ab");
  (x * 2).backward();
  EXPECT_EQ(log, "ab");
  on_backward_end([&](bool complete) { log += complete ? "c" : "?"; });
  grad(x * 2, x);
  EXPECT_EQ(log, "abc");
  EXPECT_EQ(error_of([] { on_backward_end(nullptr); }), "on_backward_end: the function is empty");
}

TEST(BackwardEnd, IsToldWhenBackwardThrows) {
  Tensor x = leaf(1), other = leaf(1);
  std::string log;
  const auto note = [&](bool complete) { log += complete ? "complete " : "thrown "; };
  const Tensor y = x * 2;
  HookHandle h = y.register_hook([&](const Tensor&) -> Tensor {
    on_backward_end(note);
    throw std::runtime_error("from the hook");
  });
  EXPECT_THROW(y.backward({.retain_graph = true}), std::runtime_error);
  EXPECT_EQ(log, "thrown ");
  EXPECT_EQ(autograd::current_backward(), nullptr);
  h.remove();
  y.backward();
  EXPECT_EQ(log, "thrown ");
  EXPECT_EQ(value(x.grad()), 2);
  // Before the first node, and after the last.
  on_backward_end(note);
  EXPECT_EQ(error_of([] { backward({}); }), "backward: there are no outputs");
  on_backward_end(note);
  EXPECT_EQ(error_of([&] { grad(x * 2, other); }).substr(0, 44), "grad: the outputs do not depend on input 0; ");
  EXPECT_EQ(log, "thrown thrown thrown ");
}

TEST(BackwardEnd, ABackwardInsideOfAHookHasItsOwn) {
  Tensor x = leaf(3), inner = leaf(5);
  std::string log;
  const Tensor y = x * 2;
  y.register_hook([&](const Tensor&) {
    const void* const mine = autograd::current_backward();
    on_backward_end([&](bool) { log += "outer "; });
    const Tensor z = [&] {
      const GradMode on(true);
      return inner * inner;
    }();
    z.register_hook([&, mine](const Tensor&) {
      EXPECT_NE(autograd::current_backward(), mine);
      on_backward_end([&](bool) { log += "inner "; });
      return Tensor();
    });
    z.backward();
    EXPECT_EQ(autograd::current_backward(), mine);
    log += "hook ";
    return Tensor();
  });
  y.backward();
  EXPECT_EQ(log, "inner hook outer ");
  EXPECT_EQ(value(inner.grad()), 10);
  EXPECT_EQ(value(x.grad()), 2);
}

TEST(BackwardEnd, CallbacksThatThrowOrAddOthers) {
  Tensor x = leaf(1);
  std::string log;
  on_backward_end([&](bool) {
    log += "a";
    on_backward_end([&](bool complete) { log += complete ? "d" : "?"; });
    throw std::runtime_error("a");
  });
  on_backward_end([&](bool) {
    log += "b";
    throw std::runtime_error("b");
  });
  on_backward_end([&](bool complete) { log += complete ? "c" : "?"; });
  try {
    (x * 2).backward();
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "a");
  }
  EXPECT_EQ(log, "abcd");
  EXPECT_EQ(value(x.grad()), 2);
  // Backward's own exception is the one that leaves.
  log.clear();
  on_backward_end([&](bool complete) {
    log += complete ? "?" : "e";
    throw std::runtime_error("e");
  });
  on_backward_end([&](bool complete) { log += complete ? "?" : "f"; });
  EXPECT_EQ(error_of([] { backward({}); }), "backward: there are no outputs");
  EXPECT_EQ(log, "ef");
  (x * 2).backward();
  EXPECT_EQ(log, "ef");
}

// ---- saved tensors

// Keeps tensors multiplied by a factor.
class Scaled final : public SavedTensorHooks {
 public:
  Scaled(std::string& log, char name, double factor) : log_(log), name_(name), factor_(factor) {}
  std::any pack(const Tensor& t) override {
    (log_ += name_) += "<" + std::to_string(static_cast<int>(value(t))) + " ";
    return t * factor_;
  }
  Tensor unpack(const std::any& p) override {
    const auto t = std::any_cast<Tensor>(p);
    (log_ += name_) += ">" + std::to_string(static_cast<int>(value(t))) + " ";
    return t / factor_;
  }

 private:
  std::string& log_;
  char name_;
  double factor_;
};

TEST(SavedTensorHooks, InnermostPackFirstAndUnpackLast) {
  std::string log;
  Scaled outer(log, 'o', 10), inner(log, 'i', 2);
  Tensor x = leaf(3);
  Tensor y, z;
  {
    const SavedTensorHooksGuard a(outer);
    {
      const SavedTensorHooksGuard b(inner);
      y = exp2(x);  // keeps its result
    }
    EXPECT_EQ(log, "i<8 o<16 ");
    z = exp2(x);
    EXPECT_EQ(log, "i<8 o<16 o<8 ");
  }
  exp2(x);
  log.clear();
  y.backward();
  EXPECT_EQ(log, "o>160 i>16 ");
  z.backward();
  EXPECT_EQ(log, "o>160 i>16 o>80 ");
  EXPECT_NEAR(value(x.grad()), 2 * 8 * std::log(2.0), 1e-12);
}

// The same hooks twice, and double backward through both.
TEST(SavedTensorHooks, TheSameHooksTwice) {
  std::string log;
  Scaled hooks(log, 'h', 2);
  Tensor x = leaf(3);
  Tensor y;
  {
    const SavedTensorHooksGuard a(hooks), b(hooks);
    y = x * x * x;
  }
  const Tensor g = grad(y, x, {}, {.create_graph = true});
  EXPECT_EQ(value(g), 27);
  EXPECT_EQ(value(grad(g, x)), 18);
}

// Keeps tensors in a place of its own: nothing is left for hooks around it, unless it asks them to.
class Elsewhere final : public SavedTensorHooks {
 public:
  explicit Elsewhere(bool asks) : asks_(asks) {}
  std::any pack(const Tensor& t) override {
    kept_.push_back(asks_ ? Tensor() : t);
    packed_.push_back(asks_ ? autograd::pack_saved(t) : Ref<PackedSaved>());
    return kept_.size() - 1;
  }
  Tensor unpack(const std::any& p) override {
    const auto i = std::any_cast<size_t>(p);
    return packed_[i] ? packed_[i]->unpack() : kept_[i];
  }

 private:
  bool asks_;
  std::vector<Tensor> kept_;
  std::vector<Ref<PackedSaved>> packed_;
};

TEST(SavedTensorHooks, WhatIsNoTensorStaysWithTheInnerHooks) {
  for (const bool asks : {false, true}) {
    std::string log;
    Scaled outer(log, 'o', 10);
    Elsewhere inner(asks);
    Tensor x = leaf(3);
    Tensor y;
    {
      const SavedTensorHooksGuard a(outer), b(inner);
      y = exp2(x);
    }
    EXPECT_EQ(log, asks ? "o<8 " : "");
    y.backward();
    EXPECT_EQ(log, asks ? "o<8 o>80 " : "");
    EXPECT_NEAR(value(x.grad()), 8 * std::log(2.0), 1e-12);
  }
  // With none around.
  Elsewhere alone(true);
  const SavedTensorHooksGuard guard(alone);
  EXPECT_EQ(error_of([] { exp2(leaf(3)).backward(); }).substr(0, 5), "saved");
}

// Other hooks work inside of a checkpoint and around one.
TEST(SavedTensorHooks, BesideACheckpoint) {
  std::string log;
  Scaled hooks(log, 'h', 2);
  const auto inside = [&](const Tensor& t) {
    const SavedTensorHooksGuard guard(hooks);
    return exp2(t);
  };
  Tensor x = leaf(3);
  checkpoint(inside, x).backward();
  EXPECT_NEAR(value(x.grad()), 8 * std::log(2.0), 1e-12);
  // In the first run, and when it runs again; the checkpoint keeps what they give.
  EXPECT_EQ(log, "h<8 h<8 h>16 ");
  log.clear();
  x.set_grad({});
  {
    const SavedTensorHooksGuard guard(hooks);
    const Tensor y = checkpoint([](const Tensor& t) { return exp2(t) * t; }, x);
    EXPECT_EQ(log, "h<3 ");  // the input only
    y.backward();            // under the guard: what the function keeps when it runs again is not theirs
    EXPECT_EQ(log, "h<3 h>6 ");
  }
  EXPECT_NEAR(value(x.grad()), 8 + 3 * 8 * std::log(2.0), 1e-12);
}

}  // namespace
}  // namespace hearth
