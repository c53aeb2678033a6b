// Requests and answers of the Open Inference Protocol: what is accepted, and what the errors of malformed ones say.
#include "serve/oip/infer_request.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "core/ops/create.h"
#include "serve/base/bearer.h"
#include "serve/model/signature.h"
#include "serve/oip/classify.h"
#include "serve/oip/infer_response.h"
#include "serve/oip/repository_request.h"

namespace hearth::serve {
namespace {

graph::Signature signature() {
  graph::Signature s;
  s.inputs = {{"x", f32, {{-1, "batch"}, {2, ""}}}, {"n", i64, {{-1, "batch"}}}};
  s.outputs = {{"y", f32, {{-1, "batch"}, {2, ""}}}, {"ok", boolean, {{-1, "batch"}}}};
  return s;
}

const std::string kX = R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[-3e2,4]]})";
const std::string kN = R"({"name":"n","shape":[2],"datatype":"INT64","data":[7,-8]})";
std::string inputs(const std::string& list, const std::string& more = "") {
  return R"({"inputs":[)" + list + "]" + more + "}";
}

std::string error(const std::string& body, std::optional<int64_t> header = {}) {
  const auto r = parse_infer(body, header, signature());
  return r.ok() ? "no error" : std::string(r.status().message());
}

TEST(OipRequest, JsonIsRead) {
  const auto r = parse_infer(
      inputs(kN + "," + kX, R"(,"id":"a1","parameters":{"priority":1,"timeout":5000},"outputs":[{"name":"ok"}])"), {},
      signature());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->id, "a1");
  EXPECT_TRUE(r->urgent);
  EXPECT_EQ(r->timeout, std::chrono::microseconds(5000));
  ASSERT_EQ(r->outputs.size(), 1u);
  EXPECT_EQ(r->outputs[0].index, 1u);
  EXPECT_EQ(r->inputs[0].tensor().to_vector<float>(), (std::vector<float>{1, 2.5, -300, 4}));
  EXPECT_EQ(r->inputs[1].tensor().to_vector<int64_t>(), (std::vector<int64_t>{7, -8}));
}

TEST(OipRequest, FlatDataIsRead) {
  const auto r =
      parse_infer(inputs(R"({"data":[1,2,3,4],"datatype":"FP32","name":"x","shape":[2,2]},)" + kN), {}, signature());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->inputs[0].tensor().to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(r->outputs.size(), 2u);
}

TEST(OipRequest, BinaryDataIsRead) {
  const float x[] = {1, NAN, 3, 4};
  const int64_t n[] = {1, 2};
  const std::string json = inputs(
      R"({"name":"n","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}},{"name":"x","shape":[2,2],"datatype":"FP32","parameters":{"binary_data_size":16}})",
      R"(,"parameters":{"binary_data_output":true})");
  std::string body = json;
  body.append(reinterpret_cast<const char*>(n), sizeof n);
  body.append(reinterpret_cast<const char*>(x), sizeof x);
  const auto r = parse_infer(body, static_cast<int64_t>(json.size()), signature());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->inputs[1].tensor().to_vector<int64_t>(), (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(std::isnan(r->inputs[0].tensor().to_vector<float>()[1]));
  EXPECT_TRUE(r->outputs[0].binary && r->outputs[1].binary);

  EXPECT_EQ(error(body + "zz", static_cast<int64_t>(json.size())), "2 bytes of the body belong to no input");
  EXPECT_EQ(error(body.substr(0, body.size() - 1), static_cast<int64_t>(json.size())),
            "input \"x\": \"binary_data_size\" is 16, but only 15 bytes are left in the body");
  EXPECT_EQ(error(body, 1000000),
            "Inference-Header-Content-Length is 1000000, but the body has " + std::to_string(body.size()) + " bytes");
  EXPECT_EQ(error(json), "input \"n\": binary data needs the header Inference-Header-Content-Length");
  const std::string short_one =
      inputs(R"({"name":"n","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":15}})");
  EXPECT_EQ(error(short_one, static_cast<int64_t>(short_one.size())),
            "input \"n\": \"binary_data_size\" is 15, but shape and datatype say 16");
}

TEST(OipRequest, ARawBodyIsTheOnlyInput) {
  graph::Signature s;
  s.inputs = {{"x", f32, {{-1, "batch"}, {2, ""}}}};
  s.outputs = {{"y", f32, {{-1, "batch"}}}};
  const float x[] = {1, 2, 3, 4};
  const std::string_view body(reinterpret_cast<const char*>(x), sizeof x);
  const auto r = parse_infer(body, 0, s);
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->inputs[0].tensor().shape(), (Shape{2, 2}));
  EXPECT_EQ(r->inputs[0].tensor().to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_TRUE(r->outputs.at(0).binary);
  EXPECT_EQ(parse_infer(body.substr(1), 0, s).status().message(),
            "the body's 15 bytes are not an input of shape [batch, 2] and datatype FP32");
  EXPECT_EQ(parse_infer("", 0, s).status().message(),
            "the body's 0 bytes are not an input of shape [batch, 2] and datatype FP32");
  s.inputs[0].shape[1] = {-1, "length"};
  EXPECT_EQ(parse_infer(body, 0, s).status().message(),
            "a raw request is for inputs with one open size at most; the shape is [batch, length]");
  EXPECT_EQ(error("", 0), "a raw request is for models with one input; this one has 2");
}

TEST(OipRequest, WhatIsWrongIsNamed) {
  EXPECT_EQ(error("{"),
            "the request is not JSON: The JSON document has an improper structure: missing or superfluous commas, "
            "braces, missing keys, etc.");
  EXPECT_EQ(error(""), "the request is not JSON: Empty: no JSON found");
  EXPECT_EQ(error("[]"), "the request is not a JSON object");
  EXPECT_EQ(error("{}"), "\"inputs\" is missing or not a list");
  EXPECT_EQ(error(inputs("3")), "an entry of \"inputs\" is not an object");
  EXPECT_EQ(error(inputs("{}")), "an input has no \"name\"");
  EXPECT_EQ(error(inputs(kX)), "input \"n\" is missing");
  EXPECT_EQ(error(inputs(kX + "," + kX)), "input \"x\" is given twice");
  EXPECT_EQ(error(inputs(R"({"name":"z"})")), "the model has no input \"z\"; it has \"x\", \"n\"");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"data":[]})")),
            "input \"x\": \"datatype\" is missing or not a string");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP31","data":[]})")),
            "input \"x\": the datatype \"FP31\" is not one that this server takes");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP64","data":[]})")),
            "input \"x\": the datatype is FP64, but the model takes FP32");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,3],"datatype":"FP32","data":[]})")),
            "input \"x\": the shape is [2, 3], but the model takes [batch, 2]");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[0,2],"datatype":"FP32","data":[]})")),
            "input \"x\": the shape is [0, 2], but the model takes [batch, 2]");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[-2,2],"datatype":"FP32","data":[]})")),
            "input \"x\": a size in \"shape\" is not a whole number of at least 0");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[9223372036854775807,2],"datatype":"FP32","data":[]})")),
            "input \"x\": the shape is too large");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[1000000000,2],"datatype":"FP32","data":[[1]]})")),
            "input \"x\": the shape says 2000000000 elements, more than the body can hold");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[1,1,1,1,1,1,1,1,1],"datatype":"FP32","data":[1]})")),
            "input \"x\": at most 8 dimensions are possible");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32"})")),
            "input \"x\": \"data\" is missing or not a list");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3]})")),
            "input \"x\": data has 3 elements, but the shape says 4");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4,5]})")),
            "input \"x\": data has 5 elements, but the shape says 4");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3]]})")),
            "input \"x\": data has 1 elements in a row, but the shape says 2");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],3]})")),
            "input \"x\": data mixes lists and numbers");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4],[5,6]]})")),
            "input \"x\": data has 3 or more lists in dimension 0, but the shape says 2");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,"3",4]})")),
            "input \"x\": data has an element that is not a number");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,1e39]})")),
            "input \"x\": 1e+39 is too large for its datatype");
  EXPECT_EQ(error(inputs(kX + R"(,{"name":"n","shape":[2],"datatype":"INT64","data":[1,2.5]})")),
            "input \"n\": data has an element that is not a whole number");
  EXPECT_EQ(error(inputs(kX + R"(,{"name":"n","shape":[3],"datatype":"INT64","data":[1,2,3]})")),
            "input \"n\": its size \"batch\" is 3, but another input has 2");
  const std::string both = kX + "," + kN;
  EXPECT_EQ(error(inputs(both, R"(,"id":7)")), "\"id\" must be a string");
  EXPECT_EQ(error(inputs(both, R"(,"parameters":[])")), "the request: \"parameters\" must be an object");
  EXPECT_EQ(error(inputs(both, R"(,"parameters":{"priority":3})")), "the parameter \"priority\" must be 0, 1 or 2");
  EXPECT_EQ(error(inputs(both, R"(,"parameters":{"timeout":"soon"})")),
            "the request: the parameter \"timeout\" must be a whole number");
  EXPECT_EQ(error(inputs(both, R"(,"outputs":[{"name":"q"}])")), "the model has no output \"q\"; it has \"y\", \"ok\"");
  EXPECT_EQ(error(inputs(both, R"(,"outputs":[{"name":"y"},{"name":"y"}])")), "output \"y\" is given twice");
  EXPECT_EQ(error(inputs(both, R"(,"outputs":[{"name":"y","parameters":{"classification":0}}])")),
            "output \"y\": the parameter \"classification\" must be at least 1");
  // NaN is not JSON.
  EXPECT_NE(
      error(inputs(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[NaN,1]})")).find("the request is not JSON"),
      std::string::npos);
}

TEST(OipRequest, ALargestSizeIsKept) {
  graph::Signature s;
  s.inputs = {{"x", f32, {{-1, "batch"}, {-1, "seq", 3}}}};
  EXPECT_TRUE(check_inputs(s, {zeros({9, 3})}).ok());
  const absl::Status large = check_inputs(s, {zeros({1, 2000})});
  EXPECT_EQ(large.message(), "input \"x\": dimension \"seq\" is 2000, the model takes at most 3");
  const auto read = parse_infer(
      R"({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})", std::nullopt, s);
  EXPECT_EQ(read.status(),
            absl::InvalidArgumentError("input \"x\": dimension \"seq\" is 4, the model takes at most 3"));
}

TEST(OipRequest, DeepNestingIsRefused) {
  for (const int depth : {40, 2000, 200000}) {
    const std::string body =
        inputs(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":)" + std::string(static_cast<size_t>(depth), '[') +
               std::string(static_cast<size_t>(depth), ']') + "}");
    EXPECT_NE(error(body).find("the request is not JSON"), std::string::npos) << error(body);
  }
}

TEST(OipRequest, LongNamesAreCut) {
  const std::string e = error(inputs(R"({"name":")" + std::string(5000, 'a') + "\"}"));
  EXPECT_LT(e.size(), 200u);
}

TEST(OipAnswer, JsonAndBinary) {
  InferRequest r;
  r.id = "q\"1";
  r.outputs = {{0, false}, {1, false}};
  const std::vector<Value> out = {tensor({{0.1, -2.0}}), tensor({1}).to(boolean)};
  const auto json = write_infer("m", 3, r, signature(), out);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(
      json->body,
      R"({"model_name":"m","model_version":"3","id":"q\"1","outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[0.1,-2]},{"name":"ok","datatype":"BOOL","shape":[1],"data":[true]}]})");
  EXPECT_EQ(json->json_length, 0);

  r.outputs = {{0, true}, {1, false}};
  const auto binary = write_infer("m", 3, r, signature(), out);
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(
      binary->body.substr(0, static_cast<size_t>(binary->json_length)),
      R"({"model_name":"m","model_version":"3","id":"q\"1","outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},{"name":"ok","datatype":"BOOL","shape":[1],"data":[true]}]})");
  float y[2];
  ASSERT_EQ(binary->body.size(), static_cast<size_t>(binary->json_length) + sizeof y);
  std::memcpy(y, binary->body.data() + binary->json_length, sizeof y);
  EXPECT_EQ(y[0], 0.1f);
  EXPECT_EQ(y[1], -2.0f);
}

TEST(OipAnswer, WhatJsonHasNotIsAnError) {
  InferRequest r;
  r.outputs = {{0, false}};
  const auto a = write_infer("m", 1, r, signature(),
                             {tensor({{std::numeric_limits<double>::infinity(), 1.0}}), tensor({1}).to(boolean)});
  EXPECT_EQ(a.status().message(), "output \"y\" has NaN or infinity, which JSON cannot represent; ask for binary data");
}

TEST(OipRequest, WhatIsNotSupportedIsRefused) {
  const std::string both = kX + "," + kN;
  EXPECT_EQ(error(inputs(both, R"(,"parameters":{"sequence_id":1})")),
            "the request: the parameter \"sequence_id\" is not supported");
  EXPECT_EQ(error(inputs(both, R"(,"outputs":[{"name":"y","parameters":{"shared_memory_region":"a"}}])")),
            "output \"y\": the parameter \"shared_memory_region\" is not supported");
  EXPECT_EQ(
      error(inputs(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4],"parameters":{"a":1}},)" + kN)),
      "input \"x\": the parameter \"a\" is not supported");
}

TEST(OipRequest, KeysStandOnce) {
  EXPECT_EQ(error(R"({"id":"a","id":"b","inputs":[]})"), "the request: the key \"id\" is given twice");
  EXPECT_EQ(error(inputs(R"({"name":"x","shape":[2,2],"shape":[1,2],"datatype":"FP32","data":[1,2,3,4]},)" + kN)),
            "input \"x\": the key \"shape\" is given twice");
  EXPECT_EQ(error(inputs(kX + "," + kN, R"(,"parameters":{"priority":1,"priority":2})")),
            "the request: the key \"priority\" is given twice");
}

TEST(OipRequest, MinusZeroKeepsItsSign) {
  const auto r = parse_infer(inputs(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[-0.0,0.0]},)"
                                    R"({"name":"n","shape":[1],"datatype":"INT64","data":[1]})"),
                             {}, signature());
  ASSERT_TRUE(r.ok()) << r.status();
  const std::vector<float> x = r->inputs[0].tensor().to_vector<float>();
  EXPECT_TRUE(std::signbit(x[0]));
  EXPECT_FALSE(std::signbit(x[1]));
  const auto answer = write_infer("m", 1, *r, signature(), {r->inputs[0], full({1}, 1).to(boolean)});
  ASSERT_TRUE(answer.ok());
  EXPECT_NE(answer->body.find(R"("data":[-0.0,0])"), std::string::npos) << answer->body;
}

TEST(OipRequest, UnsignedDatatypesAreTakenWhereTheyFit) {
  const auto with = [](const std::string& n) {
    return inputs(R"({"name":"x","shape":[1,2],"datatype":"UINT16","data":[65535,3]},)" + n);
  };
  const auto r = parse_infer(with(R"({"name":"n","shape":[1],"datatype":"UINT64","data":[9223372036854775807]})"), {},
                             signature());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->inputs[0].tensor().to_vector<float>(), (std::vector<float>{65535, 3}));
  EXPECT_EQ(r->inputs[1].tensor().to_vector<int64_t>(), (std::vector<int64_t>{9223372036854775807}));
  EXPECT_EQ(error(with(R"({"name":"n","shape":[1],"datatype":"UINT64","data":[9223372036854775808]})")),
            "input \"n\": 9223372036854775808 as UINT64 does not fit INT64");
  EXPECT_EQ(error(with(R"({"name":"n","shape":[1],"datatype":"UINT16","data":[65536]})")),
            "input \"n\": 65536 as UINT16 does not fit INT64");
}

TEST(OipRequest, AFileIsABytesTensor) {
  graph::Signature s = signature();
  s.inputs.resize(1);
  s.preprocess_input = {{"type", "image"}};
  const std::string json = R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["aGk="]}]})";
  auto r = parse_infer(json, {}, s);
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->file, "hi");
  const std::string head =
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]})";
  r = parse_infer(head + std::string("\2\0\0\0hi", 6), static_cast<int64_t>(head.size()), s);
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->file, "hi");
  r = parse_infer(head + std::string("\3\0\0\0hi", 6), static_cast<int64_t>(head.size()), s);
  EXPECT_TRUE(absl::IsInvalidArgument(r.status()));
}

TEST(OipRequest, MemoryIsCounted) {
  const auto budget = std::make_shared<MemoryBudget>(4000);
  Reservation memory(budget);
  EXPECT_TRUE(parse_infer(inputs(kX + "," + kN), {}, signature(), &memory).ok());
  EXPECT_EQ(memory.bytes(), 4 * 4 + 2 * 8);  // the parser's part has been given back
  memory.release();
  const auto r = parse_infer(inputs(kX + "," + kN, std::string(300, ' ')), {}, signature(), &memory);
  EXPECT_TRUE(absl::IsResourceExhausted(r.status())) << r.status();
}

TEST(OipResponse, Classification) {
  const auto r = parse_infer(inputs(kX + "," + kN, R"(,"outputs":[{"name":"y","parameters":{"classification":3}}])"),
                             {}, signature());
  ASSERT_TRUE(r.ok()) << r.status();
  graph::Signature s = signature();
  s.labels = {"cat", "dog"};
  const auto answer = write_infer("m", 1, *r, s, {tensor({{0.25, 0.5}, {1.0, 1.0}}), r->inputs[1]});
  ASSERT_TRUE(answer.ok());
  EXPECT_NE(
      answer->body.find(
          R"("datatype":"BYTES","shape":[2,2],"data":["0.500000:1:dog","0.250000:0:cat","1.000000:0:cat","1.000000:1:dog"])"),
      std::string::npos)
      << answer->body;
}

TEST(OipResponse, ClassesCount) {
  graph::Signature s = signature();
  s.labels.assign(1000, std::string(100, 'l'));
  const InferRequest r{.outputs = {{.index = 0, .binary = false, .classes = 1000}}};
  const std::vector<Value> out = {zeros({20, 1000})};
  const auto answer = write_infer("m", 1, r, s, out);
  ASSERT_TRUE(answer.ok());
  EXPECT_GE(response_bytes(r, s, out), static_cast<int64_t>(2 * answer->body.size()));
  // Of fewer classes the values alone, mostly.
  const InferRequest few{.outputs = {{.index = 0, .binary = false, .classes = 1}}};
  EXPECT_LT(response_bytes(few, s, out), 40 * 20 * 1000);
}

TEST(OipRepository, ParametersThatChangeWhatIsLoadedAreRefused) {
  EXPECT_TRUE(parse_repository_request("", false).ok());
  EXPECT_TRUE(*parse_repository_request(R"({"ready":true})", false));
  EXPECT_TRUE(parse_repository_request(R"({"parameters":{"unload_dependents":false}})", true).ok());
  EXPECT_EQ(parse_repository_request(R"({"parameters":{"config":"{}"}})", false).status().message(),
            "the request: the parameter \"config\" is not supported");
  EXPECT_FALSE(parse_repository_request(R"({"parameters":{"file:1/model":""}})", false).ok());
  EXPECT_FALSE(parse_repository_request("x", false).ok());
}

}  // namespace
}  // namespace hearth::serve
