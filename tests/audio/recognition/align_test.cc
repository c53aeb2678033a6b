#include "audio/recognition/align.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/softmax.h"
#include "core/testing/error_of.h"
#include "tests/audio/recognition/golden.inc"

namespace hearth::audio {
namespace {

// As in tools/golden/recognition.py.
Tensor log_probs() { return log_softmax((sin(arange(60).to(f64) * 0.37 + 1) * 3).view({12, 5}), 1); }

void check(const std::vector<int64_t>& targets, const std::vector<int64_t>& path, const std::vector<double>& scores,
           const std::vector<double>& spans) {
  for (const DType t : {f64, f32}) {
    const Alignment a = forced_align(log_probs().to(t), targets);
    EXPECT_EQ(a.path, path);
    ASSERT_EQ(a.scores.size(), scores.size());
    for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(a.scores[i], scores[i], t == f64 ? 1e-12 : 1e-5);
    const std::vector<TokenSpan> merged = merge_tokens(a);
    ASSERT_EQ(merged.size() * 4, spans.size());
    for (size_t i = 0; i < merged.size(); ++i) {
      EXPECT_EQ(merged[i].token, spans[4 * i]);
      EXPECT_EQ(merged[i].start, spans[4 * i + 1]);
      EXPECT_EQ(merged[i].end, spans[4 * i + 2]);
      EXPECT_NEAR(merged[i].score, spans[4 * i + 3], 1e-5);
    }
  }
}

TEST(ForcedAlign, IsTorchaudios) {
  check({1, 2, 2, 4}, kGoldenPlainPath, kGoldenPlainScores, kGoldenPlainSpans);
  check({3}, kGoldenSinglePath, kGoldenSingleScores, kGoldenSingleSpans);
  check({1, 1, 2, 2, 3, 3, 4, 4}, kGoldenTightPath, kGoldenTightScores, kGoldenTightSpans);
  check({1, 2, 3, 4, 1, 2}, kGoldenLongPath, kGoldenLongScores, kGoldenLongSpans);
}

TEST(ForcedAlign, TakesNoLabelsAndNoFrames) {
  EXPECT_EQ(forced_align(log_probs(), {}).path, std::vector<int64_t>(12, 0));
  EXPECT_TRUE(forced_align(zeros({0, 3}), {}).path.empty());
}

TEST(ForcedAlign, GivesWordsTheirTimes) {
  const std::vector<std::string> labels = {"-", "|", "h", "i", "a"};
  const std::vector<TokenSpan> spans = {
      {2, 3, 5, -1}, {3, 6, 7, -4}, {1, 8, 9, -1}, {1, 10, 11, -1}, {4, 20, 24, -0.5}};
  const std::vector<WordTime> words = word_times(spans, labels, 1, 0.02);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].word, "hi");
  EXPECT_DOUBLE_EQ(words[0].start, 0.06);
  EXPECT_DOUBLE_EQ(words[0].end, 0.14);
  EXPECT_DOUBLE_EQ(words[0].score, -2);
  EXPECT_EQ(words[1].word, "a");
  EXPECT_DOUBLE_EQ(words[1].start, 0.4);
  EXPECT_DOUBLE_EQ(words[1].end, 0.48);
}

TEST(ForcedAlign, SaysWhatDoesNotFit) {
  EXPECT_EQ(testing::error_of([] {
              const std::vector<std::string> labels = {"-", "a"};
              const std::vector<TokenSpan> spans = {{1, 3, 3, -1}};
              word_times(spans, labels, 0, 1);
            }),
            "word_times: a span ends at frame 3, but begins at 3");
  const auto error = [](std::vector<int64_t> targets, int64_t blank = 0) {
    return testing::error_of([&] { forced_align(log_probs(), targets, blank); });
  };
  EXPECT_EQ(error({1, 5}), "forced_align: target 1 is 5; expected a class below 5 that is not the blank, 0");
  EXPECT_EQ(error({0}), "forced_align: target 0 is 0; expected a class below 5 that is not the blank, 0");
  EXPECT_EQ(error({1}, 7), "forced_align: the blank 7 is out of range for 5 classes");
  EXPECT_EQ(error(std::vector<int64_t>(7, 2)), "forced_align: 7 labels need at least 13 frames, but there are 12");
  EXPECT_EQ(testing::error_of([] {
              forced_align(tensor({{0.0, NAN}}), std::vector<int64_t>{1});
            }),
            "forced_align: frame 0 has the value nan; expected numbers below infinity");
  EXPECT_EQ(testing::error_of([] {
              forced_align(tensor({{0.0, -INFINITY}}), std::vector<int64_t>{1});
            }),
            "forced_align: the target has no probability: each alignment has a class of -inf");
}

}  // namespace
}  // namespace hearth::audio
