// A server of one's own: writes a model of the kind "calibrated" whose graph holds the op "example::peak_normalize",
// and serves it until Enter is pressed.
//
//   bazel run //examples/serving:own_server -- /tmp/own-models

#include <cstdio>
#include <filesystem>
#include <string>

#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/hearth.h"
#include "examples/serving/peak_normalize.h"
#include "serve/server.h"

int main(int argc, char** argv) {
  using namespace hearth;
  if (argc != 2) {
    std::fprintf(stderr, "usage: own_server DIRECTORY\n");
    return 2;
  }
  const std::string directory = argv[1];
  std::error_code error;
  std::filesystem::create_directories(directory + "/own", error);

  const auto f = [](std::span<const Tensor> in) { return std::vector<Tensor>{example::peak_normalize(in[0])}; };
  const graph::Spec x[] = {{"x", f32, {"batch", 3}}};
  graph::Exported model{.main = graph::trace(f, x), .preprocess = {}, .signature = {}};
  model.signature.kind = "calibrated";
  model.signature.metadata = {{"temperature", "0.5"}};
  if (const absl::Status s = graph::save(model, directory + "/own/1"); !s.ok()) {
    std::fprintf(stderr, "own_server: %s\n", std::string(s.message()).c_str());
    return 1;
  }

  serve::ServerOptions options;
  options.repository.directory = directory;
  options.http = {.address = "127.0.0.1"};
  options.serve_admin = false;
  const auto server = serve::Server::start(options);
  if (!server.ok()) {
    std::fprintf(stderr, "own_server: %s\n", std::string(server.status().message()).c_str());
    return 1;
  }
  std::printf(
      "curl -d '{\"inputs\":[{\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,4]}]}' "
      "http://127.0.0.1:%d/v2/models/own/infer\nEnter ends it.\n",
      (*server)->port());
  std::fflush(stdout);
  std::getchar();
  (*server)->drain();
  return 0;
}
