// Text models of Hugging Face directories, served: small ones with random weights, over HTTP and gRPC.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/escaping.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/io/json_internal.h"
#include "core/ops/create.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "serve/grpc/inference.grpc.pb.h"
#include "serve/grpc/server.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "text/models/pretrained.h"

namespace hearth::serve {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::Answer;
using testing::Client;
using Vector = std::vector<float>;

constexpr int kWords = 40;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// "w3 w4 ..." between [CLS] and [SEP].
std::string tokenizer() {
  Json vocabulary = {{"[PAD]", 0}, {"[CLS]", 1}, {"[SEP]", 2}};
  for (int i = 3; i < kWords; ++i) vocabulary[concat("w", i)] = i;
  return Json{{"pre_tokenizer", {{"type", "Whitespace"}}},
              {"post_processor", {{"type", "BertProcessing"}, {"cls", {"[CLS]", 1}}, {"sep", {"[SEP]", 2}}}},
              {"model", {{"type", "WordLevel"}, {"unk_token", "w3"}, {"vocab", vocabulary}}}}
      .dump();
}

text::BertConfig config(text::BertHead head, std::vector<std::string> labels = {"no", "maybe", "yes"}) {
  return {.vocab_size = kWords,
          .hidden_size = 16,
          .num_hidden_layers = 2,
          .num_attention_heads = 2,
          .intermediate_size = 32,
          .max_position_embeddings = 12,
          .initializer_range = 0.5,
          .labels = std::move(labels),
          .head = head};
}

// Random weights that matter: with initializer_range 0.5 texts differ much.
void make_model(const std::string& directory, const text::BertConfig& c, const std::string& kind,
                const std::string& more = "") {
  manual_seed(7);
  fs::create_directories(directory);
  const text::BertModel model(c);
  ASSERT_TRUE(text::save_pretrained(model, directory).ok());
  write(directory + "/tokenizer.json", tokenizer());
  write(directory + "/signature.json",
        concat(R"({"format": "hearth.signature", "version": 1, "kind": ")", kind, "\"", more, "}"));
}

void make_encoder(const std::string& directory, const std::string& more = "") {
  make_model(directory, config(text::BertHead::kNone), "text-embedding", more);
  fs::create_directories(directory + "/1_Pooling");
  write(directory + "/1_Pooling/config.json", R"({"pooling_mode": "mean"})");
  write(directory + "/modules.json",
        R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
}

class TextServe : public ::testing::Test {
 protected:
  void start(const RepositoryOptions& more = {}) {
    ServerOptions options;
    options.repository = more;
    options.repository.directory = root;
    options.http = {.address = "127.0.0.1"};
    options.serve_admin = false;
    auto s = Server::start(options);
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
    auto g = GrpcServer::start({}, server->models());
    ASSERT_TRUE(g.ok()) << g.status();
    grpc = *std::move(g);
    stub = inference::GRPCInferenceService::NewStub(
        grpc::CreateChannel(concat("127.0.0.1:", grpc->port()), grpc::InsecureChannelCredentials()));
  }
  // Why the model does not answer.
  std::string reason() const {
    const auto all = server->models().index();
    return all.empty() ? "" : all[0].reason.substr(std::min(all[0].reason.size(), root.size()));
  }
  Json infer(const std::string& model, const std::vector<std::string>& texts, int status = 200) {
    const Json body = {
        {"inputs", {{{"name", "text"}, {"shape", {texts.size()}}, {"datatype", "BYTES"}, {"data", texts}}}}};
    const Answer a = Client(server->port()).post("/v2/models/" + model + "/infer", body.dump());
    EXPECT_EQ(a.status, status) << a.body;
    return Json::parse(a.body);
  }
  Json embed(const Json& input, const Json& more = Json::object()) {
    Json body = {{"model", "encoder"}, {"input", input}};
    body.update(more);
    const Answer a = Client(server->port()).post("/v1/embeddings", body.dump());
    EXPECT_EQ(a.status, 200) << a.body;
    return Json::parse(a.body);
  }
  std::vector<Vector> vectors(const Json& input, const Json& more = Json::object()) {
    const Json answer = embed(input, more);
    std::vector<Vector> out;
    for (const Json& one : answer.at("data")) out.push_back(one.at("embedding").get<Vector>());
    return out;
  }
  inference::ModelInferResponse call(const std::string& model, const std::vector<std::string>& texts,
                                     std::string* error = nullptr) {
    inference::ModelInferRequest r;
    r.set_model_name(model);
    auto* in = r.add_inputs();
    in->set_name("text");
    in->set_datatype("BYTES");
    in->add_shape(static_cast<int64_t>(texts.size()));
    for (const std::string& t : texts) in->mutable_contents()->add_bytes_contents(t);
    grpc::ClientContext context;
    inference::ModelInferResponse response;
    const grpc::Status s = stub->ModelInfer(&context, r, &response);
    if (error) *error = s.error_message();
    else EXPECT_TRUE(s.ok()) << s.error_message();
    return response;
  }
  static Vector floats(const std::string& raw) {
    Vector v(raw.size() / sizeof(float));
    std::memcpy(v.data(), raw.data(), raw.size());
    return v;
  }
  static void near(const Vector& got, const Vector& want, double by = 1e-5) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], by) << i;
  }

  const std::string root = ::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<Server> server;
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub;
};

const std::vector<std::string> kTexts{"w5 w6", "w9 w8 w7 w6 w5 w4 w30 w31 w32 w33", "w4", "w12"};
const std::vector<std::vector<int64_t>> kIds{
    {1, 5, 6, 2}, {1, 9, 8, 7, 6, 5, 4, 30, 31, 32, 33, 2}, {1, 4, 2}, {1, 12, 2}};

TEST_F(TextServe, VectorsAreThoseOfTheEncoderAlone) {
  make_encoder(root + "/encoder/1");
  start();
  ASSERT_EQ(reason(), "");
  const Json answer = infer("encoder", kTexts);
  const auto all = answer.at("outputs").at(0).at("data").get<Vector>();
  EXPECT_EQ(answer.at("outputs").at(0).at("shape"), Json({4, 16}));
  EXPECT_EQ(answer.at("outputs").at(1).at("data"), Json({4, 12, 3, 3}));
  const auto over_grpc = call("encoder", kTexts);
  near(floats(over_grpc.raw_output_contents(0)), all);

  auto model = text::load_pretrained<text::BertModel>(root + "/encoder/1");
  ASSERT_TRUE(model.ok()) << model.status();
  const NoGrad off;
  const std::vector<Vector> openai = vectors(kTexts);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    // The mean of the hidden states of the text by itself, divided by its length.
    const Tensor hidden = (*model)->hidden_states({.ids = tensor(kIds[i]).unsqueeze(0)});
    Vector want = hidden.mean({1})[0].to_vector<float>();
    double squares = 0;
    for (const float v : want) squares += double{v} * v;
    for (float& v : want) v = static_cast<float>(v / std::sqrt(squares));
    near(Vector(all.begin() + 16 * static_cast<int64_t>(i), all.begin() + 16 * static_cast<int64_t>(i + 1)), want);
    near(openai[i], want);
  }
  // Texts that differ have vectors that do.
  EXPECT_GT(std::abs(openai[0][0] - openai[3][0]), 1e-3);
}

TEST_F(TextServe, NeighboursDoNotMatter) {
  make_encoder(root + "/encoder/1");
  start({.scheduler = {.max_batch_size = 8, .max_queue_delay = std::chrono::milliseconds(20)}});
  ASSERT_EQ(reason(), "");
  std::vector<Vector> alone;
  for (const std::string& t : kTexts) alone.push_back(vectors(t)[0]);
  // Short and long texts of several clients join a batch.
  std::vector<std::thread> clients;
  std::vector<Vector> together(16);
  for (size_t i = 0; i < together.size(); ++i)
    clients.emplace_back([&, i] { together[i] = vectors(kTexts[i % kTexts.size()])[0]; });
  for (std::thread& t : clients) t.join();
  for (size_t i = 0; i < together.size(); ++i) near(together[i], alone[i % kTexts.size()]);
  const auto stats = (*server->models().find("encoder"))->stats;
  EXPECT_LT(stats->executions, stats->success.count);
  EXPECT_EQ(stats->inferences, 20);
}

TEST_F(TextServe, OpenAiTakesIdsBase64AndDimensions) {
  make_encoder(root + "/encoder/1");
  start();
  ASSERT_EQ(reason(), "");
  const std::vector<Vector> want = vectors(kTexts);
  const std::vector<Vector> ids = vectors(kIds);
  for (size_t i = 0; i < want.size(); ++i) near(ids[i], want[i]);
  near(vectors(kIds[1])[0], want[1]);
  const Json usage = embed(kTexts).at("usage");
  EXPECT_EQ(usage.at("prompt_tokens"), 22);
  EXPECT_EQ(usage.at("total_tokens"), 22);
  std::string bytes;
  const Json packed = embed("w5 w6", {{"encoding_format", "base64"}});
  ASSERT_TRUE(absl::Base64Unescape(packed.at("data").at(0).at("embedding").get<std::string>(), &bytes));
  near(floats(bytes), want[0]);
  Vector cut(want[0].begin(), want[0].begin() + 5);
  double squares = 0;
  for (const float v : cut) squares += double{v} * v;
  for (float& v : cut) v = static_cast<float>(v / std::sqrt(squares));
  near(vectors("w5 w6", {{"dimensions", 5}})[0], cut);
}

TEST_F(TextServe, WhatTheModelCannotTakeIsAnError) {
  make_encoder(root + "/encoder/1");
  start();
  ASSERT_EQ(reason(), "");
  std::string long_one;
  for (int i = 0; i < 11; ++i) long_one += "w5 ";
  const std::string limit = " has 13 tokens, but the model takes at most 12";
  EXPECT_EQ(infer("encoder", {"w5", long_one}, 400).at("error"), "text 1" + limit);
  const auto post = [&](const Json& input) {
    const Answer a = Client(server->port()).post("/v1/embeddings", Json{{"model", "encoder"}, {"input", input}}.dump());
    EXPECT_EQ(a.status, 400);
    return Json::parse(a.body).at("error").at("message").get<std::string>();
  };
  EXPECT_EQ(post(long_one), "text 0" + limit);
  EXPECT_EQ(post(std::vector<int>(13, 5)), "input has 13 tokens, but the model takes at most 12");
  EXPECT_EQ(post(std::vector<int>{kWords}), "input: the model has the token ids 0 to 39, but not 40");
  std::string error;
  call("encoder", {"w5", long_one}, &error);
  EXPECT_EQ(error, "text 1" + limit);
  call("encoder", {"a\xFF"}, &error);
  EXPECT_EQ(error, "text 0 of the batch: encode: the text is not valid UTF-8 at byte 1");
  const std::string head =
      R"({"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]})";
  const Answer a = Client(server->port())
                       .post("/v2/models/encoder/infer", head + std::string("\2\0\0\0a\xFF", 6),
                             concat("Inference-Header-Content-Length: ", head.size(), "\r\n"));
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(Json::parse(a.body).at("error"), "text 0 of the batch: encode: the text is not valid UTF-8 at byte 1");
  EXPECT_EQ((*server->models().find("encoder"))->stats->failures[static_cast<size_t>(Failure::kBackend)], 5);
}

TEST_F(TextServe, LongTextsAreCutIfTheSignatureSaysSo) {
  make_encoder(root + "/encoder/1", R"(, "metadata": {"truncate": "true"})");
  start();
  ASSERT_EQ(reason(), "");
  std::string long_one, cut;
  for (int i = 0; i < 20; ++i) long_one += "w5 ";
  for (int i = 0; i < 10; ++i) cut += "w5 ";
  near(vectors(long_one)[0], vectors(cut)[0]);
  EXPECT_EQ(embed(long_one).at("usage").at("prompt_tokens"), 12);
}

TEST_F(TextServe, Classifies) {
  const auto head = text::BertHead::kSequenceClassification;
  make_model(root + "/one_of/1", config(head), "text-classification");
  text::BertConfig several = config(head);
  several.problem_type = "multi_label_classification";
  make_model(root + "/several/1", several, "text-classification");
  text::BertConfig number = config(head, {"stars"});
  number.problem_type = "regression";
  make_model(root + "/number/1", number, "text-classification");
  start();
  ASSERT_EQ(server->models().models().size(), 3u) << reason();
  const auto scores = [&](const std::string& model) {
    const auto v = infer(model, kTexts).at("outputs").at(0).at("data").get<Vector>();
    near(floats(call(model, kTexts).raw_output_contents(0)), v);
    return v;
  };
  const auto logits = [&](const std::string& model, size_t i) {
    const auto m = text::load_pretrained<text::BertModel>(root + "/" + model + "/1");
    const NoGrad off;
    return (*m)->logits({.ids = tensor(kIds[i]).unsqueeze(0)})[0].to_vector<float>();
  };
  const Vector one_of = scores("one_of"), each = scores("several"), stars = scores("number");
  for (size_t i = 0; i < kTexts.size(); ++i) {
    double sum = 0;
    for (const float l : logits("one_of", i)) sum += std::exp(l);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(one_of[3 * i + c], std::exp(logits("one_of", i)[c]) / sum, 1e-5);
      EXPECT_NEAR(each[3 * i + c], 1 / (1 + std::exp(-logits("several", i)[c])), 1e-5);
    }
    EXPECT_NEAR(stars[i], logits("number", i)[0], 1e-5);
  }
  // The labels of config.json, with the classification extension.
  const Json body = Json::parse(R"({"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["w5 w6"]}],)"
                                R"("outputs":[{"name":"scores","parameters":{"classification":3}}]})");
  const Answer a = Client(server->port()).post("/v2/models/one_of/infer", body.dump());
  const Json classes = Json::parse(a.body).at("outputs").at(0).at("data");
  ASSERT_EQ(classes.size(), 3u) << a.body;
  const std::vector<std::string> labels{"no", "maybe", "yes"};
  const auto best = static_cast<size_t>(std::max_element(one_of.begin(), one_of.begin() + 3) - one_of.begin());
  EXPECT_TRUE(classes.at(0).get<std::string>().ends_with(concat(":", best, ":", labels[best]))) << classes;
  const Json metadata = Json::parse(Client(server->port()).get("/v2/models/one_of").body);
  EXPECT_EQ(metadata.at("labels"), Json(labels));
  EXPECT_EQ(metadata.at("platform"), "hearth_text-classification");
  EXPECT_EQ(metadata.at("inputs").at(0).at("datatype"), "BYTES");
  // It makes no vectors.
  EXPECT_EQ(Client(server->port()).post("/v1/embeddings", R"({"model":"one_of","input":"w5"})").status, 400);
}

TEST_F(TextServe, SignaturesThatDoNotFitAreNamed) {
  const std::string directory = root + "/encoder/1";
  const auto refused = [&](const std::string& more) {
    make_encoder(directory, more);
    server.reset();
    start();
    return reason();
  };
  EXPECT_EQ(refused(R"(, "metadata": {"truncate": "yes"})"),
            "/encoder/1/signature.json: metadata \"truncate\" must be \"true\" or \"false\", but is \"yes\"");
  EXPECT_EQ(refused(R"(, "labels": ["a"])"), "/encoder/1/signature.json: it has 1 labels, but the model 0");
  EXPECT_EQ(refused(R"(, "inputs": [{"name": "x", "dtype": "f32", "shape": ["batch"]}])"),
            "/encoder/1/signature.json: the model takes \"text\", bytes [batch]; leave out \"inputs\" or write that");
  EXPECT_EQ(refused(R"(, "outputs": [{"name": "x", "dtype": "f32", "shape": ["batch"]}])"),
            "/encoder/1/signature.json: it names other outputs than the model has; leave out \"outputs\"");
  EXPECT_EQ(refused(R"(, "description": "mean", "inputs": [{"name": "text", "dtype": "bytes", "shape": ["batch"]}])"),
            "");
  write(directory + "/1_Pooling/config.json", R"({"pooling_mode": "spiral"})");
  server.reset();
  start();
  EXPECT_EQ(reason(), "/encoder/1/1_Pooling/config.json.pooling_mode: \"spiral\" is not known");
  make_model(root + "/encoder/1", config(text::BertHead::kNone), "text-classification");
  server.reset();
  start();
  EXPECT_NE(reason().find("no head of a sequence classification"), std::string::npos) << reason();
}

}  // namespace
}  // namespace hearth::serve
