#include "text/generate/stopping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/text/generate/byte_tokenizer.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

std::shared_ptr<const StopStrings> strings(const std::vector<std::string>& all) {
  return std::make_shared<const StopStrings>(all);
}

TEST(StopFinder, HoldsBackWhatMayBecomeAStopString) {
  StopFinder finder(strings({"STOP", "##"}));
  EXPECT_EQ(finder.push("go S"), "go ");
  EXPECT_EQ(finder.push("TO"), "");
  EXPECT_EQ(finder.push("S"), "STO");  // "STOS" is none, but its "S" may begin one
  EXPECT_EQ(finder.push("#"), "S");
  EXPECT_EQ(finder.push("x"), "#x");
  EXPECT_EQ(finder.push("y#"), "y");
  EXPECT_FALSE(finder.stopped());
  EXPECT_EQ(finder.push("#z"), "");
  EXPECT_TRUE(finder.stopped());
  EXPECT_EQ(finder.push("more"), "");
  EXPECT_EQ(finder.finish(), "");
}

TEST(StopFinder, TheEndShowsWhatWasHeldBack) {
  StopFinder finder(strings({"abc"}));
  EXPECT_EQ(finder.push("xab"), "x");
  EXPECT_EQ(finder.finish(), "ab");
  StopFinder none(nullptr);
  EXPECT_EQ(none.push("ab"), "ab");
  StopFinder empty(strings({}));
  EXPECT_EQ(empty.push("ab"), "ab");
}

TEST(StopFinder, TheFirstThatIsCompleteCountsAndOfSeveralTheLongest) {
  StopFinder first(strings({"cabd", "ab"}));
  EXPECT_EQ(first.push("xcabd"), "xc");
  StopFinder longest(strings({"b", "ab", "aab"}));
  EXPECT_EQ(longest.push("xaaab"), "xa");
}

// Whatever the pieces: what is shown is the text up to the stop string that is complete first, by plain search.
TEST(StopFinder, EqualsAPlainSearchForAllCuts) {
  std::mt19937 rng(3);
  const auto random_text = [&](size_t size, int letters) {
    std::string s;
    while (s.size() < size) s += static_cast<char>('a' + rng() % static_cast<unsigned>(letters));
    return s;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops;
    for (unsigned i = rng() % 4; i > 0; --i) stops.push_back(random_text(1 + rng() % 5, 2));
    const std::string text = random_text(rng() % 20, 3);
    size_t end = std::string::npos, begin = text.size();
    for (const std::string& s : stops) {
      const size_t at = text.find(s);
      if (at == std::string::npos) continue;
      const size_t e = at + s.size();
      if (e < end || (e == end && at < begin)) {
        end = e;
        begin = at;
      }
    }
    StopFinder finder(strings(stops));
    std::string shown;
    for (size_t i = 0; i < text.size();) {
      const size_t n = 1 + rng() % 4;
      shown += finder.push(text.substr(i, n));
      // Never a part of a stop string that is complete later.
      ASSERT_LE(shown.size(), begin);
      i += n;
    }
    EXPECT_EQ(finder.stopped(), end != std::string::npos);
    shown += finder.finish();
    EXPECT_EQ(shown, text.substr(0, begin));
  }
}

TEST(TextPieces, NeverGiveHalfACharacter) {
  const Tokenizer t = byte_tokenizer();
  const std::string text = "a\u00E9\u6F22\U0001F642b";
  const std::vector<int32_t> prompt = t.encode_ids("x").value();
  TextPieces pieces(t, true, strings({"never"}), prompt);
  std::string all;
  const std::vector<int32_t> ids = t.encode_ids(text).value();
  for (const int32_t id : ids) {
    const std::string piece = pieces.step(id).value();
    EXPECT_EQ(find_invalid_utf8(piece), std::string::npos);
    EXPECT_TRUE(text.starts_with(all + piece));
    all += piece;
  }
  EXPECT_EQ(all + pieces.finish().value(), text);
}

TEST(TextPieces, AnUnfinishedCharacterAtTheEndIsReplaced) {
  const Tokenizer t = byte_tokenizer();
  std::vector<int32_t> ids = t.encode_ids("a\u6F22").value();
  ids.pop_back();
  TextPieces pieces(t, true, nullptr, {});
  std::string all;
  for (const int32_t id : ids) all += pieces.step(id).value();
  EXPECT_EQ(all, "a");
  // Two bytes of three: one U+FFFD or two, as decode() has it.
  EXPECT_EQ(all + pieces.finish().value(), t.decode(ids).value());
}

TEST(TextPieces, AStopStringMayLieInSeveralTokensAndInPartOfOne) {
  const Tokenizer t = Tokenizer::parse(R"({"decoder": {"type": "Fuse"}, "model": {"type": "WordLevel", "unk_token": "?",
      "vocab": {"?": 0, "las": 1, "topper": 2, "s": 3, "to": 4, "pped": 5}}})")
                          .value();
  TextPieces two(t, true, strings({"stop"}), {});
  EXPECT_EQ(two.step(1).value(), "la");
  EXPECT_EQ(two.step(2).value(), "");
  EXPECT_TRUE(two.stopped());
  EXPECT_EQ(two.finish().value(), "");
  TextPieces three(t, true, strings({"stop"}), {});
  EXPECT_EQ(three.step(3).value(), "");
  EXPECT_EQ(three.step(4).value(), "");
  EXPECT_FALSE(three.stopped());
  EXPECT_EQ(three.step(5).value(), "");
  EXPECT_TRUE(three.stopped());
}

TEST(TextPieces, GoOnFromThePrompt) {
  const char* json =
      R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
      "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
      "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "▁a": 1, "▁b": 2}}})";
  const Tokenizer t = Tokenizer::parse(json).value();
  const std::vector<int32_t> prompt = {1};
  TextPieces behind(t, true, nullptr, prompt);
  EXPECT_EQ(behind.step(2).value(), " b");  // "a" + " b" is what decode({1, 2}) gives
  TextPieces alone(t, true, nullptr, {});
  EXPECT_EQ(alone.step(2).value(), "b");
}

}  // namespace
}  // namespace hearth::text
