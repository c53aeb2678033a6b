#include "text/data/lines.h"

#include <string>
#include <string_view>
#include <vector>

#include "core/io/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::text {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Lines, EndsAreNoPartOfThem) {
  EXPECT_THAT(lines_of(""), IsEmpty());
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
  EXPECT_THAT(lines_of("a"), ElementsAre("a"));
  EXPECT_THAT(lines_of("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of("a\r\n\r\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(lines_of("a\n\n"), ElementsAre("a", ""));
  // A carriage return that ends no line is a character.
  EXPECT_THAT(lines_of("a\rb\r"), ElementsAre("a\rb\r"));
}

TEST(Documents, LieBetweenBlankLines) {
  EXPECT_THAT(documents_of(""), IsEmpty());
  EXPECT_THAT(documents_of("\n \n\t\r\n"), IsEmpty());
  EXPECT_THAT(documents_of("a"), ElementsAre("a"));
  EXPECT_THAT(documents_of("\na\n b\n \n\nc\r\nd\r\n"), ElementsAre("a\n b", "c\nd"));
}

TEST(ReadText, ChecksUtf8) {
  const std::string path = testing::TempDir() + "/text";
  const auto read = [&](std::string_view bytes) {
    EXPECT_TRUE(io::write_file(path, bytes).ok());
    return read_text(path, 16);
  };
  EXPECT_EQ(read("n\xC3\xA9\n").value(), "n\xC3\xA9\n");
  EXPECT_EQ(read("\xEF\xBB\xBFx").value(), "x");
  EXPECT_EQ(read("").value(), "");
  const absl::Status bad = read("a\nb\xFF\n").status();
  EXPECT_EQ(bad.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(bad.message(), path + ": line 2 is not valid UTF-8");
  EXPECT_EQ(read("12345678901234567").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(read_text("/nowhere").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hearth::text
