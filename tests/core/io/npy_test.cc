// npy and npz, against files that NumPy has written (tools/golden/numpy_files.py).
#include "core/io/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/npz.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"

namespace hearth::io {
namespace {

using testing::HasSubstr;

std::string path(const std::string& name) { return testing::TempDir() + "/" + name; }
std::string golden(const std::string& name) { return "tests/core/io/data/numpy/" + name; }
std::string bytes_of(const std::string& p) { return read_file(p, 1 << 20).value(); }

// What the script says: i - 2, halved for floating-point dtypes; bools alternate.
Tensor expected(DType dtype, const Shape& shape) {
  const Tensor i = arange(shape.numel()).view(shape);
  if (dtype == boolean) return i.remainder(2).to(boolean);
  return is_floating_point(dtype) ? ((i - 2).to(f64) / 2).to(dtype) : (i - 2).to(dtype);
}
void expect_equal(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(got.dtype(), want.dtype());
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_TRUE(got.is_contiguous());
  EXPECT_TRUE(got.equal(want));
}
constexpr DType kNumpyTypes[] = {boolean, i8, u8, i16, i32, i64, f16, f32, f64};

TEST(Npy, ReadsWhatNumpyWrites) {
  const std::tuple<const char*, DType, Shape> files[] = {{"f32", f32, {2, 3}},          {"f64_fortran", f64, {2, 3}},
                                                         {"i32_big", i32, {2, 3}},      {"i16_version2", i16, {2, 3}},
                                                         {"i16_version3", i16, {2, 3}}, {"vector", i8, {5}}};
  for (const auto& [name, dtype, shape] : files) {
    SCOPED_TRACE(name);
    const auto t = load_npy(golden(name) + ".npy");
    ASSERT_TRUE(t.ok()) << t.status();
    expect_equal(*t, expected(dtype, shape));
    EXPECT_NO_THROW(Tensor(*t).add_(1));
  }
  for (const auto& [name, dtype] : {std::pair{"c64", c64}, {"c128_big", c128}}) {
    const auto t = load_npy(golden(name) + ".npy");
    ASSERT_TRUE(t.ok()) << t.status();
    const Tensor imaginary = arange(6).view({2, 3}).to(f64);
    expect_equal(*t, complex(expected(f64, {2, 3}), imaginary).to(dtype));
  }
  const auto scalar = load_npy(golden("scalar.npy"));
  ASSERT_TRUE(scalar.ok()) << scalar.status();
  expect_equal(*scalar, scalar_tensor(2.5, {.dtype = f64}));
}

TEST(Npy, MapsWithoutCopying) {
  for (const auto& [name, dtype] : {std::pair{"f32", f32}, {"f64_fortran", f64}}) {
    const auto t = map_npy(golden(name) + ".npy");
    ASSERT_TRUE(t.ok()) << t.status();
    EXPECT_TRUE(t->equal(expected(dtype, {2, 3})));
    EXPECT_THROW(Tensor(*t).add_(1), Error);
  }
  EXPECT_EQ(map_npy(golden("f64_fortran.npy"))->strides(), (Strides{1, 2}));
  EXPECT_EQ(map_npy(golden("i32_big.npy")).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(Npy, WhatHearthCannotHoldIsNamed) {
  const auto refused = [&](const std::string& name, absl::StatusCode code, const std::string& part) {
    const auto s = load_npy(golden("refused_" + name + ".npy")).status();
    EXPECT_EQ(s.code(), code) << s;
    EXPECT_THAT(std::string(s.message()), HasSubstr(part));
    EXPECT_THAT(std::string(s.message()), HasSubstr(name));
  };
  const auto unimplemented = absl::StatusCode::kUnimplemented;
  refused("object", absl::StatusCode::kInvalidArgument, "can run code");
  refused("u16", unimplemented, "'<u2'");
  refused("complex", unimplemented, "'<c32'");
  refused("text", unimplemented, "'<U1'");
  refused("bytes", unimplemented, "'|S1'");
  refused("date", unimplemented, "'<M8[D]'");
  refused("bf16", unimplemented, "'|V2'");
  refused("record", unimplemented, "records of several fields");
  refused("rank9", unimplemented, "more than 8 dimensions");
}

std::string with_header(const std::string& header, const std::string& data = "", const std::string& version = "\x01") {
  std::string out = "\x93NUMPY" + version + std::string(1, '\0');
  const auto n = static_cast<uint32_t>(header.size());
  return out.append(reinterpret_cast<const char*>(&n), version == "\x01" ? 2 : 4) + header + data;
}

TEST(Npy, HostileHeaders) {
  const auto bad = [](const std::string& bytes, const std::string& part) {
    const auto r = parse_npy(bytes, "bad.npy");
    ASSERT_FALSE(r.ok()) << part;
    EXPECT_THAT(std::string(r.status().message()), HasSubstr(part));
    EXPECT_THAT(std::string(r.status().message()), HasSubstr("bad.npy"));
  };
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", four(4, 'x');
  ASSERT_TRUE(parse_npy(with_header(good, four), "good").ok());
  bad("", "does not begin with");
  bad("\x93NUMPX\x01", "does not begin with");
  bad("\x93NUMPY\x01", "ends within its version");
  bad(std::string("\x93NUMPY\x01\0\x01", 9), "ends within its header's length");
  bad(with_header(good, four, "\x04"), "version 4.0");
  bad(with_header(good, four, std::string(1, '\0')), "version 0.0");
  bad(with_header(good).substr(0, 30), "only 20 follow");
  bad(std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12), "claims 4294967295 bytes; at most");
  bad(with_header(good, "xxx"), "needs 4 bytes, but 3 follow");
  bad(with_header(good, "xxxxx"), "needs 4 bytes, but 5 follow");
  const auto header = [&](const std::string& h, const std::string& part) { bad(with_header(h, four), part); };
  header("", "does not begin with {");
  header("[]", "does not begin with {");
  header("{}", "needs the keys");
  header("{", "expected a key");
  header("{'descr'", "expected a colon");
  header("{'descr': '<f4", "descr is not a text");
  header("{'descr': '<f\\x34'}", "descr is not a text");
  header("{'descr': 4}", "descr is not a text");
  header("{'descr': '<f4' 'shape': ()}", "expected a comma");
  header("{'descr': '<f4', 'descr': '<f4'}", "'descr' is unknown or stands there twice");
  header("{'more': '<f4'}", "'more' is unknown");
  header("{'descr': 'f4', 'fortran_order': 0}", "neither True nor False");
  header("{'descr': '<f4', 'fortran_order': False}", "needs the keys");
  header(good + "x", "something follows");
  header(good + "{}", "something follows");
  header("{'descr': '|f4'}", "lacks a byte order");
  header("{'descr': '<f5'}", "cannot hold");
  header("{'descr': 'x'}", "'x' is unknown");
  header("{'descr': ''}", "'' is unknown");
  header("{'descr': '\x01\xff'}", "'\?\?' is unknown");
  header("{'descr': '|O'}", "can run code");
  const auto shape = [&](const std::string& s, const std::string& part) {
    header("{'descr': '<f4', 'fortran_order': False, 'shape': " + s + "}", part);
  };
  shape("1", "does not begin with (");
  shape("(1)", "not a tuple");
  shape("(,)", "whole number");
  shape("(1,,1)", "whole number");
  shape("(1 1)", "not separated");
  shape("(-1,)", "whole number");
  shape("(1.0,)", "not separated");
  shape("(0x1,)", "not separated");
  shape("(1", "");
  shape("(99999999999999999999,)", "too large");
  shape("(9223372036854775807,)", "overflows");
  shape("(4294967296, 4294967296, 4294967296)", "overflows");
  shape("(4611686018427387904, 4, 0)", "overflows");
  shape("(1,1,1,1,1,1,1,1,1)", "more than 8 dimensions");
  EXPECT_TRUE(parse_npy(with_header("{\"shape\":(2L,2L),\"fortran_order\":True,\"descr\":\">i1\"}", four), "old").ok());
  EXPECT_TRUE(parse_npy(with_header("{'shape':(0,4294967296),'fortran_order':True,'descr':'f8'}"), "0").ok());
  bad(with_header("{'shape':(0,9223372036854775807),'fortran_order':False,'descr':'<f8'}"), "overflows");
  // Bytes that are no bools of C++.
  const auto bools =
      parse_npy(with_header("{'shape':(3,),'fortran_order':False,'descr':'|b1'}", {'\0', '\1', '\7'}), "b");
  ASSERT_TRUE(bools.ok());
  EXPECT_EQ(static_cast<const unsigned char*>(bools->raw_data())[2], 1);
  EXPECT_EQ(load_npy(path("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST(Npy, RoundTrip) {
  for (DType d : kNumpyTypes) {
    const Tensor t = expected(d, {2, 3}).transpose(0, 1);
    ASSERT_TRUE(save_npy(path("t.npy"), t).ok());
    expect_equal(load_npy(path("t.npy")).value(), t.contiguous());
  }
  for (const Tensor& t : {scalar_tensor(1.5), zeros({0, 3}), ones({1, 1, 1, 1, 1, 1, 1, 2}), arange(3)}) {
    ASSERT_TRUE(save_npy(path("t.npy"), t).ok());
    expect_equal(load_npy(path("t.npy")).value(), t);
  }
  // Byte for byte what NumPy writes.
  ASSERT_TRUE(save_npy(path("f32.npy"), expected(f32, {2, 3})).ok());
  EXPECT_EQ(bytes_of(path("f32.npy")), bytes_of(golden("f32.npy")));
  ASSERT_TRUE(save_npy(path("vector.npy"), expected(i8, {5})).ok());
  EXPECT_EQ(bytes_of(path("vector.npy")), bytes_of(golden("vector.npy")));
  ASSERT_TRUE(save_npy(path("scalar.npy"), scalar_tensor(2.5, {.dtype = f64})).ok());
  EXPECT_EQ(bytes_of(path("scalar.npy")), bytes_of(golden("scalar.npy")));
  EXPECT_EQ(save_npy(path("t.npy"), zeros({2}, {.dtype = bf16})).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(save_npy(path("t.npy"), Tensor()).code(), absl::StatusCode::kInvalidArgument);
  expect_equal(load_npy(path("t.npy")).value(), arange(3));
}

TEST(Npz, ReadsWhatNumpyWrites) {
  const auto a = load_npz(golden("every.npz"));
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_EQ(a->size(), 30u);
  for (DType d : kNumpyTypes) {
    for (const char* prefix : {"", "fortran/", "big/"}) {
      SCOPED_TRACE(prefix + to_string(d));
      expect_equal(a->at(prefix + to_string(d)), expected(d, {2, 3}));
    }
  }
  expect_equal(a->at("scalar"), scalar_tensor(2.5, {.dtype = f64}));
  expect_equal(a->at("empty"), zeros({0, 4}));
  expect_equal(a->at("rank8"), arange(256, {.dtype = i32}).view({2, 2, 2, 2, 2, 2, 2, 2}));
  const auto c = load_npz(golden("compressed.npz"));
  ASSERT_TRUE(c.ok()) << c.status();
  expect_equal(c->at("f32"), expected(f32, {40, 50}));
  expect_equal(c->at("i64"), expected(i64, {2, 3}));
}

TEST(Npz, RoundTripAndDeterminism) {
  std::map<std::string, Tensor> t;
  for (DType d : kNumpyTypes) t["in/" + to_string(d)] = expected(d, {2, 3}).transpose(0, 1);
  t["gr\xc3\xb6\xc3\x9f"
    "e"] = zeros({3000, 300});
  t[""] = scalar_tensor(1);
  t["empty"] = zeros({0, 4});
  for (bool compress : {false, true}) {
    ASSERT_TRUE(save_npz(path("t.npz"), t, compress).ok());
    const auto back = load_npz(path("t.npz"));
    ASSERT_TRUE(back.ok()) << back.status();
    ASSERT_EQ(back->size(), t.size());
    for (const auto& [name, x] : t) expect_equal(back->at(name), x.contiguous());
    const auto size = std::ifstream(path("t.npz"), std::ios::ate).tellg();
    EXPECT_EQ(size > 3'600'000, !compress) << size;
    const std::string first = read_file(path("t.npz"), 1 << 30).value();
    ASSERT_TRUE(save_npz(path("t.npz"), t, compress).ok());
    EXPECT_TRUE(first == read_file(path("t.npz"), 1 << 30).value());
  }
  ASSERT_TRUE(save_npz(path("none.npz"), {}).ok());
  const auto none = load_npz(path("none.npz"));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_TRUE(none->empty());
  EXPECT_EQ(save_npz(path("none.npz"), {{"a", zeros({1}, {.dtype = bf16})}}).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(save_npz(path("none.npz"), {{"a", Tensor()}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(save_npz(path("none.npz"), {{std::string("a\0b", 3), zeros({1})}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(save_npz(path("none.npz"), {{"\xff", zeros({1})}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(load_npz(path("none.npz"))->empty());
}

TEST(Npz, HostileArchives) {
  ASSERT_TRUE(save_npz(path("h.npz"), {{"aa", ones({100})}, {"bb", ones({100})}}).ok());
  const std::string stored = bytes_of(path("h.npz"));
  ASSERT_TRUE(save_npz(path("h.npz"), {{"aa", ones({100000})}}, true).ok());
  const std::string deflated = bytes_of(path("h.npz"));
  const auto bad = [](const std::string& bytes, const std::string& part,
                      absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    const auto r = parse_npz(bytes, "bad.npz");
    EXPECT_EQ(r.status().code(), code) << part << ": " << r.status();
    EXPECT_THAT(std::string(r.status().message()), HasSubstr(part));
    EXPECT_THAT(std::string(r.status().message()), HasSubstr("bad.npz"));
  };
  const auto replaced = [](std::string s, const std::string& from, const std::string& to) {
    size_t n = 0;
    for (size_t at = 0; (at = s.find(from, at)) != std::string::npos; at += to.size(), ++n)
      s.replace(at, from.size(), to);
    EXPECT_GT(n, 0u);
    return s;
  };
  bad("", "not an npz file");
  bad("PK", "not an npz file");
  bad(stored.substr(0, stored.size() - 30), "not an npz file");
  bad(stored.substr(100), "not an npz file");
  bad(replaced(stored, "bb.npy", "aa.npy"), "two entries of this name");
  bad(replaced(stored, "bb.npy", "bb.txt"), "not called *.npy");
  std::string s = stored;
  s[s.find(std::string("\x00\x00\x80\x3f", 4))] = 1;  // in the first array
  bad(s, "CRC");
  // A field of the first entry: in the central directory, and in its own header where it is there too.
  const auto patched = [](std::string s, size_t field, uint32_t value, size_t width) {
    const size_t at = s.find("PK\x01\x02");
    EXPECT_NE(at, std::string::npos);
    std::memcpy(s.data() + at + field, &value, width);
    if (field < 42) std::memcpy(s.data() + field - 2, &value, width);
    return s;
  };
  bad(patched(stored, 10, 12, 2), "method 12", absl::StatusCode::kUnimplemented);
  bad(patched(stored, 8, 1, 2), "encrypted", absl::StatusCode::kUnimplemented);
  bad(patched(stored, 24, 4000000000u, 4), "it claims 4000000000 bytes");
  bad(patched(deflated, 24, 4000000000u, 4), "it claims 4000000000 bytes");
  bad(patched(deflated, 24, 400000, 4), "needs 400000 bytes");
  bad(patched(stored, 42, 0x7fffffff, 4), "not an npz file");
  s = deflated;
  s[s.size() / 2] ^= 0x40;
  EXPECT_FALSE(parse_npz(s, "bad.npz").ok());
  // More than one is ready to take.
  EXPECT_EQ(parse_npz(deflated, "big", 399999).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(parse_npz(deflated, "big", 400000).ok());
}

TEST(Npz, AFullDiskLeavesTheOldFile) {
  ASSERT_TRUE(save_npz(path("kept.npz"), {{"a", ones({3})}}).ok());
  ASSERT_TRUE(save_npy(path("kept.npy"), ones({3})).ok());
  const Tensor large = zeros({100000});
  // A limit on the size of files stands in for the full disk; in a child, because it cannot be raised again.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50000, 50000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const bool failed = !save_npz(path("kept.npz"), {{"a", large}}).ok() && !save_npy(path("kept.npy"), large).ok();
    _exit(failed ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  expect_equal(load_npz(path("kept.npz"))->at("a"), ones({3}));
  expect_equal(load_npy(path("kept.npy")).value(), ones({3}));
}

// Saving reads: neither memory that may not be written, nor what a gradient kept, minds.
TEST(Npz, SavingIsNoWrite) {
  const std::string path = ::testing::TempDir() + "saving_reads.npz";
  float memory[2] = {1, 2};
  const Tensor read_only = from_blob(memory, {2}, f32, nullptr, true);
  const uint32_t before = read_only.version();
  ASSERT_TRUE(io::save_npz(path, {{"x", read_only}}).ok());
  EXPECT_EQ(read_only.version(), before);
}

}  // namespace
}  // namespace hearth::io
