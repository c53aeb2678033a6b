// A training on a GPU goes as on the CPU.
#include <gtest/gtest.h>

#include <vector>

#include "core/device/cuda/runtime.h"
#include "core/hearth.h"

namespace hearth {
namespace {

// A classifier of random points by the side of a curve that they lie on.
struct Net : nn::Module<Net> {
  nn::Linear first{this, "first", 2, 64};
  nn::LayerNorm norm{this, "norm", {64}};
  nn::Linear second{this, "second", 64, 64};
  nn::Linear last{this, "last", 64, 3};

  Tensor forward(const Tensor& x) { return last(gelu(second(norm(relu(first(x)))))); }
};

std::vector<float> losses(Device device, bool adam) {
  manual_seed(11);
  Net net;
  net.to(device);
  manual_seed(12);
  const Tensor points = randn({256, 2});
  const Tensor sides = (points.select(1, 0) * points.select(1, 1) > 0).to(i64) + (points.select(1, 0) > 1).to(i64);
  const Tensor x = points.to(device), target = sides.to(device);
  std::vector<float> out;
  optim::SGD sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  optim::Adam with_adam(net.parameters(), {.lr = 0.01});
  for (int step = 0; step < 12; ++step) {
    const Tensor loss = cross_entropy(net.forward(x), target);
    net.zero_grad();
    loss.backward();
    if (adam) with_adam.step();
    else sgd.step();
    out.push_back(loss.item<float>());
  }
  return out;
}

TEST(CudaTraining, LossesAreThoseOfTheCpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  for (bool adam : {false, true}) {
    const std::vector<float> want = losses(kCpu, adam), got = losses(kCuda, adam);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 2e-3 * want[i]) << i;
    EXPECT_LT(got.back(), 0.6f * got.front());
  }
}

TEST(CudaTraining, WhatIsKeptOnTheCpuGivesTheSameGradients) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  for (const bool pinned : {false, true}) {
    Tensor x = (arange(6.0).view({2, 3}) / 4).to(kCuda).requires_grad_(), y;
    {
      const SaveOnCpu saved(pinned);
      y = (x.exp() * x).sum();
    }
    y.backward();
    const Tensor at = x.detach().cpu();
    EXPECT_TRUE(allclose(x.grad().cpu(), at.exp() * (at + 1)));
  }
}

}  // namespace
}  // namespace hearth
