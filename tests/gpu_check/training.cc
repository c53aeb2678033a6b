#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include "core/device/allocator.h"
#include "core/hearth.h"
#include "tests/gpu_check/measure.h"
#include "text/models/gpt2.h"

namespace hearth::gpu_check {
namespace {

// ResNet-50 (He et al., "Deep Residual Learning for Image Recognition", 2015), with the stride in the 3x3 convolution.
struct Bottleneck : nn::Module<Bottleneck> {
  nn::Conv2d conv1, conv2, conv3;
  nn::BatchNorm2d norm1, norm2, norm3;
  std::optional<nn::Conv2d> down;
  std::optional<nn::BatchNorm2d> down_norm;

  Bottleneck(int64_t in, int64_t width, int64_t stride)
      : conv1(this, "conv1", in, width, 1, {.bias = false}),
        conv2(this, "conv2", width, width, 3, {.stride = stride, .padding = 1, .bias = false}),
        conv3(this, "conv3", width, 4 * width, 1, {.bias = false}),
        norm1(this, "norm1", width),
        norm2(this, "norm2", width),
        norm3(this, "norm3", 4 * width) {
    if (stride == 1 && in == 4 * width) return;
    down.emplace(this, "down", in, 4 * width, 1, nn::Conv2dOptions{.stride = stride, .bias = false});
    down_norm.emplace(this, "down_norm", 4 * width);
  }
  Tensor forward(const Tensor& x) {
    Tensor h = relu(norm1(conv1(x)));
    h = relu(norm2(conv2(h)));
    h = norm3(conv3(h));
    return relu(h + (down ? (*down_norm)((*down)(x)) : x));
  }
};

struct ResNet50 : nn::Module<ResNet50> {
  nn::Conv2d conv{this, "conv", 3, 64, 7, {.stride = 2, .padding = 3, .bias = false}};
  nn::BatchNorm2d norm{this, "norm", 64};
  nn::ModuleList<Bottleneck> blocks{this, "blocks"};
  nn::Linear head{this, "head", 2048, 1000};

  ResNet50() {
    int64_t in = 64, width = 64;
    for (const int count : {3, 4, 6, 3}) {
      for (int i = 0; i < count; ++i) {
        blocks.emplace_back(in, width, i == 0 && width > 64 ? 2 : 1);
        in = 4 * width;
      }
      width *= 2;
    }
  }
  Tensor forward(const Tensor& x) {
    Tensor h = max_pool2d(relu(norm(conv(x))), 3, {.stride = 2, .padding = 1});
    for (Bottleneck& block : blocks) h = block(h);
    return head(h.mean({2, 3}));
  }
};

// Takes steps; prints how much a second has, the peak of memory and the last loss.
void run(const Options& options, const std::string& name, double amount, const std::string& unit,
         const std::function<Tensor()>& step) {
  const int warm = options.small > 1 ? 1 : 5, steps = options.small > 1 ? 1 : 20;
  Tensor loss;
  for (int i = 0; i < warm; ++i) loss = step();
  synchronize(options.device);
  memory::reset_peak(options.device);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) loss = step();
  synchronize(options.device);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  print_row(name, amount * steps / seconds, unit);
  print_row(name + "_peak", static_cast<double>(memory::stats(options.device).peak) * 1e-9, "GB");
  print_row(name + "_loss", loss.to(f32).item<double>(), "");
}

void gpt2(const Options& options) {
  manual_seed(1);
  text::Gpt2Config config{.resid_pdrop = 0, .embd_pdrop = 0, .attn_pdrop = 0};
  int64_t batch = 16, length = 1024;
  if (options.small > 1) {
    config.vocab_size = 96, config.n_embd = 64, config.n_layer = 2, config.n_head = 2;
    batch = 2, length = 32;
  }
  text::Gpt2LmHead net(config);
  net.to(options.device);
  const Tensor ids = randint(0, config.vocab_size, {batch, length + 1}, {.dtype = i64, .device = options.device});
  const Tensor input = ids.narrow(1, 0, length).contiguous(), target = ids.narrow(1, 1, length).contiguous();
  optim::AdamW optimizer(net.parameters(), {.lr = 3e-4});
  run(options, "gpt2_124m_bf16", static_cast<double>(batch * length), "tokens/s", [&] {
    Tensor loss;
    {
      const Autocast mixed(bf16);
      loss = cross_entropy(net.logits({.ids = input}).flatten(0, 1), target.flatten());
    }
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    return loss.detach();
  });
}

void resnet50(const Options& options) {
  manual_seed(1);
  const int64_t batch = options.small > 1 ? 2 : 128, size = options.small > 1 ? 32 : 224;
  ResNet50 net;
  net.to(options.device);
  const Tensor x = randn({batch, 3, size, size}, {.device = options.device}).contiguous(MemoryFormat::kChannelsLast);
  const Tensor target = randint(0, 1000, {batch}, {.dtype = i64, .device = options.device});
  optim::SGD optimizer(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  run(options, "resnet50_bf16", static_cast<double>(batch), "images/s", [&] {
    Tensor loss;
    {
      const Autocast mixed(bf16);
      loss = cross_entropy(net(x), target);
    }
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    return loss.detach();
  });
}

}  // namespace

int training(const Options& options) {
  int failed = 0;
  if (!try_row("gpt2_124m_bf16", [&] { gpt2(options); })) ++failed;
  if (!try_row("resnet50_bf16", [&] { resnet50(options); })) ++failed;
  return failed;
}

}  // namespace hearth::gpu_check
