// Writes a model repository with one model that takes pictures, "fashion": the quickstart's net, untrained.
#include <cstdio>
#include <filesystem>
#include <string>

#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "examples/fashion/data.h"
#include "examples/fashion/net.h"
#include "vision/datasets/fashion_mnist.h"

int main(int argc, char** argv) {
  using namespace hearth;
  if (argc != 2) {
    std::fprintf(stderr, "usage: picture_model DIRECTORY\n");
    return 2;
  }
  manual_seed(3);
  fashion::Net net;
  net.eval();
  graph::Exported model{.main = graph::trace(net, {{"image", f32, {"batch", 1, 28, 28}}}),
                        .preprocess = fashion::preprocess_graph(),
                        .signature = {}};
  for (const char* name : vision::FashionMnist::kClassNames) model.signature.labels.emplace_back(name);
  model.signature.preprocess_input = {{"type", "image"}, {"color", "gray"}};
  std::filesystem::create_directories(std::string(argv[1]) + "/fashion");
  const absl::Status s = graph::save(model, std::string(argv[1]) + "/fashion/1");
  if (!s.ok()) std::fprintf(stderr, "picture_model: %s\n", std::string(s.message()).c_str());
  return s.ok() ? 0 : 1;
}
