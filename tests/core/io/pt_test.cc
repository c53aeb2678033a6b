// PyTorch's files, against those that torch.save() has written (tools/golden/torch_files.py).
#include "core/io/pt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <limits>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/nn/assign.h"
#include "core/nn/linear.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::io {
namespace {

using ::testing::HasSubstr;
using Kind = PtValue::Kind;

std::string path(const std::string& name) { return ::testing::TempDir() + "/" + name; }
std::string golden(const std::string& name) { return "tests/core/io/data/torch/" + name + ".pt"; }
std::string bytes_of(const std::string& p) { return read_file(p, 1 << 20).value(); }

// What the script says.
Tensor expected(DType dtype, const Shape& shape = {2, 3}) {
  const Tensor i = arange(shape.numel()).view(shape);
  if (dtype == boolean) return i.remainder(2).to(boolean);
  if (dtype == u8) return (i - 2).remainder(256).to(u8);
  if (is_complex(dtype)) return complex((i - 2).to(f64) / 2, i.to(f64)).to(dtype);
  return is_floating_point(dtype) ? ((i - 2).to(f64) / 2).to(dtype) : (i - 2).to(dtype);
}
void expect_equal(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(got.dtype(), want.dtype());
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_TRUE(got.equal(want));
  EXPECT_FALSE(got.requires_grad());
}
void expect_plain(const absl::StatusOr<PtValue>& v) {
  ASSERT_TRUE(v.ok()) << v.status();
  ASSERT_EQ(v->size(), 3U);
  for (const DType d : {i32, f32, c64}) expect_equal((*v)[to_string(d)].tensor(), expected(d));
}
void expect_state(const PtValue& v) {
  for (int d = 0; d < kDTypes; ++d) {
    const auto dtype = static_cast<DType>(d);
    SCOPED_TRACE(to_string(dtype));
    expect_equal(v[to_string(dtype)].tensor(), expected(dtype));
  }
  const Tensor whole = expected(f32, {4, 6});
  expect_equal(v["whole"].tensor(), whole);
  expect_equal(v["part"].tensor(), whole.slice(0, 1, 3).slice(1, 0, 6, 2));
  EXPECT_EQ(v["part"].tensor().strides(), (Strides{6, 2}));
  EXPECT_EQ(v["part"].tensor().impl()->storage.get(), v["whole"].tensor().impl()->storage.get());
  expect_equal(v["turned"].tensor(), whole.t());
  expect_equal(v["expanded"].tensor(), full({2, 3}, -0.5));
  EXPECT_EQ(v["expanded"].tensor().strides(), (Strides{0, 0}));
  expect_equal(v["scalar"].tensor(), scalar_tensor(2.5));
  expect_equal(v["empty"].tensor(), zeros({0, 4}));
  EXPECT_TRUE(v["channels_last"].tensor().is_contiguous(MemoryFormat::kChannelsLast));
  expect_equal(v["channels_last"].tensor(), expected(f32, {1, 2, 2, 3}));
  expect_equal(v["parameter"].tensor(), expected(f32));
  expect_equal(v["conjugated"].tensor(), conj(expected(c64)));
  expect_equal(v["negated"].tensor(), -arange(6).view({2, 3}).to(f32));
}

TEST(Pt, ReadsTensorsOfEveryKind) {
  const auto v = load_pt(golden("state"));
  ASSERT_TRUE(v.ok()) << v.status();
  ASSERT_TRUE(v->is_dict());
  EXPECT_EQ(v->size(), 23U);
  EXPECT_EQ(v->entries()[0].first.text(), "bool");
  expect_state(*v);
  EXPECT_TRUE((*v)["meta"].tensor().device().is_meta());
  EXPECT_EQ((*v)["meta"].tensor().shape(), (Shape{2, 3}));
  EXPECT_THROW(Tensor((*v)["f32"].tensor()).add_(1), Error);  // mapped memory
  const auto parsed = parse_pt(bytes_of(golden("state")), "bytes");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  expect_state(*parsed);
  EXPECT_NO_THROW(Tensor((*parsed)["f32"].tensor()).add_(1));
}

TEST(Pt, ReadsAllThatACheckpointHolds) {
  const auto v = load_pt(golden("checkpoint"));
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ((*v)["epoch"].integer(), 3);
  EXPECT_EQ((*v)["epoch"].number(), 3.0);
  EXPECT_EQ((*v)["best"].number(), 0.75);
  EXPECT_TRUE((*v)["none"].is_none());
  EXPECT_TRUE((*v)["yes"].boolean());
  EXPECT_EQ((*v)["name"].text(), "n\xc3\xa4me");
  EXPECT_EQ((*v)["bytes"].raw(), std::string("ab\xff\0", 4));
  EXPECT_EQ((*v)["array"].raw(), "x\x80");
  EXPECT_EQ((*v)["complex"].complex(), std::complex<double>(1, 2));
  EXPECT_EQ((*v)["set"].kind(), Kind::kSet);
  EXPECT_EQ((*v)["set"].items().at(0).integer(), 7);
  EXPECT_EQ((*v)["tuple"].kind(), Kind::kTuple);
  EXPECT_EQ((*v)["tuple"][1].text(), "two");
  EXPECT_EQ((*v)["size"][1].integer(), 3);
  EXPECT_EQ((*v)["device"].text(), "cuda:1");
  EXPECT_EQ((*v)["dtype"].text(), "float16");
  EXPECT_EQ((*v)["minus"].integer(), -5);
  EXPECT_EQ((*v)["large"].integer(), int64_t{1} << 40);
  EXPECT_EQ((*v)["least"].integer(), INT64_MIN);
  EXPECT_EQ((*v)[4].text(), "four");
  const PtValue& optimizer = (*v)["optimizer"];
  EXPECT_EQ(optimizer["param_groups"][0]["lr"].number(), 0.125);
  EXPECT_EQ(optimizer["param_groups"][0]["betas"][1].number(), 0.999);
  EXPECT_EQ(optimizer["param_groups"][0]["params"][2].integer(), 2);
  EXPECT_EQ(optimizer["state"][1]["exp_avg"].tensor().shape(), (Shape{3}));
  EXPECT_EQ(optimizer["state"][0]["step"].tensor().item<float>(), 1.0F);
  const auto state = load_pt_state_dict(golden("checkpoint"));
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->size(), 7U);
  EXPECT_EQ(state->at("1.num_batches_tracked").dtype(), i64);
  nn::Linear layer(2, 3);
  layer.load_state_dict({{"weight", state->at("0.weight")}, {"bias", state->at("0.bias")}});
  EXPECT_TRUE(layer.state_dict().at("weight").equal(expected(f32, {3, 2})));
  nn::assign_state_dict(layer, {{"weight", state->at("0.weight")}, {"bias", state->at("0.bias")}});
  EXPECT_TRUE(layer.state_dict().at("weight").equal(expected(f32, {3, 2})));
}

TEST(Pt, ReadsTheOtherFormsOfTheFormat) {
  for (const char* const name : {"plain", "legacy", "protocol4", "big", "deflated", "no_checksums"}) {
    SCOPED_TRACE(name);
    expect_plain(load_pt(golden(name)));
    expect_plain(parse_pt(bytes_of(golden(name)), name));
  }
  const auto alone = load_pt(golden("tensor"));
  ASSERT_TRUE(alone.ok()) << alone.status();
  expect_equal(alone->tensor(), expected(f32));
}

TEST(Pt, ReadsSetsAndBytesOfEveryProtocol) {
  for (const char* const name : {"sets", "sets4"}) {
    SCOPED_TRACE(name);
    const auto v = load_pt(golden(name));
    ASSERT_TRUE(v.ok()) << v.status();
    EXPECT_EQ((*v)["frozen"].kind(), Kind::kSet);
    EXPECT_EQ((*v)["frozen"].items().at(0).integer(), 7);
    EXPECT_EQ((*v)["nothing"].raw(), "");
    EXPECT_EQ((*v)["bytes"].raw(), "a\xff");
  }
}

void refuses(const absl::Status& s, absl::StatusCode code, const std::string& part) {
  EXPECT_EQ(s.code(), code) << s;
  EXPECT_THAT(std::string(s.message()), HasSubstr(part));
}

TEST(Pt, WhatHearthCannotHoldIsNamed) {
  const auto refused = [](const std::string& name, absl::StatusCode code, const std::string& part) {
    refuses(load_pt(golden("refused_" + name)).status(), code, part);
    refuses(load_pt(golden("refused_" + name)).status(), code, name);
  };
  const auto unimplemented = absl::StatusCode::kUnimplemented;
  refused("object", absl::StatusCode::kInvalidArgument, "calls argparse.Namespace");
  refused("sparse", unimplemented, "_rebuild_sparse_tensor");
  refused("u16", unimplemented, "dtype uint16");
  refused("large", unimplemented, "integer of 9 bytes");
  refused("class", absl::StatusCode::kInvalidArgument, "holds OrderedDict, a class or a function");
  refused("surrogate", unimplemented, "half of a surrogate pair");
  refused("rank9", unimplemented, "9 dimensions");
  refused("script", unimplemented, "TorchScript");
}

// ---- Hostile files, made here

using namespace std::string_literals;

struct Entry {
  std::string name, data;
  uint32_t size = 0;    // as claimed; 0: that of the data
  uint16_t method = 0;  // 8: deflate
  std::string extra{};  // of the directory
};
template <class T>
void put(std::string& s, T v) {
  s.append(reinterpret_cast<const char*>(&v), sizeof v);
}
std::string zip_of(const std::vector<Entry>& entries) {
  std::string out, directory;
  for (const Entry& e : entries) {
    const auto at = static_cast<uint32_t>(out.size()), size = e.size ? e.size : static_cast<uint32_t>(e.data.size());
    const auto fields = [&](std::string& s, size_t extra) {
      for (const uint16_t v : {0, 0, int{e.method}, 0, 0}) put(s, v);  // version, flags, method, time, date
      put(s, uint32_t{0});
      put(s, e.method == 0 ? size : static_cast<uint32_t>(e.data.size()));
      put(s, size);
      put(s, static_cast<uint16_t>(e.name.size()));
      put(s, static_cast<uint16_t>(extra));
    };
    put(out, uint32_t{0x04034b50});
    fields(out, 0);
    out += e.name + e.data;
    put(directory, uint32_t{0x02014b50});
    put(directory, uint16_t{0});
    fields(directory, e.extra.size());
    for (int i = 0; i < 3; ++i) put(directory, uint16_t{0});
    put(directory, uint32_t{0});
    put(directory, at);
    directory += e.name + e.extra;
  }
  const auto begin = static_cast<uint32_t>(out.size()), n = static_cast<uint32_t>(entries.size());
  out += directory;
  put(out, uint32_t{0x06054b50});
  put(out, uint32_t{0});
  put(out, static_cast<uint16_t>(n));
  put(out, static_cast<uint16_t>(n));
  put(out, static_cast<uint32_t>(directory.size()));
  put(out, begin);
  put(out, uint16_t{0});
  return out;
}
absl::StatusOr<PtValue> parse_pickle(const std::string& pickle, const std::string& storage = "12345678") {
  return parse_pt(zip_of({{"a/data.pkl", pickle}, {"a/data/0", storage}}), "bad.pt");
}
void bad(const std::string& pickle, const std::string& part,
         absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  SCOPED_TRACE(part);
  const absl::Status s = parse_pickle(pickle).status();
  refuses(s, code, part);
  refuses(s, code, "bad.pt: ");
}
// _rebuild_tensor_v2(storage of `numel` floats, …)
std::string tensor_pickle(const std::string& arguments, const std::string& numel = "K\x02",
                          const std::string& type = "FloatStorage") {
  return "\x80\x02"s + "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n"s + type + "\nX\x01\0\0\0"s +
         "0X\x03\0\0\0cpu"s + numel + "tQ" + arguments + "\x89)tR.";
}

// As deflate has them: data as they are, and compressed.
std::string stored(const std::string& data) {
  std::string out = "\x01";
  put(out, static_cast<uint16_t>(data.size()));
  put(out, static_cast<uint16_t>(~data.size()));
  return out + data;
}
std::string deflated(const std::string& data) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, data.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uInt>(data.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST(Pt, NothingIsExecuted) {
  bad("cos\nsystem\nX\x04\0\0\0echo\x85R."s, "calls os.system");
  bad("cposix\nsystem\n."s, "calls posix.system");
  bad("X\x02\0\0\0osX\x06\0\0\0system\x93."s, "calls os.system");
  bad("cbuiltins\neval\n."s, "calls builtins.eval");
  bad("ctorch\nload\n."s, "calls torch.load");
  bad("ctorch.storage\n_load_from_bytes\n."s, "torch.storage._load_from_bytes");
  bad("c\x01\xff\nx\n."s, "calls  ?.x");
  bad("ctorch\nSize\n)R}b."s, "gives a state to what has none");
  bad("K\x01)R."s, "calls what is no function");
  bad("ctorch\nFloatStorage\n)R."s, "no function of PyTorch's");
  bad("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nctorch\nTensor\n)}tR."s,
      "arguments of _rebuild_from_type_v2");
}

TEST(Pt, DamagedPickles) {
  bad("", "cut off");
  bad("N", "cut off");
  bad(".", "stack is empty");
  bad("NN.", "left over");
  bad("(N.", "left over");
  bad("N(.", "stack is empty");
  bad("t.", "a mark is missing");
  bad("(a.", "stack is empty");
  bad("Na.", "stack is empty");
  bad("NNa.", "no list, dict or set");
  bad("}(Nu.", "has no value");
  bad("h\x05.", "remembers nothing under 5");
  bad("\xfe.", "instruction 254");
  bad("\x80\x09N.", "protocol 9", absl::StatusCode::kUnimplemented);
  bad("X\xff\xff\xff\xffx", "cut off");
  bad("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut off");
  bad("X\x01\0\0\0\xff."s, "not UTF-8");
  bad("X\x04\0\0\0\xed\xa0\x80\xff."s, "not UTF-8");
  bad("X\x03\0\0\0\xed\xa0\x80."s, "half of a surrogate pair", absl::StatusCode::kUnimplemented);
  bad("ctorch\nfloat16\nX\x01\0\0\0x\x85R."s, "no function of PyTorch's");
  bad("]ctorch\nFloatStorage\na."s, "holds FloatStorage, a class");
  bad("ctorch._utils\n_rebuild_tensor_v2\n."s, "holds _rebuild_tensor_v2, a class or a function");
  bad("cos", "cut off");
  bad("N.N.", "something follows the pickle");
  bad("}(X\x01\0\0\0aNX\x01\0\0\0aNu."s, "the key a twice");
  bad("}(K\x01NK\x01Nu.", "the key 1 twice");
  bad("(K\x01tQ.", "arguments of a storage");
  bad("NQ.", "no tuple");
  bad("c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R."s, "other characters");
}

TEST(Pt, ValuesThatGrowOrHoldThemselves) {
  bad("]q\0h\0a."s, "hold themselves");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += ']';
  for (int i = 1; i < 100000; ++i) deep += 'a';
  bad(deep + '.', "more than 64 deep");
  // 2^40 values of a few hundred bytes.
  std::string laughs = "]";
  for (int i = 0; i < 40; ++i)
    laughs += "q"s + static_cast<char>(i) + "0](h"s + static_cast<char>(i) + "h"s + static_cast<char>(i) + "e";
  bad(laughs + '.', "too many values");
  // A long text, many times.
  std::string text = "X";
  put(text, uint32_t{1 << 20});
  text += std::string(1 << 20, 'x') + "q\0000]("s;
  for (int i = 0; i < 1000; ++i) text += "h\0"s;
  bad(text + "e.", "texts are too long");
}

TEST(Pt, CopiesTakeMemory) {
  const auto takes_too_much = [](const std::string& pickle) {
    refuses(parse_pt(zip_of({{"a/data.pkl", pickle}}), "x", {.max_bytes = 8}).status(),
            absl::StatusCode::kResourceExhausted, "67108872 bytes, which are 64 MiB and PtOptions::max_bytes");
  };
  // Bytes that are made of a long text, many times.
  std::string text = "X";
  put(text, uint32_t{1 << 20});
  text += std::string(1 << 20, 'x') + "q\0000c_codecs\nencode\nq\0010X\x06\0\0\0latin1q\0020]("s;
  for (int i = 0; i < 100; ++i) text += "h\1h\0h\2\x86R"s;
  takes_too_much(text + "e.");
  // Sets and dicts that are made of a long list.
  for (const auto& [callee, item] : {std::pair("cbuiltins\nset\n", "N"s), {"ccollections\nOrderedDict\n", "h\2"s}}) {
    SCOPED_TRACE(callee);
    std::string list = "NN\x86q\0020](";
    for (int i = 0; i < 100000; ++i) list += item;
    list += "eq\0000"s + callee + "q\0010]("s;
    for (int i = 0; i < 200; ++i) list += "h\1h\0\x85R"s;
    takes_too_much(list + "e.");
  }
}

TEST(Pt, MemoryIsBoundedByTheFile) {
  const auto exhausted = absl::StatusCode::kResourceExhausted;
  // Many tensors of few bytes.
  std::string many =
      "ctorch._utils\n_rebuild_tensor_v2\nq\0010((X\x07\0\0\0storagectorch\nFloatStorage\n"
      "X\x01\0\0\0000X\x03\0\0\0cpuK\x02tQK\0))\x89)tq\0020]("s;
  for (int i = 0; i < 120000; ++i) many += "h\1h\2R"s;
  many += "e.";
  refuses(parse_pt(zip_of({{"a/data.pkl", many}, {"a/data/0", "12345678"}}), "x", {.max_bytes = 8}).status(), exhausted,
          "more memory than is allowed: 67108872 bytes, which are 64 MiB and PtOptions::max_bytes");
  EXPECT_TRUE(parse_pickle(many).ok());
  // A compressed pickle of many small objects.
  const auto parse_deflated = [](const std::string& pickle) {
    return parse_pt(zip_of({{"a/data.pkl", deflated(pickle), static_cast<uint32_t>(pickle.size()), 8}}), "x");
  };
  const std::string tuples = "](" + std::string(3'000'000, ')') + "e.";
  const uint64_t counted = 8 * deflated(tuples).size();
  refuses(
      parse_deflated(tuples).status(), exhausted,
      concat("more memory than is allowed: ", 268435456 + 512 * counted, " bytes, which are 256 MiB and 512 times the ",
             counted, " bytes of its pickle (as compressed as it is, 8 times those in the file)"));
  // An honest one, of integers that repeat themselves.
  std::string zeros = "](";
  for (int i = 0; i < 2'000'000; ++i) zeros += "K\0"s;
  const auto integers = parse_deflated(zeros + "e.");
  ASSERT_TRUE(integers.ok()) << integers.status();
  EXPECT_EQ(integers->size(), 2'000'000U);
  // Those that are not compressed are large themselves.
  const auto long_list = parse_pickle("](" + std::string(4'200'000, 'N') + "e.");
  ASSERT_TRUE(long_list.ok()) << long_list.status();
  EXPECT_EQ(long_list->size(), 4'200'000U);
}

TEST(Pt, WhatIsLookedAtForEachTensorIsSmall) {
  const std::string plain = tensor_pickle("K\0K\x02\x85K\x01\x85"s);
  const auto marked = [&](const std::string& marks) { return plain.substr(0, plain.size() - 3) + marks + "tR."; };
  const std::string conj = "X\x04\0\0\0conj\x89"s, neg = "X\x03\0\0\0neg\x89"s;
  EXPECT_TRUE(parse_pickle(marked("}(" + conj + neg + "u")).ok());
  bad(marked("}(" + conj + neg + conj + "u"), "a tensor has 3 marks", absl::StatusCode::kUnimplemented);
  std::string key = "X";
  put(key, uint32_t{257});
  key += std::string(257, 'k');
  std::string longer = plain;
  longer.replace(longer.find("X\x01\0\0\0000"s), 6, key);
  bad(longer, "the key of a storage has 257 bytes");
}

TEST(Pt, TensorsThatDoNotFitTheirStorage) {
  const auto ok = parse_pickle(tensor_pickle("K\0K\x02\x85K\x01\x85"s));
  ASSERT_TRUE(ok.ok()) << ok.status();
  EXPECT_EQ(ok->tensor().numel(), 2);
  bad(tensor_pickle("K\x01K\x02\x85K\x01\x85"s), "outside of its storage of 2 elements");
  bad(tensor_pickle("K\0K\x02\x85K\x02\x85"s), "outside of its storage");
  bad(tensor_pickle("K\x02))"s), "outside of its storage");
  bad(tensor_pickle("J\xff\xff\xff\xff))"s), "arguments of _rebuild_tensor_v2");
  bad(tensor_pickle("K\0J\xff\xff\xff\xff\x85K\x01\x85"s), "whole number from 0 on");
  bad(tensor_pickle("K\0K\x01\x85J\xff\xff\xff\xff\x85"s), "whole number from 0 on");
  bad(tensor_pickle("K\0K\x01\x85)"s), "arguments of _rebuild_tensor_v2");
  const std::string most = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  bad(tensor_pickle("K\0"s + most + "\x85"s + most + "\x85"s), "too large");
  bad(tensor_pickle("K\0("s + most + most + "t(K\0K\0t"s), "too large");
  bad(tensor_pickle("K\0K\x03\x85"s + most + "\x85"s), "outside of its storage");
  bad(tensor_pickle(most + "))"), "outside of its storage");
  bad(tensor_pickle("K\0))"s, "K\x03"), "has 8 bytes");
  bad(tensor_pickle("K\0))"s, most), "has 8 bytes");
  bad(tensor_pickle("K\0))"s, "J\xff\xff\xff\xff"), "arguments of a storage");
  bad(tensor_pickle("K\0))"s, "K\x02", "QInt8Storage"), "QInt8Storage", absl::StatusCode::kUnimplemented);
  refuses(parse_pt(zip_of({{"a/data.pkl", tensor_pickle("K\0))"s)}}), "x").status(), absl::StatusCode::kInvalidArgument,
          "storage 0 is not in the file");
  // A size of 1 may have any stride, and a tensor without elements any offset.
  const auto one = parse_pickle(tensor_pickle("K\x01K\x01\x85"s + most + "\x85"));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ((one->tensor() + zeros({3})).shape(), Shape{3});
  const auto none = parse_pickle(tensor_pickle("K\x09K\0\x85"s + most + "\x85"));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->tensor().shape(), Shape{0});
}

TEST(Pt, BoolsAreZeroOrOne) {
  const auto v = parse_pickle(tensor_pickle("K\0K\x02\x85K\x01\x85"s, "K\x08", "BoolStorage"), "\x02\0\0\0\0\0\0\0"s);
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(*static_cast<const char*>(v->tensor().raw_data()), 1);
}

TEST(Pt, DamagedArchives) {
  const auto zip_bad = [](const std::string& bytes, const std::string& part,
                          absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    SCOPED_TRACE(part);
    refuses(parse_pt(bytes, "bad.pt").status(), code, part);
  };
  zip_bad("", "begins neither");
  zip_bad("PK", "only 2 bytes");
  zip_bad("\x80\x02N.", "nothing of it is executed");
  std::string tar(1024, '\0');
  tar.replace(257, 5, "ustar");
  zip_bad(tar, "tar file", absl::StatusCode::kUnimplemented);
  zip_bad(zip_of({{"a/other", "x"}}), "no data.pkl");
  zip_bad(zip_of({{"a/data.pkl", "N."}, {"a/data.pkl", "N."}}), "two entries called");
  zip_bad(zip_of({{"a/data.pkl", "N.", 100000}}), "more than there are");
  zip_bad(zip_of({{"a/data.pkl", "N.", 44}, {"a/data/0", "xxxxx"}}), "lie over each other");
  zip_bad(zip_of({{"a/data.pkl", "N."}, {"a/byteorder", "middle"}}), "byteorder");
  zip_bad(zip_of({{"a/data.pkl", "N."}, {"a/archive_format", "pt2"}}), "exported program",
          absl::StatusCode::kUnimplemented);
  std::string moved = zip_of({{"a/data.pkl", "N."}});
  moved[moved.rfind("PK\1\2") + 42] = 1;
  zip_bad(moved, "is not where it should be");
  std::string renamed = zip_of({{"a/data.pkl", "N."}});
  renamed[30] = 'b';
  zip_bad(renamed, "another name");
  std::string many = zip_of({{"a/data.pkl", "N."}});
  many[many.size() - 12] = 9;
  zip_bad(many, "no room for 9 entries");
  // What is compressed.
  const auto packed = [](const std::string& data, uint32_t size) { return zip_of({{"a/data.pkl", data, size, 8}}); };
  EXPECT_TRUE(parse_pt(packed(stored("N."), 2), "x").ok());
  EXPECT_TRUE(parse_pt(packed(deflated("N."), 2), "x").ok());
  zip_bad(packed(stored("N."), 1), "has more bytes than it claims");
  zip_bad(packed(stored("N."), 3), "cannot be unpacked: it ends early");
  zip_bad(packed(stored("N.").substr(0, 6), 2), "cannot be unpacked: it ends early");
  zip_bad(packed("\x07", 2), "cannot be unpacked: invalid block type");
  zip_bad(packed(stored("N."), 72 * 1040), "claims 74880 bytes in 7 compressed ones");
  // Fields of zip64.
  const auto extra = [](std::initializer_list<uint64_t> values) {
    std::string s;
    put(s, uint16_t{1});
    put(s, static_cast<uint16_t>(8 * values.size()));
    for (const uint64_t v : values) put(s, v);
    return s;
  };
  const auto zip64 = [](const std::string& e) { return zip_of({{"a/data.pkl", "N.", UINT32_MAX, 0, e}}); };
  EXPECT_TRUE(parse_pt(zip64(extra({2, 2})), "x").ok());
  zip_bad(zip64(""), "claims 4294967295 bytes, more than there are");
  zip_bad(zip64(extra({2})), "the zip64 field of \"a/data.pkl\" is too short");
  zip_bad(zip64(extra({2, 3})), "claims 2 bytes in 3");
  zip_bad(zip64(extra({UINT64_MAX, UINT64_MAX})), "claims 18446744073709551615 bytes, more than there are");
  zip_bad(zip64(extra({2, 2}).substr(0, 12)), "claims 4294967295 bytes, more than there are");
  // The end of zip64: {where the locator says it is; entries, size and begin of the directory}.
  const auto end64 = [](std::optional<uint64_t> place, uint64_t n, uint64_t size, uint64_t begin) {
    std::string z = zip_of({{"a/data.pkl", "N."}});
    std::string end = z.substr(z.size() - 22);
    z.resize(z.size() - 22);
    const uint64_t at = z.size();
    end.replace(8, 4, "\xff\xff\xff\xff");
    if (place) {
      put(z, uint32_t{0x06064b50});
      z += std::string(28, '\0');
      for (const uint64_t v : {n, size, begin}) put(z, v);
      put(z, uint32_t{0x07064b50});
      put(z, uint32_t{0});
      put(z, at + *place);
      put(z, uint32_t{1});
    }
    return z + end;
  };
  const uint64_t begin = 30 + 10 + 2, size = 46 + 10;
  EXPECT_TRUE(parse_pt(end64(0, 1, size, begin), "x").ok());
  zip_bad(end64({}, 1, size, begin), "its end needs zip64's");
  zip_bad(end64(1, 1, size, begin), "zip64's end is not where it should be");
  zip_bad(end64(UINT64_MAX / 2, 1, size, begin), "zip64's end is not where it should be");
  zip_bad(end64(0, UINT64_MAX, size, begin), "no room for 18446744073709551615 entries");
  zip_bad(end64(0, 1, UINT64_MAX, begin), "lies outside of it");
  zip_bad(end64(0, 1, size, UINT64_MAX), "lies outside of it");
  const std::string whole = bytes_of(golden("plain")), old = bytes_of(golden("legacy"));
  for (size_t n = 0; n < whole.size(); ++n) ASSERT_FALSE(parse_pt(whole.substr(0, n), "cut").ok()) << n;
  for (size_t n = 0; n < old.size(); ++n) ASSERT_FALSE(parse_pt(old.substr(0, n), "cut").ok()) << n;
  zip_bad(old + "x", "1 bytes follow");
}

TEST(Pt, ChecksumsAndLimits) {
  std::string damaged = bytes_of(golden("plain"));
  const Tensor want = expected(i32);
  const size_t at = damaged.find(std::string(static_cast<const char*>(want.raw_data()), want.nbytes()));
  ASSERT_NE(at, std::string::npos);
  damaged[at] = static_cast<char>(damaged[at] ^ 1);
  refuses(parse_pt(damaged, "x").status(), absl::StatusCode::kDataLoss, "storage 0 is damaged");
  EXPECT_TRUE(parse_pt(damaged, "x", {.checksums = false}).ok());
  const auto exhausted = absl::StatusCode::kResourceExhausted;
  refuses(load_pt(golden("deflated"), {.max_bytes = 60}).status(), exhausted, "data.pkl is larger than is allowed");
  refuses(parse_pt(bytes_of(golden("plain")), "x", {.max_bytes = 60}).status(), exhausted, "more bytes than are");
  EXPECT_TRUE(load_pt(golden("plain"), {.max_bytes = 0}).ok());  // mapped
  EXPECT_EQ(load_pt(path("missing.pt")).status().code(), absl::StatusCode::kNotFound);
}

TEST(Pt, StateDicts) {
  const PtValue weights = std::map<std::string, Tensor>{{"w", ones({2})}};
  const auto names = [](const PtValue& v) {
    const auto s = pt_state_dict(v);
    return s.ok() ? s->begin()->first : std::string(s.status().message());
  };
  EXPECT_EQ(names(weights), "w");
  EXPECT_EQ(names(PtValue::dict({{"epoch", 3}, {"model_state_dict", weights}})), "w");
  EXPECT_THAT(names(PtValue::dict({{"model", weights}, {"state_dict", weights}})),
              HasSubstr("both \"state_dict\" and \"model\""));
  EXPECT_THAT(names(PtValue::dict({{"w", ones({2})}, {"epoch", 3}})),
              HasSubstr("\"epoch\" of the state dict is a int"));
  EXPECT_THAT(names(PtValue::dict({{1, ones({2})}})), HasSubstr("without a name"));
  EXPECT_THAT(names(PtValue::list({})), HasSubstr("not a list"));
  const std::map<std::string, Tensor> wrapped{{"module.a", ones({1})}, {"module.b", ones({1})}};
  EXPECT_EQ(without_prefix(wrapped, "module.").begin()->first, "a");
  EXPECT_EQ(without_prefix({{"module.a", ones({1})}, {"b", ones({1})}}, "module.").begin()->first, "b");
}

TEST(Pt, ValuesSayWhatIsWrong) {
  const PtValue v = PtValue::dict({{"a", 1}, {2, PtValue::list({1.5, "x"})}});
  EXPECT_EQ(testing::error_of([&] { (void)v["b"]; }), "PtValue: there is no \"b\" among the keys \"a\", 2");
  EXPECT_EQ(testing::error_of([&] { (void)v["a"].text(); }), "PtValue: it is a int, not a str");
  EXPECT_EQ(testing::error_of([&] { (void)v[2][5]; }), "PtValue: there is no item 5 among 2");
  EXPECT_EQ(to_string(v), "dict of 2\n  a: 1\n  2: list of 2\n    0: 1.5\n    1: \"x\"\n");
}

TEST(Pt, IntegersKeepTheirValue) {
  EXPECT_EQ(PtValue(uint64_t{INT64_MAX}).integer(), INT64_MAX);
  EXPECT_EQ(PtValue(uint8_t{255}).integer(), 255);
  EXPECT_EQ(PtValue(int8_t{-1}).integer(), -1);
  EXPECT_EQ(testing::error_of([] { (void)PtValue(UINT64_MAX); }),
            "PtValue: 18446744073709551615 is above 9223372036854775807, the largest integer that it can hold");
  EXPECT_EQ(testing::error_of([] { (void)PtValue::list({1})[uint64_t{1} << 63U]; }),
            "PtValue: 9223372036854775808 is above 9223372036854775807, the largest integer that it can hold");
  EXPECT_THROW((void)PtValue::dict({{-1, 1}})[SIZE_MAX], Error);
}

TEST(Pt, MessagesArePrintable) {
  std::string name, wide;
  for (int i = 0; i < 100; ++i) {
    name += "\x1b[2J\xc2\x9b\xe2\x80\xae";
    wide += "\xc3\xa4";
  }
  const auto printable = [](const std::string& s) {
    return std::ranges::none_of(s, [](char c) { return c == '\x1b' || c == '\x9b' || c == '\xae'; }) && s.size() < 500;
  };
  const std::string entry = "a/" + name;
  std::vector<std::string> said;
  said.emplace_back(parse_pt(zip_of({{entry, "N."}, {entry, "N."}}), "x").status().message());
  std::string text = "X";
  put(text, static_cast<uint32_t>(name.size()));
  text += name;
  said.emplace_back(parse_pickle("}(" + text + "N" + text + "Nu.").status().message());
  const PtValue v = PtValue::dict({{name, wide}});
  said.push_back(to_string(v));
  said.emplace_back(pt_state_dict(v).status().message());
  said.push_back(testing::error_of([&] { (void)v[std::string_view(name)]["x"]; }));
  said.push_back(testing::error_of([&] { (void)v["x"]; }));
  said.push_back(testing::error_of([&] { (void)PtValue::dict({})[std::string_view(name)]; }));
  for (const std::string& s : said) EXPECT_TRUE(printable(s)) << s;
  EXPECT_THAT(to_string(v), HasSubstr(": \"" + wide.substr(0, 60) + "...\"\n"));
}

TEST(Pt, WhatIsWrittenIsReadAgain) {
  const Tensor whole = arange(24).to(f32).view({4, 6});
  PtValue::Entries entries;
  for (int d = 0; d < kDTypes; ++d)
    entries.emplace_back(to_string(static_cast<DType>(d)), expected(static_cast<DType>(d)));
  entries.emplace_back("part", whole.slice(0, 1, 3).slice(1, 0, 6, 2));
  entries.emplace_back("turned", whole.slice(0, 1, 3).t());
  entries.emplace_back("empty", zeros({0, 4}));
  entries.emplace_back("scalar", scalar_tensor(2.5));
  entries.emplace_back(
      "all", PtValue::list({PtValue(), true, false, 0, 255, 256, -1, int64_t{1} << 40, INT64_MIN, 0.1,
                            std::complex<double>(1, 2), "n\xc3\xa4me", PtValue::bytes("a\xff\0"s), PtValue::tuple({}),
                            PtValue::tuple({1, 2, 3, 4}), PtValue::set({7}), PtValue::dict({}), PtValue::list({})}));
  entries.emplace_back(4, "four");
  const PtValue v = PtValue::dict(entries);
  const std::string p = path("written.pt");
  ASSERT_TRUE(save_pt(p, v).ok());
  const auto back = load_pt(p);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(to_string(*back), to_string(v));
  for (const auto& [key, value] : v.entries()) {
    if (!value.is_tensor()) continue;
    SCOPED_TRACE(key.text());
    expect_equal((*back)[key.text()].tensor(), value.tensor());
    EXPECT_EQ((*back)[key.text()].tensor().strides(), value.tensor().strides());
  }
  EXPECT_EQ((*back)["all"][12].raw(), "a\xff\0"s);
  EXPECT_EQ((*back)["all"][9].number(), 0.1);
  EXPECT_EQ((*back)["part"].tensor().impl()->storage.get(), (*back)["turned"].tensor().impl()->storage.get());
  EXPECT_EQ((*back)["part"].tensor().impl()->storage->bytes(), 12U * 4);  // of 24 elements
  EXPECT_THROW(Tensor((*back)["f64"].tensor()).add_(1), Error);           // aligned, so mapped
  ASSERT_TRUE(save_pt(path("again.pt"), v).ok());
  EXPECT_EQ(bytes_of(p), bytes_of(path("again.pt")));
}

TEST(Pt, WhatCannotBeWritten) {
  const auto cannot = [](const PtValue& v, const std::string& part) {
    const absl::Status s = save_pt(path("not.pt"), v);
    refuses(s, absl::StatusCode::kInvalidArgument, part);
    EXPECT_EQ(load_pt(path("not.pt")).status().code(), absl::StatusCode::kNotFound);
  };
  cannot(Tensor(), "undefined tensor");
  cannot(empty({2}, {.device = kMeta}), "meta tensor");
  cannot("\xff", "not UTF-8");
  PtValue deep;
  for (int i = 0; i < 100; ++i) deep = PtValue::list({deep});
  cannot(deep, "more than 64 deep");
}

}  // namespace
}  // namespace hearth::io
