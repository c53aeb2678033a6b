#include "vision/datasets/idx.h"

#include <zlib.h>

#include "core/io/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::vision {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

std::string bytes(std::initializer_list<int> v) {
  std::string s;
  for (int b : v) s += static_cast<char>(b);
  return s;
}
std::string header(int type, std::initializer_list<uint32_t> dims) {
  std::string s = bytes({0, 0, type, static_cast<int>(dims.size())});
  for (uint32_t d : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) s += static_cast<char>(d >> shift);
  }
  return s;
}
std::string gzip(const std::string& in) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(compressBound(in.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}
absl::StatusOr<Tensor> parse(const std::string& s, uint64_t limit = kIdxMaxBytes) {
  return parse_idx({reinterpret_cast<const std::byte*>(s.data()), s.size()}, limit);
}
void expect_error(const std::string& s, StatusCode code, const char* text, uint64_t limit = kIdxMaxBytes) {
  const auto status = parse(s, limit).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}
template <class T>
std::vector<T> values(const Tensor& t) {
  return {t.data<T>(), t.data<T>() + t.numel()};
}

const std::string kGood = header(8, {2, 3}) + "abcdef";

TEST(IdxTest, ReadsEveryType) {
  const Tensor u = parse(kGood).value();
  EXPECT_EQ(u.shape(), (Shape{2, 3}));
  EXPECT_THAT(values<uint8_t>(u), ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  EXPECT_THAT(values<int8_t>(parse(header(9, {2}) + bytes({0xff, 1})).value()), ElementsAre(-1, 1));
  EXPECT_THAT(values<int16_t>(parse(header(11, {2}) + bytes({0xff, 0xfe, 1, 2})).value()), ElementsAre(-2, 258));
  EXPECT_THAT(values<int32_t>(parse(header(12, {1}) + bytes({1, 2, 3, 4})).value()), ElementsAre(0x01020304));
  EXPECT_THAT(values<float>(parse(header(13, {1}) + bytes({0x3f, 0xc0, 0, 0})).value()), ElementsAre(1.5f));
  EXPECT_THAT(values<double>(parse(header(14, {1}) + bytes({0xc0, 0, 0, 0, 0, 0, 0, 0})).value()), ElementsAre(-2.0));
  EXPECT_EQ(parse(header(8, {}) + "x").value().dim(), 0);
  EXPECT_EQ(parse(header(8, {0, 5})).value().shape(), (Shape{0, 5}));
}

TEST(IdxTest, ReadsGzipOfOneAndOfSeveralMembers) {
  const std::string large = header(8, {1000, 1000}) + std::string(1000000, 'z');
  EXPECT_EQ(parse(gzip(large)).value().data<uint8_t>()[999999], 'z');
  EXPECT_THAT(values<uint8_t>(parse(gzip(kGood.substr(0, 5)) + gzip(kGood.substr(5))).value()),
              ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST(IdxTest, RefusesEveryShortenedFile) {
  for (size_t n = 0; n < kGood.size(); ++n) {
    EXPECT_EQ(parse(kGood.substr(0, n)).status().code(), StatusCode::kDataLoss) << n;
  }
  const std::string zipped = gzip(kGood);
  for (size_t n = 0; n < zipped.size(); ++n) EXPECT_FALSE(parse(zipped.substr(0, n)).ok()) << n;
}

TEST(IdxTest, RefusesDamage) {
  expect_error(bytes({0, 0, 7, 1, 0, 0, 0, 1, 0}), StatusCode::kInvalidArgument, "magic number 0x00000701");
  expect_error(bytes({1, 0, 8, 1, 0, 0, 0, 1, 0}), StatusCode::kInvalidArgument, "magic number 0x01000801");
  expect_error(header(8, {1, 1, 1, 1, 1, 1, 1, 1, 1}) + "x", StatusCode::kInvalidArgument, "9 dimensions");
  expect_error(kGood + "x", StatusCode::kInvalidArgument, "after the last element");
  expect_error(gzip(kGood + "x"), StatusCode::kInvalidArgument, "after the last element");
  expect_error(gzip(kGood) + "x", StatusCode::kDataLoss, "gzip");
  std::string damaged = gzip(kGood);
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // its checksum
  expect_error(damaged, StatusCode::kDataLoss, "damaged");
}

TEST(IdxTest, RefusesSizesBeforeAllocating) {
  expect_error(header(8, {0xffffffff, 0xffffffff, 0xffffffff}), StatusCode::kResourceExhausted, "limit");
  expect_error(header(14, {0x40000000, 0x80000000}), StatusCode::kResourceExhausted, "limit");
  expect_error(header(8, {0xffffffff, 0xffffffff, 0xffffffff, 0}), StatusCode::kInvalidArgument, "impossible");
  expect_error(header(8, {0x70000000}) + "x", StatusCode::kDataLoss, "more than there can be");
  expect_error(gzip(header(8, {0x70000000}) + "x"), StatusCode::kDataLoss, "more than there can be");
  expect_error(kGood, StatusCode::kResourceExhausted, "limit of 5 bytes", 5);
  // 10 MB of zeros in 10 kB: refused by the header's size, never inflated.
  expect_error(gzip(header(8, {10000000}) + std::string(10000000, '\0')), StatusCode::kResourceExhausted, "limit",
               1000000);
}

TEST(IdxTest, FileErrorsNameThePath) {
  EXPECT_EQ(read_idx("/none").status().code(), StatusCode::kNotFound);
  const std::string path = testing::TempDir() + "/bad.idx";
  ASSERT_TRUE(io::write_file(path, "nonsense").ok());
  EXPECT_THAT(std::string(read_idx(path).status().message()), HasSubstr(path + ": IDX: wrong magic"));
  ASSERT_TRUE(io::write_file(path, kGood).ok());
  EXPECT_EQ(read_idx(path).value().numel(), 6);
}

}  // namespace
}  // namespace hearth::vision
