// Graph directories: what is written is read back exactly, and what does not hold is refused by name.
#include "core/graph/save.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/graph/trace.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "core/nn/conv.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/random.h"
#include "core/ops/view.h"

namespace hearth {

// An op of a user, with every kind of attribute.
enum class Mood : uint8_t { kGood, kBad };
constexpr const char* kMoods[] = {"good", "bad"};
constexpr std::span<const char* const> enum_names(Mood) { return kMoods; }

struct EverythingAttrs {
  bool flag = false;
  int64_t whole = 0;
  double real = 0, other_real = 0;
  DType dtype = DType::kF32;
  Device device;
  MemoryFormat format = MemoryFormat::kContiguous;
  Scalar scalar, other_scalar;
  Dims dims;
  std::string text;
  std::optional<int64_t> maybe_whole, no_whole;
  std::optional<double> maybe_real, no_real;
  std::optional<DType> maybe_dtype, no_dtype;
  Mood mood = Mood::kGood;
  static constexpr auto fields() {
    using A = EverythingAttrs;
    return std::make_tuple(
        field("flag", &A::flag), field("whole", &A::whole), field("real", &A::real),
        field("other_real", &A::other_real), field("dtype", &A::dtype), field("device", &A::device),
        field("format", &A::format), field("scalar", &A::scalar), field("other_scalar", &A::other_scalar),
        field("dims", &A::dims), field("text", &A::text), field("maybe_whole", &A::maybe_whole),
        field("no_whole", &A::no_whole), field("maybe_real", &A::maybe_real), field("no_real", &A::no_real),
        field("maybe_dtype", &A::maybe_dtype), field("no_dtype", &A::no_dtype), field("mood", &A::mood));
  }
  bool operator==(const EverythingAttrs&) const = default;
};

extern constinit const OpDef kEverything = {.name = "test::everything",
                                            .version = 3,
                                            .dtypes = kAllTypes,
                                            .min_inputs = 1,
                                            .max_inputs = 3,
                                            .absent = 0b10,
                                            .scalars = 0b100,
                                            .attrs = &attrs_type<EverythingAttrs>,
                                            .infer = [](OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); },
                                            .kernel = {[](OpCall& c) { c.out[0].copy_(c.input(0)); }}};
HEARTH_OP(kEverything);
extern constinit const OpDef kUnlisted = {
    .name = "test::unlisted", .dtypes = kAllTypes, .infer = [](OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); }};

namespace {

using graph::Exported;
using graph::Graph;
using graph::Spec;
using testing::HasSubstr;

std::string path(const std::string& name) { return testing::TempDir() + "/" + name; }

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.nbytes() == 0 || std::memcmp(a.contiguous().raw_data(), b.contiguous().raw_data(), a.nbytes()) == 0);
}
void refused(const absl::Status& s, absl::StatusCode code, const std::string& part) {
  EXPECT_EQ(s.code(), code) << s;
  EXPECT_THAT(std::string(s.message()), HasSubstr(part));
}
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnknown = absl::StatusCode::kUnimplemented;

// Saves and loads.
Exported again(const Exported& m, const std::string& name = "model") {
  std::filesystem::remove_all(path(name));
  const absl::Status s = graph::save(m, path(name));
  EXPECT_TRUE(s.ok()) << s;
  auto out = graph::load(path(name));
  EXPECT_TRUE(out.ok()) << out.status();
  return *std::move(out);
}

Graph line(const EverythingAttrs& attrs) {
  Graph g;
  g.dims = {{"n", 7}};
  g.inputs = {{"x", f32, {graph::SizeExpr(1, {0}, 0)}}};
  graph::Node n{.op = &kEverything, .attrs = graph::OwnedAttrs(AttrsRef(attrs)), .first = 1};
  n.in = {{0}, {graph::Argument::Absent{}}, {graph::Argument::Number{Scalar(2.5), {}, false}}};
  g.nodes = {n};
  g.outputs = {{"y", 1, f32, {graph::SizeExpr(1, {0}, 0)}}};
  return g;
}

TEST(Save, EveryAttributeKeepsEveryBit) {
  EverythingAttrs a;
  a.flag = true;
  a.whole = (int64_t{1} << 53) + 1;
  a.real = 0.1;
  a.dtype = bf16;
  a.device = Device::parse("cuda:3");
  a.format = MemoryFormat::kChannelsLast;
  a.scalar = Scalar(INT64_MIN);
  a.other_scalar = Scalar(true);
  a.dims = {INT64_MAX, -1, 0};
  a.text = "\"quoted\"\n\t\\ \xe2\x82\xac {}";
  a.maybe_whole = -(int64_t{1} << 62) - 1;
  a.maybe_real = -0.0;
  a.maybe_dtype = boolean;
  a.mood = Mood::kBad;
  for (double v : {0.1, -0.0, 5e-324, 1.7976931348623157e308, 123456789.0, std::numeric_limits<double>::infinity(),
                   -std::numeric_limits<double>::infinity()}) {
    a.other_real = v;
    const Exported back = again({.main = line(a)});
    const auto& b = *static_cast<const EverythingAttrs*>(back.main.nodes.at(0).attrs.ref().data);
    EXPECT_EQ(b, a) << v;
    EXPECT_EQ(std::bit_cast<uint64_t>(b.other_real), std::bit_cast<uint64_t>(v));
    EXPECT_TRUE(std::signbit(*b.maybe_real));
    EXPECT_EQ(back.main.nodes[0].in, line(a).nodes[0].in);
  }
  for (uint64_t bits : {0x7ff8000000000000u, 0xfff8000000000000u, 0x7ff0000000000001u}) {
    a.other_real = std::bit_cast<double>(bits);
    a.scalar = Scalar(a.other_real);
    const Exported back = again({.main = line(a)});
    const auto& b = *static_cast<const EverythingAttrs*>(back.main.nodes.at(0).attrs.ref().data);
    EXPECT_EQ(std::bit_cast<uint64_t>(b.other_real), bits);
    EXPECT_EQ(std::bit_cast<uint64_t>(b.scalar.to<double>()), bits);
  }
}

TEST(Save, SizesTargetsNumbersAndScopes) {
  struct Net : nn::Module<Net> {
    nn::Linear a{this, "a", 4, 4};
    Tensor forward(const Tensor& x) {
      Tensor y = a(x) * x.size(0) + 0.1;
      y.narrow(0, 1, x.size(0) - 2).mul_(3);
      Tensor z = full({x.size(0) * x.size(0) * 2 + 1, 4}, std::numeric_limits<double>::infinity());
      z.narrow(0, 0, x.size(0)).copy_(y);
      return z;
    }
  } net;
  net.eval();
  const Exported m{.main = graph::trace(net, {{"x", f32, {graph::Size("n", 3), 4}}})};
  const Exported back = again(m);
  EXPECT_EQ(to_string(back.main), to_string(m.main));
  EXPECT_THAT(to_string(back.main), HasSubstr("# a"));
  for (int64_t n : {3, 11}) {
    const Tensor x = randn({n, 4});
    EXPECT_TRUE(same_bits(back.main(x), m.main(x))) << n;
  }
  EXPECT_EQ(back.signature.outputs[0].shape[0].name, "2*n*n + 1");
}

TEST(Save, StepsFunctionsAndLargestSizes) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Tensor& x = in[0];
    return {x.slice(0, 1, {}, 3) / std::sqrt(x.size(1)), arange(x.size(0)) + dim_size(x, 1)};
  };
  const Spec spec[] = {{"x", f32, {graph::Size("n", {.min = 3, .max = 64}), "m"}}};
  const Exported m{.main = graph::trace(fn, spec)};
  const Exported back = again(m);
  EXPECT_EQ(to_string(back.main), to_string(m.main));
  EXPECT_THAT(to_string(back.main), HasSubstr("sqrt(m)"));
  for (int64_t n : {3, 4, 5, 64}) {
    const Tensor x[] = {randn({n, 7})};
    const auto want = fn(x), got = back.main.run(x);
    EXPECT_TRUE(same_bits(got[0], want[0]) && same_bits(got[1], want[1])) << n;
  }
  using Extent = graph::Signature::Extent;
  EXPECT_EQ(back.signature.inputs[0].shape, (std::vector<Extent>{{-1, "n", 64}, {-1, "m"}}));
  EXPECT_EQ(back.signature.outputs[0].shape, (std::vector<Extent>{{-1, "(n + 1) / 3"}, {-1, "m"}}));
  EXPECT_EQ(back.signature.outputs[1].shape, (std::vector<Extent>{{-1, "n", 64}}));
  EXPECT_EQ(back.signature.input_index("x"), 0);
  EXPECT_EQ(back.signature.input_index("n"), std::nullopt);
  EXPECT_EQ(back.signature.output_index(back.signature.outputs[1].name), 1);
  EXPECT_EQ(back.signature.output_index("x"), std::nullopt);
  try {
    back.main(randn({65, 7}));
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), HasSubstr("input \"x\": dimension \"n\" is 65, the model takes at most 64"));
  }
  const auto change = [&](const char* file, const std::string& from, const std::string& to) {
    const std::string p = path("model") + "/" + file;
    std::string text = io::read_file(p, 1 << 20).value();
    const std::string before = text;
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    ASSERT_TRUE(io::write_file(p, text).ok());
    const absl::Status s = graph::load(path("model")).status();
    EXPECT_FALSE(s.ok()) << from;
    ASSERT_TRUE(io::write_file(p, before).ok());
  };
  change("signature.json", "\"max\": 64", "\"max\": 65");
  change("signature.json", "\"max\": 64", "\"max\": -1");
  change("graph.json", "\"max\":64", "\"max\":2");
  change("graph.json", "\"divisor\":3", "\"divisor\":0");
  change("graph.json", "\"function\":\"sqrt\"", "\"function\":\"cosh\"");
  EXPECT_TRUE(graph::load(path("model")).ok());
}

// Of exported weights; tests/core/io/checkpoint_test.cc has every kind of damage.
TEST(Save, DamagedWeightsAreRefused) {
  nn::Linear linear(16, 16);
  linear.eval();
  const std::string p = path("damaged");
  std::filesystem::remove_all(p);
  ASSERT_TRUE(graph::save({.main = graph::trace(linear, {{"x", f32, {"n", 16}}})}, p).ok());
  const std::string file = p + "/weights.safetensors", whole = io::read_file(file, 1 << 20).value();
  for (size_t at = 0; at < whole.size(); at += 3) {
    std::string b = whole;
    b[at] = static_cast<char>(b[at] ^ 1 << at % 8);
    std::ofstream(file, std::ios::binary) << b;
    const absl::Status s = graph::load(p).status();
    EXPECT_FALSE(s.ok()) << at;
    EXPECT_THAT(std::string(s.message()), HasSubstr(file));
    EXPECT_THAT(std::string(s.message()), testing::AnyOf(HasSubstr("header"), HasSubstr("tensor \""))) << at;
  }
}

TEST(Save, WrittenBuffersAreUpdates) {
  nn::BatchNorm2d norm(3);
  const Exported m{.main = graph::trace(norm, {{"x", f32, {4, 3, 2, 2}}}, {.training = true})};
  ASSERT_FALSE(m.main.updates.empty());
  const Exported back = again(m);
  const Tensor x = randn({4, 3, 2, 2});
  const auto want = m.main.run({&x, 1}), got = back.main.run({&x, 1});
  ASSERT_EQ(got.size(), 1 + m.main.updates.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(same_bits(got[i], want[i])) << i;
}

TEST(Save, LayoutsOfConstantsAreKept) {
  nn::Conv2d conv(16, 24, 3);
  conv.eval();
  const Tensor turned = randn({5, 7}).to(f64);
  Tensor last = randn({2, 16, 6, 5}).contiguous(MemoryFormat::kChannelsLast);
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] + last, last * 2}; };
  const Spec spec[] = {{"x", f32, {2, 16, 6, 5}}};
  const Exported m{.main = graph::trace(fn, spec)};
  const Exported back = again(m);
  ASSERT_EQ(back.main.constants.size(), 1u);
  EXPECT_EQ(back.main.constants[0].value.strides(), last.strides());
  const Tensor x = randn({2, 16, 6, 5});
  const auto got = back.main.run({&x, 1});
  EXPECT_TRUE(same_bits(got[1], last * 2));
  EXPECT_EQ(got[1].strides(), (last * 2).strides());
}

TEST(Save, BothGraphsShareOneFileOfWeights) {
  const Tensor shared = randn({3}), mine = randn({3});
  const auto main = [&](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] * shared + mine}; };
  const auto before = [&](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] - shared}; };
  const Spec batch[] = {{"x", f32, {"n", 3}}}, one[] = {{"raw", f32, {3}}};
  graph::TraceOptions names;
  names.names = {{"__metadata__", shared}, {"preprocess/constant.0", mine}};
  Exported m{.main = graph::trace(main, batch, names), .preprocess = graph::trace(before, one)};
  Exported back = again(m);
  const auto weights = io::load_safetensors(path("model/weights.safetensors"));
  EXPECT_EQ(weights->tensors.size(), 2u);
  // A tensor of preprocess's own, whose name is taken.
  const Tensor other = randn({3});
  const auto third = [&](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] - other}; };
  m.preprocess = graph::trace(third, one);
  back = again(m);
  const Tensor raw = randn({3});
  const Graph before_main = back.preprocess.value_or(Graph());
  EXPECT_TRUE(same_bits(before_main(raw), raw - other));
  EXPECT_TRUE(same_bits(back.main(raw.unsqueeze(0)), main(std::vector{raw.unsqueeze(0)})[0]));
  EXPECT_EQ(back.main.constants[0].name, m.main.constants[0].name);
}

TEST(Save, WhatCannotBeSavedIsRefused) {
  const auto saved = [&](const Exported& m) { return graph::save(m, path("refused")); };
  Exported m{.main = line({})};
  m.main.outputs[0].shape = {5};
  refused(saved(m), kInvalid, "main: graph: output \"y\" is f32 [7]; expected f32 [5]");
  m.main = line({});
  m.main.nodes[0] = {.op = &kUnlisted, .in = {{0}}, .first = 1};
  refused(saved(m), kInvalid, "\"test::unlisted\" is not listed by HEARTH_OP");
  m.main = line({});
  m.main.inputs[0].name = "";
  refused(saved(m), kInvalid, "an input has no name");
  m.main.inputs[0].name = "\xff";
  refused(saved(m), kInvalid, "cannot be written as JSON");
  m.main = line({});
  m.signature.kind = "";
  refused(saved(m), kInvalid, "the signature needs a kind");
  m.signature = {.preprocess_input = {{"type", "image"}}};
  refused(saved(m), kInvalid, "no preprocess graph");
  m.signature = {};
  m.preprocess = line({});
  refused(saved(m), kInvalid, "is not one example of main's input");
  EXPECT_FALSE(std::filesystem::exists(path("refused")));
  EXPECT_FALSE(std::filesystem::exists(path("refused.tmp")));
}

// The files of a small model, as texts that tests damage.
struct Files {
  std::string graph, weights, signature;
  Files() {
    manual_seed(1);
    nn::Linear net(4, 2);
    net.eval();
    const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
      Tensor y = net(in[0]);
      y.add_(0.5);
      return {y.reshape({y.size(0) * 2}), (y + in[1]) * in[0].size(0)};
    };
    const Spec spec[] = {{"x", f32, {"n", 4}}, {"z", f32, {2}}};
    graph::TraceOptions options;
    for (auto& [n, t] : net.named_parameters()) options.names.emplace(n, t);
    const absl::Status s = graph::save({.main = graph::trace(fn, spec, options)}, path("small"));
    EXPECT_TRUE(s.ok()) << s;
    graph = io::read_file(path("small/graph.json"), 1 << 20).value();
    weights = io::read_file(path("small/weights.safetensors"), 1 << 20).value();
    signature = io::read_file(path("small/signature.json"), 1 << 20).value();
  }
  absl::Status parse() const { return graph::parse_exported({graph, weights, signature}, "model").status(); }
  Files with(const std::string& from, const std::string& to) const {
    Files f = *this;
    const size_t at = f.graph.find(from);
    EXPECT_NE(at, std::string::npos) << from << " is not in\n" << graph;
    if (at != std::string::npos) f.graph.replace(at, from.size(), to);
    return f;
  }
  Files(const Files&) = default;
};

TEST(Save, DamagedGraphsAreNamed) {
  const Files good;
  ASSERT_TRUE(good.parse().ok()) << good.parse();
  const auto bad = [&](const std::string& from, const std::string& to, const std::string& part,
                       absl::StatusCode code = kInvalid) {
    SCOPED_TRACE(to);
    const absl::Status s = good.with(from, to).parse();
    refused(s, code, part);
    refused(s, code, "model/graph.json");
  };
  // Ops and versions.
  bad(R"("op":"linear")", R"("op":"linar")", "main.nodes[0] (linar): the op \"linar\" is not linked", kUnknown);
  bad(R"("op":"linear")", R"("op":"linar")", "add //core:all_ops to its deps", kUnknown);
  bad(R"("op":"linear")", R"("op":"vision::resize")", "add //vision:all_ops to its deps", kUnknown);
  bad(R"("op":"linear","version":1)", R"("op":"linear","version":2)",
      "version 2 of the op \"linear\"; this program knows version 1 (it is older", kUnknown);
  bad(R"("op":"linear","version":1)", R"("op":"linear","version":0)", "export the model again", kUnknown);
  bad(R"("op":"linear")", R"("op":"layer_norm_grad")", "is not for graphs");
  bad(R"("op":"linear")", R"("op":7)", "expected a text");
  bad(R"("version": 1)", R"("version": 2)", "the format has version 2; this program reads version 1", kUnknown);
  bad("hearth.graph", "onnx", "it is not a graph");
  // Structure.
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,2,4])", "main.nodes[0] (linear): operand 2 is value 4");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,2,4])", "a graph has no cycles");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,2,-1])", "is value -1");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,2,18446744073709551615])", "expected a whole number");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,2,3.5])", "expected a whole number");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0])", "linear");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,3,2])", "linear");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,{"int":1,"float":2.0},3])", "exactly one of");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,{"float":1.0},3])", "linear: operand 1 must be a tensor");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,{"float":1e999},3])", "not valid JSON");
  bad(R"("inputs":[0,2,3])", R"("inputs":[0,{"float":"infinite"},3])", "expected a number");
  bad(R"("makes":[4])", R"("makes":[5])", "numbered in order");
  bad(R"("makes":[4])", R"("makes":[4,5])", "makes 2 values; expected 1 to 1");
  bad(R"("makes":[4])", R"("makes":[])", "makes 0 values");
  bad(R"("value":)", R"("value":99,"v":)", "there is no value 99");
  bad(R"("updates": [])", R"("updates": [{"constant":0,"value":4}])", "the update of constant \"weight\" by value 4");
  bad(R"("updates": [])", R"("updates": [{"constant":9,"value":4}])", "there is no constant 9");
  bad(R"("updates": [])", R"("updates": [], "more": 1)", "main: \"more\" is unknown");
  bad(R"("outputs": [)", R"("outputs": [7,)", "main.outputs[0]: expected an object");
  bad(R"("dims": [)", R"("dims": [{"name":"n","example":5},)", "two dims are called \"n\"");
  bad(R"("dims": [)", R"("dims": [{"name":"m","example":5},)", "no input has the dim \"m\"");
  bad(R"("name":"x")", R"("name":"z")", "two inputs are called \"z\"");
  // Attributes and sizes.
  bad(R"("attributes":{)", R"("attributes":{"more":1,)", "attributes: \"more\" is unknown");
  bad(R"("attributes":{)", R"("attribute":{)", "\"attributes\" is missing");
  bad(R"("shape":[)", R"("shape":["m",)", "there is no dim \"m\"");
  bad(R"("shape":["n",4])", R"("shape":["n",-4])", "a size of input \"x\" is neither a number nor a dim");
  bad(R"("shape":["n",4])", R"("shape":["n",5])", "linear");
  bad(R"("shape":["n",4])", R"("shape":["n",1,1,1,1,1,1,1,1])", "at most 8");
  bad(R"("shape":["n",4])", R"("shape":["n",9223372036854775807])", "is too large");
  bad(R"("example":)", R"("example":9223372036854775807,"e":)", "unknown");
  bad(R"("factor":2)", R"("factor":9223372036854775807)", "overflows");
  bad(R"({"factor":2,"dims":["n"])", R"({"factor":2,"dims":[])", "a size is made of 1 to 8 dims");
  bad(R"("dtype":"f32")", R"("dtype":"f33")", "there is no dtype \"f33\"");
  // Weights.
  bad(R"("tensor":"weight")", R"("tensor":"weights")", "weights.safetensors has no tensor \"weights\"");
  bad(R"("tensor":"weight")", R"("tensor":"../../etc/passwd")", "has no tensor \"../../etc/passwd\"");
  bad(R"("tensor":"bias")", R"("tensor":"weight")", "the tensor \"weight\" is f32 [2, 4]; expected f32 [2]");
  bad(R"("shape":[2,4])", R"("shape":[4,2])", "is f32 [2, 4]; expected f32 [4, 2]");
  bad(R"("shape":[2,4])", R"("shape":[2,4],"strides":[1,3])", "do not lay out the shape [2, 4] without gaps");
  bad(R"("shape":[2,4])", R"("shape":[2,4],"strides":[0,0])", "without gaps");
  bad(R"("shape":[2,4])", R"("shape":[2,4],"strides":[1])", "without gaps");
  // JSON.
  bad("{", "{{", "not valid JSON");
  bad("{", "", "not valid JSON");
  bad(R"("main")", R"("format": "hearth.graph", "main")", "stands twice");
  bad("\"main\": {", "\"main\": {\"deep\": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],", "nested more than");
  bad("x", "\xff", "not valid JSON");
  Files f = good;
  f.graph = "";
  refused(f.parse(), kInvalid, "not valid JSON");
  f.graph = std::string(5'000'000, '[');
  refused(f.parse(), kInvalid, "nested more than");
  f.graph = "[1";
  for (int i = 0; i < 4'100'000; ++i) f.graph += ",1";
  refused(f.parse(), kInvalid, "more than 4000000 values");
}

TEST(Save, StridesFromTheFileAreTaken) {
  const Files good;
  Files f = good.with(R"("shape":[2,4])", R"("shape":[2,4],"strides":[1,2])");
  const auto m = graph::parse_exported({f.graph, f.weights, f.signature}, "model");
  ASSERT_TRUE(m.ok()) << m.status();
  EXPECT_EQ(m->main.constants[0].value.strides(), (Strides{1, 2}));
}

TEST(Save, ASignatureOfAnotherKindMaySayLittleAndHaveStrings) {
  const std::string directory = path("kind");
  std::filesystem::create_directories(directory);
  const auto write = [&](const std::string& text) { std::ofstream(directory + "/signature.json") << text; };
  write(R"({"format": "hearth.signature", "version": 1, "kind": "texts"})");
  auto s = graph::load_signature(directory);
  ASSERT_TRUE(s.ok()) << s.status();
  EXPECT_EQ(s->kind, "texts");
  EXPECT_TRUE(s->inputs.empty() && s->outputs.empty() && s->labels.empty() && s->metadata.empty());
  write(R"({"format": "hearth.signature", "version": 1, "kind": "texts",
            "inputs": [{"name": "t", "dtype": "bytes", "shape": ["batch", 2]}, {"name": "x", "dtype": "f32", "shape": []}]})");
  s = graph::load_signature(directory);
  ASSERT_TRUE(s.ok()) << s.status();
  ASSERT_EQ(s->inputs.size(), 2u);
  EXPECT_TRUE(s->inputs[0].bytes);
  EXPECT_FALSE(s->inputs[1].bytes);
  EXPECT_EQ(s->inputs[0].shape.size(), 2u);
  write(R"({"format": "hearth.signature", "version": 1, "kind": "texts",
            "inputs": [{"name": "t", "dtype": "strings", "shape": []}]})");
  refused(graph::load_signature(directory).status(), kInvalid, "there is no dtype \"strings\"");
  // A graph has numbers.
  const Files good;
  Files f = good;
  const std::string dtype = R"("dtype": "f32")";
  f.signature.replace(f.signature.find(dtype), dtype.size(), R"("dtype": "bytes")");
  refused(f.parse(), kInvalid, "names other inputs or outputs than the graph has");
}

TEST(Save, DamagedWeightsAndSignaturesAreNamed) {
  const Files good;
  const auto with_signature = [&](const std::string& from, const std::string& to) {
    Files f = good;
    const size_t at = f.signature.find(from);
    EXPECT_NE(at, std::string::npos) << from << " is not in\n" << f.signature;
    f.signature.replace(at, from.size(), to);
    return f.parse();
  };
  refused(with_signature(R"("n")", R"("m")"), kInvalid, "names other inputs or outputs than the graph has");
  refused(with_signature(R"("z")", R"("y")"), kInvalid, "names other inputs or outputs");
  refused(with_signature(R"("version": 1)", R"("version": 9)"), kUnknown, "the format has version 9");
  refused(with_signature(R"("kind": "graph")", R"("kind": "magic")"), kInvalid, "\"magic\"");
  refused(with_signature(R"("labels": [])", R"("labels": [1])"), kInvalid, "signature.labels: expected a text");
  refused(with_signature(R"("labels": [])", R"("labels": [], "x": 1)"), kInvalid, "\"x\" is unknown");
  refused(with_signature("{", ""), kInvalid, "model/signature.json");
  refused(with_signature(R"("metadata": {})", R"("metadata": {"a": 1})"), kInvalid, "metadata.a: expected a text");

  Files f = good;
  const auto weights = [&](const std::map<std::string, Tensor>& t) {
    EXPECT_TRUE(io::save_safetensors(path("w"), t).ok());
    f.weights = io::read_file(path("w"), 1 << 20).value();
    return f.parse();
  };
  refused(weights({{"weight", ones({2, 4})}}), kInvalid, "weights.safetensors has no tensor \"bias\"");
  refused(weights({{"weight", ones({2, 4})}, {"bias", ones({2})}, {"more", ones({2})}}), kInvalid,
          "has a tensor \"more\", which no graph takes");
  refused(weights({{"weight", ones({2, 4}, {.dtype = f64})}, {"bias", ones({2})}}), kInvalid,
          "is f64 [2, 4]; expected f32");
  f.weights = good.weights.substr(0, good.weights.size() - 1);
  refused(f.parse(), kInvalid, "model/weights.safetensors");
}

// ---- the directory

std::string directory(const std::string& name) {
  const std::string p = path(name);
  for (const char* suffix : {"", ".tmp", ".old"}) std::filesystem::remove_all(p + suffix);
  return p;
}
Exported scaled(double factor) {
  const Spec spec[] = {{"x", f64, {"n", 3}}};
  const Tensor weight = full({3}, factor, {.dtype = f64});
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] * weight * factor}; };
  return {.main = graph::trace(fn, spec), .signature = {.description = std::to_string(factor)}};
}
// The factor of a model whose three files belong together; 0 if they do not, -1 if there is none.
double factor_of(const std::string& p) {
  const auto m = graph::load(p);
  if (!m.ok()) return -1;
  const double v = std::sqrt(m->main(ones({1, 3}, {.dtype = f64}))[0][0].item<double>());
  return m->signature.description == std::to_string(v) ? v : 0;
}

TEST(SaveDirectory, IsReplacedAsAWhole) {
  const std::string p = directory("replaced");
  ASSERT_TRUE(graph::save(scaled(2), p).ok());
  ASSERT_EQ(chmod(p.c_str(), 0750), 0);
  const auto first = graph::load(p);
  ASSERT_TRUE(graph::save(scaled(3), p + "/").ok());
  EXPECT_EQ(factor_of(p), 3);
  EXPECT_EQ(factor_of(p + "///"), 3);
  // What was loaded before keeps its weights.
  EXPECT_EQ(first->main(ones({1, 3}, {.dtype = f64}))[0][0].item<double>(), 4);
  struct stat info;
  ASSERT_EQ(stat(p.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0750u);
  EXPECT_FALSE(std::filesystem::exists(p + ".tmp"));
  EXPECT_FALSE(std::filesystem::exists(p + ".old"));
  // An empty directory, and a symbolic link to a model.
  const std::string empty = directory("empty");
  std::filesystem::create_directory(empty);
  ASSERT_TRUE(graph::save(scaled(4), empty).ok());
  EXPECT_EQ(factor_of(empty), 4);
  const std::string link = directory("link");
  std::filesystem::create_directory_symlink(p, link);
  ASSERT_TRUE(graph::save(scaled(5), link).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(factor_of(p), 5);
}

TEST(SaveDirectory, IsMadeWithTheDirectoriesAboveIt) {
  const std::string above = directory("above"), p = above + "/runs/1/model";
  ASSERT_TRUE(graph::save(scaled(2), p).ok());
  EXPECT_EQ(factor_of(p), 2);
  std::ofstream(above + "/file") << "x";
  const absl::Status s = graph::save(scaled(2), above + "/file/model");
  EXPECT_THAT(std::string(s.message()), HasSubstr(above + "/file"));
}

TEST(SaveDirectory, AFifoInPlaceOfAFileIsNotWaitedFor) {
  for (const char* file : {"graph.json", "signature.json", "weights.safetensors"}) {
    const std::string p = directory("fifo");
    ASSERT_TRUE(graph::save(scaled(2), p).ok());
    std::filesystem::remove(p + "/" + file);
    ASSERT_EQ(mkfifo((p + "/" + file).c_str(), 0666), 0);
    refused(graph::load(p).status(), absl::StatusCode::kFailedPrecondition, absl::StrCat(file, " is a FIFO"));
    refused(graph::save(scaled(2), p), absl::StatusCode::kFailedPrecondition, file);
  }
  const std::string p = directory("fifo");
  ASSERT_EQ(mkfifo(p.c_str(), 0666), 0);
  EXPECT_FALSE(graph::load(p).ok());
  refused(graph::save(scaled(2), p), absl::StatusCode::kFailedPrecondition, "it is not a directory");
  std::filesystem::remove(p);
  ASSERT_EQ(mkfifo((p + ".tmp").c_str(), 0666), 0);
  EXPECT_FALSE(graph::save(scaled(2), p).ok());
}

TEST(SaveDirectory, OthersAreNeverTouched) {
  const auto refuses = [&](const std::string& p, const std::string& part) {
    refused(graph::save(scaled(2), p), absl::StatusCode::kFailedPrecondition, part);
  };
  const std::string p = directory("other");
  std::filesystem::create_directory(p);
  std::ofstream(p + "/thesis.txt") << "years of work";
  refuses(p, "it holds thesis.txt, which is not part of what is written");
  EXPECT_TRUE(std::filesystem::exists(p + "/thesis.txt"));
  std::filesystem::remove(p + "/thesis.txt");
  std::ofstream(p + "/signature.json") << "{}";
  refuses(p, "it has no graph.json");
  std::filesystem::create_directory(p + "/graph.json");
  refuses(p, "it holds graph.json, which is not part");
  ASSERT_TRUE(graph::save(scaled(2), directory("mine")).ok());
  std::ofstream(path("mine/notes.txt")) << "mine";
  refuses(path("mine"), "notes.txt");
  EXPECT_EQ(factor_of(path("mine")), 2);
  std::ofstream(directory("file")) << "a file";
  refuses(path("file"), "it is not a directory");
  // Somebody's directory under the temporary name.
  std::filesystem::create_directory(directory("taken") + ".tmp");
  std::ofstream(path("taken.tmp/thesis.txt")) << "years of work";
  refuses(path("taken"), "thesis.txt");
  EXPECT_TRUE(std::filesystem::exists(path("taken.tmp/thesis.txt")));
  refused(graph::save(scaled(2), ""), kInvalid, "is not a name");
  refused(graph::load(path("nothing")).status(), absl::StatusCode::kNotFound, "nothing");
  std::filesystem::create_directory(directory("bare"));
  refused(graph::load(path("bare")).status(), absl::StatusCode::kNotFound, "graph.json");
}

TEST(SaveDirectory, AFullDiskLeavesTheOldModel) {
  const std::string p = directory("full");
  ASSERT_TRUE(graph::save(scaled(2), p).ok());
  // A limit on the size of files stands in for the full disk; in a child, because it cannot be raised again.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};
    setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status s = graph::save(scaled(3), p);
    _exit(!s.ok() && s.message().find("full.tmp/weights.safetensors") != absl::string_view::npos ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(factor_of(p), 2);
  EXPECT_FALSE(std::filesystem::exists(p + ".tmp"));
}

TEST(SaveDirectory, KilledAtAnyMomentThereIsAWholeModel) {
  const std::string p = directory("killed");
  ASSERT_TRUE(graph::save(scaled(2), p).ok());
  Generator random(7);
  for (int i = 0; i < 30; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (int n = 0;; n = 1 - n) (void)graph::save(scaled(2 + n), p);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random.next_u32() % 20000));
    const double while_written = factor_of(p);
    EXPECT_TRUE(while_written == 2 || while_written == 3) << graph::load(p).status();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const double after = factor_of(p);
    EXPECT_TRUE(after == 2 || after == 3) << graph::load(p).status();
  }
  // What the last one left does not disturb.
  ASSERT_TRUE(graph::save(scaled(4), p).ok());
  EXPECT_EQ(factor_of(p), 4);
  EXPECT_FALSE(std::filesystem::exists(p + ".tmp"));
}

}  // namespace
}  // namespace hearth
