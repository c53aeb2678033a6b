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

TEST(Nn, RecurrentOfManyLayers) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::LSTM lstm(4, 3, {.layers = 9, .bidirectional = true});
  EXPECT_EQ(fill(lstm).size(), 18u * 4);
  const auto r = lstm(x);
  check(r.output, {x}, kGoldenLstmDeep);
  expect_close({r.state.h, r.state.c}, kGoldenLstmDeepStates);
  const auto copy = nn::clone(lstm);
  EXPECT_FALSE(copy->parameters()[70].is(lstm.parameters()[70]));
  EXPECT_TRUE((*copy)(x).output.equal(r.output));
}

TEST(Nn, RecurrentWithoutABatch) {
  const Tensor x = leaf({3, 4}, 1), h = leaf({2, 3}, 6), c = leaf({2, 3}, 7);
  nn::LSTM lstm(4, 3, {.layers = 2});
  auto p = fill(lstm);
  p.insert(p.begin(), {x, h, c});
  const auto r = lstm(x, nn::LSTM::State{h, c});
  check(r.output, p, kGoldenLstmUnbatched);
  expect_close({r.state.h, r.state.c}, kGoldenLstmUnbatchedStates);
  nn::GRU gru(4, 3, {.batch_first = true, .bidirectional = true});
  p = fill(gru);
  const auto g = gru(x);
  check(g.output, with(x, p), kGoldenGruUnbatched);
  expect_close({g.h}, kGoldenGruUnbatchedStates);
}

TEST(Nn, PlainRecurrence) {
  const Tensor x = leaf({3, 2, 4}, 1);
  nn::RNN tanh(4, 3, {.layers = 2}), relu(4, 3, {.layers = 2}, nn::RnnNonlinearity::kRelu);
  auto p = fill(tanh);
  const auto t = tanh(x);
  check(t.output, with(x, p), kGoldenRnnTanh);
  expect_close({t.h}, kGoldenRnnTanhStates);
  p = fill(relu);
  const auto r = relu(x);
  check(r.output, with(x, p), kGoldenRnnRelu);
  expect_close({r.h}, kGoldenRnnReluStates);
}

TEST(Nn, AttentionMasks) {
  const Tensor x = leaf({3, 2, 4}, 1), x2 = leaf({3, 4}, 1);
  nn::MultiheadAttention m(4, 2);
  fill(m);
  const Tensor k = wave({5, 2, 4}, 2), k2 = wave({5, 4}, 2), each = wave({4, 3, 5}, 3);
  const Tensor padding = tensor({{0, 0, 1, 0, 1}, {1, 0, 0, 0, 0}}).to(boolean);
  check(m(x, k, k, {.attention = each}), {x}, kGoldenAttentionEach);
  check(m(x, k, k, {.attention = each.gt(0.9), .padding = padding}), {x}, kGoldenAttentionEachPadded);
  check(m(x2, k2, k2), {x2}, kGoldenAttentionUnbatched);
  const Tensor added = tensor({0, 0, 1, 0, 1}).to(f64) * -3.0;
  check(m(x2, k2, k2, {.attention = wave({2, 3, 5}, 3), .padding = added}), {x2}, kGoldenAttentionUnbatchedMasked);
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

TEST(Optim, SequencesMoveTheMomentumAsPyTorch) {
  using namespace optim;
  Tensor p = zeros({1}, {.requires_grad = true});
  SGD opt({p}, {.lr = 0.5, .momentum = 0.9});
  const auto list = [&](auto first, auto second) {
    std::vector<std::unique_ptr<Scheduler>> all;
    all.push_back(std::move(first));
    all.push_back(std::move(second));
    return all;
  };
  const auto cycle = [&] {
    return std::make_unique<OneCycleLR>(opt, OneCycleOptions{.max_lr = 0.8, .total_steps = 10});
  };
  {
    SequentialLR s(opt, list(cycle(), std::make_unique<StepLR>(opt, 4)), {6});
    for (double want : kGoldenSequentialMomentum) {
      EXPECT_NEAR(opt.momentum(0), want, 1e-12) << s.current_step();
      s.step();
    }
    s.set_step(2);  // and back again
    EXPECT_NEAR(opt.momentum(0), kGoldenSequentialMomentum[2], 1e-12);
  }
  // The optimizer's own until the cycle begins.
  opt.set_momentum(0.7, 0);
  opt.set_lr(0.5);
  std::unique_ptr<Scheduler> warm_up = std::make_unique<LinearLR>(opt, 3, 0.1);
  SequentialLR s(opt, list(std::move(warm_up), cycle()), {3});
  for (int i = 0; i < 3; ++i, s.step()) EXPECT_EQ(opt.momentum(0), 0.7);
  for (size_t i = 0; i < 6; ++i, s.step()) EXPECT_NEAR(opt.momentum(0), kGoldenSequentialMomentum[i], 1e-12);
}

template <class F>
std::string message(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("not an Error: ") + e.what();
  }
  return "no error";
}

TEST(Optim, ShortForms) {
  nn::Linear net(2, 3);
  const auto p = net.parameters();
  EXPECT_EQ(optim::SGD(p).lr(), 1e-3);
  EXPECT_EQ(optim::Adam(p).lr(), 1e-3);
  EXPECT_EQ(optim::AdamW(p).lr(), 1e-3);
  EXPECT_EQ(optim::RMSprop(p).lr(), 1e-2);
  EXPECT_EQ(optim::SGD(p, 0.5).lr(), 0.5);
  EXPECT_EQ(optim::Adam(p, 0.5f).lr(), 0.5);
  EXPECT_EQ(optim::AdamW(p, 1).lr(), 1);
  EXPECT_EQ(optim::RMSprop(p, 0.5).lr(), 0.5);
  EXPECT_EQ(optim::Adam(p, {}).lr(), 1e-3);  // options, not the number 0
  EXPECT_EQ(optim::Adam(p, {.lr = 0.25}).lr(), 0.25);
}

TEST(Optim, Refuses) {
  nn::Linear net(2, 3);
  const Tensor w = net.weight, b = *net.bias;
  EXPECT_EQ(message([&] { optim::SGD o(std::vector<Tensor>{}); }), "SGD: there are no parameters to optimize");
  EXPECT_EQ(message([&] { optim::AdamW o({w, b, w}); }),
            "AdamW: parameter 2 of group 0, of shape [3, 2], is the same tensor as parameter 0 of group 0");
  EXPECT_EQ(message([&] { optim::Adam({w}).add_group({b, w}, {}); }),
            "Adam: parameter 1 of group 1, of shape [3, 2], is the same tensor as parameter 0 of group 0");
  EXPECT_EQ(message([&] { optim::SGD o({Tensor()}); }), "SGD: parameter 0 of group 0 is undefined");
  EXPECT_EQ(message([&] { optim::SGD o({w * 2}); }),
            "SGD: only leaf tensors can be optimized, but parameter 0 of group 0 of shape [3, 2] was computed from others");
  for (int i = 0; i < 3; ++i) {
    const auto refuse = [i](optim::Optimizer& o, const std::string& name) {
      const std::string says = name + ": there is no parameter group 5; the optimizer has 1";
      EXPECT_EQ(message([&] { i == 0 ? o.set_lr(1, 5) : i == 1 ? (void)o.lr(5) : (void)o.parameters(5); }), says);
    };
    optim::SGD sgd({w});
    optim::Adam adam({w});
    optim::AdamW adamw({w});
    optim::RMSprop rms({w});
    refuse(sgd, "SGD");
    refuse(adam, "Adam");
    refuse(adamw, "AdamW");
    refuse(rms, "RMSprop");
  }
  optim::RMSprop rms({w});
  rms.add_group({b}, {.lr = 0.5});
  EXPECT_EQ(rms.lr(1), 0.5);
  EXPECT_EQ(message([&] { optim::SGD({w}).add_group({b}, {.lr = -1}); }),
            "SGD: lr, momentum and weight_decay must not be negative, but are -1, 0 and 0");
  EXPECT_EQ(message([&] { optim::AdamW({w}, {.beta1 = 1}); }), "AdamW: betas must be in [0, 1), but are 1 and 0.999");
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

// Nothing but members and a forward.
struct Plain : nn::Module<Plain> {
  nn::Linear a{this, "a", 3, 3};
  nn::ReLU act{this, "act"};
  Tensor forward(const Tensor& x) const { return act(a(x)); }
};
struct Nested : nn::Module<Nested> {
  Plain first{this, "first"}, second{this, "second"};
  Tensor forward(const Tensor& x) const { return second(first(x)); }
};
// A constructor and private members.
class Sized : public nn::Module<Sized> {
 public:
  explicit Sized(int64_t n) : a_(this, "a", n, n) {}
  Tensor forward(const Tensor& x) const { return a_(x); }

 private:
  nn::Linear a_;
};
struct Whole : nn::Module<Whole> {
  Nested nested{this, "nested"};
  nn::Member<Sized> sized{this, "sized", 3};
  nn::Member<Plain> plain{this, "plain"};
  Tensor forward(const Tensor& x) const { return plain(sized(nested(x))); }
};

std::string names(const nn::ModuleBase& m) {
  std::string all;
  for (const auto& [n, t] : m.named_parameters()) all += n + " ";
  return all;
}

TEST(Module, AStructIsAMemberWithNothingAdded) {
  const Whole net;  // const: everything that reads works
  EXPECT_EQ(names(net),
            "nested.first.a.weight nested.first.a.bias nested.second.a.weight nested.second.a.bias sized.a.weight "
            "sized.a.bias plain.a.weight plain.a.bias ");
  EXPECT_EQ(net.parameters().size(), 8u);
  EXPECT_EQ(net.state_dict().size(), 8u);
  EXPECT_EQ(net.parameter_count(), 4 * 12);
  EXPECT_EQ(net.named_modules()[2].first, "nested.first");
  EXPECT_EQ(net(ones({2, 3})).shape(), (Shape{2, 3}));
  EXPECT_EQ(message([&] { net(ones({2, 4})); }).substr(0, 25), "in nested.first.a: linear");
  EXPECT_EQ(message([&] { net.sized(ones({2, 4})); }).substr(0, 18), "in sized.a: linear");
  const Whole copy = net;
  EXPECT_TRUE(copy.nested.second.a.weight.is(net.nested.second.a.weight));
  EXPECT_FALSE(nn::clone(net)->sized.parameters()[0].is(net.sized.parameters()[0]));
}

TEST(Module, AsWhatItIs) {
  Whole net;
  int linear = 0;
  net.apply([&](nn::ModuleBase& m) { linear += m.as<nn::Linear>() != nullptr; });
  EXPECT_EQ(linear, 4);
  EXPECT_EQ(net.sized.as<Sized>(), &net.sized);
  EXPECT_EQ(net.as<Sized>(), nullptr);
  EXPECT_EQ(net.type_name(), "Whole");
}

// Memory that is near but not inside of the parent.
struct Far : nn::Module<Far> {
  std::unique_ptr<nn::Linear> heap;
  std::vector<nn::Linear> list;
  std::optional<nn::Linear> inside;
};
TEST(Module, MembersLieInside) {
  Far far;
  const std::string says = "Far: 'x' does not lie inside of the module it registers with; only data members do so";
  EXPECT_EQ(message([&] { far.heap = std::make_unique<nn::Linear>(&far, "x", 2, 2); }).substr(0, says.size()), says);
  EXPECT_EQ(message([&] { far.list.emplace_back(&far, "x", 2, 2); }).substr(0, says.size()), says);
  EXPECT_EQ(message([&] { nn::Linear local(&far, "x", 2, 2); }).substr(0, says.size()), says);
  EXPECT_EQ(message([&] { nn::Parameter p(&far, "x", ones({2})); }).substr(0, says.size()), says);
  EXPECT_EQ(far.parameters().size(), 0u);
  far.inside.emplace(&far, "inside", 2, 2);
  far.inside.emplace(&far, "inside", 2, 3);  // filled again
  EXPECT_EQ(far.parameter_count(), 9);
  EXPECT_EQ(message([&] { nn::Buffer b(nullptr, "x", ones({2})); }),
            "Buffer: 'x' needs the module that it belongs to: {this, \"name\", tensor}");
}

TEST(Module, CopiesHaveHooksOfTheirOwn) {
  nn::Linear a(2, 2);
  int of_a = 0, of_b = 0;
  a.register_forward_pre_hook([&](nn::ModuleBase&) { ++of_a; });
  nn::Linear b = a;
  b.register_forward_pre_hook([&](nn::ModuleBase&) { ++of_b; });
  b.register_forward_hook([](nn::ModuleBase&, const Tensor& y) { return y * 0; });
  const Tensor x = ones({1, 2});
  EXPECT_NE(a(x).abs().sum().item<float>(), 0);
  EXPECT_EQ(of_a, 1);
  EXPECT_EQ(of_b, 0);
  EXPECT_EQ(b(x).abs().sum().item<float>(), 0);
  EXPECT_EQ(of_a, 2);
  EXPECT_EQ(of_b, 1);
  // A hook may register another while the hooks run.
  nn::Linear c(2, 2);
  int late = 0;
  c.register_forward_pre_hook([&](nn::ModuleBase& m) {
    for (int i = 0; i < 20; ++i) m.register_forward_pre_hook([&](nn::ModuleBase&) { ++late; });
  });
  c(x);
  EXPECT_EQ(late, 0);
}

struct Forgetful : nn::Module<Forgetful> {
  nn::Linear known{this, "known", 2, 2};
  nn::Linear forgotten{2, 2};
  nn::ModuleList<nn::Linear> list, named{this, "named"};
  int which = 0;
  Tensor forward(const Tensor& x) const {
    switch (which) {
      case 0:
        return known(x);
      case 1:
        return forgotten(x);
      case 2:
        return list[0](x);
      case 3:
        return named[0](x);
      default:
        return forgotten.forward(x);
    }
  }
};
TEST(Module, AMemberWithoutANameIsFoundOut) {
  Forgetful m;
  m.list.emplace_back(2, 2);
  m.named.emplace_back(2, 2);
  const std::string says =
      "Forgetful: its forward calls a nn::Linear that is no member of a module, so that it would not be trained, saved "
      "or switched by train(); declare it, or the list that holds it, as a member with {this, \"name\"}, or call "
      ".forward() if it shall stay apart";
  for (int which = 0; which <= 4; ++which) {
    m.which = which;
    EXPECT_EQ(message([&] { m(ones({1, 2})); }), which == 1 || which == 2 ? says : "no error") << which;
  }
  EXPECT_NO_THROW(m.forgotten(ones({1, 2})));  // by itself
  nn::ModuleList<nn::ModuleList<nn::Linear>> nested;
  nested.emplace_back().emplace_back(2, 2);
  EXPECT_NO_THROW(nested[0][0](ones({1, 2})));
}

TEST(Module, SequentialOfFunctions) {
  const auto twice = [](const Tensor& x) { return x * 2; };
  nn::Sequential s(nn::Linear(2, 3), relu, twice, nn::Sequential(nn::Linear(3, 1), hearth::tanh));
  EXPECT_EQ(names(s), "0.weight 0.bias 3.0.weight 3.0.bias ");
  const Tensor x = ones({4, 2});
  const auto& first = s[0].as<nn::Linear>();
  const auto& last = s[3].as<nn::Sequential>()[0].as<nn::Linear>();
  EXPECT_TRUE(s(x).equal(hearth::tanh(last(relu(first(x)) * 2))));
  EXPECT_TRUE(s[1](tensor({-1.0, 1.0})).equal(tensor({0.0, 1.0})));
  EXPECT_EQ(message([&] { (void)s[4]; }), "Sequential: index 4 is out of range for 4 modules");
  EXPECT_EQ(message([&] { (void)s[1].module(); }), "AnyModule: it holds a function, not a module");
  EXPECT_EQ(message([&] { (void)s[0].as<nn::ReLU>(); }), "AnyModule: it holds a nn::Linear, not a nn::ReLU");
  nn::Sequential copy = s;
  EXPECT_TRUE(copy[0].as<nn::Linear>().weight.is(first.weight));
  EXPECT_NE(&copy[0].module(), &s[0].module());
  const nn::Sequential frozen = s;
  EXPECT_TRUE(frozen(x).equal(s(x)));
  const Tensor y = s(x);
  NoGrad off;
  for (Tensor& p : nn::clone(s)->parameters()) p.zero_();
  EXPECT_TRUE(s(x).equal(y));
}

struct Mixed : nn::Module<Mixed> {
  nn::ModuleList<> layers{this, "layers"};
  Mixed() {
    layers.emplace_back(nn::Linear(2, 3));
    layers.emplace_back(relu);
    layers.emplace_back(nn::LSTM(3, 4));
  }
  Tensor forward(const Tensor& x) const {
    Tensor y = layers[1](layers[0](x));
    return layers[2].as<nn::LSTM>()(y).output;
  }
};
TEST(Module, ListsOfUnlikeModules) {
  Mixed m;
  EXPECT_EQ(names(m),
            "layers.0.weight layers.0.bias layers.2.weight_ih_l0 layers.2.weight_hh_l0 layers.2.bias_ih_l0 "
            "layers.2.bias_hh_l0 ");
  EXPECT_EQ(m(ones({5, 1, 2})).shape(), (Shape{5, 1, 4}));
  EXPECT_EQ(message([&] { m.layers[2](ones({5, 1, 3})); }), "AnyModule: nn::LSTM is no function of one tensor");
  EXPECT_EQ(message([&] { m(ones({5, 1, 7})); }).substr(0, 19), "in layers.0: linear");
  const Mixed copy = m;
  EXPECT_EQ(copy.parameters().size(), 6u);
}

TEST(Module, WrongSizesNameTheLayer) {
  EXPECT_EQ(message([] { nn::Linear(-1, 3); }),
            "Linear: the numbers of inputs and outputs must not be negative, but are -1 and 3");
  EXPECT_EQ(message([] { nn::Embedding(-1, 3); }),
            "Embedding: the number of rows and their length must not be negative, but are -1 and 3");
  EXPECT_EQ(message([] { nn::Embedding(3, 3, {.padding_idx = 3}); }),
            "Embedding: padding_idx 3 is out of range for 3 rows");
  EXPECT_EQ(message([] { nn::BatchNorm1d(0); }), "BatchNorm: the number of channels must be at least 1, but is 0");
  EXPECT_EQ(message([] { nn::LayerNorm({3, -1}); }), "LayerNorm: sizes must be at least 1, but the shape is [3, -1]");
  EXPECT_EQ(message([] { nn::GroupNorm(2, -4); }), "GroupNorm: the number of channels must be at least 1, but is -4");
  EXPECT_EQ(message([] { nn::Dropout(1.5); }), "Dropout: the probability must be from 0 to 1, but is 1.5");
  EXPECT_EQ(message([] { nn::MultiheadAttention(4, 3); }),
            "MultiheadAttention: an embedding of 4 does not divide into 3 heads");
  EXPECT_EQ(message([] { nn::GRU(4, 0); }),
            "GRU: the sizes of input and hidden state and the number of layers must be at least 1, but are 4, 0 and 1");
  nn::LSTM lstm(4, 3);
  EXPECT_EQ(message([&] { lstm(ones({3, 2, 5})); }),
            "LSTM: expected 4 features in the input's last dimension, but the shape is [3, 2, 5]");
  EXPECT_EQ(message([&] { lstm(ones({4})); }),
            "LSTM: expected an input of [time, batch, 4] or [time, 4], but the shape is [4]");
  EXPECT_EQ(message([&] { lstm(ones({3, 2, 4}), nn::LSTM::State{ones({1, 3}), ones({1, 3})}); }),
            "LSTM: the initial state has shape [1, 3]; expected [1, 2, 3]");
  nn::MultiheadAttention m(4, 2);
  const Tensor x = ones({3, 2, 4});
  EXPECT_EQ(message([&] { m(x, x, ones({5, 2, 4})); }),
            "MultiheadAttention: query, key and value must have the same batch, and key and value as many positions, but "
            "the shapes are [3, 2, 4], [3, 2, 4] and [5, 2, 4]");
  EXPECT_EQ(message([&] { m(x, x, x, {.attention = ones({3, 3, 3})}); }),
            "MultiheadAttention: an attention mask of shape [3, 3, 3] fits neither [3, 3] nor [4, 3, 3] (batch * heads, "
            "time, keys)");
  EXPECT_EQ(message([&] { m(x, x, x, {.padding = ones({3, 2})}); }),
            "MultiheadAttention: the padding mask has shape [3, 2]; expected [2, 3] (batch, keys)");
}

}  // namespace
}  // namespace hearth
