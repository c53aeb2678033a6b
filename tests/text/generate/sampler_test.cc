#include "text/generate/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace hearth::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

std::string message(const absl::Status& s) { return std::string(s.message()); }

TEST(BestToken, IsTheLowestOfTheBest) {
  EXPECT_EQ(best_token(std::vector<float>{1, 3, 3, 2}).value(), 1);
  EXPECT_EQ(best_token(std::vector<float>{-kInfinity, -3e38F, -kInfinity}).value(), 1);
  EXPECT_EQ(best_token(std::vector<float>{-0.0F, 0.0F}).value(), 0);
}

TEST(BestToken, RefusesRowsThatHaveNone) {
  Scratch scratch;
  EXPECT_EQ(message(best_token(std::vector<float>(3, -kInfinity)).status()),
            "every token is excluded: there is none to go on with");
  EXPECT_EQ(draw_token(std::vector<float>(3, -kInfinity), 0.5, scratch).status().code(),
            absl::StatusCode::kFailedPrecondition);
  for (const float bad : {kNan, kInfinity}) {
    EXPECT_EQ(message(best_token(std::vector<float>{1, bad, 2}).status()),
              "a score is not finite after all penalties: a penalty, a bias or the temperature is too strong");
    EXPECT_EQ(draw_token(std::vector<float>{1, bad, 2}, 0.5, scratch).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(CheckLogits, NamesTheToken) {
  EXPECT_TRUE(check_logits(std::vector<float>{1, -kInfinity, 2}).ok());
  EXPECT_EQ(message(check_logits(std::vector<float>{1, kNan})), "the model gives the logit NaN for token 1");
  EXPECT_EQ(message(check_logits(std::vector<float>{kInfinity, 1})), "the model gives the logit inf for token 0");
  EXPECT_EQ(check_logits(std::vector<float>{kNan}).code(), absl::StatusCode::kInternal);
}

TEST(DrawToken, CutsTheLineAtTheProbabilities) {
  Scratch scratch;
  const float two = std::log(2.0F);
  const std::vector<float> scores = {0, -kInfinity, two, 0, -200};  // 1/4, 0, 1/2, 1/4, less than f32 has
  EXPECT_EQ(draw_token(scores, 0, scratch).value(), 0);
  EXPECT_EQ(draw_token(scores, 0.249, scratch).value(), 0);
  EXPECT_EQ(draw_token(scores, 0.251, scratch).value(), 2);
  EXPECT_EQ(draw_token(scores, 0.749, scratch).value(), 2);
  EXPECT_EQ(draw_token(scores, 0.751, scratch).value(), 3);
  EXPECT_EQ(draw_token(scores, 1 - 0x1p-53, scratch).value(), 3);
}

// Pearson's test: the sum of (seen - expected)^2 / expected over 9 tokens exceeds 33.7 once in 20,000 times (8 degrees
// of freedom, p = 5e-5).
TEST(DrawToken, FollowsTheDistribution) {
  Scratch scratch;
  const std::vector<float> scores = {0.3F, -1, 2, 1.5F, -2.5F, 0, 1, -0.5F, 0.75F};
  double sum = 0;
  for (const float s : scores) sum += std::exp(s);
  const std::vector<int32_t> prompt = {4, 2};
  constexpr int kDraws = 50000;
  std::vector<double> seen(scores.size());
  const TokenRandom random(123, prompt, 0);
  for (uint64_t i = 0; i < kDraws; ++i)
    ++seen[static_cast<size_t>(draw_token(scores, random.uniform(i), scratch).value())];
  double chi_squared = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double expected = kDraws * std::exp(scores[i]) / sum;
    chi_squared += (seen[i] - expected) * (seen[i] - expected) / expected;
  }
  EXPECT_LT(chi_squared, 33.7);
  EXPECT_GT(chi_squared, 0.5);  // no more even than chance is
}

// The first numbers of many streams are as uniform as those of one.
TEST(TokenRandom, StreamsAreIndependent) {
  const std::vector<int32_t> a = {1, 2, 3}, b = {1, 3, 2}, c = {0, 1, 2, 3};
  EXPECT_EQ(TokenRandom(1, a, 0).uniform(7), TokenRandom(1, a, 0).uniform(7));
  EXPECT_NE(TokenRandom(1, a, 0).uniform(7), TokenRandom(2, a, 0).uniform(7));
  EXPECT_NE(TokenRandom(1, a, 0).uniform(7), TokenRandom(1, a, 1).uniform(7));
  EXPECT_NE(TokenRandom(1, a, 0).uniform(7), TokenRandom(1, b, 0).uniform(7));
  EXPECT_NE(TokenRandom(1, a, 0).uniform(7), TokenRandom(1, c, 0).uniform(7));
  EXPECT_NE(TokenRandom(1, a, 0).uniform(7), TokenRandom(1, a, 0).uniform(8));
  std::vector<double> seen(10);
  constexpr int kStreams = 20000;
  for (uint64_t i = 0; i < kStreams; ++i) ++seen[static_cast<size_t>(TokenRandom(5, a, i).uniform(0) * 10)];
  double chi_squared = 0;
  for (const double n : seen) chi_squared += (n - kStreams / 10.0) * (n - kStreams / 10.0) / (kStreams / 10.0);
  EXPECT_LT(chi_squared, 35.6);  // 9 degrees of freedom, p = 5e-5
}

}  // namespace
}  // namespace hearth::text
