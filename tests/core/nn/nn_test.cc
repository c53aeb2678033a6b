// Layers, losses and optimizers against PyTorch.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/container.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/rnn.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/optim/optimizer.h"
#include "core/optim/scheduler.h"
#include "core/optim/util.h"
#include "tests/core/nn/golden.inc"

namespace hearth {
namespace {

Tensor wave(const Shape& shape, double s) { return sin(arange(shape.numel()).to(f64) * 0.37 + s).view(shape); }
Tensor leaf(const Shape& shape, double s) {
  Tensor t = wave(shape, s).detach();
  return t.requires_grad_();
}

// Parameters in the order of their names, filled as in nn.py.
std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    if (!t.requires_grad()) continue;
    t.copy_(wave(t.shape(), k++));
    out.push_back(t);
  }
  return out;
}

void expect_close(const std::vector<Tensor>& got, const std::vector<double>& want, double tolerance = 1e-9) {
  std::vector<double> all;
  for (const Tensor& t : got) {
    const auto v = t.to_vector<double>();
    all.insert(all.end(), v.begin(), v.end());
  }
  ASSERT_EQ(all.size(), want.size());
  for (size_t i = 0; i < all.size(); ++i)
    ASSERT_NEAR(all[i], want[i], tolerance * (1 + std::abs(want[i]))) << "value " << i;
}

void check(const Tensor& out, std::vector<Tensor> leaves, const std::vector<double>& want) {
  const Tensor weighted = (out * wave(out.shape(), 5)).sum();
  std::vector<Tensor> got{out};
  for (Tensor& g : grad({&weighted, 1}, leaves)) got.push_back(g);
  expect_close(got, want);
}

std::vector<Tensor> with(const Tensor& x, std::vector<Tensor> rest) {
  rest.insert(rest.begin(), x);
  return rest;
}

TEST(Nn, Recurrent) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::LSTM lstm(4, 3, {.layers = 2, .bidirectional = true});
  auto p = fill(lstm);
  check(lstm(x).output, with(x, p), kGoldenLstm);
  nn::GRU gru(4, 3);
  p = fill(gru);
  check(gru(x).output, with(x, p), kGoldenGru);
}

TEST(Nn, Attention) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::MultiheadAttention m(4, 2);
  const auto p = fill(m);
  check(m(x, x, x), with(x, p), kGoldenAttention);
  const Tensor q = leaf({1, 4, 3, 2}, 1), k = leaf({1, 2, 5, 2}, 2), v = leaf({1, 2, 5, 3}, 3);
  check(scaled_dot_product_attention(q, k, v), {q, k, v}, kGoldenSdpa);
}

TEST(Nn, Normalisation) {
  const Tensor x = leaf({3, 2, 4}, 1), y = leaf({3, 4, 2, 2}, 2);
  nn::LayerNorm layer({2, 4});
  fill(layer);
  check(layer(x), {x, *layer.weight, *layer.bias}, kGoldenLayerNorm);
  nn::RMSNorm rms({4});
  fill(rms);
  check(rms(x), {x, *rms.weight}, kGoldenRmsNorm);
  nn::GroupNorm group(2, 4);
  fill(group);
  check(group(y), {y, *group.weight, *group.bias}, kGoldenGroupNorm);
  nn::BatchNorm2d batch(4);
  fill(batch);
  check(batch(y), {y, *batch.weight, *batch.bias}, kGoldenBatchNorm);
  expect_close({*batch.running_mean, *batch.running_var}, kGoldenBatchNormRunning);
  batch.eval();
  check(batch(y), {y, *batch.weight, *batch.bias}, kGoldenBatchNormEval);
}

TEST(Nn, ComposedGradientsOfNormsEqualTheFused) {
  const Tensor x = leaf({3, 4, 2, 2}, 2);
  nn::BatchNorm2d batch(4);
  fill(batch);
  const Tensor loss = (batch(x) * wave({3, 4, 2, 2}, 5)).sum();
  const Tensor leaves[] = {x, *batch.weight, *batch.bias};
  const auto fused = grad({&loss, 1}, leaves, {}, {.retain_graph = true});
  const auto composed = grad({&loss, 1}, leaves, {}, {.create_graph = true});
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(fused[i].allclose(composed[i], 1e-9, 1e-12));
}

TEST(Nn, Losses) {
  const Tensor z = leaf({5, 4}, 3), u = wave({5, 4}, 7), y = leaf({3, 4, 2, 2}, 2), w = wave({4}, 1).abs();
  const Tensor t = tensor({1, 3, 0, 2, -100});
  check(cross_entropy(z, t), {z}, kGoldenCrossEntropy);
  check(cross_entropy(z, t, {.weight = w, .label_smoothing = 0.1}), {z}, kGoldenCrossEntropySmooth);
  check(cross_entropy(y, arange(12).view({3, 2, 2}).remainder(4), {.reduction = Reduction::kSum}), {y},
        kGoldenCrossEntropySum);
  check(smooth_l1_loss(z, u, 0.5), {z}, kGoldenSmoothL1);
  check(huber_loss(z, u, 0.5), {z}, kGoldenHuber);
  check(binary_cross_entropy_with_logits(z, u.abs(), {}, w), {z}, kGoldenBce);
  check(softmax(z, 0), {z}, kGoldenSoftmax);
  check(log_softmax(z, 1), {z}, kGoldenLogSoftmax);
  EXPECT_THROW(cross_entropy(z, tensor({1, 2})), Error);
  EXPECT_THROW(cross_entropy(z, tensor({1, 2, 3, 4, 5})), Error);  // class 4 and 5 of 4
}

template <class O, class Options>
void check_optimizer(const Options& options, const std::vector<double>& want) {
  Tensor p = leaf({2, 3}, 4);
  O opt({p}, options);
  for (int i = 0; i < 5; ++i) {
    opt.zero_grad();
    (p * p * wave({2, 3}, i)).sum().backward();
    if (i == 3) {  // a new optimizer with the saved state goes on alike
      const auto state = opt.state_dict();
      O other({p}, options);
      other.load_state_dict(state);
      other.step();
      opt.load_state_dict(other.state_dict());
    } else {
      opt.step();
    }
  }
  expect_close({p}, want);
}

TEST(Optim, StepsAsPyTorch) {
  check_optimizer<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true},
                              kGoldenSgd);
  check_optimizer<optim::Adam>(optim::AdamOptions{.lr = 0.1, .weight_decay = 0.01, .amsgrad = true}, kGoldenAdam);
  check_optimizer<optim::AdamW>(optim::AdamWOptions{.lr = 0.1, .weight_decay = 0.1}, kGoldenAdamW);
  check_optimizer<optim::RMSprop>(
      optim::RMSpropOptions{.lr = 0.01, .weight_decay = 0.01, .momentum = 0.5, .centered = true}, kGoldenRmsprop);
}

template <class Make>
void check_scheduler(Make make, const std::vector<double>& want) {
  Tensor p = zeros({1}, {.requires_grad = true});
  optim::SGD opt({p}, {.lr = 0.5, .momentum = 0.9});
  auto s = make(opt);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(opt.lr(), want[2 * i], 1e-12) << "step " << i;
    EXPECT_NEAR(opt.momentum(0), want[2 * i + 1], 1e-12) << "step " << i;
    s->step();
  }
}

TEST(Optim, SchedulesAsPyTorch) {
  using namespace optim;
  check_scheduler(
      [](Optimizer& o) { return std::make_unique<OneCycleLR>(o, OneCycleOptions{.max_lr = 0.8, .total_steps = 10}); },
      kGoldenLrOneCycle);
  check_scheduler([](Optimizer& o) { return std::make_unique<CosineAnnealingLR>(o, 9); }, kGoldenLrCosine);
  check_scheduler([](Optimizer& o) { return std::make_unique<StepLR>(o, 4, 0.5); }, kGoldenLrStep);
  check_scheduler([](Optimizer& o) { return std::make_unique<LinearLR>(o, 5, 0.2); }, kGoldenLrLinear);
}

TEST(Optim, ClippingAndAverages) {
  Tensor p = ones({4}, {.requires_grad = true});
  (p * 3).sum().backward();
  EXPECT_NEAR(optim::clip_grad_norm_({&p, 1}, 1), 6, 1e-6);
  EXPECT_NEAR(p.grad().norm().item<double>(), 1, 1e-5);
  optim::clip_grad_value_({&p, 1}, 0.25);
  EXPECT_EQ(p.grad().amax().item<double>(), 0.25);
  optim::EMA ema({p}, 0.5);
  {
    NoGrad off;
    p.fill_(3);
  }
  ema.update();
  EXPECT_EQ(ema.averages()[0][0].item<double>(), 2);
  ema.swap();
  EXPECT_EQ(p[0].item<double>(), 2);
}

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

}  // namespace
}  // namespace hearth
