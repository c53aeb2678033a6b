// Models built without memory, which they get afterwards.
#include <gtest/gtest.h>

#include "core/autograd/guards.h"
#include "core/device/allocator.h"
#include "core/nn/activation.h"
#include "core/nn/assign.h"
#include "core/nn/attention.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/init.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/rnn.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "tests/core/nn/nn_testing.h"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

// Every layer of core/nn that has state, and a parameter, a table and a tied weight of its own.
struct Net : nn::Module<Net> {
  nn::Embedding embedding{this, "embedding", 50, 16, {.padding_idx = 3}};
  nn::Conv1d conv1{this, "conv1", 16, 16, 3, {.padding = 1}};
  nn::Conv2d conv2{this, "conv2", 1, 2, 3, {.padding = 1}};
  nn::BatchNorm2d batch{this, "batch", 2};
  nn::GroupNorm group{this, "group", 1, 2};
  nn::LSTM lstm{this, "lstm", 16, 16, {.layers = 2, .bidirectional = true}};
  nn::GRU gru{this, "gru", 32, 16, {.bias = false}};
  nn::MultiheadAttention attention{this, "attention", 16, 2};
  nn::LayerNorm layer{this, "layer", {16}};
  nn::RMSNorm rms{this, "rms", {16}};
  nn::ModuleList<nn::Linear> list{this, "list"};
  nn::Parameter scale{this, "scale", empty({16})};
  nn::Buffer table{this, "table", empty({16}), /*persistent=*/false};
  Net() {
    list.emplace_back(16, 32);
    list.emplace_back(32, 50);
    reset_parameters();
  }
  void reset_parameters() {
    nn::init::trunc_normal_(scale, 1, 0.1, 0.8, 1.2);
    NoGrad off;
    table.copy_(arange(16).to(f32));
  }
  Tensor forward(const Tensor& index) {  // [time, batch]
    Tensor x = embedding(index);
    x = x + conv1(x.permute({1, 2, 0})).permute({2, 0, 1});
    const Tensor images = group(batch(conv2(x.unsqueeze(1))));
    x = x + images.mean({1});
    x = gru(lstm(x).output).output;
    x = rms(layer(attention(x, x, x))) * scale + table;
    return list[1](hearth::relu(list[0](x)));
  }
};

std::vector<std::pair<std::string, Tensor>> tensors_of_net(const Net& n) {
  auto all = n.named_parameters();
  for (auto& b : n.named_buffers()) all.push_back(b);
  return all;
}

std::unique_ptr<Net> on_meta() {
  const DefaultDevice meta(kMeta);
  return std::make_unique<Net>();
}

TEST(Meta, BuiltMaterialisedAndLoadedIsTheSameModel) {
  manual_seed(7);
  Net plain;
  plain.eval();
  const auto before = memory::stats().in_use;
  const GeneratorState random = get_rng_state();
  const auto net = on_meta();
  net->eval();
  EXPECT_EQ(memory::stats().in_use, before);
  EXPECT_EQ(get_rng_state(), random);  // nothing was drawn
  EXPECT_EQ(default_device(), kCpu);
  for (auto& [name, t] : tensors_of_net(*net)) EXPECT_TRUE(t.device().is_meta()) << name;
  EXPECT_EQ(net->parameter_count(), plain.parameter_count());
  const Tensor held = net->scale;
  const Tensor index = arange(6).view({3, 2});
  EXPECT_EQ(message([&] { net->to(kCpu); }), "to: a meta tensor has no values to bring to cpu");
  EXPECT_EQ(message([&] {
              net->load_state_dict({{"scale", plain.scale}}, false);
            }),
            "load_state_dict: scale is on meta in this module and cannot take values; call to_empty() first");
  EXPECT_EQ(message([&] {
              plain.load_state_dict({{"scale", net->scale}}, false);
            }),
            "load_state_dict: scale is a meta tensor and has no values");

  net->to_empty(kCpu);
  net->initialize();  // the table is in no state_dict
  net->load_state_dict(plain.state_dict());
  EXPECT_TRUE(held.is(net->scale));
  EXPECT_TRUE(held.equal(plain.scale));
  const auto mine = tensors_of_net(*net), theirs = tensors_of_net(plain);
  ASSERT_EQ(mine.size(), theirs.size());
  for (size_t i = 0; i < mine.size(); ++i) {
    EXPECT_EQ(mine[i].first, theirs[i].first);
    EXPECT_TRUE(mine[i].second.equal(theirs[i].second)) << mine[i].first;
    EXPECT_EQ(mine[i].second.requires_grad(), theirs[i].second.requires_grad()) << mine[i].first;
  }
  EXPECT_TRUE((*net)(index).equal(plain(index)));
  (*net)(index).sum().backward();
  EXPECT_TRUE(net->scale.grad().defined());
}

struct Tied : nn::Module<Tied> {
  nn::Linear a{this, "a", 3, 2};
  nn::Linear b{this, "b", 3, 2, {.bias = false}};
  Tied() { b.weight = a.weight; }
};

// Nothing is copied: the module looks into the memory it was given, whatever its dtype, and all handles see it.
TEST(Meta, AssignedIsTheSameMemory) {
  std::optional<Tied> net;
  {
    const DefaultDevice meta(kMeta);
    net.emplace();
  }
  const Tensor held = net->a.weight, bias = tensor({1.0, 2.0});
  std::vector<float> values{1, 2, 3, 4, 5, 6};
  const Tensor mapped = from_blob(values.data(), {2, 3}, f32, nullptr, /*read_only=*/true);
  nn::assign_state_dict(*net, {{"a.weight", mapped}, {"a.bias", bias.to(bf16)}}, false);
  EXPECT_EQ(net->a.weight.raw_data(), values.data());
  EXPECT_TRUE(held.is(net->a.weight));
  EXPECT_TRUE(net->b.weight.is(held));
  EXPECT_TRUE(held.requires_grad());
  EXPECT_EQ(net->a.bias->dtype(), bf16);
  EXPECT_EQ(net->b(ones({1, 3})).to_vector<float>(), (std::vector<float>{6, 15}));
  EXPECT_EQ(message([&] {
              const NoGrad off;
              net->a.weight.zero_();
            }).find("no error"),
            std::string::npos);
  net->b(ones({1, 3})).sum().backward();
  EXPECT_EQ(held.grad().to_vector<float>(), std::vector<float>(6, 1));
}

TEST(Meta, AssigningNamesAllThatIsWrong) {
  Tied net;
  const Tensor before = net.a.weight.detach();
  EXPECT_EQ(message([&] {
              nn::assign_state_dict(net, {{"a.weight", zeros({3, 2})},
                                          {"a.bias", zeros({2}, {.dtype = i64})},
                                          {"b.weight", Tensor()},
                                          {"c", zeros({1})}});
            }),
            "assign_state_dict: a.bias requires a gradient, but the given tensor is i64; a.weight has shape [3, 2], "
            "expected [2, 3]; b.weight is undefined; unexpected: c");
  EXPECT_EQ(message([&] {
              nn::assign_state_dict(net, {{"a.weight", before}});
            }),
            "assign_state_dict: missing: a.bias; missing: b.weight");
  EXPECT_EQ(net.a.weight.raw_data(), before.raw_data());
}

// With the same seed initialize() gives what the constructor gives: also anew, over other values.
TEST(Meta, InitialiseGivesWhatConstructorsGive) {
  manual_seed(7);
  const Net plain;
  const auto net = on_meta();
  net->to_empty(kCpu);
  for (int round = 0; round < 2; ++round) {
    manual_seed(7);
    net->initialize();
    const auto mine = tensors_of_net(*net), theirs = tensors_of_net(plain);
    ASSERT_EQ(mine.size(), theirs.size());
    for (size_t i = 0; i < mine.size(); ++i) EXPECT_TRUE(mine[i].second.equal(theirs[i].second)) << mine[i].first;
    NoGrad off;
    for (auto& [name, t] : tensors_of_net(*net)) Tensor(t).fill_(5);
  }
}

struct Bare : nn::Module<Bare> {
  nn::Parameter w{this, "w", ones({2})};
  nn::Buffer b{this, "b", ones({2})};
};
struct Holder : nn::Module<Holder> {
  Bare bare{this, "bare"};
  nn::Linear linear{this, "linear", 2, 2};
  nn::Parameter tied{this, "tied", linear.weight};
};

TEST(Meta, InitialiseNamesWhatItCannotDo) {
  Holder h;
  const Tensor weight = h.linear.weight.detach().clone();
  EXPECT_EQ(message([&] { h.initialize(); }),
            "initialize: these modules own tensors but have no public reset_parameters(): Holder owns tied; Bare "
            "'bare' owns w, b");
  EXPECT_TRUE(h.linear.weight.equal(weight));
  // A tensor that is held twice stays one.
  h.to_empty(kCpu);
  EXPECT_TRUE(h.tied.is(h.linear.weight));
  EXPECT_EQ(h.tied.impl()->storage, h.linear.weight.impl()->storage);
  h.to_empty(kMeta);
  EXPECT_TRUE(h.tied.device().is_meta());
}

// What makes tensors from sizes or values heeds the default device; what is told where does not.
TEST(DefaultDevice, IsWhereNewTensorsAre) {
  const Tensor here = ones({3});
  {
    const DefaultDevice meta(kMeta);
    EXPECT_EQ(default_device(), kMeta);
    float values[3] = {};
    for (const Tensor& t :
         {empty({2}), zeros({2}), ones({2}), full({2}, 3), scalar_tensor(1), arange(3), linspace(0, 1, 3), eye(2),
          tensor({1.0, 2.0}), tensor(3), tensor(std::vector{1.0f}), from_values(std::vector{1.0f}, {1}), rand({2}),
          randn({2}), randint(0, 4, {2}), randperm(3), normal(0.0, 1.0, {2})})
      EXPECT_TRUE(t.device().is_meta());
    for (const Tensor& t : {zeros_like(here), randn_like(here), here.new_zeros({2}), here * 2, here.nonzero(),
                            multinomial(here, 2), zeros({2}, {.device = kCpu}), from_blob(values, {3}, f32)})
      EXPECT_TRUE(t.device().is_cpu());
    EXPECT_EQ(zeros({2}, {.dtype = f64}).dtype(), f64);
    {
      const DefaultDevice cpu(kCpu);
      EXPECT_TRUE(zeros({2}).device().is_cpu());
    }
    EXPECT_TRUE(zeros({2}).device().is_meta());
    Tensor there = zeros({4, 4}, {.device = kCpu});
    nn::init::trunc_normal_(there);
    nn::init::orthogonal_(there);
    Tensor nowhere = zeros({4, 4});
    nn::init::trunc_normal_(nowhere);
    nn::init::orthogonal_(nowhere);
    nn::init::kaiming_normal_(nowhere);
    for (const Shape& shape : {Shape{0, 4}, Shape{4, 0}, Shape{3, 2, 0}}) {
      Tensor nothing = zeros(shape, {.device = kCpu});
      nn::init::xavier_uniform_(nothing);
      nn::init::xavier_normal_(nothing);
      nn::init::kaiming_uniform_(nothing);
      nn::init::kaiming_normal_(nothing);
    }
    EXPECT_EQ(message([&] { nn::init::trunc_normal_(nowhere, 0, 1, 2, 1); }).substr(0, 14), "trunc_normal_:");
  }
  EXPECT_TRUE(zeros({2}).device().is_cpu());
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
