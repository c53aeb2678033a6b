// Parameters that are computed, and calls with other tensors than a module's own, against PyTorch.
#include "core/nn/parametrization.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/activation.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/functional_call.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/rnn.h"
#include "core/nn/weight_norm.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/nn_testing.h"
#include "tests/core/nn/utils_golden.inc"

namespace hearth {
namespace {

using Names = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// As fill() of tools/golden/nn_utils.py.
std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  const NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    t.copy_(wave(t.shape(), k++));
    if (t.requires_grad()) out.push_back(t);
  }
  return out;
}

std::vector<Tensor> with(const Tensor& x, std::vector<Tensor> rest) {
  rest.insert(rest.begin(), x);
  return rest;
}

void check(const Tensor& out, const std::vector<Tensor>& leaves, const std::vector<double>& want) {
  const Tensor weighted = (out * wave(out.shape(), 5)).sum();
  std::vector<Tensor> got{out};
  for (const Tensor& g : grad({&weighted, 1}, leaves)) got.push_back(g);
  expect_close(got, want);
}

void check_names(const nn::ModuleBase& m, const Names& want) {
  Names got;
  for (const auto& [name, t] : m.state_dict())
    got.emplace_back(name, std::vector<int64_t>(t.shape().begin(), t.shape().end()));
  EXPECT_EQ(got, want);
}

TEST(WeightNorm, AsPyTorch) {
  const Tensor x = leaf({2, 4}, 1);
  nn::Linear rows(4, 3), columns(4, 3), all(4, 3), kept(4, 3);
  nn::weight_norm(rows);
  check_names(rows, kNamesWeightNorm0);
  auto p = fill(rows);
  check(rows(x), with(x, p), kGoldenWeightNorm0);
  nn::weight_norm(columns, "weight", 1);
  check_names(columns, kNamesWeightNorm1);
  p = fill(columns);
  check(columns(x), with(x, p), kGoldenWeightNorm1);
  nn::weight_norm(all, "weight", std::nullopt);
  check_names(all, kNamesWeightNormAll);
  p = fill(all);
  check(all(x), with(x, p), kGoldenWeightNormAll);
  fill(kept);
  const Tensor before = kept(x);
  nn::weight_norm(kept);
  expect_close(
      {kept.state_dict()["parametrizations.weight.original0"], kept.state_dict()["parametrizations.weight.original1"]},
      kGoldenWeightNormOriginals);
  EXPECT_TRUE(kept(x).allclose(before, 1e-12, 1e-12));
  EXPECT_EQ(message([&] { nn::weight_norm(kept, "weight", 2); }),
            "weight_norm: dimension 2 is out of range for a parameter of shape [3, 4]");
  EXPECT_EQ(message([&] { nn::weight_norm(kept, "gone"); }), "weight_norm: nn::Linear has no parameter 'gone'");
}

TEST(SpectralNorm, AsPyTorch) {
  const Tensor x = leaf({2, 4}, 1);
  nn::Linear m(4, 3);
  nn::spectral_norm(m, "weight", {.n_power_iterations = 2, .eps = 1e-3});
  check_names(m, kNamesSpectralNorm);
  const auto p = fill(m);
  m.eval();
  check(m(x), with(x, p), kGoldenSpectralNormEval);
  m.train();
  const Tensor y = m(x);
  const nn::StateDict state = m.state_dict();
  expect_close({state.at("parametrizations.weight.0._u"), state.at("parametrizations.weight.0._v")},
               kGoldenSpectralNormVectors);
  const Tensor again = m(x);  // writes to the vectors before the first backward
  check(y, with(x, p), kGoldenSpectralNorm);
  nn::Conv1d columns(2, 3, 2);
  nn::spectral_norm(columns, "weight", {.dim = 1});
  check_names(columns, kNamesSpectralNormColumns);
  const auto q = fill(columns);
  check(columns(wave({1, 2, 4}, 1)), q, kGoldenSpectralNormColumns);
  // A new one is near at once.
  nn::Linear fresh(40, 30);
  nn::spectral_norm(fresh);
  for (int i = 0; i < 50; ++i) fresh(zeros({1, 40}));
  fresh.eval();
  const Tensor w = nn::parametrized(fresh, "weight").detach();
  Tensor v = ones({40});
  for (int i = 0; i < 200; ++i) {
    v = w.t().mv(w.mv(v));
    v = v / v.norm();
  }
  EXPECT_NEAR(w.mv(v).norm().item<double>(), 1, 1e-3);
  EXPECT_EQ(message([&] { nn::spectral_norm(fresh, "bias", {.n_power_iterations = 0}); }),
            "spectral_norm: n_power_iterations must be at least 1, but is 0");
  nn::spectral_norm(fresh, "bias");
  EXPECT_NEAR(nn::parametrized(fresh, "bias").norm().item<double>(), 1, 1e-5);
}

TEST(Parametrization, SeveralOneAfterTheOther) {
  const Tensor x = leaf({2, 4}, 1);
  nn::Linear m(4, 3);
  nn::weight_norm(m);
  nn::register_parametrization(m, "weight", [](const Tensor& w) { return w * 2; });
  const auto p = fill(m);
  check(m(x), with(x, p), kGoldenChain);
}

TEST(Parametrization, PlaceIsEmptyOutsideOfCalls) {
  nn::Linear m(3, 3);
  const Tensor weight = m.weight, x = wave({2, 3}, 1).to(f32);
  nn::register_parametrization(m, "weight", [](const Tensor& w) { return tril(w); });
  EXPECT_TRUE(nn::is_parametrized(m));
  EXPECT_TRUE(nn::is_parametrized(m, "weight"));
  EXPECT_FALSE(nn::is_parametrized(m, "bias"));
  EXPECT_FALSE(m.weight.defined());
  EXPECT_THROW(m.forward(x), Error);
  EXPECT_TRUE(m.state_dict()["parametrizations.weight.original"].is(weight));  // an optimizer that has it stays valid
  EXPECT_EQ(m.parameters().size(), 2u);
  const Tensor want = linear(x, tril(weight), *m.bias);  // NOLINT(bugprone-unchecked-optional-access)
  EXPECT_TRUE(m(x).equal(want));
  EXPECT_FALSE(m.weight.defined());
  EXPECT_THROW(m(ones({2, 5})), Error);
  EXPECT_FALSE(m.weight.defined());
  m(x).sum().backward();
  EXPECT_EQ(weight.grad().select(0, 0).slice(0, 1, 3).abs().sum().item<double>(), 0);
  nn::remove_parametrizations(m, "weight");
  EXPECT_FALSE(nn::is_parametrized(m));
  EXPECT_TRUE(m.weight.is(weight));  // an optimizer that has it trains it still
  EXPECT_TRUE(m.weight.equal(tril(weight)));
  EXPECT_TRUE(m.weight.requires_grad());
  EXPECT_TRUE(m(x).equal(want));
  EXPECT_EQ(m.state_dict().count("weight"), 1u);
}

TEST(Parametrization, ComputedOfWhatHooksBeforeForwardHaveWritten) {
  nn::Linear m(3, 2, {.bias = false});
  nn::register_parametrization(m, "weight", [](const Tensor& w) { return w * 2; });
  const auto zeroed = m.register_forward_pre_hook([&](nn::ModuleBase&, nn::HookTensors&) {
    const NoGrad off;
    m.state_dict().at("parametrizations.weight.original").zero_();
    EXPECT_FALSE(m.weight.defined());
  });
  const auto after = m.register_forward_hook(
      [&](nn::ModuleBase&, const nn::HookTensors&, nn::HookTensors&) { EXPECT_FALSE(m.weight.defined()); });
  EXPECT_EQ(m(ones({1, 3})).abs().sum().item<double>(), 0);
}

struct Scaled : nn::Module<Scaled> {
  nn::Parameter w{this, "w", ones({2})};
  nn::Parameter other{this, "other", ones({2})};
  std::function<void(Scaled&)> act;
  Tensor forward(const Tensor& x) {
    if (act) act(*this);
    return x * w;
  }
};

TEST(Parametrization, StayAsTheyAreWhileForwardRuns) {
  Scaled m;
  const auto doubled = [](const Tensor& w) { return w * 2; };
  nn::register_parametrization(m, "w", doubled);
  const Tensor x = ones({2});
  m.act = [](Scaled& s) { nn::remove_parametrizations(s, "w"); };
  EXPECT_NE(message([&] { m(x); }).find("remove_parametrizations: the forward of Scaled is running"),
            std::string::npos);
  m.act = [&](Scaled& s) { nn::register_parametrization(s, "other", doubled); };
  EXPECT_NE(message([&] { m(x); }).find("register_parametrization: the forward of Scaled is running"),
            std::string::npos);
  EXPECT_FALSE(m.w.defined());
  // What a call has computed is no parameter, and does not stay in copies.
  m.act = [](Scaled& s) {
    EXPECT_TRUE(s.w.defined());
    const std::vector<std::string> want{"other", "parametrizations.w.original"};
    const auto copy = nn::clone(s);
    const Scaled shallow(s);
    EXPECT_FALSE(copy->w.defined());
    for (const Scaled* one : {&std::as_const(s), &std::as_const(*copy), &shallow}) {
      std::vector<std::string> names;
      for (const auto& [name, t] : one->named_parameters()) names.push_back(name);
      EXPECT_EQ(names, want);
    }
  };
  EXPECT_EQ(m(x).detach().to_vector<float>(), (std::vector<float>{2, 2}));
  // Hooks may: they are not within forward.
  m.act = nullptr;
  const auto hook =
      m.register_forward_pre_hook([&](nn::ModuleBase&, nn::HookTensors&) { nn::remove_parametrizations(m, "w"); });
  EXPECT_EQ(m(x).detach().to_vector<float>(), (std::vector<float>{2, 2}));
}

TEST(Parametrization, OneCallAtATime) {
  nn::Linear m(3, 3);
  std::atomic<bool> waits = false;
  std::latch begun(1), go_on(1);
  nn::register_parametrization(m, "weight", [&](const Tensor& w) {
    if (waits) {
      begun.count_down();
      go_on.wait();
    }
    return w * 2;
  });
  const Tensor x = ones({1, 3});
  waits = true;
  std::thread other([&] { m(x); });
  begun.wait();
  EXPECT_NE(message([&] { m(x); }).find("nn::Linear: two threads call it at once"), std::string::npos);
  EXPECT_EQ(message([&] { nn::remove_parametrizations(m, "weight"); }),
            "remove_parametrizations: the forward of nn::Linear is running");
  go_on.count_down();
  other.join();
  waits = false;
  EXPECT_EQ(m(x).shape(), (Shape{1, 3}));
}

TEST(SpectralNorm, IsNearAtOnceAfterInitialize) {
  manual_seed(1);
  nn::Linear m(40, 30);
  nn::spectral_norm(m);
  m.initialize();
  m.eval();
  const Tensor w = nn::parametrized(m, "weight").detach();
  Tensor v = ones({40});
  for (int i = 0; i < 200; ++i) {
    v = w.t().mv(w.mv(v));
    v = v / v.norm();
  }
  EXPECT_NEAR(w.mv(v).norm().item<double>(), 1, 0.1);
}

struct Unset : nn::Module<Unset> {
  nn::Parameter w{this, "w", ones({2})};
  nn::Parameter b{this, "b", ones({2})};
};

TEST(Parametrization, OriginalsWantFirstValuesToo) {
  Unset m;
  nn::register_parametrization(m, "w", [](const Tensor& w) { return w * 2; });
  EXPECT_EQ(message([&] { m.initialize(); }),
            "initialize: these modules own tensors but have no public reset_parameters(): Unset owns b, "
            "parametrizations.w.original");
}

TEST(Parametrization, CopiesClonesAndMoves) {
  nn::Linear m(4, 3);
  nn::spectral_norm(m);
  m.eval();
  const Tensor x = wave({2, 4}, 1).to(f32);
  const nn::Linear copy(m);
  const auto own = nn::clone(m);
  EXPECT_TRUE(copy.parameters()[1].is(m.parameters()[1]));
  EXPECT_FALSE(own->parameters()[1].is(m.parameters()[1]));
  EXPECT_TRUE(copy(x).equal(m(x)));
  EXPECT_TRUE((*own)(x).equal(m(x)));
  {
    const NoGrad off;
    Tensor original = own->state_dict()["parametrizations.weight.original"];
    original.select(0, 0).mul_(3);
  }
  EXPECT_FALSE((*own)(x).equal(m(x)));
  own->load_state_dict(m.state_dict());
  EXPECT_TRUE((*own)(x).equal(m(x)));
  own->to(f64);
  EXPECT_EQ((*own)(x.to(f64)).dtype(), f64);
  // New values are those that the parameter gets, as far as a parametrization allows it.
  nn::Linear normed(4, 3);
  nn::weight_norm(normed);
  const Tensor before = nn::parametrized(normed, "weight").detach();
  normed.initialize();
  const Tensor after = nn::parametrized(normed, "weight").detach();
  EXPECT_FALSE(after.equal(before));
  EXPECT_LE(after.abs().amax().item<double>(), 0.5 + 1e-6);
  EXPECT_FALSE(normed.weight.defined());
}

struct Net : nn::Module<Net> {
  nn::Linear a{this, "a", 4, 4};
  nn::LSTM lstm{this, "lstm", 4, 3};
  Tensor forward(const Tensor& x) const { return lstm(relu(a(x))).output; }
};

TEST(Parametrization, WithinOtherModulesAndOfOwnedParameters) {
  Net m;
  const Tensor x = wave({5, 2, 4}, 1).to(f32), before = m(x);
  nn::weight_norm(m.a);
  nn::weight_norm(m.lstm, "weight_hh_l0");
  EXPECT_TRUE(m(x).allclose(before, 1e-5, 1e-6));
  const nn::StateDict state = m.state_dict();
  EXPECT_EQ(state.count("a.parametrizations.weight.original0"), 1u);
  EXPECT_EQ(state.count("lstm.parametrizations.weight_hh_l0.original1"), 1u);
  EXPECT_EQ(state.count("lstm.weight_hh_l0"), 0u);
  m(x).sum().backward();
  for (const Tensor& p : m.parameters()) EXPECT_TRUE(p.grad().defined());
  int calls = 0;
  m.a.register_forward_hook([&](nn::ModuleBase&, const nn::HookTensors&, nn::HookTensors&) { ++calls; });
  m(x);
  EXPECT_EQ(calls, 1);
}

struct TwoParts {
  Tensor forward(const std::vector<Tensor>& t) const { return t[0] + t[1]; }
  std::vector<Tensor> right_inverse(const Tensor& t) const { return {t * 0.25, t * 0.75}; }
};

TEST(Parametrization, WrongOnes) {
  nn::Linear m(4, 3);
  EXPECT_EQ(message([&] { nn::register_parametrization(m, "gone", [](const Tensor& w) { return w; }); }),
            "register_parametrization: nn::Linear has no parameter 'gone'");
  EXPECT_EQ(message([&] { nn::register_parametrization(m, "weight", [](const Tensor& w) { return w.t(); }); }),
            "register_parametrization: the parametrization of 'weight', f32 [3, 4], gives f32 [4, 3]");
  EXPECT_FALSE(nn::is_parametrized(m));
  EXPECT_TRUE(m.weight.defined());
  nn::register_parametrization(m, "weight", TwoParts());
  EXPECT_EQ(message([&] { nn::register_parametrization(m, "weight", TwoParts()); }),
            "register_parametrization: only the first parametrization of a parameter takes several originals");
  EXPECT_EQ(message([&] { nn::parametrized(m, "bias"); }), "parametrized: 'bias' of nn::Linear has no parametrization");
  EXPECT_EQ(message([&] { nn::remove_parametrizations(m, "bias"); }),
            "remove_parametrizations: 'bias' of nn::Linear has no parametrization");
}

struct Tied : nn::Module<Tied> {
  nn::Linear a{this, "a", 3, 3, {.bias = false}};
  nn::Linear b{this, "b", 3, 3, {.bias = false}};
  Tied() { b.weight = a.weight; }
  Tensor forward(const Tensor& x) const { return b(a(x)); }
};

TEST(FunctionalCall, TakesTheTensorsGiven) {
  nn::Sequential m(nn::Linear(3, 4), nn::Tanh(), nn::Linear(4, 2));
  const Tensor x = wave({5, 3}, 1).to(f32), w = leaf({4, 3}, 2).to(f32).detach().requires_grad_();
  const Tensor before = m(x);
  const Tensor y = nn::functional_call(m, {{"0.weight", w}}, x);
  EXPECT_TRUE(m(x).equal(before));
  EXPECT_FALSE(m[0].as<nn::Linear>().weight.is(w));
  nn::Sequential other = *nn::clone(m);
  {
    const NoGrad off;
    Tensor own = other[0].as<nn::Linear>().weight;
    own.copy_(w);
  }
  EXPECT_TRUE(other(x).equal(y));
  EXPECT_TRUE(grad(y.sum(), w).equal(grad(other(x).sum(), other[0].as<nn::Linear>().weight)));
  Tied tied;
  const Tensor v = wave({3, 3}, 1).to(f32);
  EXPECT_TRUE(nn::functional_call(tied, {{"a.weight", v}}, x).equal(linear(linear(x, v), v)));
  EXPECT_TRUE(nn::functional_call(tied, {{"a.weight", v}, {"b.weight", v}}, x).equal(linear(linear(x, v), v)));
  EXPECT_EQ(message([&] {
              nn::functional_call(tied, {{"a.weight", v}, {"b.weight", v.clone()}}, x);
            }),
            "functional_call: 'a.weight' and 'b.weight' are one tensor of the module, but two different tensors are "
            "given for them");
  // Running statistics are the module's.
  nn::BatchNorm1d norm(3);
  nn::functional_call(norm, {{"weight", ones({3}) * 2}}, x);
  EXPECT_EQ(norm.num_batches_tracked->item<int64_t>(), 1);  // NOLINT(bugprone-unchecked-optional-access)
  // Originals have names too.
  nn::Linear scaled(3, 2, {.bias = false});
  nn::register_parametrization(scaled, "weight", [](const Tensor& t) { return t * 2; });
  const Tensor u = wave({2, 3}, 1).to(f32);
  EXPECT_TRUE(nn::functional_call(scaled, {{"parametrizations.weight.original", u}}, x).equal(linear(x, u * 2)));
  EXPECT_EQ(message([&] {
              nn::functional_call(m, {{"9.weight", w}}, x);
            }),
            "functional_call: nn::Sequential has no parameter or buffer '9.weight'");
  EXPECT_EQ(message([&] {
              nn::functional_call(m, {{"0.bias", w}}, x);
            }),
            "functional_call: '0.bias' has the shape [4, 3]; expected [4]");
  EXPECT_EQ(message([&] {
              nn::functional_call(m, {{"0.bias", Tensor()}}, x);
            }),
            "functional_call: '0.bias' is undefined; expected [4]");
}

}  // namespace
}  // namespace hearth
