// Exports models with inputs and the results they should give, for the test of a program that has no code of theirs.
//
//   export_models DIRECTORY
#include <cstdio>
#include <cstdlib>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/io/safetensors.h"
#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/pool.h"
#include "core/nn/rnn.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/softmax.h"

namespace hearth {
namespace {

using graph::Spec;

void check(const absl::Status& s) {
  if (s.ok()) return;
  std::fprintf(stderr, "%s\n", std::string(s.message()).c_str());
  std::exit(1);
}

struct Net : nn::Module<Net> {
  nn::Conv2d conv1{this, "conv1", 3, 32, 3, {.padding = 1}};
  nn::BatchNorm2d norm1{this, "norm1", 32};
  nn::Conv2d conv2{this, "conv2", 32, 64, 3, {.stride = 2, .padding = 1, .groups = 2}};
  nn::BatchNorm2d norm2{this, "norm2", 64};
  nn::MaxPool2d pool{this, "pool", 2};
  nn::Dropout drop{this, "drop", 0.5};
  nn::Linear head{this, "head", 64 * 4 * 4, 10};
  Tensor forward(const Tensor& x) {
    const Tensor y = pool(norm2(conv2(norm1(conv1(x)).relu())).relu());
    return log_softmax(head(drop(y.flatten(1))), -1);
  }
};

struct Encoder : nn::Module<Encoder> {
  nn::LayerNorm norm{this, "norm", {48}};
  nn::MultiheadAttention attention{this, "attention", 48, 4};
  nn::Linear up{this, "up", 48, 192}, down{this, "down", 192, 48};
  nn::GRU gru{this, "gru", 48, 16};
  Tensor forward(const Tensor& x) {
    const Tensor n = norm(x);
    const Tensor y = x + attention(n, n, n);
    return y + down(gelu(up(y)));
  }
};

// Writes the model and, for each of the inputs, "<i>.in.<k>" and "<i>.out.<k>".
template <class Run>
void write(const std::string& directory, const graph::Exported& model, Run run,
           const std::vector<std::vector<Tensor>>& inputs) {
  check(graph::save(model, directory));
  std::map<std::string, Tensor> reference;
  const NoGrad off;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto name = [&](const char* what, size_t k) { return concat(i, ".", what, ".", k); };
    for (size_t k = 0; k < inputs[i].size(); ++k) reference[name("in", k)] = inputs[i][k].clone();
    const std::vector<Tensor> out = run(inputs[i]);
    for (size_t k = 0; k < out.size(); ++k) reference[name("out", k)] = out[k];
  }
  check(io::save_safetensors(directory + ".reference", reference));
}

int run(const std::string& root) {
  manual_seed(1);
  {
    Net net;
    for (int i = 0; i < 3; ++i) net(randn({8, 3, 16, 16}));
    net.eval();
    graph::Exported model{.main = graph::trace(net, {{"image", f32, {"batch", 3, 16, 16}}}, {.outputs = {"scores"}}),
                          .signature = {.description = "a convolutional net", .labels = {"a", "b"}}};
    // From bytes of any size to the net's input.
    const auto prepare = [](std::span<const Tensor> in) -> std::vector<Tensor> {
      const Tensor x = in[0].narrow(0, 0, 16).narrow(1, 0, 16).permute({2, 0, 1}).to(f32);
      return {(x / 255 - tensor({0.1, 0.2, 0.3}).view({3, 1, 1}))};
    };
    const Spec bytes[] = {{"picture", u8, {graph::Size("height", 16), graph::Size("width", 16), 3}}};
    model.preprocess = graph::trace(prepare, bytes);
    model.signature.preprocess_input = {{"type", "image"}, {"color", "rgb"}};
    std::vector<std::vector<Tensor>> inputs;
    for (int64_t n : {1, 2, 3, 17, 64}) inputs.push_back({randn({n, 3, 16, 16})});
    // Laid out as an image loader may.
    inputs.push_back({randn({4, 3, 16, 16}).contiguous(MemoryFormat::kChannelsLast)});
    write(
        root + "/net", model, [&](const std::vector<Tensor>& in) { return std::vector{net(in[0])}; }, inputs);
    const Tensor picture = randint(0, 256, {20, 31, 3}, {.dtype = u8});
    std::map<std::string, Tensor> prepared{{"0.in.0", picture}, {"0.out.0", prepare({&picture, 1})[0]}};
    check(io::save_safetensors(root + "/net.preprocess", prepared));
  }
  {
    Encoder net;
    net.eval();
    const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
      return {net(in[0]), net.gru(in[0].narrow(0, 0, 3)).output};
    };
    std::map<std::string, Tensor> names;
    for (auto& [n, t] : net.named_parameters()) names.emplace(n, t);
    const Spec spec[] = {{"tokens", f32, {graph::Size("length", 3), "batch", 48}}};
    const graph::Exported model{.main = graph::trace(fn, spec, {.outputs = {"tokens", "states"}, .names = names})};
    std::vector<std::vector<Tensor>> inputs;
    for (auto [l, n] : {std::pair{3, 1}, {8, 2}, {33, 5}}) inputs.push_back({randn({l, n, 48})});
    write(root + "/encoder", model, fn, inputs);
  }
  for (DType dtype : {f64, bf16}) {
    nn::Sequential net(nn::Linear(40, 72), nn::ReLU(), nn::Linear(72, 5));
    net.to(dtype);
    net.eval();
    const graph::Exported model{.main = graph::trace(net, {{"x", dtype, {"n", 40}}})};
    std::vector<std::vector<Tensor>> inputs;
    for (int64_t n : {1, 4, 129}) inputs.push_back({randn({n, 40}).to(dtype)});
    write(
        root + "/" + to_string(dtype), model, [&](const std::vector<Tensor>& in) { return std::vector{net(in[0])}; },
        inputs);
  }
  return 0;
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return hearth::run(argv[1]);
  } catch (const hearth::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
