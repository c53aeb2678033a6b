#include "core/nn/summary.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "core/nn/activation.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/dropout.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/pool.h"
#include "core/nn/rnn.h"
#include "core/ops/create.h"
#include "core/ops/random.h"

namespace hearth {
namespace {

// What PyTorch 2 prints of the same layers.
TEST(ToString, LayersAsInPyTorch) {
  using nn::to_string;
  EXPECT_EQ(to_string(nn::Linear(2, 3)), "Linear(in_features=2, out_features=3, bias=True)");
  EXPECT_EQ(to_string(nn::Linear(2, 3, {.bias = false})), "Linear(in_features=2, out_features=3, bias=False)");
  EXPECT_EQ(to_string(nn::Embedding(3, 4, {.padding_idx = 1})), "Embedding(3, 4, padding_idx=1)");
  EXPECT_EQ(to_string(nn::Conv2d(3, 8, 3, {.padding = 1})),
            "Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))");
  EXPECT_EQ(to_string(nn::Conv2d(4, 8, {3, 2}, {.stride = 2, .dilation = 2, .groups = 2, .bias = false})),
            "Conv2d(4, 8, kernel_size=(3, 2), stride=(2, 2), dilation=(2, 2), groups=2, bias=False)");
  EXPECT_EQ(to_string(nn::Conv1d(2, 4, 3, {.same = true})),
            "Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=same)");
  EXPECT_EQ(to_string(nn::Conv3d(2, 4, 3, {.padding = 1, .padding_mode = Padding::kReflect})),
            "Conv3d(2, 4, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(1, 1, 1), padding_mode=reflect)");
  EXPECT_EQ(to_string(nn::BatchNorm2d(3)),
            "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)");
  EXPECT_EQ(to_string(nn::BatchNorm1d(3, {.momentum = {}, .affine = false})),
            "BatchNorm1d(3, eps=1e-05, momentum=None, affine=False, bias=False, track_running_stats=True)");
  EXPECT_EQ(to_string(nn::LayerNorm({4})), "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)");
  EXPECT_EQ(to_string(nn::GroupNorm(2, 4)), "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)");
  EXPECT_EQ(to_string(nn::MaxPool2d(2)), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
  EXPECT_EQ(to_string(nn::AvgPool2d({2, 3})), "AvgPool2d(kernel_size=(2, 3), stride=(2, 3), padding=0)");
  EXPECT_EQ(to_string(nn::AvgPool1d(2)), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))");
  EXPECT_EQ(to_string(nn::LayerNorm({4}, {.eps = 1e-4})),
            "LayerNorm((4,), eps=0.0001, elementwise_affine=True, bias=True)");
  EXPECT_EQ(to_string(nn::AdaptiveAvgPool2d(1)), "AdaptiveAvgPool2d(output_size=1)");
  EXPECT_EQ(to_string(nn::LSTM(3, 4, {.layers = 2, .batch_first = true})),
            "LSTM(3, 4, num_layers=2, batch_first=True)");
  EXPECT_EQ(to_string(nn::GRU(3, 4, {.bias = false, .bidirectional = true})),
            "GRU(3, 4, bias=False, bidirectional=True)");
  EXPECT_EQ(to_string(nn::Dropout(0)), "Dropout(p=0.0, inplace=False)");
  EXPECT_EQ(to_string(nn::Flatten()), "Flatten(start_dim=1, end_dim=-1)");
  EXPECT_EQ(to_string(nn::ReLU()), "ReLU()");
}

struct Block : nn::Module<Block> {
  nn::Linear a{this, "a", 4, 4};
  nn::ReLU act{this, "act"};
  Tensor forward(const Tensor& x) { return act(a(x)); }
  std::string extra_repr() const { return "of=tests"; }
};
struct Net : nn::Module<Net> {
  nn::ModuleList<Block> blocks{this, "blocks"};
  nn::BatchNorm1d norm{this, "norm", 4};
  nn::Linear out{this, "out", 4, 2};
  nn::Linear unused{this, "unused", 4, 1};
  Net() {
    blocks.emplace_back();
    blocks.emplace_back();
    unused.weight.requires_grad_(false);
  }
  Tensor forward(const Tensor& x) {
    Tensor y = x;
    for (Block& b : blocks) y = b(y);
    return out(norm(y));
  }
};

TEST(ToString, ModulesOfOnesOwn) {
  const Net net;
  std::ostringstream text;
  text << net;
  EXPECT_EQ(text.str(), R"(Net(
  (blocks): ModuleList(
    (0-1): 2 x Block(
      of=tests
      (a): Linear(in_features=4, out_features=4, bias=True)
      (act): ReLU()
    )
  )
  (norm): BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
  (out): Linear(in_features=4, out_features=2, bias=True)
  (unused): Linear(in_features=4, out_features=1, bias=True)
))");
}

TEST(Summary, CountsParameters) {
  const Net net;
  EXPECT_EQ(nn::summary(net), R"(module        type         parameters
(all)         Net                   0
blocks        ModuleList            0
blocks.0      Block                 0
blocks.0.a    Linear               20
blocks.0.act  ReLU                  0
blocks.1      Block                 0
blocks.1.a    Linear               20
blocks.1.act  ReLU                  0
norm          BatchNorm1d           8
out           Linear               10
unused        Linear                5
parameters: 63, trained: 59
bytes of parameters and buffers: 292
)");
}

TEST(Summary, ShapesOfWhatModulesGive) {
  Net net;
  net.norm.eval();
  const Tensor mean = net.norm.running_mean->clone();
  const std::string text = nn::summary(net, randn({3, 4}));
  EXPECT_NE(text.find("blocks.0.a    Linear       [3, 4]          20\n"), std::string::npos) << text;
  EXPECT_NE(text.find("out           Linear       [3, 2]          10\n"), std::string::npos) << text;
  EXPECT_NE(text.find("unused        Linear       -                5\n"), std::string::npos) << text;
  // Nothing stays behind: neither modes, nor statistics, nor hooks.
  EXPECT_TRUE(net.training());
  EXPECT_TRUE(net.out.training());
  EXPECT_FALSE(net.norm.training());
  EXPECT_TRUE(net.norm.running_mean->equal(mean));
  EXPECT_EQ(nn::summary(net, randn({5, 4})).find("[3, 4]"), std::string::npos);
  // Of a net without memory.
  const DefaultDevice meta(kMeta);
  Net shapes;
  EXPECT_NE(nn::summary(shapes, empty({7, 4})).find("[7, 2]"), std::string::npos);
  EXPECT_NE(nn::to_string(shapes).find("out_features=2"), std::string::npos);
}

}  // namespace
}  // namespace hearth
