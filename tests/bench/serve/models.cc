// Writes the model repository that the serving benchmarks use: models DIR.
//   mlp        784-1024-1024-10
//   cnn        the quickstart's net, untrained
//   constant   takes the net's input and looks at none of it: what the server itself costs
#include <cstdio>
#include <filesystem>
#include <string>

#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/hearth.h"
#include "examples/fashion/net.h"

int main(int argc, char** argv) {
  using namespace hearth;
  if (argc != 2) {
    std::fprintf(stderr, "usage: models DIR\n");
    return 2;
  }
  const auto save = [&](const std::string& name, graph::Graph g) {
    const std::string directory = std::string(argv[1]) + "/" + name;
    std::filesystem::create_directories(directory);
    const absl::Status s = graph::save({.main = std::move(g), .preprocess = {}, .signature = {}}, directory + "/1");
    if (!s.ok()) std::fprintf(stderr, "models: %s\n", std::string(s.message()).c_str());
    return s.ok();
  };
  manual_seed(1);
  nn::Sequential mlp(nn::Linear(784, 1024), nn::ReLU(), nn::Linear(1024, 1024), nn::ReLU(), nn::Linear(1024, 10));
  mlp.eval();
  fashion::Net cnn;
  cnn.eval();
  const Tensor answer = arange(10).to(f32).view({1, 10});
  const auto constant = [&](std::span<const Tensor> in) {
    return std::vector<Tensor>{answer.expand({in[0].size(0), 10}).clone()};
  };
  const graph::Spec image[] = {{"image", f32, {"batch", 1, 28, 28}}};
  const bool ok = save("mlp", graph::trace(mlp, {{"x", f32, {"batch", 784}}})) &&
                  save("cnn", graph::trace(cnn, {{"image", f32, {"batch", 1, 28, 28}}})) &&
                  save("constant", graph::trace(constant, image));
  return ok ? 0 : 1;
}
