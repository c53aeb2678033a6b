// ResNet-18 as torchvision has it: 11,689,512 parameters. tests/bench/peers/torch_nets.py has the same.
#pragma once

#include "core/hearth.h"

namespace hearth::bench {

// x [n, in, h, w] gives [n, out, h / stride, w / stride].
struct BasicBlock : nn::Module<BasicBlock> {
  BasicBlock(int64_t in, int64_t out, int64_t stride)
      : conv1(this, "conv1", in, out, 3, {.stride = stride, .padding = 1, .bias = false}),
        bn1(this, "bn1", out),
        conv2(this, "conv2", out, out, 3, {.padding = 1, .bias = false}),
        bn2(this, "bn2", out),
        downsample(this, "downsample") {
    if (stride == 1 && in == out) return;
    downsample.push_back(nn::Conv2d(in, out, 1, {.stride = stride, .bias = false}));
    downsample.push_back(nn::BatchNorm2d(out));
  }

  Tensor forward(const Tensor& x) {
    const Tensor shortcut = downsample.size() ? downsample(x) : x;
    return relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut);
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Sequential downsample;
};

// x [n, 3, h, w] gives [n, 1000].
struct ResNet18 : nn::Module<ResNet18> {
  ResNet18() {
    constexpr int64_t widths[] = {64, 64, 128, 256, 512};
    for (size_t i = 1; i < 5; ++i) {
      blocks.emplace_back(widths[i - 1], widths[i], i == 1 ? 1 : 2);
      blocks.emplace_back(widths[i], widths[i], 1);
    }
  }

  Tensor forward(const Tensor& x) {
    Tensor h = max_pool2d(relu(bn1(conv1(x))), 3, {.stride = 2, .padding = 1});
    for (BasicBlock& block : blocks) h = block(h);
    return fc(h.mean({2, 3}));
  }

  nn::Conv2d conv1{this, "conv1", 3, 64, 7, {.stride = 2, .padding = 3, .bias = false}};
  nn::BatchNorm2d bn1{this, "bn1", 64};
  nn::ModuleList<BasicBlock> blocks{this, "blocks"};
  nn::Linear fc{this, "fc", 512, 1000};
};

}  // namespace hearth::bench
