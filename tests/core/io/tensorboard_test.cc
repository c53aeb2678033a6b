#include "core/io/tensorboard.h"

#include <filesystem>
#include <random>

#include "core/io/crc32c.h"
#include "core/io/file.h"
#include "gtest/gtest.h"

namespace hearth::io {
namespace {

TEST(Crc32cTest, VectorsOfRfc3720) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string up;
  for (char c = 0; c < 32; ++c) up += c;
  EXPECT_EQ(crc32c(up), 0x46dd794eu);
}

// The instruction's stretches and their ends, against the tables and, for the tables, the definition bit by bit.
TEST(Crc32cTest, SameByInstructionAndByTables) {
  std::string bytes(50000, '\0');
  std::mt19937 random(1);
  for (char& c : bytes) c = static_cast<char>(random());
  for (size_t n : {0, 1, 7, 8, 9, 4096, 12287, 12288, 12289, 24576, 36871, 50000}) {
    for (size_t from : {0, 1, 5}) {
      const std::string_view part = std::string_view(bytes).substr(from, n);
      uint32_t bitwise = ~0u;
      for (char c : part) {
        bitwise ^= static_cast<uint8_t>(c);
        for (int k = 0; k < 8; ++k) bitwise = bitwise >> 1 ^ (bitwise & 1 ? 0x82F63B78u : 0u);
      }
      EXPECT_EQ(crc32c(part), ~bitwise) << n;
      EXPECT_EQ(detail::crc32c_by_tables(part), ~bitwise) << n;
    }
  }
}

TEST(TensorboardTest, SameBytesAsTensorboardWrites) {
  std::string png;
  for (int i = 0; i < 50; ++i) png += "\x89PNG";
  const std::string ours = event::record(event::file_version(1.5)) +
                           event::record(event::scalar(2.25, "loss/train", 0, 0)) +
                           event::record(event::scalar(3, "accuracy", 300, 0.925)) +
                           event::record(event::text(4, "notes", int64_t{1} << 40, "**hello**")) +
                           event::record(event::image(5, "picture", 7, 2, 200, 3, png));
  EXPECT_EQ(ours, read_file("tests/core/io/data/events.bin", 1 << 20).value());
}

TEST(TensorboardTest, WriterAppendsRecordsToAFileOfItsOwn) {
  const std::string directory = testing::TempDir() + "/tensorboard/run";
  std::filesystem::remove_all(directory);
  auto first = EventWriter::create(directory), second = EventWriter::create(directory);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  EXPECT_NE(first->path(), second->path());
  const size_t header = event::record(event::file_version(1)).size();
  EXPECT_EQ(std::filesystem::file_size(first->path()), header);
  ASSERT_TRUE(first->scalar("a", 1, 2).ok());
  EXPECT_EQ(std::filesystem::file_size(first->path()), header + event::record(event::scalar(1, "a", 1, 2)).size());
  EXPECT_NE(first->path().find("events.out.tfevents."), std::string::npos);
}

TEST(TensorboardTest, ErrorNamesTheDirectory) {
  const auto s = EventWriter::create("/proc/none").status();
  EXPECT_FALSE(s.ok());
  EXPECT_NE(s.message().find("/proc/none"), absl::string_view::npos);
}

}  // namespace
}  // namespace hearth::io
