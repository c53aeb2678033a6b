// Pictures as they are, through a model's own preprocessing; and files that are none.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>

#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "serve/grpc/inference.grpc.pb.h"
#include "serve/grpc/server.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "vision/image/codec.h"
#include "vision/ops/color.h"
#include "vision/ops/resize.h"
#include "vision/preprocess.h"

namespace hearth::serve {
namespace {

using testing::Answer;
using testing::Client;

// Scores of "dark" and "bright" for a grey picture: -m and m, with m 8 times its mean from -0.5 to 0.5.
class PredictTest : public ::testing::Test {
 protected:
  PredictTest() {
    const std::string root = ::testing::TempDir() + "/predict_models";
    std::filesystem::create_directories(root + "/light");
    const auto f = [](std::span<const Tensor> in) {
      const Tensor m = (in[0].flatten(1).mean({1}, true) - 0.5) * 8;
      return std::vector<Tensor>{cat({-m, m}, 1)};
    };
    const graph::Spec image[] = {{"image", f32, {"batch", 1, 4, 4}}};
    graph::Exported model{.main = graph::trace(f, image),
                          .preprocess = vision::trace_preprocess(
                              [](const Tensor& x) { return vision::to_float(vision::resize(x, 4)); }, {.channels = 1}),
                          .signature = {}};
    model.signature.labels = {"dark", "bright"};
    model.signature.preprocess_input = {{"type", "image"}, {"color", "gray"}};
    EXPECT_TRUE(graph::save(model, root + "/light/1").ok());
    ServerOptions options;
    options.repository.directory = root;
    options.http = {.address = "127.0.0.1"};
    options.serve_admin = false;
    auto s = Server::start(options);
    EXPECT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  Answer predict(const std::string& file, const std::string& query = "", const std::string& headers = "") {
    return Client(server->port()).post("/v2/models/light/predict" + query, file, headers);
  }
  static std::string png(int value, int64_t channels = 1) {
    return *vision::encode_png(full({channels, 9, 13}, value).to(u8));
  }

  std::unique_ptr<Server> server;
};

TEST_F(PredictTest, PicturesGetLabels) {
  // A picture of 255 has m = 4: 1 / (1 + e^-8).
  Answer a = predict(png(255));
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(
      a.body.substr(0, 107),
      R"({"model_name":"light","model_version":"1","predictions":[{"label":"bright","class":1,"probability":0.999664)");
  a = predict(png(0), "?top=1");
  EXPECT_EQ(a.body.substr(a.body.find("predictions")).substr(0, 58),
            R"(predictions":[{"label":"dark","class":0,"probability":0.99)");
  EXPECT_EQ(a.body.find("bright"), std::string::npos);
  EXPECT_EQ(predict(*vision::encode_jpeg(full({3, 20, 10}, 255).to(u8))).status, 200);
  EXPECT_EQ(Client(server->port()).post("/v2/models/light/infer", png(255), "Content-Type: image/png\r\n").status, 200);
  EXPECT_NE(Client(server->port()).get("/v2/models/light").body.find(R"("file_input":{"color":"gray","type":"image"})"),
            std::string::npos);
}

TEST_F(PredictTest, WhatIsNoPictureIsNamed) {
  EXPECT_EQ(predict("hello").status, 400);
  EXPECT_EQ(predict("").status, 400);
  EXPECT_EQ(predict("GIF89a\x01\x01").status, 415);
  EXPECT_EQ(predict(png(255).substr(0, 60)).status, 400);
  EXPECT_EQ(predict(png(255), "?top=0").status, 400);
  EXPECT_EQ(predict(png(255), "?top=x").status, 400);
  EXPECT_EQ(predict(png(255), "?top=1000000").status, 200);
}

TEST_F(PredictTest, OverHttpAFileIsABytesTensorToo) {
  const std::string file = png(255);
  const auto length = static_cast<uint32_t>(file.size());
  const std::string head = concat(R"({"inputs":[{"name":"image","shape":[1],"datatype":"BYTES",)",
                                  R"("parameters":{"binary_data_size":)", length + 4, "}}]}");
  std::string body = head;
  body.append(reinterpret_cast<const char*>(&length), sizeof length);
  body += file;
  const std::string header = concat("Inference-Header-Content-Length: ", head.size(), "\r\n");
  Answer a = Client(server->port()).post("/v2/models/light/infer", body, header);
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_NE(a.body.find(R"("shape":[1,2],"data":[-4,4])"), std::string::npos) << a.body;
  body.back() = 'x';
  body.resize(body.size() - 20);
  EXPECT_EQ(Client(server->port()).post("/v2/models/light/infer", body, header).status, 400);
  a = Client(server->port())
          .post("/v2/models/light/infer",
                R"({"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["bm8gcGljdHVyZQ=="]}]})");
  EXPECT_EQ(a.status, 400) << a.body;
}

TEST_F(PredictTest, OverGrpcAFileIsABytesTensor) {
  auto grpc_server = GrpcServer::start({}, server->models());
  ASSERT_TRUE(grpc_server.ok()) << grpc_server.status();
  const auto stub = inference::GRPCInferenceService::NewStub(
      grpc::CreateChannel(concat("127.0.0.1:", (*grpc_server)->port()), grpc::InsecureChannelCredentials()));
  inference::ModelInferRequest r;
  r.set_model_name("light");
  r.add_inputs()->set_name("image");
  r.mutable_inputs(0)->set_datatype("BYTES");
  r.mutable_inputs(0)->add_shape(1);
  const auto infer = [&] {
    grpc::ClientContext context;
    inference::ModelInferResponse answer;
    const grpc::Status s = stub->ModelInfer(&context, r, &answer);
    if (!s.ok()) return concat("error ", static_cast<int>(s.error_code()));
    float scores[2];
    EXPECT_EQ(answer.raw_output_contents(0).size(), sizeof scores);
    std::memcpy(scores, answer.raw_output_contents(0).data(), sizeof scores);
    return concat(scores[0], " ", scores[1]);
  };
  r.mutable_inputs(0)->mutable_contents()->add_bytes_contents(png(255));
  EXPECT_EQ(infer(), "-4 4");
  r.mutable_inputs(0)->mutable_contents()->set_bytes_contents(0, "no picture");
  EXPECT_EQ(infer(), "error 3");
  r.mutable_inputs(0)->clear_contents();
  const std::string file = png(0);
  const auto length = static_cast<uint32_t>(file.size());
  r.add_raw_input_contents(std::string(reinterpret_cast<const char*>(&length), sizeof length) + file);
  EXPECT_EQ(infer(), "4 -4");
  r.set_raw_input_contents(0, file);
  EXPECT_EQ(infer(), "error 3");
  r.mutable_inputs(0)->set_shape(0, 2);
  EXPECT_EQ(infer(), "error 3");
}

TEST_F(PredictTest, BombsAreRefusedBeforeTheyAreDecoded) {
  std::string bomb = png(255);
  // 60,000 x 60,000 in the header, whose checksum is taken after the size.
  const unsigned char size[] = {0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60};
  bomb.replace(16, 8, std::string(reinterpret_cast<const char*>(size), 8));
  const auto sum = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bomb.data()) + 12, 17));
  for (size_t i = 0; i < 4; ++i) bomb[29 + i] = static_cast<char>(sum >> (24 - 8 * i));
  EXPECT_EQ(predict(bomb).status, 413);
  EXPECT_EQ(predict(png(255)).status, 200);
}

}  // namespace
}  // namespace hearth::serve
