// Captured work, replayed, has the bits that the same calls have without a graph.
#include "core/device/cuda_graph.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/device/cuda/runtime.h"
#include "core/device/stream.h"
#include "core/graph/captured_runs.h"
#include "core/hearth.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

class CudaGraphs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
};

struct Net : nn::Module<Net> {
  nn::Linear first{this, "first", 20, 32};
  nn::LayerNorm norm{this, "norm", {32}};
  nn::Dropout drop{this, "drop", 0.3};
  nn::Linear last{this, "last", 32, 5};
  Tensor forward(const Tensor& x) { return last(drop(gelu(norm(first(x))))); }
};

TEST_F(CudaGraphs, InferenceHasTheSameBits) {
  manual_seed(1);
  Net net;
  net.to(kCuda);
  net.eval();
  const NoGrad off;
  Tensor x = randn({6, 20}).to(kCuda), y;
  net(x);
  CudaGraph graph(kCuda, [&] { y = net(x); });
  for (int i = 0; i < 3; ++i) {
    const Tensor batch = randn({6, 20}).to(kCuda);
    x.copy_(batch);
    graph.replay();
    EXPECT_TRUE(y.cpu().equal(net(batch).cpu())) << i;
  }
}

// The losses of some steps and the parameters after them.
struct Run {
  std::vector<float> losses;
  std::vector<Tensor> parameters;
};

using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(Net&)>;

Run train(const MakeOptimizer& make, bool captured) {
  manual_seed(2);
  Net net;
  net.to(kCuda);
  const auto optimizer = make(net);
  const Tensor x = zeros({8, 20}, {.device = kCuda}), target = zeros({8}, {.dtype = i64, .device = kCuda});
  Tensor inputs = x, labels = target, loss;
  const auto step = [&] {
    optimizer->zero_grad();
    loss = cross_entropy(net(inputs), labels);
    loss.backward();
    optimizer->step();
  };
  Run run;
  std::optional<CudaGraph> graph;
  for (int i = 0; i < 6; ++i) {
    Generator data(static_cast<uint64_t>(100 + i));
    inputs.copy_(randn({8, 20}, {}, &data));
    labels.copy_(randint(0, 5, {8}, {.dtype = i64}, &data));
    if (i == 4) optimizer->set_lr(optimizer->lr() / 3);
    if (captured && i == 2) {
      optimizer->zero_grad();
      graph.emplace(kCuda, step);
    }
    if (graph) graph->replay();
    else step();
    run.losses.push_back(loss.item<float>());
  }
  for (const Tensor& p : net.parameters()) run.parameters.push_back(p.detach().cpu());
  for (const auto& [name, t] : optimizer->state_dict()) run.parameters.push_back(t.cpu());
  return run;
}

void expect_same(const MakeOptimizer& make) {
  const Run want = train(make, false), got = train(make, true);
  EXPECT_EQ(got.losses, want.losses);
  ASSERT_EQ(got.parameters.size(), want.parameters.size());
  for (size_t i = 0; i < want.parameters.size(); ++i) EXPECT_TRUE(got.parameters[i].equal(want.parameters[i])) << i;
}

TEST_F(CudaGraphs, TrainingWithAdamHasTheSameBits) {
  expect_same(
      [](Net& net) { return std::make_unique<optim::AdamW>(net.parameters(), optim::AdamWOptions{.lr = 0.01}); });
}
TEST_F(CudaGraphs, TrainingWithSgdHasTheSameBits) {
  expect_same([](Net& net) {
    return std::make_unique<optim::SGD>(net.parameters(), optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
  });
}
TEST_F(CudaGraphs, TrainingWithRmspropHasTheSameBits) {
  expect_same([](Net& net) {
    return std::make_unique<optim::RMSprop>(net.parameters(), optim::RMSpropOptions{.lr = 0.01, .momentum = 0.5});
  });
}

TEST_F(CudaGraphs, RandomNumbersGoOnAsWithoutAGraph) {
  const auto draws = [](bool captured) {
    manual_seed(9);
    Generator own(4);
    Tensor a, b, c, d;
    const auto draw = [&] {
      a = randn({1001}, {.device = kCuda});
      b = rand({7}, {.device = kCuda}, &own);
      c = dropout(ones({300}, {.device = kCuda}), 0.4);
      d = randint(0, 1000, {33}, {.device = kCuda});
    };
    std::optional<CudaGraph> graph;
    if (captured) graph.emplace(kCuda, draw);
    std::vector<Tensor> all;
    for (int i = 0; i < 3; ++i) {
      if (graph) graph->replay();
      else draw();
      for (const Tensor& t : {a, b, c, d}) all.push_back(t.cpu());
    }
    all.push_back(randn({5}));  // and so does what is drawn after it
    return all;
  };
  const std::vector<Tensor> want = draws(false), got = draws(true);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_TRUE(got[i].equal(want[i])) << i;
}

TEST_F(CudaGraphs, AttentionsDropoutIsDrawnAnew) {
  const auto run = [](bool captured) {
    manual_seed(3);
    Tensor q = randn({2, 2, 9, 8}).to(kCuda).requires_grad_(), y, grad;
    const auto step = [&] {
      q.set_grad(Tensor());
      y = scaled_dot_product_attention(q, q, q, {.dropout = 0.5});
      y.sum().backward();
      grad = q.grad();
    };
    step();
    q.set_grad(Tensor());
    std::optional<CudaGraph> graph;
    if (captured) graph.emplace(kCuda, step);
    std::vector<Tensor> all;
    for (int i = 0; i < 2; ++i) {
      if (graph) graph->replay();
      else step();
      all.push_back(y.detach().cpu());
      all.push_back(grad.cpu());
    }
    return all;
  };
  const std::vector<Tensor> want = run(false), got = run(true);
  EXPECT_FALSE(want[0].equal(want[2]));
  for (size_t i = 0; i < want.size(); ++i) EXPECT_TRUE(got[i].equal(want[i])) << i;
}

TEST_F(CudaGraphs, ConvolutionAndFftAreCaptured) {
  const Tensor w = randn({4, 3, 3, 3}).to(kCuda);
  Tensor x = randn({2, 3, 8, 8}).to(kCuda), y, z;
  const auto f = [&] {
    y = conv2d(x, w);
    z = fft::rfft(x);
  };
  f();
  CudaGraph graph(kCuda, f);
  x.copy_(randn({2, 3, 8, 8}));
  graph.replay();
  const Tensor got = y.cpu(), spectrum = z.cpu();
  f();
  EXPECT_TRUE(got.equal(y.cpu()));
  EXPECT_TRUE(spectrum.equal(z.cpu()));
}

TEST_F(CudaGraphs, MemoryStaysAsLongAsItIsUsed) {
  Tensor y;
  {
    Tensor made_before = full({1000}, 2.0, {.device = kCuda});
    Tensor x = full({1000}, 3.0, {.device = kCuda});
    CudaGraph graph(kCuda, [&] {
      y = x * made_before;
      for (int i = 0; i < 4; ++i) y = y + 1;  // what is dropped serves again
      made_before = Tensor();
    });
    // Neither what the function dropped nor what it let go of on the way is given to others.
    const Tensor other = full({1000}, -1.0, {.device = kCuda});
    graph.replay();
    EXPECT_TRUE(y.cpu().equal(full({1000}, 10.0)));
    EXPECT_TRUE(other.cpu().equal(full({1000}, -1.0)));
  }
  EXPECT_TRUE(y.cpu().equal(full({1000}, 10.0)));  // also without the graph
  y = Tensor();
  synchronize(kCuda);
}

TEST_F(CudaGraphs, ManyTemporariesTakeLittleMemory) {
  Tensor y = zeros({1 << 12}, {.device = kCuda});
  memory::reset_peak(kCuda);
  const uint64_t before = memory::stats(kCuda).in_use;
  CudaGraph graph(kCuda, [&] {
    for (int i = 0; i < 20; ++i) y = y + 1;
  });
  EXPECT_LE(memory::stats(kCuda).peak - before, 4u * (4 << 12));
  graph.replay();
  EXPECT_TRUE(y.cpu().equal(full({1 << 12}, 20.0)));
}

TEST_F(CudaGraphs, WhatMayNotHappenIsSaid) {
  const Tensor x = ones({4}, {.device = kCuda}), on_cpu = ones({4});
  const auto error = [&](auto f) { return error_of([&] { CudaGraph graph(kCuda, f); }); };
  EXPECT_NE(error([&] { (x * 2).sum().item(); }).find("while work is captured"), std::string::npos);
  EXPECT_NE(error([&] { (void)on_cpu.to(kCuda); }).find("from cpu to cuda:0"), std::string::npos);
  EXPECT_NE(error([&] { synchronize(kCuda); }).find("while work is captured"), std::string::npos);
  EXPECT_NE(error([&] { nonzero(x); }).find("while work is captured"), std::string::npos);
  EXPECT_NE(error([&] { CudaGraph inner(kCuda, [] {}); }).find("capturing"), std::string::npos);
  EXPECT_EQ(error_of([] { CudaGraph graph(kCpu, [] {}); }), "CudaGraph: the device must be a GPU, but is cpu");
  EXPECT_EQ(error([] { fail("mine"); }), "mine");
  // All of that has left the thread as it was.
  EXPECT_EQ(x.sum().item<float>(), 4);
}

TEST_F(CudaGraphs, AGeneratorOfTheFunctionIsNotCaptured) {
  const Tensor x = ones({8}, {.device = kCuda});
  Tensor y;
  Generator own(1);
  const auto guarded = [&] {
    const GeneratorGuard drawn(own);
    y = dropout(x, 0.5, true);
  };
  guarded();
  EXPECT_NE(error_of([&] { CudaGraph graph(kCuda, guarded); }).find("GeneratorGuard"), std::string::npos);
  // Around the capture it is as good as any.
  const GeneratorGuard drawn(own);
  CudaGraph graph(kCuda, [&] { y = dropout(x, 0.5, true); });
  graph.replay();
  EXPECT_TRUE(y.cpu().isfinite().all().item<bool>());
}

TEST_F(CudaGraphs, AFirstStepIsNotCaptured) {
  Tensor p = ones({3}, {.device = kCuda}).requires_grad_();
  optim::Adam adam({p});
  const auto step = [&] {
    adam.zero_grad();
    (p * p).sum().backward();
    adam.step();
  };
  EXPECT_NE(error_of([&] { CudaGraph graph(kCuda, step); }).find("Adam: make a step before one is captured"),
            std::string::npos);
  step();
  adam.zero_grad();
  CudaGraph graph(kCuda, step);
  graph.replay();
  adam.load_state_dict(adam.state_dict());  // makes new tensors
  EXPECT_NE(error_of([&] { graph.replay(); }).find("has been replaced since its step was captured"), std::string::npos);
}

TEST_F(CudaGraphs, InAStreamOfItsOwn) {
  cudaStream_t handle = nullptr;
  cuda::stream(0);
  cuda::check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "stream");
  Tensor x = ones({10}, {.device = kCuda}), y;
  CudaGraph graph(kCuda, [&] { y = x * 3; });
  synchronize(kCuda);
  {
    const StreamGuard guard(Stream{kCuda, handle});
    graph.replay();
    EXPECT_EQ(y.sum().item<float>(), 30);
  }
  synchronize(kCuda);
  cuda::check(cudaStreamDestroy(handle), "stream");
}

TEST_F(CudaGraphs, ATracedGraphIsRunByCaptures) {
  manual_seed(6);
  Net net;
  net.eval();
  const graph::Spec spec[] = {{"x", f32, {"batch", 20}}};
  const graph::Graph plain =
      graph::trace([&](std::span<const Tensor> in) { return std::vector<Tensor>{net(in[0])}; }, spec).to(kCuda);
  graph::CapturedRuns runs(plain, 2);
  std::vector<Tensor> kept, want;
  for (int i = 0; i < 9; ++i) {
    const Tensor x = randn({i % 3 + 1, 20}).to(kCuda);
    kept.push_back(runs(x));
    want.push_back(plain(x));
  }
  EXPECT_EQ(runs.captured(), 2u);  // of three shapes
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_TRUE(kept[i].cpu().equal(want[i].cpu())) << i;
  EXPECT_NE(error_of([&] { runs(ones({2, 5}, {.device = kCuda})); }).find("has shape [2, 5]"), std::string::npos);

  // Other strides, and an op that somebody else changes.
  const Tensor turned = randn({20, 2}).to(kCuda).t();
  EXPECT_TRUE(runs(turned).cpu().equal(plain(turned).cpu()));
  {
    const Autocast mixed(bf16);
    EXPECT_TRUE(runs(turned).cpu().equal(plain(turned).cpu()));
  }
  EXPECT_EQ(runs.captured(), 2u);

  graph::CapturedRuns on_cpu(plain.to(kCpu));
  const Tensor x = randn({2, 20});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(on_cpu(x).allclose(plain(x.to(kCuda)).cpu(), 1e-5, 1e-6));
  EXPECT_EQ(on_cpu.captured(), 0u);
}

TEST_F(CudaGraphs, OddGraphsRunByCapturesToo) {
  // The input itself, a constant, a sum, no rows at all; and values that say which row is read.
  const Tensor c = randn({3});
  const graph::Spec spec[] = {{"x", f32, {"batch", 3}}};
  const auto trace = [&](auto f) { return graph::trace(f, spec).to(kCuda); };
  graph::CapturedRuns odd(trace([&](std::span<const Tensor> in) {
    return std::vector<Tensor>{in[0], c * 1, in[0] + c};
  }));
  for (const int64_t rows : {2, 0, 2, 0, 2, 0}) {
    const Tensor x = randn({rows, 3});
    const std::vector<Tensor> out = odd.run(std::vector<Tensor>{x.to(kCuda)});
    EXPECT_TRUE(out[0].cpu().equal(x));
    EXPECT_TRUE(out[1].cpu().equal(c));
    EXPECT_TRUE(out[2].cpu().allclose(x + c, 1e-6, 1e-7));
  }
  graph::CapturedRuns picks(trace([&](std::span<const Tensor> in) {
    return std::vector<Tensor>{in[0].index_select(0, in[0].select(1, 0).to(i64))};
  }));
  for (int i = 0; i < 4; ++i) {
    const Tensor x = full({2, 3}, i % 2, {.dtype = f32});
    EXPECT_TRUE(picks.run(std::vector<Tensor>{x.to(kCuda)})[0].cpu().equal(x)) << i;
  }
}

}  // namespace
}  // namespace hearth
