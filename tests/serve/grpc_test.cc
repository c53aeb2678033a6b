// The protocol over gRPC, with gRPC's own client.
#include "serve/grpc/grpc_server.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "serve/grpc/inference.grpc.pb.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using testing::Scale;

class GrpcTest : public ::testing::Test {
 protected:
  void start(const GrpcServerOptions& options = {}) {
    models = Repository::of("scale", model);
    auto s = GrpcServer::start(options, *models);
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
    stub = inference::GRPCInferenceService::NewStub(
        grpc::CreateChannel(concat("127.0.0.1:", server->port()), grpc::InsecureChannelCredentials()));
  }
  static inference::ModelInferRequest request(std::vector<float> x = {1, 2}) {
    inference::ModelInferRequest r;
    r.set_model_name("scale");
    r.set_id("seven");
    auto* in = r.add_inputs();
    in->set_name("x");
    in->set_datatype("FP32");
    in->add_shape(static_cast<int64_t>(x.size() / 2));
    in->add_shape(2);
    in->mutable_contents()->mutable_fp32_contents()->Add(x.begin(), x.end());
    return r;
  }
  // Message and code of the error; the answer where there is none.
  std::string infer(const inference::ModelInferRequest& r, grpc::StatusCode* code = nullptr,
                    const std::string& token = "") {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", token);
    response.Clear();
    const grpc::Status s = stub->ModelInfer(&context, r, &response);
    if (code) *code = s.error_code();
    return s.ok() ? "ok" : s.error_message();
  }
  std::vector<float> values() {
    std::vector<float> y(response.raw_output_contents(0).size() / sizeof(float));
    std::memcpy(y.data(), response.raw_output_contents(0).data(), y.size() * sizeof(float));
    return y;
  }

  std::shared_ptr<Scale> model = std::make_shared<Scale>();
  std::unique_ptr<Repository> models;
  std::unique_ptr<GrpcServer> server;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub;
  inference::ModelInferResponse response;
};

TEST_F(GrpcTest, Infers) {
  start();
  EXPECT_EQ(infer(request()), "ok");
  EXPECT_EQ(values(), (std::vector<float>{2, 4}));
  EXPECT_EQ(response.id(), "seven");
  EXPECT_EQ(response.model_version(), "1");
  EXPECT_EQ(response.outputs(0).name(), "y");
  EXPECT_EQ(response.outputs(0).datatype(), "FP32");

  inference::ModelInferRequest raw = request();
  raw.mutable_inputs(0)->clear_contents();
  const float x[] = {5, -6};
  raw.add_raw_input_contents(x, sizeof x);
  raw.add_outputs()->set_name("y");
  EXPECT_EQ(infer(raw), "ok");
  EXPECT_EQ(values(), (std::vector<float>{10, -12}));
}

TEST_F(GrpcTest, DescribesItself) {
  start();
  {
    grpc::ClientContext c;
    inference::ServerReadyResponse r;
    EXPECT_TRUE(stub->ServerReady(&c, {}, &r).ok());
    EXPECT_TRUE(r.ready());
  }
  {
    grpc::ClientContext c;
    inference::ModelMetadataRequest q;
    q.set_name("scale");
    inference::ModelMetadataResponse r;
    EXPECT_TRUE(stub->ModelMetadata(&c, q, &r).ok());
    ASSERT_EQ(r.inputs_size(), 1);
    EXPECT_EQ(r.inputs(0).shape(0), -1);
    EXPECT_EQ(r.inputs(0).shape(1), 2);
  }
  EXPECT_EQ(infer(request()), "ok");
  grpc::ClientContext c;
  inference::ModelStatisticsResponse r;
  EXPECT_TRUE(stub->ModelStatistics(&c, {}, &r).ok());
  ASSERT_EQ(r.model_stats_size(), 1);
  EXPECT_EQ(r.model_stats(0).inference_stats().success().count(), 1u);
  EXPECT_EQ(r.model_stats(0).batch_stats(0).batch_size(), 1u);
}

TEST_F(GrpcTest, WhatIsWrongIsNamed) {
  start();
  grpc::StatusCode code;
  inference::ModelInferRequest r = request();
  r.set_model_name("nobody");
  EXPECT_EQ(infer(r, &code), "there is no model \"nobody\"");
  EXPECT_EQ(code, grpc::StatusCode::NOT_FOUND);
  r = request();
  r.set_model_version("x");
  EXPECT_EQ(infer(r, &code), "\"x\" is no version: a whole number from 1 on");
  r = request({1, 2, 3, 4});
  r.mutable_inputs(0)->set_shape(0, 5);
  EXPECT_EQ(infer(r, &code), "input \"x\": contents have 4 elements, but the shape says 10");
  EXPECT_EQ(code, grpc::StatusCode::INVALID_ARGUMENT);
  r = request();
  r.mutable_inputs(0)->set_shape(0, int64_t{1} << 62);
  EXPECT_EQ(infer(r), "input \"x\": the shape is negative or too large");
  r = request();
  r.mutable_inputs(0)->set_shape(0, -1);
  EXPECT_EQ(infer(r), "input \"x\": the shape is negative or too large");
  r = request();
  for (int i = 0; i < 9; ++i) r.mutable_inputs(0)->add_shape(1);
  EXPECT_EQ(infer(r), "input \"x\": at most 8 dimensions are possible");
  r = request();
  r.mutable_inputs(0)->set_datatype("BYTES");
  EXPECT_EQ(infer(r), "input \"x\": the datatype \"BYTES\" is none that this server takes");
  r = request();
  r.mutable_inputs(0)->set_datatype("INT64");
  EXPECT_EQ(infer(r), "input \"x\": the datatype is INT64, but the model takes FP32");
  r = request();
  r.add_raw_input_contents("12345678");
  EXPECT_EQ(infer(r), "raw_input_contents and contents cannot be mixed");
  r.mutable_inputs(0)->clear_contents();
  r.set_raw_input_contents(0, "1234567");
  EXPECT_EQ(infer(r), "input \"x\": its raw contents have 7 bytes, but shape and datatype say 8");
  r.add_raw_input_contents("");
  EXPECT_EQ(infer(r), "there are 1 inputs, but 2 raw_input_contents");
  r = request();
  *r.add_inputs() = r.inputs(0);
  EXPECT_EQ(infer(r), "input \"x\" stands twice");
  r = request();
  r.clear_inputs();
  EXPECT_EQ(infer(r), "input \"x\" is missing");
  r = request();
  r.add_outputs()->set_name("z");
  EXPECT_EQ(infer(r), "the model has no output \"z\"");
  r.mutable_outputs(0)->set_name("y");
  r.add_outputs()->set_name("y");
  EXPECT_EQ(infer(r), "output \"y\" stands twice");
  EXPECT_EQ(infer(request({-1000, 1}), &code), "a number below -100");
  EXPECT_EQ(infer(request()), "ok");
}

TEST_F(GrpcTest, TokensAndAdministration) {
  start({.tokens = {"sesame"}});
  grpc::StatusCode code;
  infer(request(), &code);
  EXPECT_EQ(code, grpc::StatusCode::UNAUTHENTICATED);
  infer(request(), &code, "Bearer sesam");
  EXPECT_EQ(code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(infer(request(), &code, "Bearer sesame"), "ok");
  grpc::ClientContext c;
  c.AddMetadata("authorization", "bearer sesame");
  inference::RepositoryModelUnloadRequest q;
  q.set_model_name("scale");
  inference::RepositoryModelUnloadResponse r;
  EXPECT_EQ(stub->RepositoryModelUnload(&c, q, &r).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(GrpcTest, DeadlinesAndDraining) {
  start();
  model->hold(true);
  std::thread busy([&] { EXPECT_EQ(infer(request()), "ok"); });
  while (model->batches().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  {
    grpc::ClientContext c;
    c.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20));
    inference::ModelInferResponse r;
    EXPECT_EQ(stub->ModelInfer(&c, request(), &r).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  std::thread drain([&] { server->drain(std::chrono::seconds(30)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  model->hold(false);
  busy.join();
  drain.join();
  EXPECT_EQ(model->batches().size(), 1u);  // nobody waited for the other
}

TEST_F(GrpcTest, OptionsAreChecked) {
  models = Repository::of("scale", model);
  EXPECT_EQ(GrpcServer::start({.certificate = "/nowhere.pem"}, *models).status().message(),
            "TLS needs both a certificate and its private key");
  EXPECT_TRUE(absl::IsNotFound(
      GrpcServer::start({.certificate = "/nowhere.pem", .private_key = "/nowhere.key"}, *models).status()));
  auto first = GrpcServer::start({}, *models);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(GrpcServer::start({.port = (*first)->port()}, *models).status().message(),
            concat("cannot listen for gRPC on 127.0.0.1 port ", (*first)->port()));
}

}  // namespace
}  // namespace hearth::serve
