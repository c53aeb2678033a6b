// What of a stranger's text reaches a terminal.
#include "examples/common/printable.h"

#include <gtest/gtest.h>

namespace hearth::examples {
namespace {

TEST(Printable, NothingControlsATerminal) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82"), "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82");
  EXPECT_EQ(printable("a\x1B[31mb\x07\x7F"), "a [31mb  ");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a b");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a b c d");
  EXPECT_EQ(printable("a\nb\tc\rd", "\n\t"), "a\nb\tc d");
  // C1 as characters, and as a bare byte; the bytes of other characters stay.
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m\xC2\x80\xC2\xA0\xC3\x9B"),
            " 31m \xC2\xA0\xC3\x9B");
  EXPECT_EQ(printable("\x9B"
                      "31m"),
            "\xEF\xBF\xBD"
            "31m");
}

}  // namespace
}  // namespace hearth::examples
