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

// What `tokenizers` finds (pre_tokenizers.Split of 0.23.3, which is Oniguruma).
TEST(Regex, IntervalsAndOptionsAreRubys) {
  EXPECT_EQ(matches("xa{2}?", "xa xaa x"), (List{"x", "xaa", "x"})) << "{2}? is no lazy {2}";
  EXPECT_EQ(matches("xa{1,2}?", "xaa"), (List{"xa"}));
  EXPECT_EQ(matches("xa{2}?+", "xaaaaa"), (List{"xaa"}));
  EXPECT_EQ(matches(R"(x\07{2}?)", "x x\a\a"), (List{"x", "x\a\a"})) << "the whole number is repeated";
  EXPECT_EQ(matches("xa{2}?", "xa xaa x", RegexSyntax::kPerl), (List{"xaa"}));
  EXPECT_EQ(matches("a(?i)b|c", "c aB C aC"), (List{"aB", "aC"})) << "the option encloses the alternatives";
  EXPECT_EQ(matches("(?i)a(?-i)b|c", "AB Ab aB C c"), (List{"Ab"}));
  EXPECT_EQ(matches("a|b(?i)c|d", "a bC D B"), (List{"a", "bC"}));
  EXPECT_EQ(matches("(a(?i)b|c)d", "aBd aBD acd aCd"), (List{"aBd", "acd", "aCd"}));
  EXPECT_EQ(matches("(?m-i:a.)", "a\n"), (List{"a\n"}));
  EXPECT_EQ(matches("(?x: a b # )\n c)d", "abcd"), (List{"abcd"}));
  EXPECT_EQ(matches("a(?#x)+", "aaa"), (List{"aaa"}));
  EXPECT_EQ(matches(R"((?<n>a)b\k<n>)", "aba"), (List{"aba"}));
  EXPECT_EQ(matches("(?'n'a)b", "ab"), (List{"ab"}));
  EXPECT_EQ(matches("(a)?(?(1)b|c)", "abc"), (List{"ab", "c"}));
}

TEST(Regex, ClassesAreRubys) {
  EXPECT_EQ(matches(R"(\p{Punct}+)", "a$+.b"), (List{"."}));
  EXPECT_EQ(matches(R"([[:punct:]]+)", "a$+¢«b"), (List{"$+¢«"}));
  EXPECT_EQ(matches(R"(\p{Word}+)", "½a"), (List{"½a"}));
  EXPECT_EQ(matches(R"([\p{Word}]+)", "½a"), (List{"a"}));
  EXPECT_EQ(matches(R"(\P{Word}+)", "½a-"), (List{"-"}));
  EXPECT_EQ(matches(R"([[:word:]]+)", "e\u0301½"), (List{"e\u0301"}));
  EXPECT_EQ(matches(R"([[:alpha:]]+)", "aⅧ1"), (List{"aⅧ"}));
  EXPECT_EQ(matches(R"([[:alnum:]]+)", "½²a1Ⅷ"), (List{"a1Ⅷ"}));
  EXPECT_EQ(matches(R"([[:upper:][:lower:]]+)", "aªⅧ1"), (List{"aªⅧ"}));
  EXPECT_EQ(matches(R"([[:space:]]+)", "a\u180e b"), (List{" "}));
  EXPECT_EQ(matches(R"([[:^alpha:]])", "a1"), (List{"1"}));
  EXPECT_EQ(matches(R"([[:graph:]]+)", "a\u2028b c\u0085"), (List{"a", "b", "c"}));
  EXPECT_EQ(matches(R"(\p{Print}+)", "a\u2028b c\u0085"), (List{"a", "b c"}));
  EXPECT_EQ(matches(R"(\p{Letter}\p{Decimal_Number}\p{punctuation})", "a1."), (List{"a1."}));
  EXPECT_EQ(matches(R"(\p{Assigned})", "\u0378a"), (List{"a"}));
  EXPECT_EQ(matches(R"(\p{^Letter}+)", "a1-"), (List{"1-"}));
  EXPECT_EQ(matches(R"([\W]+)", "a½²\u0301-1"), (List{"½²", "-"}));
  EXPECT_EQ(matches(R"([^\W\d]+)", "a½1b"), (List{"a", "b"}));
  EXPECT_EQ(matches(R"([a-z&&[^aeiou]]+)", "abcde"), (List{"bcd"}));
  EXPECT_EQ(matches(R"([^a&&b])", "ab"), (List{"a", "b"}));
  EXPECT_EQ(matches(R"([a[^b]]+)", "abc"), (List{"a", "c"}));
  EXPECT_EQ(matches(R"([a[0-9&&[^5]]]+)", "a1254"), (List{"a12", "4"}));
  EXPECT_EQ(matches(R"([^\H]+)", "xa1g"), (List{"a1"}));
}

TEST(Regex, EscapesAreRubys) {
  EXPECT_EQ(matches(R"(\Qa)", "Qa a"), (List{"Qa"})) << "no quotation";
  EXPECT_EQ(matches(R"(\Ea\E)", "EaE"), (List{"EaE"}));
  EXPECT_EQ(matches(R"(\v)", "\v\n\u0085"), (List{"\v"}));
  EXPECT_EQ(matches(R"([\v])", "\v\n"), (List{"\v"}));
  EXPECT_EQ(matches(R"(\N+)", "ab\nc"), (List{"ab", "c"}));
  EXPECT_EQ(matches(R"(\O+)", "ab\nc"), (List{"ab\nc"}));
  EXPECT_EQ(matches(R"([\R\X\Q]+)", "RXQ\n"), (List{"RXQ"}));
  EXPECT_EQ(matches(R"(\x41\x{e9}\é)", "Aéé"), (List{"Aéé"}));
  EXPECT_EQ(matches(R"([-\]^[.]]+)", "-]^."), (List{"-]^."}));
}

TEST(Regex, WhatIsWrongIsNamed) {
  const auto message = [](std::string_view pattern) { return matches(pattern, "x").at(0); };
  EXPECT_EQ(message("a)"), "regular expression: unmatched closing parenthesis");
  EXPECT_EQ(message("[a"), "regular expression: [ without ]");
  EXPECT_EQ(message("\\"), "regular expression: it ends with \\");
  EXPECT_EQ(message("[a&&]"), "regular expression: an empty side of && at byte 5 is not supported");
  EXPECT_EQ(message("(?s)a"), "regular expression: this kind of group at byte 0 is not supported");
  EXPECT_EQ(message("a\\Gb"), "regular expression: \\G at byte 1 is not supported");
  EXPECT_EQ(message("\\pL"), "regular expression: \\p without { at byte 0 is not supported");
  EXPECT_EQ(message("\\xe9"), "regular expression: a byte above \\x7F at byte 0 is not supported");
  EXPECT_EQ(message("[!-\\h]"), "regular expression: a range that ends with a class at byte 5 is not supported");
  EXPECT_EQ(message("[[:Alpha:]]"), "regular expression: the class [:Alpha:] is not known");
  EXPECT_EQ(message("[[:alpha]"), "regular expression: [: without :]");
  EXPECT_EQ(message("\xFF"), "regular expression: not valid UTF-8");
  EXPECT_NE(message("\\p{Nonsense}").find("unknown property"), std::string::npos) << message("\\p{Nonsense}");
  EXPECT_NE(message(std::string(70000, 'a')).find("70000 bytes"), std::string::npos);
  EXPECT_NE(message(std::string(5000, '(')).find("too deeply nested"), std::string::npos);
}

TEST(Regex, CatastrophicPatternsEndWithAnError) {
  for (const char* pattern : {"(a+)+$", "(a|aa)+$", "(a|a?)+$"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_TRUE(regex.ok());
    Regex::Match m;
    const auto found = regex->find(std::string(40, 'a') + std::string(60, ',') + "!", 0, m);
    ASSERT_FALSE(found.ok()) << pattern;
    EXPECT_EQ(found.status().code(), absl::StatusCode::kResourceExhausted);
  }
  const auto regex = Regex::compile("(a+)+$");
  Regex::Match m;
  const auto found = regex->find(std::string(100, 'a') + "!", 0, m);
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.status().message().find("backtracks too often"), absl::string_view::npos) << found.status();
}

// Patterns such as those below took a time that grows with the square of the text.
TEST(Regex, WorkGrowsWithTheTextAlone) {
  const auto regex = Regex::compile("a+b|.").value();
  const std::string text(size_t{1} << 20, 'a');
  uint64_t work = Regex::work_for(text.size());
  Regex::Match m{0, 0};
  absl::StatusOr<bool> found = true;
  size_t n = 0;
  for (; found.ok() && *found && m.end < text.size(); ++n) found = regex.find(text, m.end, m, work);
  ASSERT_FALSE(found.ok());
  EXPECT_LT(n, 1000u);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(found.status().message().find("looks far ahead"), absl::string_view::npos) << found.status();
}

TEST(Regex, LongRunsAreNoError) {
  const std::string llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string o200k =
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\s+(?!\S)|\s+)";
  constexpr size_t kLong = size_t{8} << 20;
  const List spaces = matches(llama3, std::string(kLong, ' ') + "x");
  ASSERT_EQ(spaces.size(), 2u) << spaces[0].substr(0, 200);
  EXPECT_EQ(spaces[0].size(), kLong - 1);
  EXPECT_EQ(spaces[1], " x");
  const List capitals = matches(o200k, std::string(kLong, 'A'));
  ASSERT_EQ(capitals.size(), 1u);
  EXPECT_EQ(capitals[0].size(), kLong) << capitals[0].substr(0, 200);
}

// Long texts are looked at in windows: words of every length stand across the ends of these.
TEST(Regex, LongTextsMatchAsShortOnes) {
  const std::string gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  List expected;
  std::string text;
  for (size_t i = 0; i < 4000; ++i) {
    const size_t length = 1 + i * 7919 % 61 + (i % 500 == 250 ? i * 9 : 0);
    std::string word = " ";
    for (size_t k = 0; k < length; ++k) word += i % 2 == 0 ? "é" : "7";
    expected.push_back(word);
    text += word;
  }
  EXPECT_EQ(matches(gpt2, text), expected);
  // Nothing for a long while; and what may look at the end of a window is not there.
  const std::string far = std::string(50000, 'a') + "bc" + std::string(50000, 'a');
  EXPECT_EQ(matches("bc", far), (List{"bc"}));
  EXPECT_EQ(matches(R"((?<=a)bc(?=a))", far), (List{"bc"}));
  EXPECT_EQ(matches(R"(\bx|a\z)", far), (List{"a"}));
  EXPECT_EQ(matches("a+$", far), (List{std::string(50000, 'a')}));
  EXPECT_EQ(matches("[^b]+(?=b)", far), (List{std::string(50000, 'a')}));
}

}  // namespace
}  // namespace hearth::text
