// Writes a model repository with untrained models: "fashion" takes pictures, "voices" sounds.
#include <cstdio>
#include <filesystem>
#include <string>

#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "examples/audio/net.h"
#include "examples/fashion/data.h"
#include "examples/fashion/net.h"
#include "vision/datasets/fashion_mnist.h"

namespace hearth {
namespace {

absl::Status write_fashion(const std::string& directory) {
  fashion::Net net;
  net.eval();
  graph::Exported model{.main = graph::trace(net, {{"image", f32, {"batch", 1, 28, 28}}}),
                        .preprocess = fashion::preprocess_graph(),
                        .signature = {}};
  for (const char* name : vision::FashionMnist::kClassNames) model.signature.labels.emplace_back(name);
  model.signature.preprocess_input = {{"type", "image"}, {"color", "gray"}};
  return graph::save(model, directory);
}

absl::Status write_voices(const std::string& directory) {
  audio::Net net(3);
  net.eval();
  graph::Exported model{.main = graph::trace(net, {{"features", f32, {"batch", 1, audio::kMels, audio::kFrames}}}),
                        .preprocess = audio::preprocess_graph(),
                        .signature = {}};
  model.signature.labels = {"alto", "tenor", "bass"};
  model.signature.preprocess_input = {{"type", "audio"}, {"sample_rate", "16000"}, {"channels", "1"}};
  return graph::save(model, directory);
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  using namespace hearth;
  if (argc != 2) {
    std::fprintf(stderr, "usage: page_models DIRECTORY\n");
    return 2;
  }
  const std::string root = argv[1];
  for (const char* model : {"fashion", "voices"}) std::filesystem::create_directories(root + "/" + model);
  manual_seed(3);
  absl::Status s = write_fashion(root + "/fashion/1");
  s.Update(write_voices(root + "/voices/1"));
  if (!s.ok()) std::fprintf(stderr, "page_models: %s\n", std::string(s.message()).c_str());
  return s.ok() ? 0 : 1;
}
