#include "core/base/utf8.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

constexpr size_t kNone = std::string_view::npos;

TEST(Utf8, IsMadePrintable) {
  EXPECT_EQ(printable("rank 1 \x1b[31mfails\n"), "rank 1  [31mfails ");
  EXPECT_EQ(printable(std::string("a\0b\x7f", 4)), "a b ");
  EXPECT_EQ(printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  // U+0085 and U+009B, which terminals obey; U+202E, which turns the writing direction; a byte alone.
  EXPECT_EQ(printable("a\xc2\x85"
                      "b\xc2\x9b"
                      "c\xe2\x80\xae"
                      "d\x9b"),
            "a b c d?");
  // The ends of the ranges and what lies beside them: U+009F and U+00A0, U+2027 to U+202F, U+2065 to U+206A.
  EXPECT_EQ(printable("\xc2\x9f\xc2\xa0"), " \xc2\xa0");
  EXPECT_EQ(printable("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf"), "\xe2\x80\xa7  \xe2\x80\xaf");
  EXPECT_EQ(printable("\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa"), "\xe2\x81\xa5  \xe2\x81\xaa");
  // Too long a form, a surrogate, beyond Unicode, cut off.
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82"), std::string(2 + 3 + 4 + 2, '?'));
  EXPECT_EQ(printable(""), "");
}

TEST(Utf8, WhatIsPrintedHasALimit) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcdef", 4), "abcd...");
  EXPECT_EQ(printable("abc\xc3\xa9", 4), "abc...");
  EXPECT_EQ(printable(std::string(100, 'x')), std::string(80, 'x') + "...");
  EXPECT_EQ(printable(std::string(3000, 'x'), kPrintedMessage), std::string(2000, 'x') + "...");
}

TEST(Utf8, WhatIsIllFormedIsFound) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("caf\xc3\xa9"));
  EXPECT_FALSE(is_utf8("caf\xc3"));
  EXPECT_EQ(find_non_ascii("12345678"), kNone);
  EXPECT_EQ(find_non_ascii("12345678ab\x80"), 10U);
  EXPECT_EQ(find_non_ascii("123\xff"
                           "5678"),
            3U);
  EXPECT_EQ(find_invalid_utf8("123456789\xc3\xa9\xf4\x8f\xbf\xbf\xed\x9f\xbf"), kNone);
  EXPECT_EQ(find_invalid_utf8("12345678\xc3\xa9\xed\xa0\x80"), 10U);
  for (const char* const one : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                                "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xc3("}) {
    EXPECT_EQ(find_invalid_utf8(one), 0U) << one;
    EXPECT_EQ(ill_formed_utf8(one), 1U) << one;
  }
  EXPECT_EQ(ill_formed_utf8("\xe2\x82"), 2U);
  EXPECT_EQ(ill_formed_utf8("\xf1\xbf\x80"
                            "A"),
            3U);
  EXPECT_EQ(ill_formed_utf8("\xe2\x82\xac"), 0U);
  EXPECT_EQ(ill_formed_utf8(""), 0U);
}

}  // namespace
}  // namespace hearth
