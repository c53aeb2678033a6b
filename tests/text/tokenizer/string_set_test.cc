#include "text/tokenizer/string_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace hearth::text {
namespace {

// Random sets of strings of two letters in random texts, beside a search that tries every string at every place.
TEST(StringSet, FindsTheFirstAndLongest) {
  std::mt19937 random(1);
  const auto word = [&](size_t most) {
    std::string s(1 + random() % most, 'a');
    for (char& c : s) c = random() % 3 == 0 ? 'b' : 'a';
    return s;
  };
  for (int trial = 0; trial < 500; ++trial) {
    StringSet set;
    std::vector<std::string> strings;
    for (size_t i = 0; i < 1 + random() % 6; ++i) {
      strings.push_back(word(8));
      set.add(strings.back(), static_cast<uint32_t>(i));
    }
    set.build();
    const std::string text = word(60) + "c" + word(60);
    for (size_t from = 0; from < text.size(); from += 1 + random() % 9) {
      StringSet::Found expected{0, 0, 0}, found{0, 0, 0};
      for (size_t begin = from; begin < text.size() && expected.end == 0; ++begin) {
        for (size_t i = 0; i < strings.size(); ++i) {
          const size_t end = begin + strings[i].size();
          if (text.compare(begin, strings[i].size(), strings[i]) == 0 && end > expected.end) {
            expected = {begin, end, static_cast<uint32_t>(i)};
          }
        }
      }
      ASSERT_EQ(set.find(text, from, found), expected.end != 0);
      if (expected.end == 0) continue;
      EXPECT_EQ(found.begin, expected.begin);
      EXPECT_EQ(found.end, expected.end);
      EXPECT_EQ(found.id, expected.id) << "of equal strings the first";
    }
    // Every string that ends at a place, the longest first.
    uint32_t node = StringSet::kRoot;
    for (size_t i = 0; i < text.size(); ++i) {
      node = set.step(node, static_cast<unsigned char>(text[i]));
      std::vector<std::string> expected, found;
      for (size_t n = 8; n > 0; --n) {
        if (n > i + 1) continue;
        const std::string s = text.substr(i + 1 - n, n);
        if (std::find(strings.begin(), strings.end(), s) != strings.end()) expected.push_back(s);
      }
      set.each_ending(node, [&](uint32_t length, uint32_t id) {
        EXPECT_EQ(strings[id].size(), length);
        found.push_back(strings[id]);
      });
      ASSERT_EQ(found, expected);
    }
  }
}

TEST(StringSet, EmptyOnes) {
  StringSet set;
  set.add("", 1);
  set.build();
  StringSet::Found found{0, 0, 0};
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(set.find("abc", 0, found));
}

}  // namespace
}  // namespace hearth::text
