// POST /v1/embeddings over HTTP, with a model whose vectors are known: requests as OpenAI's client sends them, and
// errors as it reads them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "absl/strings/escaping.h"
#include "core/io/json_internal.h"
#include "core/ops/create.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using Json = nlohmann::json;
using testing::Answer;
using testing::Client;

// A text is a token for each byte, at most 10. Its vector is [tokens, first token, -2].
class Letters : public Servable {
 public:
  Letters() {
    signature_.inputs = {{.name = "text", .shape = {{-1, "batch", {}}}, .bytes = true}};
    signature_.outputs = {{.name = "embedding", .shape = {{-1, "batch", {}}, {3, "", {}}}},
                          {.name = "tokens", .dtype = i64, .shape = {{-1, "batch", {}}}}};
  }
  const graph::Signature& signature() const override { return signature_; }
  std::optional<TextEmbeddingLimits> text_embedding() const override {
    return TextEmbeddingLimits{.max_tokens = 10, .vocabulary = 256};
  }
  absl::StatusOr<std::vector<Value>> run(std::span<const Value> in) const override {
    std::vector<float> vectors;
    std::vector<int64_t> counts;
    const int64_t n = in[0].shape()[0];
    for (int64_t i = 0; i < n; ++i) {
      std::vector<int64_t> ids;
      if (in[0].is_bytes()) {
        for (const char c : in[0].bytes().elements[static_cast<size_t>(i)]) ids.push_back(static_cast<uint8_t>(c));
      } else {
        for (const int64_t id : in[0].tensor()[i].to_vector<int64_t>()) {
          if (id >= 0) ids.push_back(id);
        }
      }
      if (ids.size() > 10) return absl::InvalidArgumentError("a text has more than 10 tokens");
      for (const float v : {static_cast<float>(ids.size()),
                            in[0].is_bytes() && ids[0] == '?' ? NAN : static_cast<float>(ids[0]), -2.0F})
        vectors.push_back(v);
      counts.push_back(static_cast<int64_t>(ids.size()));
    }
    return std::vector<Value>{from_values(vectors, {n, 3}), from_values(counts, {n})};
  }

 private:
  graph::Signature signature_;
};

class Embeddings : public ::testing::Test {
 protected:
  void start(std::shared_ptr<const Servable> model = std::make_shared<Letters>(), Tokens tokens = {}) {
    ServerOptions options;
    options.http = {.address = "127.0.0.1", .max_body_bytes = 1 << 20};
    options.api.max_body_bytes = 1 << 20;
    options.api.tokens = std::move(tokens);
    options.serve_admin = false;
    auto s = Server::start(options, Repository::of("letters", std::move(model)));
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  Answer post(const std::string& body, const std::string& headers = "") {
    return Client(server->port()).post("/v1/embeddings", body, headers);
  }
  // The answer to this input; fails the test if it is an error.
  Json embed(const std::string& input, const std::string& more = "") {
    const Answer a = post(R"({"model":"letters","input":)" + input + more + "}");
    EXPECT_EQ(a.status, 200) << a.body;
    return Json::parse(a.body);
  }
  // "status: message | type | param | code".
  static std::string error_of(const Answer& a) {
    const Json e = Json::parse(a.body).at("error");
    const auto text = [&](const char* key) { return e.at(key).is_null() ? "null" : e.at(key).get<std::string>(); };
    EXPECT_EQ(e.size(), 4u) << a.body;
    return concat(a.status, ": ", text("message"), " | ", text("type"), " | ", text("param"), " | ", text("code"));
  }
  std::string error(const std::string& body) { return error_of(post(body)); }
  std::string input_error(const std::string& input, const std::string& more = "") {
    return error(R"({"model":"letters","input":)" + input + more + "}");
  }
  const ModelStats& stats() { return *(*server->models().find("letters"))->stats; }

  std::unique_ptr<Server> server;
};

using Vector = std::vector<float>;

TEST_F(Embeddings, TakesAllFormsOfInput) {
  start();
  const Json one = embed(R"("abc")");
  EXPECT_EQ(one.dump(),
            Json::parse(R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[3,97,-2]}],)"
                        R"("model":"letters","usage":{"prompt_tokens":3,"total_tokens":3}})")
                .dump());
  const Json two = embed(R"(["abc", "é"])", R"(,"encoding_format":"float","user":"somebody","dimensions":null)");
  EXPECT_EQ(two.at("data").at(0).at("embedding").get<Vector>(), (Vector{3, 97, -2}));
  EXPECT_EQ(two.at("data").at(1).at("embedding").get<Vector>(), (Vector{2, 0xC3, -2}));
  EXPECT_EQ(two.at("data").at(1).at("index"), 1);
  EXPECT_EQ(two.at("usage").at("prompt_tokens"), 5);
  const Json ids = embed("[7, 8, 9, 10]");
  ASSERT_EQ(ids.at("data").size(), 1u);
  EXPECT_EQ(ids.at("data").at(0).at("embedding").get<Vector>(), (Vector{4, 7, -2}));
  const Json lists = embed("[[5], [6, 0, 255]]");
  EXPECT_EQ(lists.at("data").at(0).at("embedding").get<Vector>(), (Vector{1, 5, -2}));
  EXPECT_EQ(lists.at("data").at(1).at("embedding").get<Vector>(), (Vector{3, 6, -2}));
  EXPECT_EQ(lists.at("usage").at("total_tokens"), 4);
  EXPECT_EQ(stats().success.count, 4);
  EXPECT_EQ(stats().inferences, 6);
  EXPECT_EQ(stats().compute_output.count, 4);
}

TEST_F(Embeddings, Base64IsLittleEndianFp32) {
  start();
  const Json a = embed(R"(["abc"])", R"(,"encoding_format":"base64")");
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(a.at("data").at(0).at("embedding").get<std::string>(), &bytes));
  ASSERT_EQ(bytes.size(), 12u);
  Vector v(3);
  std::memcpy(v.data(), bytes.data(), bytes.size());
  EXPECT_EQ(v, (Vector{3, 97, -2}));
}

TEST_F(Embeddings, DimensionsCutAndNormalise) {
  start();
  const Vector two = embed(R"(["\u0004bc"])", R"(,"dimensions":2)").at("data").at(0).at("embedding").get<Vector>();
  ASSERT_EQ(two.size(), 2u);  // [3, 4] before
  EXPECT_FLOAT_EQ(two[0], 0.6F);
  EXPECT_FLOAT_EQ(two[1], 0.8F);
  EXPECT_EQ(embed(R"("abc")", R"(,"dimensions":1)").at("data").at(0).at("embedding").get<Vector>(), Vector{1});
  EXPECT_EQ(
      input_error(R"("abc")", R"(,"dimensions":4)"),
      "400: dimensions is 4, but the model's vectors have 3 elements | invalid_request_error | dimensions | null");
  for (const char* wrong : {"0", "-1", "1.5", "\"2\"", "[]"}) {
    EXPECT_EQ(input_error(R"("abc")", concat(R"(,"dimensions":)", wrong)),
              "400: dimensions must be a whole number of at least 1 | invalid_request_error | dimensions | null");
  }
}

TEST_F(Embeddings, WhatIsWrongIsNamed) {
  start();
  const std::string forms =
      "400: input must be a text, a list of texts, a list of token ids, or a list of lists of token ids | "
      "invalid_request_error | input | null";
  for (const char* wrong : {"3", "null", "{}", R"(["a", 3])", R"(["a", [3]])", R"([[3], "a"])", "[null]", "[[3], 4]"})
    EXPECT_EQ(input_error(wrong), forms) << wrong;
  const auto input = [](const std::string& why) { return "400: " + why + " | invalid_request_error | input | null"; };
  EXPECT_EQ(input_error("[]"), input("input is an empty list"));
  EXPECT_EQ(input_error(R"("")"), input("input is an empty text"));
  EXPECT_EQ(input_error(R"(["a", ""])"), input("input[1] is an empty text"));
  EXPECT_EQ(input_error("[[1], []]"), input("input[1] has no token ids"));
  EXPECT_EQ(input_error("[1.5]"), input("input: a token id must be a whole number"));
  EXPECT_EQ(input_error("[[1], [2, \"a\"]]"), input("input[1]: a token id must be a whole number"));
  EXPECT_EQ(input_error("[[1], [256]]"), input("input[1]: the model has the token ids 0 to 255, but not 256"));
  EXPECT_EQ(input_error("[-1]"), input("input: the model has the token ids 0 to 255, but not -1"));
  EXPECT_EQ(input_error("[0,1,2,3,4,5,6,7,8,9,10]"), input("input has 11 tokens, but the model takes at most 10"));
  EXPECT_EQ(input_error(R"(["a", "abcdefghijk"])"),
            "400: a text has more than 10 tokens | invalid_request_error | null | null");
  EXPECT_EQ(error(R"({"model":"letters"})"), input("input is missing"));
  EXPECT_EQ(error(R"({"input":"a"})"), "400: model is missing | invalid_request_error | model | null");
  EXPECT_EQ(error(R"({"input":"a","model":3})"), "400: model must be a string | invalid_request_error | model | null");
  EXPECT_EQ(error(R"({"input":"a","model":"gpt"})"),
            "404: there is no model \"gpt\" | invalid_request_error | model | model_not_found");
  EXPECT_EQ(error(R"({"input":"a","model":"open/ai"})"),
            "404: there is no model \"open/ai\" | invalid_request_error | model | model_not_found");
  EXPECT_EQ(input_error(R"("a")", R"(,"encoding_format":"hex")"),
            "400: encoding_format must be \"float\" or \"base64\" | invalid_request_error | encoding_format | null");
  EXPECT_EQ(input_error(R"("a")", R"(,"user":3)"), "400: user must be a string | invalid_request_error | user | null");
  EXPECT_EQ(input_error(R"("a")", R"(,"stream":true)"),
            "400: the parameter \"stream\" is not supported | invalid_request_error | stream | null");
  EXPECT_EQ(input_error(R"("a")", R"(,"input":"b")"),
            "400: the request: the key \"input\" is given twice | invalid_request_error | null | null");
  EXPECT_EQ(error("[]"), "400: the request is not a JSON object | invalid_request_error | null | null");
  EXPECT_EQ(error("").substr(0, 28), "400: the request is not JSON");
  EXPECT_EQ(input_error("\"a\xFF\"").substr(0, 28), "400: the request is not JSON");
  // Values that JSON does not have are the model's fault.
  EXPECT_EQ(input_error(R"(["a","?"])"),
            "500: the model's vector of input[1] has NaN or infinity | server_error | null | null");
}

TEST_F(Embeddings, ErrorsOfTheServerHaveTheSameShape) {
  start(std::make_shared<Letters>(), {.inference = {"sesame"}, .admin = {}});
  const std::string body = R"({"model":"letters","input":"a"})";
  EXPECT_EQ(error_of(post(body)), "401: a bearer token is needed | invalid_request_error | null | invalid_api_key");
  EXPECT_EQ(error_of(post(body, "Authorization: Bearer open\r\n")),
            "401: the bearer token is not valid here | invalid_request_error | null | invalid_api_key");
  const std::string token = "Authorization: Bearer sesame\r\n";
  EXPECT_EQ(post(body, token).status, 200);
  EXPECT_EQ(error_of(post(body, token + "Content-Encoding: br\r\n")).substr(0, 4), "415:");
  EXPECT_EQ(error_of(Client(server->port()).get("/v1/embeddings", token)),
            "405: this address takes POST, OPTIONS | invalid_request_error | null | null");
  EXPECT_EQ(error_of(Client(server->port()).post("/v1/chat", body, token)),
            "404: nothing is at this address | invalid_request_error | null | null");
  EXPECT_EQ(error_of(post(std::string((1 << 20) + 1, ' '), token)).substr(0, 4), "413:");
  // Elsewhere errors are as they were.
  EXPECT_EQ(Json::parse(Client(server->port()).get("/v2/models/letters").body).at("error"), "a bearer token is needed");
}

TEST_F(Embeddings, OtherModelsDoNotEmbed) {
  start(std::make_shared<testing::Reverse>());
  EXPECT_EQ(error(R"({"model":"letters","input":"a"})"),
            "400: the model \"letters\" makes no vectors of texts | invalid_request_error | model | null");
  EXPECT_EQ(stats().failures[static_cast<size_t>(Failure::kOther)], 1);
}

TEST_F(Embeddings, FailedRequestsCount) {
  start();
  input_error("[999]");
  input_error(R"("a")", R"(,"dimensions":9)");
  EXPECT_EQ(stats().failures[static_cast<size_t>(Failure::kOther)], 2);
  input_error(R"("abcdefghijk")");
  EXPECT_EQ(stats().failures[static_cast<size_t>(Failure::kBackend)], 1);
  EXPECT_EQ(testing::bytes_kept(*server->memory()), 0);
}

TEST_F(Embeddings, LargeAndManyInputs) {
  start();
  std::string many = "[";
  for (int i = 0; i < 5000; ++i) many += concat(i ? "," : "", "[", i % 256, ",1]");
  const Json a = embed(many + "]");
  ASSERT_EQ(a.at("data").size(), 5000u);
  EXPECT_EQ(a.at("data").at(4999).at("embedding").get<Vector>(), (Vector{2, 4999 % 256, -2}));
  // More than a connection's thread parses by itself.
  std::string large = R"(["ab")";
  while (large.size() < 400'000) large += R"(,"abcdefghij")";
  EXPECT_EQ(embed(large + "]").at("usage").at("prompt_tokens").get<int64_t>() % 10, 2);
  EXPECT_EQ(testing::bytes_kept(*server->memory()), 0);
}

}  // namespace
}  // namespace hearth::serve
