// Where texts of labels have spaces.
#include "audio/recognition/ctc_speller.h"

#include <gtest/gtest.h>

namespace hearth::audio {
namespace {

std::string spelt(const std::vector<std::string>& labels, const std::vector<int64_t>& classes, int64_t blank = 0) {
  std::string text;
  CtcSpeller(labels, blank)(classes, text);
  return text;
}

TEST(CtcSpeller, CharactersAreNotBytes) {
  EXPECT_EQ(spelt({"-", "a", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80"}, {1, 2, 1, 3, 4}),
            "a\xc3\xa9"
            "a\xe6\x97\xa5\xf0\x9f\x98\x80");
  EXPECT_EQ(spelt({"-", "AA", "B"}, {1, 2, 2, 1}), "AA B B AA");
  EXPECT_EQ(spelt({"-", "a", "e\xcc\x81"}, {1, 2, 1}), "a e\xcc\x81 a");  // two code points
}

TEST(CtcSpeller, SpecialLabelsAndTheBlanksDoNotSpaceOthers) {
  EXPECT_EQ(spelt({"<pad>", "<s>", "<unk>", "[SEP]", "h", "i"}, {4, 5, 2}), "hi<unk>");
  EXPECT_EQ(spelt({"h", "i", "blank"}, {0, 1}, 2), "hi");
  EXPECT_EQ(spelt({"-", "h", "<a", "b>"}, {1, 2}), "h <a");  // not special
}

TEST(CtcSpeller, GoesOnAndKnowsNoOtherClasses) {
  const std::vector<std::string> labels = {"-", "one", "two"};
  const CtcSpeller speller(labels);
  std::string text;
  speller(std::vector<int64_t>{1}, text);
  speller(std::vector<int64_t>{2, 7}, text);
  speller(std::vector<int64_t>{-1}, text);
  EXPECT_EQ(text, "one two class 7 class -1");
}

}  // namespace
}  // namespace hearth::audio
