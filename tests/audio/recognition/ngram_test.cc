#include "audio/recognition/ngram.h"

#include <gtest/gtest.h>

#include <numbers>

#include "audio/recognition/lexicon.h"

namespace hearth::audio {
namespace {

constexpr const char* kArpa = R"(anything before is a comment

\data\
ngram 1=5
ngram 2=4
ngram 3=1

\1-grams:
-1.0	<unk>
-99	<s>	-0.5
-0.7	</s>
-0.6	the	-0.4
-0.8	cat	-0.3

\2-grams:
-0.2	<s> the	-0.1
-0.3	the cat	-0.25
-0.4	cat </s>
-0.9	the the

\3-grams:
-0.05	<s> the cat

\end\
)";

NgramModel model() { return *NgramModel::parse(kArpa); }

double log10_of(const std::vector<std::string>& words) { return model().sentence(words) / std::numbers::ln10; }

TEST(Ngram, BacksOff) {
  EXPECT_EQ(model().order(), 3);
  // Each word's own entry, or the context's backoff and the entry of fewer words.
  EXPECT_NEAR(log10_of({"the", "cat"}), -0.2 - 0.05 + (-0.25 - 0.4), 1e-12);
  EXPECT_NEAR(log10_of({"the"}), -0.2 + (-0.1 - 0.4 - 0.7), 1e-12);
  EXPECT_NEAR(log10_of({"cat", "cat"}), (-0.5 - 0.8) + (-0.3 - 0.8) + (0 - 0.4), 1e-12);
  EXPECT_NEAR(log10_of({"the", "the", "cat"}), -0.2 + (-0.1 - 0.9) + (0 - 0.3) + (-0.25 - 0.4), 1e-12);
  EXPECT_NEAR(log10_of({"dog"}), (-0.5 - 1.0) + (0 - 0.7), 1e-12);
  EXPECT_NEAR(log10_of({}), -0.5 - 0.7, 1e-12);
}

TEST(Ngram, GivesUnknownWordsKenlmsScoreWhereTheFileHasNone) {
  const auto m = NgramModel::parse("\\data\\\nngram 1=2\n\\1-grams:\n-1 <s>\n-2 </s>\n\\end\\");
  ASSERT_TRUE(m.ok()) << m.status();
  EXPECT_NEAR(m->sentence(std::vector<std::string>{"x"}) / std::numbers::ln10, -102, 1e-9);
}

std::string replaced(const std::string& what, const std::string& with) {
  std::string text = kArpa;
  text.replace(text.find(what), what.size(), with);
  return std::string(NgramModel::parse(text).status().message());
}

TEST(Ngram, RefusesFilesThatLie) {
  EXPECT_EQ(NgramModel::parse("").status().message(), "ARPA, line 0: there is no \\data\\");
  EXPECT_EQ(replaced("ngram 1=5", "ngram 1=6"), "ARPA, line 15: there are 5 1-grams, but \\data\\ says 6");
  EXPECT_EQ(replaced("ngram 1=5", "ngram 1=x"), "ARPA, line 4: \"ngram 1=x\" is no count of n-grams");
  EXPECT_EQ(replaced("ngram 2=4", "ngram 2=999999999999"),
            "ARPA, line 21: there are 4 2-grams, but \\data\\ says 999999999999");
  EXPECT_EQ(replaced("ngram 2=4\n", ""),
            "ARPA, line 5: the counts must be of 1-grams, 2-grams, and so on up to 16-grams, but this is of 3-grams");
  EXPECT_EQ(replaced("-0.6	the", "0.6	the"), "ARPA, line 12: \"0.6\" is no logarithm of a probability");
  EXPECT_EQ(replaced("-0.6	the", "nan	the"), "ARPA, line 12: \"nan\" is no logarithm of a probability");
  EXPECT_EQ(replaced("the	-0.4", "the	inf"), "ARPA, line 12: \"inf\" is no backoff weight");
  EXPECT_EQ(replaced("the the", "the dog"), "ARPA, line 19: \"dog\" has no unigram");
  EXPECT_EQ(replaced("the the", "the cat"), "ARPA, line 19: the 2-gram of \"-0.9	the cat\" is there twice");
  EXPECT_EQ(replaced("<s> the cat", "cat the cat"),
            "ARPA, line 22: the context of \"-0.05	cat the cat\" has no entry of its own");
  EXPECT_EQ(NgramModel::parse(
                "\\data\\\nngram 1=2\nngram 2=1\n\\1-grams:\n-1 <s>\n-2 </s>\n\\2-grams:\n-1 <s> <unk>\n\\end\\")
                .status()
                .message(),
            "ARPA, line 8: \"<unk>\" has no unigram");
  EXPECT_LT(replaced("the the", "the " + std::string(100'000, 'x')).size(), 400u);
  EXPECT_EQ(replaced("\\end\\", ""), "ARPA, line 24: \\end\\ is missing; there is \"\"");
  EXPECT_EQ(replaced("-0.7	</s>", "-0.7	end"), "ARPA, line 18: \"</s>\" has no unigram");
  EXPECT_EQ(NgramModel::load("/nowhere/x.arpa").status().code(), absl::StatusCode::kNotFound);
}

TEST(Lexicon, ReadsWordsAndRefusesFilesThatLie) {
  const std::vector<std::string> labels = {"-", "|", "a", "b"};
  const auto l = Lexicon::parse("ab a b |\n\nabb\ta b b\r\nAB a b\n", labels);
  ASSERT_TRUE(l.ok()) << l.status();
  EXPECT_EQ(l->size(), 3);
  const int32_t place = l->next(l->next(0, 2), 3);
  ASSERT_EQ(l->words(place).size(), 2u);
  EXPECT_EQ(l->words(place)[1], "AB");
  EXPECT_TRUE(l->words(l->next(0, 2)).empty());
  EXPECT_EQ(l->next(0, 3), -1);
  const auto error = [&](const char* text) { return std::string(Lexicon::parse(text, labels).status().message()); };
  EXPECT_EQ(error("ab a b\nc c"), "lexicon, line 2: no class has the name \"c\"");
  EXPECT_EQ(error("ab"), "lexicon, line 1: \"ab\" has no labels");
  EXPECT_EQ(error("ab |"), "lexicon, line 1: \"ab\" has no labels");
  EXPECT_EQ(error("ab a b\nab a b |"), "lexicon, line 2: \"ab\" is there twice with the same labels");
}

}  // namespace
}  // namespace hearth::audio
