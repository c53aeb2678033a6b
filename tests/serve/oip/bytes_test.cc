// BYTES tensors in requests and answers: strings in JSON, lengths and bytes as binary data.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/model/raw_bytes.h"
#include "serve/model/signature.h"
#include "serve/model/value.h"
#include "serve/oip/infer_request.h"
#include "serve/oip/infer_response.h"

namespace hearth::serve {
namespace {

// Two texts and a number for each example.
graph::Signature signature() {
  graph::Signature s;
  s.inputs = {{.name = "t", .shape = {{-1, "batch", {}}, {2, "", {}}}, .bytes = true}, {"n", i64, {{-1, "batch"}}}};
  s.outputs = {{.name = "y", .shape = {{-1, "batch", {}}}, .bytes = true}, {"k", i64, {{-1, "batch"}}}};
  return s;
}
graph::Signature one_text() {
  graph::Signature s;
  s.inputs = {{.name = "t", .shape = {{-1, "batch", {}}}, .bytes = true}};
  s.outputs = s.inputs;
  return s;
}

std::string with(const std::string& t) {
  return R"({"inputs":[{"name":"n","shape":[1],"datatype":"INT64","data":[7]},{"name":"t",)" + t + "}]}";
}
absl::StatusOr<InferRequest> parse(const std::string& t) { return parse_infer(with(t), {}, signature()); }
std::string error(const std::string& t) {
  const auto r = parse(t);
  return r.ok() ? "no error" : std::string(r.status().message());
}
std::string element(const std::string& s) {
  std::string out;
  append_bytes_element(s, out);
  return out;
}
// With "t" as binary data.
absl::StatusOr<InferRequest> parse_binary(const std::string& blob, std::optional<int64_t> size = {},
                                          Reservation* memory = nullptr) {
  const std::string json = with(concat(R"("shape":[1,2],"datatype":"BYTES","parameters":{"binary_data_size":)",
                                       size.value_or(static_cast<int64_t>(blob.size())), "}"));
  return parse_infer(json + blob, static_cast<int64_t>(json.size()), signature(), memory);
}
std::string binary_error(const std::string& blob, std::optional<int64_t> size = {}) {
  const auto r = parse_binary(blob, size);
  return r.ok() ? "no error" : std::string(r.status().message());
}

TEST(Bytes, JsonHasStrings) {
  for (const char* data : {R"(["né\u0000e", ""])", R"([["né\u0000e", ""]])"}) {
    const auto r = parse(concat(R"("shape":[1,2],"datatype":"BYTES","data":)", data));
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ(r->inputs[0].shape(), Shape({1, 2}));
    EXPECT_EQ(r->inputs[0].bytes().elements, (std::vector<std::string>{std::string("n\xC3\xA9\0e", 5), ""}));
    EXPECT_EQ(r->inputs[1].tensor().to_vector<int64_t>(), std::vector<int64_t>{7});
  }
}

TEST(Bytes, WhatIsWrongWithJsonIsNamed) {
  const std::string head = R"("shape":[1,2],"datatype":"BYTES","data":)";
  EXPECT_EQ(error(head + R"(["a", 3])"), "input \"t\": data has an element that is not a string");
  EXPECT_EQ(error(head + R"(["a", null])"), "input \"t\": data has an element that is not a string");
  EXPECT_EQ(error(head + R"([["a"], "b"])"), "input \"t\": data has 1 elements in a row, but the shape says 2");
  EXPECT_EQ(error(head + R"([["a", "b"], "b"])"), "input \"t\": data mixes lists and strings");
  EXPECT_EQ(error(head + R"(["a"])"), "input \"t\": data has 1 elements, but the shape says 2");
  EXPECT_EQ(error(head + R"(["a", "b", "c"])"), "input \"t\": data has 3 elements, but the shape says 2");
  EXPECT_EQ(error(head + R"("ab")"), "input \"t\": \"data\" is missing or not a list");
  EXPECT_EQ(error(R"("shape":[1,3],"datatype":"BYTES","data":["a","b","c"])"),
            "input \"t\": the shape is [1, 3], but the model takes [batch, 2]");
  EXPECT_EQ(error(R"("shape":[1000000,2],"datatype":"BYTES","data":["a"])"),
            "input \"t\": the shape says 2000000 elements, more than the body can hold");
  EXPECT_EQ(error(R"("shape":[1,2],"datatype":"FP32","data":[1,2])"),
            "input \"t\": the datatype is FP32, but the model takes BYTES");
  EXPECT_EQ(error(R"("shape":[1,2],"datatype":"UINT64","data":[1,2])"),
            "input \"t\": the datatype is UINT64, but the model takes BYTES");
  EXPECT_EQ(error(R"("shape":[2,2],"datatype":"BYTES","data":["a","b","c","d"])"),
            "input \"n\": its size \"batch\" is 1, but another input has 2");
  // Bytes that are not UTF-8 are not JSON.
  EXPECT_NE(error(head + "[\"a\xFF\", \"b\"]").find("the request is not JSON"), std::string::npos);
  graph::Signature numbers;
  numbers.inputs = {{"x", f32, {{-1, "batch"}}}};
  EXPECT_EQ(parse_infer(R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}]})", {}, numbers)
                .status()
                .message(),
            "input \"x\": the datatype is BYTES, but the model takes FP32");
}

TEST(Bytes, BinaryDataHasLengths) {
  const auto r = parse_binary(element(std::string("\xFF\0", 2)) + element(""));
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->inputs[0].bytes().elements, (std::vector<std::string>{std::string("\xFF\0", 2), ""}));
  EXPECT_EQ(element("hi"), std::string("\2\0\0\0hi", 6));

  EXPECT_EQ(binary_error(element("ab") + element("c") + "z"), "input \"t\": 1 bytes are left behind its 2 elements");
  EXPECT_EQ(binary_error(element("abcd") + std::string("\1\0\0", 3)),
            "input \"t\": element 1 has no length: 3 bytes are left");
  EXPECT_EQ(binary_error(element("abcd") + std::string("\3\0\0\0ab", 6)),
            "input \"t\": element 1 has 3 bytes by its length, but only 2 are left");
  EXPECT_EQ(binary_error(std::string(8, '\xFF')),
            "input \"t\": element 0 has 4294967295 bytes by its length, but only 4 are left");
  EXPECT_EQ(binary_error(element("")),
            "input \"t\": the shape says 2 elements, but 4 bytes hold no more than 1 BYTES elements");
  EXPECT_EQ(binary_error(element("ab") + element("c"), 100),
            "input \"t\": \"binary_data_size\" is 100, but only 11 bytes are left in the body");
}

TEST(Bytes, ARawBodyIsTheElement) {
  const auto r = parse_infer("hi", 0, one_text());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->inputs[0].shape(), Shape({1}));
  EXPECT_EQ(r->inputs[0].bytes().elements, std::vector<std::string>{"hi"});
  EXPECT_TRUE(r->outputs.at(0).binary);
  EXPECT_EQ(parse_infer("", 0, one_text())->inputs[0].bytes().elements, std::vector<std::string>{""});
  graph::Signature two = one_text();
  two.inputs[0].shape.push_back({2, "", {}});
  EXPECT_EQ(parse_infer("hi", 0, two).status().message(),
            "a raw request is for a BYTES input that may have one element; the shape is [batch, 2]");
}

TEST(Bytes, AFileIsOneOnlyWhereTheInputIsNoText) {
  graph::Signature s = one_text();
  s.preprocess_input = {{"type", "image"}};
  const auto r = parse_infer(R"({"inputs":[{"name":"t","shape":[1],"datatype":"BYTES","data":["aGk="]}]})", {}, s);
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_FALSE(r->file);
  EXPECT_EQ(r->inputs[0].bytes().elements, std::vector<std::string>{"aGk="});
}

TEST(Bytes, MemoryIsCounted) {
  const auto budget = std::make_shared<MemoryBudget>(100'000);
  Reservation memory(budget);
  const std::string text(1000, 'x');
  const auto r = parse_binary(element(text) + element(""), {}, &memory);
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(memory.bytes(), 8 + bytes_tensor_memory(2, 1000));
  EXPECT_EQ(r->inputs[0].nbytes(), bytes_tensor_memory(2, 1000));
  memory.release();
  ASSERT_TRUE(
      parse_infer(with(R"("shape":[1,2],"datatype":"BYTES","data":["abc",""])"), {}, signature(), &memory).ok());
  EXPECT_EQ(memory.bytes(), 8 + bytes_tensor_memory(2, 3));
  memory.release();
  EXPECT_TRUE(
      absl::IsResourceExhausted(parse_binary(element(std::string(100'000, 'x')) + element(""), {}, &memory).status()));
}

TEST(Bytes, Answers) {
  InferRequest r;
  r.outputs = {{0, false}, {1, false}};
  std::vector<Value> out = {BytesTensor{.shape = {2}, .elements = {"n\xC3\xA9\"", ""}}, tensor({1, 2})};
  const auto json = write_infer("m", 1, r, signature(), out);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(
      json->body,
      R"({"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"BYTES","shape":[2],"data":["né\"",""]},{"name":"k","datatype":"INT64","shape":[2],"data":[1,2]}]})");
  EXPECT_GE(response_bytes(r, signature(), out), static_cast<int64_t>(json->body.size()) / 2);

  out[0] = BytesTensor{.shape = {2}, .elements = {"a", "\xFF"}};
  EXPECT_EQ(write_infer("m", 1, r, signature(), out).status().message(),
            "output \"y\": element 1 is not UTF-8, which JSON cannot represent; ask for binary data");
  r.outputs = {{0, true}};
  const auto binary = write_infer("m", 1, r, signature(), out);
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_NE(binary->body.find(R"("shape":[2],"parameters":{"binary_data_size":10})"), std::string::npos);
  EXPECT_EQ(binary->body.substr(static_cast<size_t>(binary->json_length)), element("a") + element("\xFF"));
}

TEST(Bytes, StringsHaveNoClasses) {
  const std::string body = R"({"inputs":[{"name":"t","shape":[1],"datatype":"BYTES","data":["a"]}],)"
                           R"("outputs":[{"name":"t","parameters":{"classification":2}}]})";
  EXPECT_EQ(parse_infer(body, {}, one_text()).status().message(),
            "output \"t\": BYTES has no classification, which is of numbers");
}

TEST(Values, JoinedAndCut) {
  const Value a = BytesTensor{.shape = {1, 2}, .elements = {"a", "b"}};
  const Value b = BytesTensor{.shape = {2, 2}, .elements = {"c", "d", "e", "f"}};
  const Value parts[] = {a, b};
  const Value all = concatenate(parts);
  EXPECT_EQ(all.shape(), Shape({3, 2}));
  EXPECT_EQ(all.bytes().elements, (std::vector<std::string>{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(rows(all, 1, 3).bytes().elements, b.bytes().elements);
  EXPECT_EQ(rows(all, 1, 1).shape(), Shape({0, 2}));
  EXPECT_THROW(rows(all, 2, 4), Error);
  const Value mixed[] = {a, tensor({1, 2})};
  EXPECT_THROW(concatenate(mixed), Error);
  const Value other[] = {a, BytesTensor{.shape = {1, 3}, .elements = {"a", "b", "c"}}};
  EXPECT_THROW(concatenate(other), Error);
  EXPECT_THROW(Value(BytesTensor{.shape = {2}, .elements = {"a"}}), Error);
  EXPECT_THROW((void)a.tensor(), Error);
  EXPECT_THROW((void)Value(tensor({1})).bytes(), Error);
  EXPECT_FALSE(Value().defined());
}

}  // namespace
}  // namespace hearth::serve
