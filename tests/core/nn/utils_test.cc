// What goes with a training: parameters as a vector, folded norms, averages, patterns, against PyTorch.
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/autograd/guards.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/conv_transpose.h"
#include "core/nn/each_batch_norm.h"
#include "core/nn/fuse.h"
#include "core/nn/init_patterns.h"
#include "core/nn/linear.h"
#include "core/nn/parameter_vector.h"
#include "core/nn/update_bn.h"
#include "core/ops/compare.h"
#include "core/ops/conv.h"
#include "core/ops/index.h"
#include "core/ops/reduce.h"
#include "core/optim/clip.h"
#include "core/optim/clip_with_norm.h"
#include "core/optim/sgd.h"
#include "core/optim/swa.h"
#include "tests/core/nn/nn_testing.h"
#include "tests/core/nn/utils_golden.inc"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

// As fill() of tools/golden/nn_utils.py.
void fill(nn::ModuleBase& m) {
  m.to(f64);
  const NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    if (t.is_floating_point()) t.copy_(wave(t.shape(), k));
    ++k;
  }
}

TEST(ParameterVector, ThereAndBack) {
  nn::Sequential m(nn::Linear(3, 2), nn::Linear(2, 1));
  const std::vector<Tensor> p = m.parameters();
  const Tensor v = nn::parameters_to_vector(p);
  EXPECT_EQ(v.shape(), Shape{11});
  EXPECT_EQ(v[6].item<float>(), p[1][0].item<float>());
  EXPECT_TRUE(v.requires_grad());
  nn::vector_to_parameters(arange(11).to(f32), p);
  EXPECT_EQ(p[3].to_vector<float>(), (std::vector<float>{10}));
  EXPECT_TRUE(nn::parameters_to_vector(m.parameters()).equal(arange(11).to(f32)));
  EXPECT_TRUE(p[0].is_leaf());
  EXPECT_EQ(message([&] { nn::vector_to_parameters(zeros({12}), p); }),
            "vector_to_parameters: expected a vector of 11 elements, but the shape is [12]");
  EXPECT_EQ(message([] { nn::parameters_to_vector({}); }), "parameters_to_vector: there is no parameter");
  const std::vector<Tensor> mixed{zeros({1}), zeros({1}, {.dtype = f64})};
  EXPECT_EQ(message([&] { nn::parameters_to_vector(mixed); }),
            "parameters_to_vector: parameters are of f32 on cpu and of f64 on cpu");
}

TEST(Fuse, AsPyTorch) {
  nn::Conv2d conv(2, 3, 2, {.bias = false});
  nn::BatchNorm2d norm(3, {.eps = 0.1});
  fill(conv);
  fill(norm);
  norm.running_var->copy_(norm.running_var->abs());
  EXPECT_EQ(message([&] { nn::fuse_conv_bn_eval(conv, norm); }),
            "fuse_bn_eval: nn::Conv2d and batch norm must be in eval mode");
  conv.eval();
  norm.eval();
  const nn::Conv2d fused = nn::fuse_conv_bn_eval(conv, norm);
  expect_close({fused.weight, *fused.bias, fused(wave({1, 2, 3, 3}, 1))}, kGoldenFusedConv);
  EXPECT_FALSE(conv.bias);
  EXPECT_EQ(fused.state_dict().size(), 2u);
  EXPECT_TRUE(fused.weight.requires_grad());
  nn::Linear linear(4, 3);
  nn::BatchNorm1d plain(3);
  fill(linear);
  fill(plain);
  plain.running_var->copy_(plain.running_var->abs());
  linear.eval();
  plain.eval();
  const Tensor own = linear.bias->clone();
  const nn::Linear folded = nn::fuse_bn_eval(linear, plain);
  expect_close({folded.weight, *folded.bias}, kGoldenFusedLinear);
  EXPECT_TRUE(linear.bias->equal(own));
  const nn::FusedWeights w = nn::fuse_bn_weights(
      wave({2, 3, 2}, 1), wave({3}, 2),
      {.mean = wave({3}, 3), .var = wave({3}, 4).abs(), .weight = wave({3}, 5), .bias = wave({3}, 6), .eps = 0.1},
      true);
  expect_close({w.weight, w.bias}, kGoldenFusedTransposed);
  nn::ConvTranspose2d up(3, 3, 2), grouped(4, 4, 2, {.groups = 2});
  nn::BatchNorm2d behind(3), wider(4);
  for (nn::ModuleBase* l : std::initializer_list<nn::ModuleBase*>{&up, &behind, &grouped, &wider}) {
    fill(*l);
    l->eval();
  }
  behind.running_var->copy_(behind.running_var->abs());
  const Tensor image = wave({1, 3, 3, 3}, 1);
  EXPECT_TRUE(nn::fuse_conv_bn_eval(up, behind)(image).allclose(behind(up(image)), 1e-9, 1e-9));
  EXPECT_EQ(message([&] { nn::fuse_conv_bn_eval(grouped, wider); }),
            "fuse_bn_weights: a weight of shape [4, 2, 2, 2] and a norm of [4] channels do not fit; of transposed "
            "convolutions only those of one group can be fused");
  nn::BatchNorm1d bare(3, {.track_running_stats = false});
  bare.eval();
  EXPECT_EQ(message([&] { nn::fuse_bn_eval(linear, bare); }),
            "fuse_bn_eval: the batch norm keeps no running statistics");
}

TEST(UpdateBn, AsPyTorch) {
  nn::Sequential m(nn::Linear(4, 3), nn::BatchNorm1d(3, {.momentum = 0.25}), nn::Linear(3, 2), nn::BatchNorm1d(2));
  fill(m);
  m.eval();
  m[2].module().train();
  const std::vector<Tensor> batches{wave({5, 4}, 1), wave({2, 4}, 2), wave({3, 4}, 3)};
  nn::update_bn(m, batches);
  const auto& first = m[1].as<nn::BatchNorm1d>();
  const auto& second = m[3].as<nn::BatchNorm1d>();
  expect_close({*first.running_mean, *first.running_var, *second.running_mean, *second.running_var}, kGoldenUpdateBn);
  EXPECT_EQ(first.num_batches_tracked->item<int64_t>(), 3);
  EXPECT_EQ(first.options().momentum, 0.25);
  EXPECT_FALSE(first.training());
  EXPECT_TRUE(m[2].module().training());
  int calls = 0;
  nn::update_bn(m, batches, [&](nn::Sequential& model, const Tensor& batch) {
    ++calls;
    model(batch);
  });
  EXPECT_EQ(calls, 3);
  nn::Linear without(4, 3);
  nn::update_bn(without, std::vector<Tensor>{ones({1, 1})});  // would not fit
}

TEST(EachBatchNorm, OfAllDimensions) {
  nn::Sequential m(nn::BatchNorm3d(3), nn::Linear(3, 2), nn::Sequential(nn::BatchNorm2d(2), nn::BatchNorm1d(1)));
  std::vector<int64_t> channels;
  nn::for_each_batch_norm(m, [&](auto& norm) { channels.push_back(norm.weight->numel()); });
  EXPECT_EQ(channels, (std::vector<int64_t>{3, 2, 1}));
}

TEST(Averages, AsPyTorch) {
  for (const bool ema : {true, false}) {
    Tensor t = wave({3}, 1), whole = tensor({1});
    optim::AveragedTensors a({t, whole}, ema ? optim::get_ema_multi_avg_fn(0.75) : optim::get_swa_multi_avg_fn());
    for (int n = 0; n < 4; ++n) {
      t.copy_(wave({3}, n + 1));
      whole.fill_(n);
      a.update();
    }
    EXPECT_EQ(a.count(), 4);
    expect_close({a.averages()[0]}, ema ? kGoldenEmaAverage : kGoldenSwaAverage);
    EXPECT_EQ(a.averages()[1].item<int64_t>(), 3);
    a.swap();
    expect_close({t}, ema ? kGoldenEmaAverage : kGoldenSwaAverage);
    a.swap();
    EXPECT_TRUE(t.equal(wave({3}, 4)));
  }
  Tensor average = wave({3}, 1);
  for (int n = 1; n < 4; ++n) average = optim::get_swa_avg_fn()(average, wave({3}, n + 1), n);
  expect_close({average}, kGoldenSwaAverage);
  EXPECT_EQ(message([] { optim::get_ema_avg_fn(2); }), "averages: the decay must be from 0 to 1, but is 2");
}

void check_rates(int64_t length, optim::Anneal anneal, const std::vector<double>& want) {
  const std::vector<Tensor> p{zeros({1}).requires_grad_()};
  optim::SGD o(p, {.lr = 0.1});
  optim::SWALR s(o, 0.02, length, anneal);
  std::vector<double> rates{o.lr(0)};
  for (int i = 0; i < 6; ++i) {
    s.step();
    rates.push_back(o.lr(0));
  }
  ASSERT_EQ(rates.size(), want.size());
  for (size_t i = 0; i < rates.size(); ++i) EXPECT_NEAR(rates[i], want[i], 1e-12) << i;
}

TEST(Swalr, AsPyTorch) {
  check_rates(4, optim::Anneal::kCosine, kGoldenSwalrCosine);
  check_rates(4, optim::Anneal::kLinear, kGoldenSwalrLinear);
  check_rates(0, optim::Anneal::kCosine, kGoldenSwalrNone);
}

// Something else sets the rate before the first step, on the way, and at the end.
TEST(Swalr, GoesOnFromTheRateThatIsThere) {
  for (const auto anneal : {optim::Anneal::kCosine, optim::Anneal::kLinear}) {
    const auto& want = anneal == optim::Anneal::kCosine ? kGoldenSwalrChangedCosine : kGoldenSwalrChangedLinear;
    optim::SGD o(std::vector<Tensor>{zeros({1}).requires_grad_()}, {.lr = 0.1});
    optim::SWALR s(o, 0.05, 5, anneal);
    ASSERT_EQ(want.size(), 8u);
    for (size_t n = 0; n < want.size(); ++n) {
      if (n == 0 || n == 3 || n == 7) o.set_lr(0.01 + 0.02 * static_cast<double>(n), 0);
      s.step();
      EXPECT_NEAR(o.lr(0), want[n], 1e-12) << n;
    }
  }
}

TEST(Clip, WithANormThatIsKnown) {
  const auto with_gradients = [] {
    std::vector<Tensor> p{zeros({3}).requires_grad_(), zeros({2}).requires_grad_(), zeros({1}).requires_grad_()};
    p[0].set_grad(wave({3}, 1).to(f32));
    p[1].set_grad(wave({2}, 2).to(f32));
    return p;
  };
  const std::vector<Tensor> a = with_gradients(), b = with_gradients();
  const Tensor norm = optim::grad_norm(a);
  optim::clip_grads_with_norm_(a, 0.5, norm);
  optim::clip_grad_norm_(b, 0.5);
  EXPECT_TRUE(a[0].grad().equal(b[0].grad()));
  EXPECT_TRUE(a[1].grad().equal(b[1].grad()));
  optim::clip_grads_with_norm_(a, 100, norm);
  EXPECT_TRUE(a[0].grad().equal(b[0].grad()));
  EXPECT_EQ(message([&] { optim::clip_grads_with_norm_(a, -1, norm); }),
            "clip_grads_with_norm_: max_norm must not be negative, but is -1");
  EXPECT_EQ(message([&] { optim::clip_grads_with_norm_(a, 1, ones({2})); }),
            "clip_grads_with_norm_: the norm must be f32 or f64 of shape [], but is f32 [2]");
}

TEST(Init, Patterns) {
  Tensor t = empty({2, 3}, {.dtype = f64}), a = empty({4, 2, 3}, {.dtype = f64}),
         b = empty({3, 2, 2, 3}, {.dtype = f64}), c = empty({2, 3, 1, 2, 3}, {.dtype = f64});
  expect_close({nn::init::eye_(t)}, kGoldenEye);
  expect_close({nn::init::dirac_(a, 2)}, kGoldenDirac3);
  expect_close({nn::init::dirac_(b)}, kGoldenDirac4);
  expect_close({nn::init::dirac_(c)}, kGoldenDirac5);
  Tensor s = empty({10, 200});
  nn::init::sparse_(s, 0.25, 2);
  EXPECT_TRUE(s.eq(0).to(f32).sum(0).equal(full({200}, 3.0)));
  EXPECT_NEAR(std::sqrt((s * s).sum().item<double>() / (7 * 200)), 2, 0.2);
  EXPECT_GT(s.eq(0).to(f32).sum(1).amin().item<double>(), 30);
  EXPECT_EQ(message([&] { nn::init::dirac_(t); }), "dirac_: expected 3 to 5 dimensions, but the shape is [2, 3]");
  EXPECT_EQ(message([&] { nn::init::dirac_(a, 3); }), "dirac_: 4 outputs do not divide into 3 groups");
  EXPECT_EQ(message([&] { nn::init::eye_(a); }), "eye_: expected 2 dimensions, but the shape is [4, 2, 3]");
  EXPECT_EQ(message([&] { nn::init::sparse_(t, 2); }), "sparse_: the share of zeros must be from 0 to 1, but is 2");
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
