#include "core/io/safetensors.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::io {
namespace {

std::string path(const std::string& name) { return testing::TempDir() + "/" + name; }

std::string with_header(const std::string& header, const std::string& data = "") {
  const uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + data;
}

void refuses(const std::string& bytes, const std::string& part) {
  const auto r = parse_safetensors(bytes, "bad.safetensors");
  ASSERT_FALSE(r.ok()) << part;
  EXPECT_NE(r.status().message().find(part), std::string::npos) << r.status();
  EXPECT_NE(r.status().message().find("bad.safetensors"), std::string::npos) << r.status();
}

TEST(Safetensors, RoundTripInEveryDtype) {
  std::map<std::string, Tensor> t;
  for (DType d : {boolean, u8, i8, i16, i32, i64, f16, bf16, f32, f64})
    t[to_string(d)] = arange(6).remainder(2).view({2, 3}).to(d);
  t["scalar"] = scalar_tensor(2.5);
  t["empty"] = zeros({0, 4});
  t["turned"] = arange(6).view({2, 3}).transpose(0, 1);
  const std::string p = path("all.safetensors");
  ASSERT_TRUE(save_safetensors(p, t, {{"format", "pt"}}).ok());
  const auto back = load_safetensors(p);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->metadata.at("format"), "pt");
  ASSERT_EQ(back->tensors.size(), t.size());
  for (const auto& [name, x] : t) {
    const Tensor& y = back->tensors.at(name);
    EXPECT_EQ(y.dtype(), x.dtype());
    EXPECT_TRUE(y.equal(x)) << name;
  }
  EXPECT_THROW(Tensor(back->tensors.at("f32")).add_(1), Error);  // mapped memory
  EXPECT_NO_THROW(back->tensors.at("f32").clone().add_(1));
}

// {"a": {"dtype": "I16", "shape": [2], "data_offsets": [1, 5]}, "b": U8} as the reference implementation may write it.
TEST(Safetensors, TensorsThatAreNotAlignedAreCopied) {
  const std::string header =
      R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"I16","shape":[2],"data_offsets":[1,5]}})";
  std::ofstream(path("odd.safetensors"), std::ios::binary)
      << with_header(header, std::string("\x07\x01\x02\x03\x04", 5));
  const auto r = load_safetensors(path("odd.safetensors"));
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->tensors.at("a").to_vector<int16_t>(), (std::vector<int16_t>{0x0201, 0x0403}));
}

// Written by the reference implementation (tools/golden/numpy_files.py).
TEST(Safetensors, ReadsWhatTheReferenceWrites) {
  const auto r = load_safetensors("tests/core/io/data/numpy/reference.safetensors");
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->metadata, (std::map<std::string, std::string>{{"format", "np"}}));
  EXPECT_EQ(r->tensors.size(), 12u);
  const Tensor i = arange(6).view({2, 3});
  for (DType d : {u8, i8, i16, i32, i64}) EXPECT_TRUE(r->tensors.at(to_string(d)).equal((i - 2).to(d))) << to_string(d);
  for (DType d : {f16, bf16, f32, f64})
    EXPECT_TRUE(r->tensors.at(to_string(d)).equal(((i - 2).to(f64) / 2).to(d))) << to_string(d);
  EXPECT_TRUE(r->tensors.at("bool").equal(i.remainder(2).to(boolean)));
  EXPECT_EQ(r->tensors.at("scalar").item<double>(), 2.5);
  EXPECT_EQ(r->tensors.at("scalar").dim(), 0);
  EXPECT_EQ(r->tensors.at("empty").shape(), (Shape{0, 4}));
}

TEST(Safetensors, BoolsAreZeroOrOne) {
  const std::string bytes =
      with_header(R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", {'\0', '\1', '\7'});
  std::ofstream(path("bools.safetensors"), std::ios::binary) << bytes;
  for (const auto& r : {parse_safetensors(bytes, "bools"), load_safetensors(path("bools.safetensors"))}) {
    ASSERT_TRUE(r.ok()) << r.status();
    const auto* p = static_cast<const unsigned char*>(r->tensors.at("a").raw_data());
    EXPECT_EQ(std::vector<int>(p, p + 3), (std::vector<int>{0, 1, 1}));
  }
}

TEST(Safetensors, HostileHeaders) {
  refuses("", "0 bytes");
  refuses(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8), "at most 100000000");
  refuses(std::string("\x10\0\0\0\0\0\0\0", 8) + "{}", "only 2 follow");
  refuses(std::string("\x01\xe1\xf5\x05\0\0\0\0", 8), "claims 100000001 bytes; at most 100000000");
  refuses(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "at most 100000000");
  refuses(std::string("\0\0\0\0\0\0\0\0", 8), "does not begin with {");
  refuses(with_header(" {}"), "does not begin with {");
  refuses(with_header("{}x"), "not valid JSON");
  refuses(with_header("{}{}"), "not valid JSON");
  refuses(with_header(std::string("{}\0", 3)), "not valid JSON");
  refuses(with_header("[]"), "does not begin with {");
  refuses(with_header("{"), "not valid JSON");
  refuses(with_header("{\"\xff\":1}"), "not valid JSON");
  refuses(with_header(R"({"a":{"a":{"a":{"a":{"a":1}}}}})"), "nested more than 4");
  refuses(with_header(R"({"a":1,"a":2})"), "stands twice");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1]}})"), "needs exactly dtype, shape and data_offsets");
  refuses(with_header(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", "1234"), "unknown dtype \"F31\"");
  refuses(with_header(R"({"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}})", "1"), "Hearth cannot hold");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234"), "whole number");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "1234"), "whole number");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", "1234"),
          "overflows");
  refuses(with_header(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", "1"), "rank 9");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", "12345678"), "needs 4 bytes");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})", "12345678"), "needs 4 bytes");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "12345678"), "after a hole");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"), "need 4 bytes, but 0 follow");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "12345"), "but 5 follow");
  refuses(
      with_header(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
          "123456"),
      "inside of the tensor before it");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", "1234"), "needs exactly");
  refuses(with_header(R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", "1234"), "dtype that is not a string");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", "1234"), "shape that is not a list");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "1234"), "not two whole numbers");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", "1234"), "not two whole numbers");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0.0,4.0]}})", "1234"),
          "not two whole numbers");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]}})",
                      "1234"),
          "not two whole numbers");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551608,18446744073709551612]}})",
                      "1234"),
          "after a hole");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", "1234"),
          "whole number from 0 to 2^63 - 1");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})"), "overflows");
  refuses(with_header(R"({"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,4]}})", "1234"),
          "needs 0 bytes");
  refuses(
      with_header(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          "1234"),
      "\"a\" stands twice");
  refuses(with_header(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", "1"), "stands twice");
  refuses(
      with_header(
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
          "12"),
      "inside of the tensor before it");
  refuses(with_header(R"({"__metadata__":{"a":1}})"), "is not a string");
  refuses(with_header(R"({"__metadata__":[]})"), "is not an object");
  EXPECT_FALSE(load_safetensors(path("missing.safetensors")).ok());
}

// CRC-32C of the ASCII digits 1 to 9 is e3069283 (RFC 3720's successor, Koopman's and every catalogue's check value).
TEST(Safetensors, ChecksumsStandInTheMetadata) {
  const std::string p = path("sums.safetensors");
  const Tensor t = tensor({49, 50, 51, 52, 53, 54, 55, 56, 57}, {.dtype = u8});
  ASSERT_TRUE(save_safetensors(p, {{"x", t}, {"none", empty({0})}}, {{"format", "pt"}}).ok());
  std::string bytes = read_file(p, 1 << 20).value();
  EXPECT_NE(bytes.find("\"hearth.crc32c/x\":\"e3069283\""), std::string::npos) << bytes;
  EXPECT_NE(bytes.find("\"hearth.crc32c/none\":\"00000000\""), std::string::npos);
  const auto file = load_safetensors(p);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata, (std::map<std::string, std::string>{{"format", "pt"}}));

  const auto damaged = [](const std::string& b) {
    const absl::Status s = parse_safetensors(b, "w").status();
    EXPECT_EQ(s.code(), absl::StatusCode::kDataLoss) << s;
    return std::string(s.message());
  };
  std::string b = bytes;
  b.back() = '8';
  EXPECT_NE(damaged(b).find("w: tensor \"x\" is damaged"), std::string::npos) << damaged(b);
  EXPECT_NE(damaged(b).find("but e3069283 is written in the file"), std::string::npos) << damaged(b);
  b = bytes;
  b[b.find("\"pt\"") + 1] = 'q';
  EXPECT_NE(damaged(b).find("w: the header is damaged"), std::string::npos);
  // Neither without the header's own nor without a tensor's are the others enough.
  b = bytes;
  b[b.find("crc32c\"")] = 'k';
  EXPECT_NE(damaged(b).find("no checksum of its own"), std::string::npos);
  b = bytes;
  b[b.find("crc32c/x")] = 'k';
  EXPECT_NE(damaged(b).find("the header is damaged"), std::string::npos);

  const absl::Status taken = save_safetensors(p, {{"x", t}}, {{"hearth.crc32c/x", "1"}});
  EXPECT_EQ(taken.code(), absl::StatusCode::kInvalidArgument);
}

TEST(Safetensors, AFullDiskLeavesTheOldFile) {
  const std::string p = path("kept.safetensors");
  ASSERT_TRUE(save_safetensors(p, {{"a", ones({3})}}).ok());
  EXPECT_FALSE(save_safetensors(p, {{"a", Tensor()}}).ok());
  const Tensor large = zeros({100000});
  // A limit on the size of files stands in for the full disk; in a child, because it cannot be raised again.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50000, 50000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status s = save_safetensors(p, {{"a", large}});
    _exit(s.message().find(p) != absl::string_view::npos ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(load_safetensors(p)->tensors.at("a").equal(ones({3})));
}

}  // namespace
}  // namespace hearth::io
