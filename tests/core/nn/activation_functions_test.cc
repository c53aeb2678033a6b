// Modules of activation functions, in-place forms, and the functions with random numbers. The other values stand in the
// op table.
#include "core/ops/activation_functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "core/autograd/backward.h"
#include "core/nn/activation_functions.h"
#include "core/nn/container.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

TEST(ActivationModules, CallTheFunctions) {
  const Tensor x = wave({2, 4, 3}, 1) * 3.0;
  EXPECT_TRUE(nn::Hardtanh(-0.5, 2)(x).equal(hardtanh(x, -0.5, 2)));
  EXPECT_TRUE(nn::GLU(1)(x).equal(glu(x, 1)));
  EXPECT_TRUE(nn::CELU(0.5)(x).equal(celu(x, 0.5)));
  EXPECT_TRUE(nn::Softsign()(x).equal(softsign(x)));
  EXPECT_TRUE(nn::Softshrink(0.25)(x).equal(softshrink(x, 0.25)));
  EXPECT_TRUE(nn::Hardshrink(0.25)(x).equal(hardshrink(x, 0.25)));
  EXPECT_TRUE(nn::Tanhshrink()(x).equal(tanhshrink(x)));
  EXPECT_TRUE(nn::Threshold(0.5, 7)(x).equal(threshold(x, 0.5, 7)));
  EXPECT_TRUE(nn::LogSoftmax(1)(x).equal(log_softmax(x, 1)));
  EXPECT_TRUE(nn::Softmin(1)(x).equal(softmin(x, 1)));
  EXPECT_TRUE(nn::Softmax2d()(x).equal(softmax(x, 0)));
  const Tensor images = x.view({1, 2, 4, 3});
  EXPECT_TRUE(nn::Softmax2d()(images).equal(softmax(images, 1)));
  nn::RReLU random(0.5, 1);
  random.eval();
  EXPECT_TRUE(random(x).equal(leaky_relu(x, 0.75)));
  const nn::Sequential chain{nn::Hardtanh(), nn::PReLU(), nn::LogSoftmax()};
  EXPECT_EQ(chain.state_dict().size(), 1u);
  EXPECT_EQ(message([] { nn::Hardtanh(2, 1); }), "Hardtanh: min 2 is above max 1");
  EXPECT_EQ(message([&] { nn::Softmax2d()(x[0]); }),
            "Softmax2d: expected [n, c, h, w] or [c, h, w], but the shape is [4, 3]");
}

TEST(ActivationModules, PReLU) {
  nn::PReLU one, each({.num_parameters = 4, .init = 0.5});
  EXPECT_EQ(one.weight.to_vector<float>(), (std::vector<float>{0.25f}));
  EXPECT_EQ(each.weight.shape(), Shape{4});
  const Tensor x = wave({2, 4, 3}, 1).to(f32);
  EXPECT_TRUE(each(x).equal(prelu(x, full({4}, 0.5))));
  each(x).sum().backward();
  EXPECT_TRUE(each.weight.grad().allclose(minimum(x, 0).sum({0, 2}), 1e-5, 1e-6));
  each.initialize();
  EXPECT_EQ(each.weight[3].item<float>(), 0.5f);
  EXPECT_EQ(message([] { nn::PReLU({.num_parameters = 0}); }),
            "PReLU: the number of parameters must be at least 1, but is 0");
}

// f in place gives what g does, with its gradient, also in part of a tensor, and refuses a leaf.
void check_in_place(const std::function<Tensor&(Tensor&)>& f, const std::function<Tensor(const Tensor&)>& g) {
  const Tensor leaf_x = leaf({3, 4}, 1), leaf_y = leaf({3, 4}, 1);
  Tensor x = leaf_x * 2.0, part = x.slice(1, 0, 2);
  EXPECT_TRUE(f(part).is(part));
  const Tensor y = leaf_y * 2.0;
  const Tensor want = g(y.slice(1, 0, 2));
  EXPECT_TRUE(part.equal(want));
  EXPECT_TRUE(x.slice(1, 0, 2).equal(want));
  EXPECT_TRUE(x.slice(1, 2, 4).equal(y.slice(1, 2, 4)));
  const Tensor dx = grad((x * wave({3, 4}, 2)).sum(), leaf_x);
  const Tensor dy =
      grad((want * wave({3, 4}, 2).slice(1, 0, 2)).sum() + (y.slice(1, 2, 4) * wave({3, 4}, 2).slice(1, 2, 4)).sum(),
           leaf_y);
  EXPECT_TRUE(dx.allclose(dy, 1e-12, 1e-12));
  Tensor bare = leaf({2}, 1);
  EXPECT_THROW(f(bare), Error);
}

TEST(ActivationFunctions, InPlace) {
  check_in_place([](Tensor& x) -> Tensor& { return elu_(x, 0.5); }, [](const Tensor& x) { return elu(x, 0.5); });
  check_in_place([](Tensor& x) -> Tensor& { return leaky_relu_(x, 0.1); },
                 [](const Tensor& x) { return leaky_relu(x, 0.1); });
  check_in_place([](Tensor& x) -> Tensor& { return hardtanh_(x, -0.5, 1); },
                 [](const Tensor& x) { return hardtanh(x, -0.5, 1); });
  check_in_place([](Tensor& x) -> Tensor& { return threshold_(x, 0.25, 3); },
                 [](const Tensor& x) { return threshold(x, 0.25, 3); });
  check_in_place([](Tensor& x) -> Tensor& { return rrelu_(x); }, [](const Tensor& x) { return rrelu(x); });
  Tensor whole = tensor({-3, 0, 5});
  threshold_(whole, 0.5, 2.5);
  EXPECT_EQ(whole.to_vector<int64_t>(), (std::vector<int64_t>{2, 2, 5}));
  hardtanh_(whole, 0, 3.5);
  EXPECT_EQ(whole.to_vector<int64_t>(), (std::vector<int64_t>{2, 2, 3}));
}

TEST(ActivationFunctions, RandomSlopes) {
  Generator g(7);
  const Tensor x = full({20000}, -2.0).requires_grad_();
  const Tensor y = rrelu(x, 0.25, 0.75, true, &g);
  EXPECT_GE(y.amin().item<double>(), -1.5);
  EXPECT_LE(y.amax().item<double>(), -0.5);
  EXPECT_NEAR(y.mean().item<double>(), -1.0, 0.01);
  EXPECT_NEAR(y.std().item<double>(), 2 * 0.5 / std::sqrt(12.0), 0.01);
  EXPECT_TRUE(grad(y.sum(), x).allclose(y / -2.0, 1e-6, 1e-6));
  const Tensor positive = ones({3});
  EXPECT_TRUE(rrelu(positive, 0.25, 0.75, true, &g).equal(positive));
  EXPECT_EQ(rrelu(x.to(bf16), 0.25, 0.75, true, &g).dtype(), bf16);
}

TEST(ActivationFunctions, GumbelSoftmax) {
  Generator g(7);
  const Tensor p = tensor({0.1, 0.2, 0.7}).to(f32), logits = log(p).expand({40000, 3});
  const Tensor hard = gumbel_softmax(logits, {.hard = true, .generator = &g});
  EXPECT_TRUE(hard.sum(1).equal(ones({40000})));
  EXPECT_TRUE(hard.amax(1).equal(ones({40000})));
  EXPECT_TRUE(hard.mean(0).allclose(p, 0, 0.01));
  // The soft one has the greatest value where the hard one is 1, whatever the temperature.
  for (const double tau : {0.5, 1.0, 4.0}) {
    Generator a(3), b(3);
    const Tensor x = leaf({50, 4}, 1), z = leaf({50, 4}, 1);
    const Tensor soft = gumbel_softmax(x, {.tau = tau, .generator = &a});
    const Tensor one_hot = gumbel_softmax(z, {.tau = tau, .hard = true, .generator = &b});
    EXPECT_TRUE(soft.argmax(1).equal(one_hot.argmax(1)));
    EXPECT_TRUE(soft.sum(1).allclose(ones({50}, {.dtype = f64}), 1e-12, 1e-12));
    const Tensor w = wave({50, 4}, 2);
    EXPECT_TRUE(grad((soft * w).sum(), x).equal(grad((one_hot * w).sum(), z)));
  }
  EXPECT_TRUE(gumbel_softmax(zeros({5, 3}).to(bf16), {.dim = 0}).isfinite().all().item<bool>());
  EXPECT_EQ(gumbel_softmax(zeros({}), {.hard = true, .dim = 0}).item<float>(), 1);
  EXPECT_EQ(gumbel_softmax(zeros({0, 3}), {.hard = true}).shape(), (Shape{0, 3}));
  EXPECT_EQ(message([] { gumbel_softmax(zeros({3}), {.tau = 0}); }), "gumbel_softmax: tau must be above 0, but is 0");
}

TEST(ActivationFunctions, WrongArguments) {
  const Tensor x = ones({3});
  EXPECT_EQ(message([&] { celu(x, 0); }), "celu: alpha must not be 0");
  EXPECT_EQ(message([&] { softshrink(x, -1); }), "softshrink: lambda must not be negative, but is -1");
  EXPECT_EQ(message([&] { rrelu(x, 2, 1); }), "rrelu: lower 2 is above upper 1");
}

}  // namespace
}  // namespace hearth
