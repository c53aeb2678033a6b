// A user's program: one training step, and a picture through a preprocess graph.
#include <iostream>

#include "core/hearth.h"
#include "vision/vision.h"

using namespace hearth;

struct Net : nn::Module<Net> {
  nn::Linear fc{this, "fc", 12, 3};
  Tensor forward(const Tensor& x) { return fc(x.flatten(1)); }
};

int main() {
  manual_seed(1);
  const graph::Graph preprocess = vision::trace_preprocess(
      [](const Tensor& image) { return vision::to_float(vision::resize(image, 2)); }, {.channels = 3});
  const Tensor picture = randint(0, 256, {3, 40, 30}).to(u8);
  const auto png = vision::encode_png(picture);
  if (!png.ok()) return 1;
  const auto decoded = vision::decode_image(std::as_bytes(std::span(*png)));
  if (!decoded.ok() || !decoded->equal(picture)) return 2;

  Net net;
  optim::SGD optimizer(net.parameters(), {.lr = 0.1});
  const Tensor x = preprocess(*decoded).unsqueeze(0), y = tensor({2});
  const double before = cross_entropy(net(x), y).item<double>();
  cross_entropy(net(x), y).backward();
  optimizer.step();
  const double after = cross_entropy(net(x), y).item<double>();
  std::cout << "loss " << before << " -> " << after << "\n";
  return after < before ? 0 : 3;
}
