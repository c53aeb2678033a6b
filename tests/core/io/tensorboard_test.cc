#include "core/io/tensorboard.h"

#include <filesystem>
#include <limits>
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

TEST(TensorboardTest, SameSummariesAsTorchWrites) {
  const std::vector<GraphNode> nodes = {
      {.name = "input/x", .op = "input", .shape = {-1, 4}},
      {.name = "encoder/linear", .op = "linear", .inputs = {"input/x", "weight"}, .attributes = "{bias: true}"}};
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  std::string ours =
      event::record(event::histogram(1, "weights", 3, std::vector{-2.5, nan, -1e-13, 0., 0., 1e-12, .5, inf, .5, 3.})) +
      event::record(event::histogram(1, "weights", 4, std::vector{0.75})) +
      event::record(event::audio(2, "tone", 5, std::vector{0.F, 0.5F, -0.25F, 1.F, -1.F}, 16000));
  for (const std::string& e : event::hparams(4, {{"bn", false}, {"lr", 0.0}, {"name", std::string("x")}}, {"accuracy"}))
    ours += event::record(e);
  ours += event::record(event::graph(5, nodes));
  EXPECT_EQ(ours, read_file("tests/core/io/data/summaries.bin", 1 << 20).value());
}

TEST(TensorboardTest, HyperparametersOfAnyKind) {
  const auto bytes = [](const HParam& v) { return event::hparams(1, {{"p", v}}, {})[1]; };
  EXPECT_EQ(bytes(32), bytes(32.0));
  EXPECT_EQ(bytes(int64_t{32}), bytes(32.0F));
  EXPECT_EQ(bytes("adam"), bytes(std::string("adam")));
  EXPECT_EQ(bytes("adam"), bytes(std::string_view("adam")));
  EXPECT_NE(bytes(true), bytes(1));
  EXPECT_EQ(event::hparams(1, {{"batch_size", 32}, {"bn", true}, {"name", "x"}}, {}).size(), 3U);
}

TEST(TensorboardTest, HistogramsOfAnything) {
  auto writer = EventWriter::create(testing::TempDir() + "/tensorboard/histograms");
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_TRUE(writer->histogram("h", 0, std::vector{1e300, -1e300, 1e20, 5e-324}).ok());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(writer->histogram("h", 0, std::vector{nan}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->histogram("h", 0, {}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(writer->audio("a", 0, std::vector{2.F, static_cast<float>(nan)}, 8000).ok());
  EXPECT_EQ(writer->audio("a", 0, {}, 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(writer->hparams({{"lr", 0.1}}, {"loss"}).ok());
  EXPECT_TRUE(writer->graph({}).ok());
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
