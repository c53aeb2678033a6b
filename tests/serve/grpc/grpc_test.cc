// The protocol over gRPC, with gRPC's own client.
#include "serve/grpc/server.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>

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
  EXPECT_EQ(infer(r, &code), "\"x\" is not a version: a whole number from 1 on");
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
  EXPECT_EQ(infer(r), "input \"x\": the datatype is BYTES, but the model takes FP32");
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
  EXPECT_EQ(infer(r), "input \"x\" is given twice");
  r = request();
  r.clear_inputs();
  EXPECT_EQ(infer(r), "input \"x\" is missing");
  r = request();
  r.add_outputs()->set_name("z");
  EXPECT_EQ(infer(r), "the model has no output \"z\"");
  r.mutable_outputs(0)->set_name("y");
  r.add_outputs()->set_name("y");
  EXPECT_EQ(infer(r), "output \"y\" is given twice");
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
  // Others from now on, as after SIGHUP.
  server->set_tokens({"open"});
  infer(request(), &code, "Bearer sesame");
  EXPECT_EQ(code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(infer(request(), &code, "Bearer open"), "ok");
  grpc::ClientContext c;
  c.AddMetadata("authorization", "bearer open");
  inference::RepositoryModelUnloadRequest q;
  q.set_model_name("scale");
  inference::RepositoryModelUnloadResponse r;
  EXPECT_EQ(stub->RepositoryModelUnload(&c, q, &r).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(GrpcTest, OptionsThatAreNotSupportedAreRefused) {
  start();
  grpc::StatusCode code;
  const auto refused = [&](const inference::ModelInferRequest& r) {
    const std::string text = infer(r, &code);
    EXPECT_EQ(code, grpc::StatusCode::INVALID_ARGUMENT);
    return text;
  };
  inference::ModelInferRequest r = request();
  (*r.mutable_parameters())["sequence_id"].set_int64_param(1);
  EXPECT_EQ(refused(r), "the request: the parameter \"sequence_id\" is not supported");
  r = request();
  (*r.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("a");
  EXPECT_EQ(refused(r), "input \"x\": the parameter \"shared_memory_region\" is not supported");
  r = request();
  (*r.mutable_parameters())["priority"].set_int64_param(3);
  EXPECT_EQ(refused(r), "the parameter \"priority\" must be 0, 1 or 2");
  r = request();
  (*r.mutable_parameters())["timeout"].set_string_param("1");
  EXPECT_EQ(refused(r), "the parameter \"timeout\" must be a whole number");
  r = request();
  r.add_outputs()->set_name("y");
  (*r.mutable_outputs(0)->mutable_parameters())["classification"].set_int64_param(0);
  EXPECT_EQ(refused(r), "output \"y\": the parameter \"classification\" must be at least 1");

  server.reset();
  start({.administration = true});
  grpc::ClientContext c;
  inference::RepositoryModelLoadRequest load;
  load.set_model_name("scale");
  (*load.mutable_parameters())["config"].set_string_param("{}");
  inference::RepositoryModelLoadResponse answer;
  const grpc::Status s = stub->RepositoryModelLoad(&c, load, &answer);
  EXPECT_EQ(s.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(s.error_message(), "the request: the parameter \"config\" is not supported");
}

TEST_F(GrpcTest, ClassificationAndConfiguration) {
  start();
  inference::ModelInferRequest r = request({1, 2, 6, 5});
  r.add_outputs()->set_name("y");
  (*r.mutable_outputs(0)->mutable_parameters())["classification"].set_int64_param(1);
  ASSERT_EQ(infer(r), "ok");
  EXPECT_EQ(response.outputs(0).datatype(), "BYTES");
  EXPECT_EQ(response.outputs(0).shape(0), 2);
  EXPECT_EQ(response.outputs(0).shape(1), 1);
  EXPECT_EQ(response.raw_output_contents(0), std::string("\x0a\0\0\0"
                                                         "4.000000:1"
                                                         "\x0b\0\0\0"
                                                         "12.000000:0",
                                                         29));

  grpc::ClientContext c;
  inference::ModelConfigRequest q;
  q.set_name("scale");
  inference::ModelConfigResponse config;
  ASSERT_TRUE(stub->ModelConfig(&c, q, &config).ok());
  EXPECT_EQ(config.config().max_batch_size(), 32);
  EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_FP32);
  EXPECT_EQ(config.config().input(0).dims(0), 2);
}

TEST_F(GrpcTest, UnsignedValuesAreTakenWhereTheyFit) {
  start();
  inference::ModelInferRequest r = request();
  auto* in = r.mutable_inputs(0);
  in->set_datatype("UINT32");
  in->clear_contents();
  in->mutable_contents()->add_uint_contents(3);
  in->mutable_contents()->add_uint_contents(1 << 24);
  EXPECT_EQ(infer(r), "ok");
  EXPECT_EQ(values(), (std::vector<float>{6, 1 << 25}));
  in->mutable_contents()->set_uint_contents(1, (1 << 24) + 1);
  EXPECT_EQ(infer(r), "input \"x\": 16777217 as UINT32 does not fit FP32");
  in->clear_contents();
  in->set_datatype("UINT16");
  r.add_raw_input_contents(std::string("\xff\xff\1\0", 4));
  EXPECT_EQ(infer(r), "ok");
  EXPECT_EQ(values(), (std::vector<float>{131070, 2}));
}

TEST_F(GrpcTest, CallsAreLoggedWithTheirId) {
  const std::string path = ::testing::TempDir() + "/grpc_access.log";
  auto log = AccessLog::open(path);
  ASSERT_TRUE(log.ok());
  start({.log = log->get()});
  {
    grpc::ClientContext c;
    c.AddMetadata("x-request-id", "mine-1");
    inference::ModelInferResponse r;
    EXPECT_TRUE(stub->ModelInfer(&c, request(), &r).ok());
    const auto& head = c.GetServerInitialMetadata();
    ASSERT_EQ(head.count("x-request-id"), 1u);
    EXPECT_EQ(head.find("x-request-id")->second, "mine-1");
  }
  EXPECT_NE(infer(request({-1000, 1})), "ok");
  server.reset();
  log->reset();  // a thread of its own writes
  std::ifstream in(path);
  std::string ok, bad;
  std::getline(in, ok);
  std::getline(in, bad);
  for (const char* part : {R"("request_id":"mine-1","peer":"127.0.0.1","method":"GRPC")",
                           R"("path":"/inference.GRPCInferenceService/ModelInfer","code":"OK")", R"("model":"scale")"})
    EXPECT_NE(ok.find(part), std::string::npos) << ok;
  EXPECT_NE(bad.find(R"("code":"INVALID_ARGUMENT")"), std::string::npos) << bad;
}

TEST_F(GrpcTest, TensorsThatWaitCountAgainstTheBudget) {
  const auto memory = std::make_shared<MemoryBudget>(100'000);
  start({.memory = memory});
  grpc::StatusCode code;
  // 8 bytes in and out for each row, and what the messages take.
  EXPECT_EQ(infer(request(std::vector<float>(2000))), "ok");
  EXPECT_NE(infer(request(std::vector<float>(20'000)), &code).find("already use their memory limit"),
            std::string::npos);
  EXPECT_EQ(code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(infer(request()), "ok");
  EXPECT_EQ(testing::bytes_kept(*memory), 0);
}

TEST_F(GrpcTest, LargeMessagesAndAnswers) {
  start();
  // Larger than every window of HTTP/2.
  std::vector<float> x(4'000'000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1000);
  inference::ModelInferRequest r = request({});
  r.mutable_inputs(0)->clear_contents();
  r.mutable_inputs(0)->set_shape(0, 2'000'000);
  r.add_raw_input_contents(x.data(), x.size() * sizeof(float));
  grpc::ChannelArguments large;
  large.SetMaxReceiveMessageSize(-1);
  stub = inference::GRPCInferenceService::NewStub(
      grpc::CreateCustomChannel(concat("127.0.0.1:", server->port()), grpc::InsecureChannelCredentials(), large));
  ASSERT_EQ(infer(r), "ok");
  const std::vector<float> y = values();
  ASSERT_EQ(y.size(), x.size());
  EXPECT_EQ(y[1'234'567], 2 * x[1'234'567]);
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
            concat("cannot listen for gRPC on 127.0.0.1 port ", (*first)->port(), ": Address already in use"));
}

// BYTES tensors: contents, raw contents, and what is wrong with them.
class GrpcBytesTest : public GrpcTest {
 protected:
  GrpcBytesTest() {
    models = Repository::of("reverse", std::make_shared<testing::Reverse>());
    server = *GrpcServer::start({}, *models);
    stub = inference::GRPCInferenceService::NewStub(
        grpc::CreateChannel(concat("127.0.0.1:", server->port()), grpc::InsecureChannelCredentials()));
  }
  static inference::ModelInferRequest texts(int64_t n) {
    inference::ModelInferRequest r;
    r.set_model_name("reverse");
    auto* in = r.add_inputs();
    in->set_name("text");
    in->set_datatype("BYTES");
    in->add_shape(n);
    return r;
  }
};

TEST_F(GrpcBytesTest, ContentsAndRawContents) {
  inference::ModelInferRequest contents = texts(2);
  contents.mutable_inputs(0)->mutable_contents()->add_bytes_contents(std::string("ab\0", 3));
  contents.mutable_inputs(0)->mutable_contents()->add_bytes_contents("");
  inference::ModelInferRequest raw = texts(2);
  raw.add_raw_input_contents(std::string("\3\0\0\0ab\0\0\0\0\0", 11));
  for (const auto& r : {contents, raw}) {
    ASSERT_EQ(infer(r), "ok");
    EXPECT_EQ(response.outputs(0).datatype(), "BYTES");
    EXPECT_EQ(response.outputs(0).shape(0), 2);
    EXPECT_EQ(response.raw_output_contents(0), std::string("\3\0\0\0\0ba\0\0\0\0", 11));
    EXPECT_EQ(response.outputs(1).datatype(), "INT64");
    EXPECT_EQ(response.raw_output_contents(1)[0], 3);
  }
}

TEST_F(GrpcBytesTest, WhatIsWrongIsNamed) {
  inference::ModelInferRequest r = texts(2);
  r.mutable_inputs(0)->mutable_contents()->add_bytes_contents("a");
  EXPECT_EQ(infer(r), "input \"text\": contents have 1 elements, but the shape says 2");
  r.add_raw_input_contents("");
  EXPECT_EQ(infer(r), "raw_input_contents and contents cannot be mixed");
  r.mutable_inputs(0)->clear_contents();
  EXPECT_EQ(infer(r), "input \"text\": the shape says 2 elements, but 0 bytes hold no more than 0 BYTES elements");
  r.set_raw_input_contents(0, std::string("\1\0\0\0a\5\0\0\0b", 10));
  EXPECT_EQ(infer(r), "input \"text\": element 1 has 5 bytes by its length, but only 1 are left");
  r.set_raw_input_contents(0, std::string("\1\0\0\0a\1\0\0\0bc", 11));
  EXPECT_EQ(infer(r), "input \"text\": 1 bytes are left behind its 2 elements");
  r = texts(1);
  r.mutable_inputs(0)->set_datatype("INT64");
  EXPECT_EQ(infer(r), "input \"text\": the datatype is INT64, but the model takes BYTES");
  r = texts(1);
  r.mutable_inputs(0)->mutable_contents()->add_bytes_contents("a");
  auto* wanted = r.add_outputs();
  wanted->set_name("reversed");
  (*wanted->mutable_parameters())["classification"].set_int64_param(1);
  EXPECT_EQ(infer(r), "output \"reversed\": BYTES has no classification, which is of numbers");
}

TEST_F(GrpcBytesTest, MetadataAndConfigSayBytes) {
  grpc::ClientContext a, b;
  inference::ModelMetadataRequest metadata;
  metadata.set_name("reverse");
  inference::ModelMetadataResponse m;
  ASSERT_TRUE(stub->ModelMetadata(&a, metadata, &m).ok());
  EXPECT_EQ(m.inputs(0).datatype(), "BYTES");
  EXPECT_EQ(m.outputs(0).datatype(), "BYTES");
  inference::ModelConfigRequest config;
  config.set_name("reverse");
  inference::ModelConfigResponse c;
  ASSERT_TRUE(stub->ModelConfig(&b, config, &c).ok());
  EXPECT_EQ(c.config().input(0).data_type(), inference::TYPE_STRING);
}

}  // namespace
}  // namespace hearth::serve
