#include "text/unicode/unicode.h"

#include <gtest/gtest.h>

#include <string>

#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

TEST(Utf8, FindsTheFirstByteThatIsWrong) {
  EXPECT_EQ(find_invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(find_invalid_utf8(std::string_view("a\0\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 11)), std::string_view::npos);
  EXPECT_EQ(find_invalid_utf8("12345678\x80"), 8u);
  EXPECT_EQ(find_invalid_utf8("\xC0\xAF"), 0u) << "overlong";
  EXPECT_EQ(find_invalid_utf8("a\xED\xA0\x80"), 1u) << "a surrogate";
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0u) << "above U+10FFFF";
  EXPECT_EQ(find_invalid_utf8("ab\xE2\x82"), 2u) << "cut off";
}

// The examples of The Unicode Standard 15.0, tables 3-8 to 3-11.
TEST(Utf8, ReplacesMaximalParts) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(replace_invalid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(Utf8, CodesEveryCharacter) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string s;
    append_utf8(s, c);
    const char* p = s.data();
    ASSERT_EQ(next_char(p), c);
    ASSERT_EQ(p, s.data() + s.size());
    ASSERT_EQ(static_cast<int>(s.size()), utf8_size(c));
    ASSERT_EQ(utf8_length(static_cast<unsigned char>(s[0])), utf8_size(c));
    ASSERT_EQ(find_invalid_utf8(s), std::string_view::npos);
  }
}

TEST(NormalForms, AreUnicodes) {
  // UAX #15, figures 3 to 6.
  EXPECT_EQ(normalize("\u212B", NormalForm::kNfc), "\u00C5");
  EXPECT_EQ(normalize("\u212B", NormalForm::kNfd), "A\u030A");
  EXPECT_EQ(normalize("\u1E9B\u0323", NormalForm::kNfc), "\u1E9B\u0323");
  EXPECT_EQ(normalize("\u1E9B\u0323", NormalForm::kNfd), "\u017F\u0323\u0307");
  EXPECT_EQ(normalize("\u1E9B\u0323", NormalForm::kNfkc), "\u1E69");
  EXPECT_EQ(normalize("\u1E9B\u0323", NormalForm::kNfkd), "s\u0323\u0307");
  EXPECT_EQ(normalize("\uFB01", NormalForm::kNfkc), "fi");
  EXPECT_EQ(normalize("\u1112\u1161\u11AB", NormalForm::kNfc), "\uD55C") << "Hangul";
  EXPECT_EQ(normalize("\uD55C", NormalForm::kNfd), "\u1112\u1161\u11AB");
  EXPECT_EQ(normalize("q\u0307\u0323", NormalForm::kNfc), "q\u0323\u0307") << "canonical order";
  EXPECT_EQ(normalize("\u0958", NormalForm::kNfc), "\u0915\u093C") << "excluded from composition";
  EXPECT_EQ(normalize("a\xFFz", NormalForm::kNfc), "a\uFFFDz");
}

TEST(NormalForms, ChangesAddUp) {
  // What is read by the changes (one each, and what is removed) is the old text's number of characters.
  const std::string text = "e\u0301 \uFB01 \uD55C \u1112\u1161\u11AB q\u0307\u0323 \u212B\u0327 \u0958 \u1E9B\u0323";
  for (const NormalForm form : {NormalForm::kNfc, NormalForm::kNfd, NormalForm::kNfkc, NormalForm::kNfkd}) {
    std::vector<CharChange> changes;
    normalize_changes(text, form, changes);
    int64_t read = 0;
    std::string joined;
    for (const CharChange& c : changes) {
      read += c.change > 0 ? 0 : 1 - c.change;
      append_utf8(joined, c.c);
    }
    EXPECT_EQ(read, static_cast<int64_t>(count_chars(text)));
    EXPECT_EQ(joined, normalize(text, form));
  }
}

// With ICU's own check each of these marks is a walk over all before it: a megabyte took over a minute.
TEST(NormalForms, ManyMarksTakeTheirTimeOnce) {
  constexpr size_t kMarks = 200'000;
  std::string text = "a", above, below;
  for (size_t i = 0; i < kMarks; ++i) {
    text += "\u0301\u0323";
    above += "\u0301";
    below += "\u0323";
  }
  EXPECT_TRUE(normalize(text, NormalForm::kNfd) == "a" + below + above);
  EXPECT_TRUE(normalize(text, NormalForm::kNfc) == "\u1EA1" + below.substr(2) + above);
  EXPECT_TRUE(normalize(text, NormalForm::kNfkc) == "\u1EA1" + below.substr(2) + above);
}

TEST(NormalForms, AreSeenWhereTheyAre) {
  for (const NormalForm form : {NormalForm::kNfc, NormalForm::kNfd, NormalForm::kNfkc, NormalForm::kNfkd}) {
    const bool composed = form == NormalForm::kNfc || form == NormalForm::kNfkc;
    const bool compatible = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
    EXPECT_TRUE(is_normalized("abc", form) && is_normalized("Ж字か", form));
    EXPECT_EQ(is_normalized("é\uAC00", form), composed);
    EXPECT_EQ(is_normalized("\u00A0ﬁ", form), !compatible);
    EXPECT_FALSE(is_normalized("q\u0307\u0323", form)) << "the marks' order";
    EXPECT_EQ(is_normalized("q\u0323\u0307", form), !composed) << "they may be part of something";
    EXPECT_FALSE(is_normalized("\u0958", form));
    // Each character by itself: what is said to be normal stays as it is.
    for (char32_t c = 0x80; c < 0x30000; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      std::string one;
      append_utf8(one, c);
      if (!is_normalized(one, form)) continue;
      std::vector<CharChange> changes;
      normalize_changes(one, form, changes);
      ASSERT_TRUE(changes.size() == 1 && changes[0].c == c) << static_cast<uint32_t>(c);
    }
  }
}

TEST(Categories, OfSomeCharacters) {
  EXPECT_TRUE(is_white_space(0x3000) && is_white_space(0x85) && is_white_space('\v') && !is_white_space(0x200B));
  EXPECT_TRUE(!is_white_space(0x180E));
  EXPECT_TRUE(is_nonspacing_mark(0x301) && !is_nonspacing_mark(0x903) && is_mark(0x903));
  EXPECT_TRUE(is_number(0xBD) && is_number(0x2167) && is_number(0x0664) && !is_number(U'a'));
  EXPECT_TRUE(is_punctuation(U'«') && is_punctuation('_') && !is_punctuation('$') && is_bert_punctuation('$'));
  EXPECT_TRUE(is_control_or_format(0x200D) && is_control_or_format(0) && !is_control_or_format('a'));
  EXPECT_TRUE(is_word('_') && is_word(0x200D) && is_word(0x903) && !is_word('-') && !is_word(0xBD));
  EXPECT_TRUE(is_bert_ideograph(U'字') && !is_bert_ideograph(U'か') && !is_bert_ideograph(0xAC00));
  EXPECT_TRUE(script('a') == script('Z') && script('a') != script('1') && script(0x10FFFF) == -1);
}

TEST(LowerCase, OfOneCharacter) {
  char32_t out[3];
  EXPECT_EQ(to_lower('A', out), 1);
  EXPECT_EQ(out[0], U'a');
  EXPECT_EQ(to_lower(0x130, out), 2);
  EXPECT_EQ(out[0], U'i');
  EXPECT_EQ(out[1], char32_t{0x307});
  EXPECT_EQ(to_lower(U'Σ', out), 1);
  EXPECT_EQ(out[0], U'σ');
}

TEST(Graphemes, KeepJoinedEmojiTogether) {
  std::vector<uint32_t> ends;
  grapheme_ends("e\u0301\r\n\U0001F469\u200D\U0001F467", ends);
  EXPECT_EQ(ends, (std::vector<uint32_t>{3, 5, 16}));
}

TEST(ByteTable, IsGpt2s) {
  EXPECT_EQ(byte_to_char(' '), U'Ġ');
  EXPECT_EQ(byte_to_char('\n'), U'Ċ');
  EXPECT_EQ(byte_to_char('a'), U'a');
  EXPECT_EQ(byte_to_char(0xAD), char32_t{0x143});
  for (int b = 0; b < 256; ++b) EXPECT_EQ(char_to_byte(byte_to_char(static_cast<uint8_t>(b))), b);
  EXPECT_EQ(char_to_byte(' '), -1);
  EXPECT_EQ(char_to_byte(0x10FFFF), -1);
}

}  // namespace
}  // namespace hearth::text
