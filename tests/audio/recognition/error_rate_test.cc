#include "audio/recognition/error_rate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/testing/error_of.h"
#include "tests/audio/recognition/golden.inc"

namespace hearth::audio {
namespace {

TEST(ErrorRate, CountsTheFewestChanges) {
  const std::pair<const char*, const char*> pairs[] = {
      {"kitten", "sitting"}, {"", "abc"}, {"abc", ""}, {"intention", "execution"}, {"same", "same"}};
  for (size_t i = 0; i < std::size(pairs); ++i)
    EXPECT_EQ(character_edits(pairs[i].first, pairs[i].second).total(), kGoldenDistances[i]) << pairs[i].first;
  const Edits e = word_edits("the cat sat on the mat", " the  cat sat\ton mat today\n");
  EXPECT_EQ(e.substitutions, 2);
  EXPECT_EQ(e.insertions, 0);
  EXPECT_EQ(e.deletions, 0);
  EXPECT_EQ(e.reference, 6);
  const Edits d = word_edits("a b c d", "a c d e");
  EXPECT_EQ(d.total(), 2);
  EXPECT_EQ(d.insertions, 1);
  EXPECT_EQ(d.deletions, 1);
}

TEST(ErrorRate, CountsCharactersAndNotBytes) {
  EXPECT_EQ(character_edits("für", "fur").total(), 1);
  EXPECT_EQ(character_edits("für", "fur").reference, 3);
  EXPECT_EQ(character_edits("日本", "日本語").insertions, 1);
  EXPECT_EQ(character_edits("a\xff", "a").total(), 1);
  EXPECT_EQ(character_edits("\xe6\x97", "").reference, 2) << "a cut character is two bytes";
  for (const char* bytes : {"\xe0\x80\x80", "\xed\xa0\x80"}) EXPECT_EQ(character_edits(bytes, "").reference, 3);
  EXPECT_EQ(character_edits("\xf4\x90\x80\x80", "").reference, 4) << "beyond Unicode";
}

TEST(ErrorRate, IsThatOfAllTextsTogether) {
  const std::vector<std::string> references = {"one two three", "four"}, hypotheses = {"one too three", "four five"};
  EXPECT_DOUBLE_EQ(word_error_rate(references, hypotheses), 0.5);
  EXPECT_DOUBLE_EQ(character_error_rate(references, hypotheses), 6.0 / 17);
  EXPECT_EQ(word_edits("", "").rate(), 0);
  EXPECT_TRUE(std::isinf(word_edits("", "x").rate()));
  EXPECT_EQ(testing::error_of([&] { word_error_rate(references, {}); }),
            "word_error_rate: there are 2 references, but 0 hypotheses");
}

}  // namespace
}  // namespace hearth::audio
