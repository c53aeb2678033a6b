#include "text/regex/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hearth::text {
namespace {

// All matches, or the error's message alone.
std::vector<std::string> matches(std::string_view pattern, std::string_view text,
                                 RegexSyntax syntax = RegexSyntax::kRuby) {
  const auto regex = Regex::compile(pattern, syntax);
  if (!regex.ok()) return {std::string(regex.status().message())};
  std::vector<std::string> all;
  Regex::Match m{0, 0};
  for (size_t at = 0; at < text.size(); at = m.end) {
    const auto found = regex->find(text, at, m);
    if (!found.ok()) return {std::string(found.status().message())};
    if (!*found) break;
    all.emplace_back(text.substr(m.begin, m.end - m.begin));
    if (m.end == m.begin) break;
  }
  return all;
}
using List = std::vector<std::string>;

TEST(Regex, SplitsAsGpt2) {
  const std::string gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(matches(gpt2, "It's  42 naïve 字!\n\n x"),
            (List{"It", "'s", " ", " 42", " naïve", " 字", "!", "\n\n", " x"}));
}

TEST(Regex, SplitsAsLlama3) {
  const std::string llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(matches(llama3, "I'LL pay 12345.\n"), (List{"I", "'LL", " pay", " ", "123", "45", ".\n"}));
}

TEST(Regex, ClassesAreUnicodes) {
  EXPECT_EQ(matches(R"(\s+)", "a\u3000\u0085b\u180Ec"), (List{"\u3000\u0085"}));
  EXPECT_EQ(matches(R"(\w+)", "e\u0301x_1-\u0928\u0940"), (List{"e\u0301x_1", "\u0928\u0940"}));
  EXPECT_EQ(matches(R"([\w-]+)", "a-b c"), (List{"a-b", "c"}));
  EXPECT_EQ(matches(R"(\d+)", "1\u0664 ½"), (List{"1\u0664"}));
  EXPECT_EQ(matches(R"(\bfoo\b)", "food foo"), (List{"foo"}));
  EXPECT_EQ(matches(R"(\Boo)", "oo foo"), (List{"oo"}));
  EXPECT_EQ(matches(R"(\p{Alpha}+|\p{^alpha})", "aé1"), (List{"aé", "1"}));
  EXPECT_EQ(matches(R"(\u00e9)", "é"), (List{"é"}));
  EXPECT_EQ(matches(R"(\w+|[^\w\s]+)", "a\u200Db"), (List{"a", "\u200D", "b"})) << "a joiner is no word character";
  EXPECT_EQ(matches(R"(\w+)", "½x ①"), (List{"½x"}));
  EXPECT_EQ(matches(R"([\w]+)", "½x ①"), (List{"x"}));
  EXPECT_EQ(matches(R"(\w+)", "½x ①", RegexSyntax::kPerl), (List{"x"}));
  // Of the script, not of its extensions: the full stop is used with kana, Han and others.
  EXPECT_EQ(matches(R"(\p{Han}+|\P{Han}+)", "字。か"), (List{"字", "。か"}));
}

TEST(Regex, RubysSyntax) {
  // A + behind an interval repeats it in Ruby's syntax; in Perl's it is possessive.
  EXPECT_EQ(matches("[a-z]{1,2}+", "abcde"), (List{"abcde"}));
  EXPECT_EQ(matches("(ab){1,2}+", "ababab"), (List{"ababab"}));
  EXPECT_EQ(matches("[a-z]{1,2}+", "abcde", RegexSyntax::kPerl), (List{"ab", "cd", "e"}));
  EXPECT_EQ(matches("x{,2}y", "xxy"), (List{"xxy"}));
  EXPECT_EQ(matches("^b.", "a\nbc"), (List{"bc"}));
  EXPECT_EQ(matches("(?m:b.)", "b\n"), (List{"b\n"}));
  EXPECT_EQ(matches("b.", "b\n"), List{});
  EXPECT_EQ(matches(R"(\h+)", "x1f g"), (List{"1f"}));
  EXPECT_EQ(matches("a(?=b)", "acab"), (List{"a"}));
  EXPECT_EQ(matches("(?<=c)a", "aca"), (List{"a"}));
}

TEST(Regex, WhatIsWrongIsNamed) {
  const auto message = [](std::string_view pattern) { return matches(pattern, "x").at(0); };
  EXPECT_EQ(message("a)"), "regular expression: unmatched closing parenthesis");
  EXPECT_EQ(message("[a"), "regular expression: [ without ]");
  EXPECT_EQ(message("\\"), "regular expression: it ends with \\");
  EXPECT_EQ(message("[a&&b]"), "regular expression: an intersection of sets at byte 2 is not supported");
  EXPECT_EQ(message("[a[bc]]"), "regular expression: a set inside a set at byte 2 is not supported");
  EXPECT_EQ(message("[\\W]"), "regular expression: \\W inside brackets at byte 1 is not supported");
  EXPECT_EQ(message("\xFF"), "regular expression: not valid UTF-8");
  EXPECT_NE(message("\\p{Nonsense}").find("unknown property"), std::string::npos) << message("\\p{Nonsense}");
  EXPECT_NE(message(std::string(70000, 'a')).find("70000 bytes"), std::string::npos);
  EXPECT_NE(message(std::string(5000, '(')).find("too deeply nested"), std::string::npos);
}

TEST(Regex, CatastrophicPatternsEndWithAnError) {
  for (const char* pattern : {"(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*?,){11}P"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_TRUE(regex.ok());
    Regex::Match m;
    const auto found = regex->find(std::string(40, 'a') + std::string(60, ',') + "!", 0, m);
    if (!found.ok()) {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kResourceExhausted);
    }
  }
  const auto regex = Regex::compile("(a+)+$");
  Regex::Match m;
  const auto found = regex->find(std::string(100, 'a') + "!", 0, m);
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.status().message().find("backtracks too often"), absl::string_view::npos) << found.status();
}

TEST(Regex, EscapedTextMatchesItself) {
  const std::string text = "\\^$.|?*+()[]{}-# &~/aé\n";
  EXPECT_EQ(matches(regex_escape(text), text), (List{text}));
}

}  // namespace
}  // namespace hearth::text
