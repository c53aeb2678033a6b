// Hooks of modules: what they see and replace, and when they are called.
#include "core/nn/module_hooks.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <tuple>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/rnn.h"
#include "core/ops/activation.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/nn/nn_testing.h"

// What the tests have made is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

using nn::HookTensors;
using nn::ModuleBase;
using V = std::vector<double>;

Tensor number(double v) { return full({}, v, {.dtype = f64}); }
double value(const Tensor& t) { return t.item<double>(); }

// Type that belongs to somebody else.
struct Foreign {
  Tensor a;
  int count = 0;
};
auto tensors_of(Foreign& f) { return std::tie(f.a); }

struct Own {
  Tensor a;
  std::vector<Tensor> list;
  std::map<std::string, Tensor> by_name;
  auto tensors() { return std::tie(a, list, by_name); }
};
struct Silent {
  Tensor a;
};

static_assert(nn::detail::holds_of<std::vector<std::optional<Own>>>() == nn::detail::Holds::kTensors);
static_assert(nn::detail::holds_of<std::tuple<int, Foreign>>() == nn::detail::Holds::kTensors);
static_assert(nn::detail::holds_of<std::pair<int, std::string>>() == nn::detail::Holds::kNone);
static_assert(nn::detail::holds_of<std::pair<Tensor, Silent>>() == nn::detail::Holds::kUnknown);

struct Many : nn::Module<Many> {
  Own forward(const Tensor& x, double by, const std::optional<Tensor>& bias, std::vector<Tensor> rest,
              const Foreign& foreign) const {
    Own out{x * by, {}, {{"foreign", foreign.a}}};
    if (bias) out.a = out.a + *bias;
    for (const Tensor& t : rest) out.list.push_back(t * by);
    return out;
  }
};

TEST(ModuleHooks, SeeAndReplaceArgumentsAndResults) {
  Many m;
  const Foreign foreign{number(7)};
  std::optional<Tensor> bias = number(100);
  Tensor x = number(1);
  EXPECT_EQ(value(m(x, 2.0, bias, std::vector{number(3), number(4)}, foreign).a), 102);
  HookHandle before = m.register_forward_pre_hook([&](ModuleBase& self, HookTensors& inputs) {
    EXPECT_EQ(&self, &m);
    V seen;
    for (const Tensor& t : inputs) seen.push_back(value(t));
    EXPECT_EQ(seen, (V{1, 100, 3, 4, 7}));
    EXPECT_EQ(message([&] { inputs[5] = number(0); }), "hook: there is no tensor 5; there are 5");
    inputs[0] = number(10);
    inputs[2] = number(30);
    inputs[4] = number(70);
  });
  HookHandle after = m.register_forward_hook([&](ModuleBase&, const HookTensors& inputs, HookTensors& result) {
    EXPECT_EQ(value(inputs[0]), 10);
    V seen;
    for (const Tensor& t : result) seen.push_back(value(t));
    EXPECT_EQ(seen, (V{120, 60, 8, 70}));
    EXPECT_FALSE(result.opaque());
    result[1] = number(-1);
    result[3] = number(-2);
  });
  std::vector<Tensor> rest{number(3), number(4)};
  const Own out = m(x, 2.0, bias, rest, foreign);
  EXPECT_EQ(value(out.a), 120);
  EXPECT_EQ(value(out.list[0]), -1);
  EXPECT_EQ(value(out.list[1]), 8);
  EXPECT_EQ(value(out.by_name.at("foreign")), -2);
  // The caller's are his own.
  EXPECT_EQ(value(x), 1);
  EXPECT_EQ(value(rest[0]), 3);
  EXPECT_EQ(value(foreign.a), 7);
  before.remove();
  after.remove();
  EXPECT_EQ(value(m(x, 2.0, bias, rest, foreign).a), 102);
  m.register_forward_pre_hook([](ModuleBase&, HookTensors& inputs) { EXPECT_EQ(inputs.size(), 4u); });
  EXPECT_EQ(value(m(x, 2.0, std::nullopt, rest, foreign).a), 2);
}

struct Odd : nn::Module<Odd> {
  Tensor kept = number(5);
  const Tensor& forward(const Tensor& x) {
    kept = kept + x;
    return kept;
  }
};
struct Silently : nn::Module<Silently> {
  Silent forward(const Tensor& x) const { return {x * 2}; }
};
struct Nothing : nn::Module<Nothing> {
  int calls = 0;
  void forward(std::vector<Tensor>& cache, const Tensor& x) {
    ++calls;
    cache.push_back(x);
  }
};

TEST(ModuleHooks, ResultsOfOtherKinds) {
  Odd odd;
  odd.register_forward_hook([](ModuleBase&, const HookTensors&, HookTensors& r) { r[0] = r[0] * 10; });
  EXPECT_EQ(value(odd(number(1))), 60);
  EXPECT_EQ(value(odd.kept), 6);
  Silently silent;
  bool opaque = false;
  silent.register_forward_hook([&](ModuleBase&, const HookTensors&, HookTensors& r) {
    opaque = r.opaque();
    EXPECT_TRUE(r.empty());
  });
  EXPECT_EQ(value(silent(number(1)).a), 2);
  EXPECT_TRUE(opaque);
  // What forward takes by reference is the caller's.
  Nothing nothing;
  int after = 0;
  nothing.register_forward_pre_hook([](ModuleBase&, HookTensors& in) { in[0] = in[0] + 1; });
  nothing.register_forward_hook(
      [&](ModuleBase&, const HookTensors&, HookTensors& r) { after += r.empty() && !r.opaque() && !r.thrown(); });
  std::vector<Tensor> cache{number(1)};
  nothing(cache, number(8));
  ASSERT_EQ(cache.size(), 2u);
  EXPECT_EQ(value(cache[0]), 2);
  EXPECT_EQ(value(cache[1]), 8);
  EXPECT_EQ(nothing.calls + after, 2);
}

TEST(ModuleHooks, OfOurOwnLayers) {
  nn::LSTM lstm(2, 3);
  lstm.register_forward_hook([](ModuleBase&, const HookTensors& in, HookTensors& r) {
    EXPECT_EQ(in.size(), 3u);
    ASSERT_EQ(r.size(), 3u);
    EXPECT_EQ(r[0].shape(), (Shape{4, 1, 3}));
    r[2] = zeros_like(r[2]);
  });
  const Tensor state = zeros({1, 1, 3});
  const auto out = lstm(zeros({4, 1, 2}), {state, state});
  EXPECT_EQ(out.state.c.abs().sum().item<float>(), 0);
  EXPECT_NE(out.state.h.abs().sum().item<float>(), 0);
  nn::MultiheadAttention attention(4, 2);
  size_t seen = 0;
  attention.register_forward_pre_hook([&](ModuleBase&, HookTensors& in) { seen = in.size(); });
  const Tensor q = ones({3, 1, 4});
  attention(q, q, q, {.attention = zeros({3, 3})});
  EXPECT_EQ(seen, 4u);
  nn::Sequential s(nn::Linear(2, 2), nn::ReLU());
  int calls = 0;
  for (auto& [name, m] : s.named_modules())
    m->register_forward_hook([&](ModuleBase&, const HookTensors&, HookTensors&) { ++calls; });
  const nn::Sequential& constant = s;
  constant(ones({1, 2}));
  EXPECT_EQ(calls, 3);
}

TEST(ModuleHooks, OrderAndRemoval) {
  nn::Identity m;
  std::string log;
  const auto note = [&](const char* text) { return [&log, text](ModuleBase&, HookTensors&) { log += text; }; };
  HookHandle b = m.register_forward_pre_hook(note("b"));
  m.register_forward_pre_hook(note("a"), true);
  HookHandle once;
  once = m.register_forward_pre_hook([&](ModuleBase&, HookTensors&) {
    log += "o";
    once.remove();
  });
  m.register_forward_hook([&](ModuleBase&, const HookTensors&, HookTensors&) { log += "z"; });
  m.register_forward_hook([&](ModuleBase&, const HookTensors&, HookTensors&) { log += "y"; }, {.prepend = true});
  const nn::Identity copy = m;
  m(number(1));
  EXPECT_EQ(log, "aboyz");
  log.clear();
  b.remove();
  EXPECT_FALSE(b.active());
  m(number(1));
  EXPECT_EQ(log, "ayz");
  log.clear();
  copy(number(1));  // the hooks it was copied with, but those removed since
  EXPECT_EQ(log, "ayz");
  EXPECT_EQ(message([&] { m.register_forward_hook(nullptr); }), "register_forward_hook: the function is empty");
}

struct Fails : nn::Module<Fails> {
  bool fails = true;
  Tensor forward(const Tensor& x) const {
    if (fails) throw std::runtime_error("forward");
    return x;
  }
};

TEST(ModuleHooks, AlwaysCalled) {
  Fails m;
  std::string log;
  const auto after = [&](const char* text, bool throws = false) {
    return [&log, text, throws](ModuleBase&, const HookTensors& in, HookTensors& result) {
      log += text;
      log += result.thrown() ? "- " : "+ ";
      EXPECT_EQ(result.size(), result.thrown() ? 0u : 1u);
      EXPECT_EQ(in.size(), 1u);
      if (throws) throw std::runtime_error(text);
    };
  };
  m.register_forward_hook(after("a"));
  m.register_forward_hook(after("b", true), {.always_call = true});
  HookHandle c = m.register_forward_hook(after("c", true), {.always_call = true});
  m.register_forward_hook(after("d"), {.always_call = true});
  const auto thrown = [&] {
    log.clear();
    try {
      m(number(1));
    } catch (const std::runtime_error& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  EXPECT_EQ(thrown(), "forward");
  EXPECT_EQ(log, "b- c- d- ");
  m.fails = false;
  EXPECT_EQ(thrown(), "b");
  EXPECT_EQ(log, "a+ b+ c+ d+ ");  // each once
  HookHandle before =
      m.register_forward_pre_hook([](ModuleBase&, HookTensors&) { throw std::runtime_error("before"); });
  EXPECT_EQ(thrown(), "before");
  EXPECT_EQ(log, "b- c- d- ");
}

// ---- gradients

// a * b and a + b, of which only the gradient of a is of interest by hand: b g0 + g1.
struct Two : nn::Module<Two> {
  std::pair<Tensor, Tensor> forward(const Tensor& a, const Tensor& b) const { return {a * b, a + b}; }
};

TEST(FullBackwardHooks, GiveTheGradientsOfArgumentsAndResults) {
  Two m;
  Tensor a = leaf({2}, 0), b = leaf({2}, 1);
  int calls = 0;
  m.register_full_backward_pre_hook([&](ModuleBase& self, HookTensors& grad_output) {
    EXPECT_EQ(&self, &m);
    EXPECT_EQ(grad_output.size(), 2u);
    EXPECT_EQ(++calls % 2, 1);
  });
  m.register_full_backward_hook([&](ModuleBase&, HookTensors& grad_input, const HookTensors& grad_output) {
    EXPECT_EQ(++calls % 2, 0);
    ASSERT_EQ(grad_input.size(), 2u);
    expect_close({grad_output[0], grad_output[1]}, {3, 3, 5, 5});
    const Tensor by_hand = b.detach() * 3 + 5;
    EXPECT_TRUE(grad_input[0].equal(by_hand));
    EXPECT_TRUE(grad_input[1].equal(a.detach() * 3 + 5));
  });
  const auto [product, sum] = m(a, b);
  const Tensor loss = (product * 3).sum() + (sum * 5).sum();
  loss.backward({.retain_graph = true});
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(a.grad().equal(b.detach() * 3 + 5));
  const Tensor first = a.grad().clone();
  loss.backward();
  EXPECT_EQ(calls, 4);
  EXPECT_TRUE(a.grad().equal(first * 2));
  // Only one result is used, and one argument wants a gradient.
  Two part;
  part.register_full_backward_hook([&](ModuleBase&, HookTensors& grad_input, const HookTensors& grad_output) {
    ++calls;
    EXPECT_FALSE(grad_output[0].defined());
    EXPECT_TRUE(grad_output[1].defined());
    EXPECT_TRUE(grad_input[0].defined());
    EXPECT_FALSE(grad_input[1].defined());
  });
  part(a, b.detach()).second.sum().backward();
  EXPECT_EQ(calls, 5);
  // Nothing is recorded.
  NoGrad off;
  EXPECT_TRUE(part(a, b).first.is_leaf());
}

TEST(FullBackwardHooks, Replace) {
  nn::Linear m(2, 2, {.bias = false});
  m.to(f64);
  HookHandle pre = m.register_full_backward_pre_hook([](ModuleBase&, HookTensors& g) { g[0] = g[0] * 10; });
  HookHandle post =
      m.register_full_backward_hook([](ModuleBase&, HookTensors& grad_input, const HookTensors& grad_output) {
        expect_close({grad_output[0]}, {10, 10});
        grad_input[0] = grad_input[0] + 1;
      });
  Tensor x = leaf({1, 2}, 0);
  m(x).sum().backward();
  const Tensor plain = m.weight.detach().sum({0}, true);
  EXPECT_TRUE(x.grad().allclose(plain * 10 + 1, 1e-14));
  expect_close({m.weight.grad()}, (x.detach() * 10).expand({2, 2}).to_vector<double>());
  post.remove();
  m.register_full_backward_hook(
      [](ModuleBase&, HookTensors& grad_input, const HookTensors&) { grad_input[0] = Tensor(); });
  x.set_grad({});
  m(x).sum().backward();
  EXPECT_FALSE(x.grad().defined());
  pre.remove();
  m.register_full_backward_pre_hook([](ModuleBase&, HookTensors& g) { g[0] = zeros({5}); });
  EXPECT_EQ(message([&] { m(x).sum().backward(); }),
            "backward hook: it replaced gradient 0, of dtype f64 and shape [1, 2], by one of dtype f32 and shape [5]");
}

// More than an op has operands and results.
struct Wide : nn::Module<Wide> {
  std::vector<Tensor> forward(const std::vector<Tensor>& x) const {
    std::vector<Tensor> out;
    for (size_t i = 0; i < x.size(); ++i) out.push_back(x[i] * static_cast<double>(i + 1));
    return out;
  }
};

TEST(FullBackwardHooks, ManyTensorsAndSecondDerivatives) {
  Wide m;
  std::vector<Tensor> x;
  for (int i = 0; i < 9; ++i) x.push_back(leaf({1}, i + 1));
  x[4] = x[4].detach();
  V seen;
  bool all = true;  // gradients come to all that want one and are used
  m.register_full_backward_hook([&](ModuleBase&, HookTensors& grad_input, const HookTensors& grad_output) {
    for (size_t i = 0; i < 9; ++i) {
      const bool comes = all ? i != 4 && i != 7 : i == 8;
      EXPECT_EQ(grad_input[i].defined(), comes) << i;
      EXPECT_EQ(grad_output[i].defined(), comes) << i;
      if (grad_input[i].defined()) seen.push_back(value(grad_input[i] / grad_output[i]));
    }
  });
  std::vector<Tensor> y = m(x);
  y.erase(y.begin() + 7);
  Tensor loss = number(0);
  for (const Tensor& t : y) loss = loss + (t * t * t).sum();
  const Tensor g = grad(loss, x[8], {}, {.create_graph = true});  // 3 * 9^3 x^2
  expect_close({g}, {3 * 729 * value(x[8]) * value(x[8])});
  all = false;
  expect_close({grad(g, x[8], {}, {.retain_graph = true})}, {6 * 729 * value(x[8])});
  all = true;
  seen.clear();
  y[7].retain_grad();  // the ninth
  loss.backward();
  expect_close({tensor(seen)}, {1, 2, 3, 4, 6, 7, 9});
  expect_close({x[8].grad()}, {3 * 729 * value(x[8]) * value(x[8])});
  expect_close({y[7].grad()}, {3 * 81 * value(x[8]) * value(x[8])});
  EXPECT_FALSE(x[7].grad().defined());
}

TEST(FullBackwardHooks, WithoutArgumentsThatWantGradients) {
  nn::Linear m(2, 1);
  int calls = 0;
  HookHandle h =
      m.register_full_backward_hook([&](ModuleBase&, HookTensors& grad_input, const HookTensors& grad_output) {
        ++calls;
        ASSERT_EQ(grad_input.size(), 1u);
        EXPECT_FALSE(grad_input[0].defined());
        EXPECT_TRUE(grad_output[0].defined());
      });
  m(ones({1, 2})).sum().backward();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(m.weight.grad().defined());
  h.remove();
  m.register_full_backward_hook([](ModuleBase&, HookTensors& grad_input, const HookTensors&) {
    grad_input[0] = ones({1, 2});
  });
  EXPECT_EQ(message([&] {
              m(ones({1, 2})).sum().backward();
            }),
            "backward hook: it gave a gradient to an argument of nn::Linear, but none wants one");
  Silently silent;
  silent.register_full_backward_hook([](ModuleBase&, HookTensors&, const HookTensors&) {});
  EXPECT_EQ(message([&] { silent(leaf({1}, 0)); }),
            "backward hook: the result of Silently is of a type that does not tell its tensors; give it a member "
            "tensors() (core/nn/tensors_of.h)");
}

// A backward that throws leaves nothing behind, and none sees another's gradients.
TEST(FullBackwardHooks, AfterABackwardThatThrew) {
  nn::Linear m(2, 1, {.bias = false});
  Tensor x = ones({1, 2}, {.requires_grad = true});
  std::vector<float> seen;
  m.register_full_backward_hook([&](ModuleBase&, HookTensors&, const HookTensors& grad_output) {
    seen.push_back(grad_output[0].defined() ? grad_output[0].item<float>() : -1);
  });
  bool throws = true;
  m.weight.register_hook([&](const Tensor&) -> Tensor {
    if (throws) throw std::runtime_error("hook");
    return {};
  });
  const Tensor y = m(x);
  EXPECT_THROW(y.backward({}, {.retain_graph = true}), std::runtime_error);
  throws = false;
  seen.clear();
  y.backward(full({1, 1}, 4));
  EXPECT_EQ(seen, (std::vector<float>{4}));
}

// Memory that is shared with tensors outside of the call cannot be written in place, other results can.
struct InPlace : nn::Module<InPlace> {
  bool part = false;
  Tensor forward(Tensor x) const {
    if (part) x[0].mul_(2);
    else x.mul_(2);
    return x * 3;
  }
};

TEST(FullBackwardHooks, InPlace) {
  const std::string says =
      "the tensor is an argument or a result of a module with a backward hook and shares its memory with a tensor "
      "outside of the hook's reach: it cannot be written in place; clone() it first";
  const auto nothing = [](ModuleBase&, HookTensors&, const HookTensors&) {};
  InPlace m;
  m.register_full_backward_hook(nothing);
  const Tensor x = leaf({2}, 0) * 1;
  EXPECT_EQ(message([&] { m(x); }), "mul: " + says);
  m.part = true;
  EXPECT_EQ(message([&] { m(x); }), "mul: " + says);
  nn::Identity same;
  same.register_full_backward_hook(nothing);
  Tensor y = same(x);
  EXPECT_EQ(message([&] { y.mul_(2); }), "mul: " + says);
  EXPECT_EQ(message([&] { y[0].mul_(2); }), "mul: " + says);
  Wide wide;
  wide.register_full_backward_hook(nothing);
  Tensor in = leaf({2}, 0);
  Tensor z = wide(std::vector{in})[0];
  z.mul_(2);
  z.sum().backward();
  EXPECT_EQ(in.grad().to_vector<double>(), (V{2, 2}));
}

// Arguments that forward consumes or changes.
struct Consumes : nn::Module<Consumes> {
  Tensor forward(std::vector<Tensor> list) const {
    Tensor sum = list[0] * 2;
    list.clear();
    return sum;
  }
  Tensor forward(std::vector<Tensor>& cache, const Tensor& x) const {
    const Tensor y = cache[0] * x;
    for (int i = 0; i < 20; ++i) cache.push_back(x);  // its memory moves
    return y;
  }
};

TEST(ModuleHooks, SeeWhatForwardHasConsumed) {
  Consumes m;
  std::vector<V> seen;
  m.register_forward_hook([&](ModuleBase&, const HookTensors& inputs, HookTensors&) {
    for (size_t i = 0; i < inputs.size(); ++i) seen.push_back(inputs[i].detach().to_vector<double>());
  });
  m(std::vector{number(3), number(4)});
  EXPECT_EQ(seen, (std::vector<V>{{3}, {4}}));
  seen.clear();
  std::vector<Tensor> cache{number(5)};
  m(cache, number(6));
  EXPECT_EQ(seen, (std::vector<V>{{5}, {6}}));
  EXPECT_EQ(cache.size(), 21u);
}

TEST(FullBackwardHooks, LeaveTheCallersVariablesAsTheyAre) {
  Consumes m;
  int calls = 0;
  m.register_full_backward_hook([&](ModuleBase&, HookTensors& grad_input, const HookTensors&) {
    ++calls;
    EXPECT_EQ(grad_input.size(), 2u);
    EXPECT_EQ(value(grad_input[0]), 6);
    EXPECT_EQ(value(grad_input[1]), 5);
  });
  const Tensor held = number(5);
  std::vector<Tensor> cache{held};
  cache[0].requires_grad_();
  Tensor x = number(6).requires_grad_();
  const TensorImpl* const before = x.impl();
  const Tensor y = m(cache, x);
  EXPECT_TRUE(cache[0].is(held));
  EXPECT_TRUE(cache[0].is_leaf());
  EXPECT_EQ(x.impl(), before);
  y.backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(value(held.grad()), 6);
  EXPECT_EQ(value(x.grad()), 5);
}

// Results beyond the first four of a node that the outputs do not reach.
TEST(FullBackwardHooks, ResultsThatAreNotReached) {
  Wide m;
  m.register_full_backward_hook([](ModuleBase&, HookTensors&, const HookTensors&) {});
  std::vector<Tensor> in;
  for (int i = 0; i < 20; ++i) in.push_back(leaf({2}, i));
  const std::vector<Tensor> r = m(in);
  const Tensor w = leaf({2}, 30), loss = (w * 3).sum();
  const std::vector<Tensor> inputs{w, r[4], r[5], r[17]};
  const std::vector<Tensor> g = grad(std::span(&loss, 1), inputs, {}, {}, true);
  EXPECT_EQ(g[0].to_vector<double>(), (V{3, 3}));
  for (size_t i = 1; i < g.size(); ++i) EXPECT_FALSE(g[i].defined()) << i;
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
