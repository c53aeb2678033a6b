#include "core/autograd/autocast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/hearth.h"
#include "core/op/interposer.h"

namespace hearth {
namespace {

// Which ops run, and on which dtype their first operand is.
class Seen final : public Interposer {
 public:
  void intercept(OpCall& call) override {
    if (call.inputs() > 0 && call.is_tensor(0)) ops.emplace_back(call.op.name, call.input(0).dtype());
    call.proceed();
  }
  int count(const std::string& name, DType dtype) const {
    return static_cast<int>(std::count(ops.begin(), ops.end(), std::pair(name, dtype)));
  }
  std::vector<std::pair<std::string, DType>> ops;
};

class AutocastTo : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Low, AutocastTo, testing::Values(bf16, f16),
                         [](const auto& info) { return std::string(traits(info.param).name); });

TEST_P(AutocastTo, EachOpTakesItsDType) {
  const Tensor a = randn({4, 4}), image = randn({1, 3, 5, 5}), kernel = randn({2, 3, 3, 3});
  const Autocast mixed(GetParam());
  EXPECT_EQ(Autocast::current(), GetParam());
  EXPECT_EQ(matmul(a, a).dtype(), GetParam());
  EXPECT_EQ(conv2d(image, kernel).dtype(), GetParam());
  const Tensor heads = a.reshape({1, 1, 4, 4});
  EXPECT_EQ(scaled_dot_product_attention(heads, heads, heads).dtype(), GetParam());
  const Tensor low = matmul(a, a);
  EXPECT_EQ(softmax(low, -1).dtype(), f32);
  EXPECT_EQ(log_softmax(low, -1).dtype(), f32);
  EXPECT_EQ(layer_norm(low, {4}).dtype(), f32);
  EXPECT_EQ(low.sum().dtype(), f32);
  EXPECT_EQ(cross_entropy(low, zeros({4}, {.dtype = i64})).dtype(), f32);
  EXPECT_EQ(mse_loss(low, low).dtype(), f32);
  EXPECT_EQ(norm(low).dtype(), f32);
  EXPECT_EQ(cumsum(low, 0).dtype(), f32);
  EXPECT_EQ(cumprod(low, 0).dtype(), f32);
  EXPECT_EQ(nn::BatchNorm1d(4)(low).dtype(), GetParam());
  // A source that is written into a wider tensor.
  const Tensor into = zeros({4, 4}), rows = arange(4);
  EXPECT_EQ(index_add(into, 0, rows, low).dtype(), f32);
  EXPECT_TRUE(equal(index_add(into, 0, rows, low), low.to(f32)));
  // What differs is promoted; what does not stays.
  EXPECT_EQ((low + a).dtype(), f32);
  EXPECT_EQ((low + low).dtype(), GetParam());
  EXPECT_EQ(relu(low).dtype(), GetParam());
  EXPECT_EQ(relu(a).dtype(), f32);
}

TEST_P(AutocastTo, ResultsAreThoseOfTheCastOperands) {
  Generator random(1);
  const Tensor a = zeros({5, 7}).normal_(0, 1, &random), b = zeros({7, 3}).normal_(0, 1, &random);
  const Tensor expected = matmul(a.to(GetParam()), b.to(GetParam()));
  const Autocast mixed(GetParam());
  EXPECT_TRUE(equal(matmul(a, b), expected));
}

TEST(Autocast, LeavesWhatItMust) {
  const Tensor a = randn({3, 3}), d = a.to(f64), out = zeros({3, 3});
  const Autocast mixed(bf16);
  EXPECT_EQ(matmul(d, d).dtype(), f64);
  EXPECT_EQ(d.sum().dtype(), f64);
  EXPECT_EQ(arange(4).sum().dtype(), i64);
  Tensor written = a.clone();
  written += a;
  EXPECT_EQ(written.dtype(), f32);
  EXPECT_EQ(embedding(a, arange(2)).dtype(), f32);
}

TEST(Autocast, TheInnermostGuardCounts) {
  const Tensor a = randn({3, 3});
  EXPECT_EQ(Autocast::current(), std::nullopt);
  const Autocast outer(bf16);
  {
    const Autocast off(std::nullopt);
    EXPECT_EQ(Autocast::current(), std::nullopt);
    EXPECT_EQ(matmul(a, a).dtype(), f32);
    const Autocast inner(f16);
    EXPECT_EQ(matmul(a, a).dtype(), f16);
  }
  EXPECT_EQ(matmul(a, a).dtype(), bf16);
}

TEST(Autocast, RefusesOtherDTypes) {
  try {
    const Autocast mixed(f32);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("dtype f32 is not supported"), std::string::npos) << e.what();
  }
  EXPECT_EQ(Autocast::current(), std::nullopt);
}

TEST(Autocast, GradientsAreOfTheParametersDType) {
  manual_seed(3);
  nn::Linear l(6, 4);
  const Tensor x = randn({5, 6});
  const auto gradient = [&](bool inside) {
    l.zero_grad();
    Tensor loss;
    {
      const Autocast mixed(bf16);
      loss = l(x).square().mean();
      if (inside) loss.backward();
    }
    if (!inside) loss.backward();
    return l.weight.grad();
  };
  const Tensor outside = gradient(false), inside = gradient(true);
  EXPECT_EQ(outside.dtype(), f32);
  // Backward runs in the dtypes of forward, wherever it is called.
  EXPECT_TRUE(equal(outside, inside));
  l.zero_grad();
  l(x).square().mean().backward();
  const Tensor exact = l.weight.grad();
  const double largest = exact.abs().max().item<double>();
  EXPECT_LE((outside - exact).abs().max().item<double>(), 0.02 * largest);
  EXPECT_GT((outside - exact).abs().max().item<double>(), 0);
}

TEST(Autocast, CastsAParameterOnce) {
  nn::Linear l(4, 4);
  const Tensor x = randn({2, 4});
  Seen seen;
  const InterposerGuard watching(seen);
  {
    const Autocast mixed(bf16);
    Tensor y = x;
    for (int i = 0; i < 3; ++i) y = l(y);
    // The input, the weight and the bias; later inputs are bf16 already.
    EXPECT_EQ(seen.count("copy", f32), 3);
    // What was cast without gradients is of no use with them.
    {
      const NoGrad off;
      (void)l(x.to(bf16));
      EXPECT_EQ(seen.count("copy", f32), 6);
    }
    y.sum().backward();
    ASSERT_TRUE(l.weight.grad().defined());
    // A write makes the cast stale.
    {
      const NoGrad off;
      l.weight.zero_();
      l.bias->zero_();
    }
    EXPECT_EQ(l(x).abs().max().item<double>(), 0);
  }
}

// What was cast without gradients has none.
TEST(Autocast, AParametersGradientIsNotLost) {
  nn::Linear l(4, 4);
  const Tensor x = randn({2, 4});
  const Autocast mixed(bf16);
  {
    const NoGrad off;
    (void)l(x);
  }
  l(x).sum().backward();
  ASSERT_TRUE(l.weight.grad().defined());
  const Tensor first = l.weight.grad().clone();
  // The cast is used by another graph after a backward.
  l(x).sum().backward();
  EXPECT_TRUE(equal(l.weight.grad(), first * 2));
}

TEST(Autocast, ACheckpointRunsAgainAsItRanFirst) {
  manual_seed(4);
  nn::Linear a(5, 5), b(5, 5);
  const Tensor x = randn({3, 5});
  const auto gradients = [&](bool with_checkpoint) {
    a.zero_grad();
    const auto f = [&](const Tensor& t) { return tanh(b(tanh(a(t)))); };
    Tensor loss;
    {
      const Autocast mixed(bf16);
      loss = (with_checkpoint ? checkpoint(f, x) : f(x)).sum();
    }
    loss.backward();
    return a.weight.grad();
  };
  const Tensor plain = gradients(false);
  EXPECT_TRUE(equal(gradients(true), plain));
}

TEST(Autocast, GradientsOfGradients) {
  Tensor w = randn({3, 3});
  w.requires_grad_();
  Tensor y;
  {
    const Autocast mixed(bf16);
    y = matmul(w, w).sum();
  }
  const Tensor g = grad({{y}}, {{w}}, {}, {.create_graph = true})[0];
  EXPECT_EQ(g.dtype(), f32);
  EXPECT_EQ(grad({{g.square().sum()}}, {{w}})[0].dtype(), f32);
}

TEST(Autocast, ATracedGraphHasTheCasts) {
  nn::Linear l(4, 2);
  l.eval();
  const Tensor x = randn({3, 4});
  Tensor expected;
  {
    const Autocast mixed(bf16);
    const NoGrad off;
    expected = l(x);
  }
  const Autocast mixed(bf16);
  const graph::Graph graph = graph::trace(l, {{"x", f32, {3, 4}}});
  EXPECT_TRUE(equal(graph.run(std::vector<Tensor>{x})[0], expected));
}

// A small net learns as it does in f32.
TEST(Autocast, LossesFollowThoseOfF32) {
  const auto losses = [](std::optional<DType> low) {
    Generator random(9);
    const GeneratorGuard drawn(random);
    nn::Sequential net(nn::Linear(8, 32), relu, nn::Linear(32, 3));
    const Tensor x = randn({64, 8}), y = argmax(x.narrow(1, 0, 3), 1);
    optim::AdamW o(net.parameters(), {.lr = 0.02});
    std::vector<double> out;
    for (int i = 0; i < 40; ++i) {
      Tensor loss;
      {
        const Autocast mixed(low);
        loss = cross_entropy(net(x), y);
      }
      o.zero_grad();
      loss.backward();
      o.step();
      out.push_back(loss.item<double>());
    }
    return out;
  };
  const auto exact = losses(std::nullopt), mixed = losses(bf16);
  EXPECT_LT(exact.back(), 0.15 * exact.front());
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(mixed[i], exact[i], 0.03) << i;
}

}  // namespace
}  // namespace hearth
