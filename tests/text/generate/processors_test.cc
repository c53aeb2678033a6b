#include "text/generate/processors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/text/generate/golden.h"

namespace hearth::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Processors, GiveWhatTransformersGives) {
  Scratch scratch;  // one for all: nothing of one row may be left for the next
  const nlohmann::json cases = golden("processors.json");
  for (const auto& c : cases["small"]) {
    SCOPED_TRACE(c["config"].dump());
    const GenerationConfig config = config_of(c["config"]);
    const auto ids = c["ids"].get<std::vector<int32_t>>();
    std::vector<float> scores = scores_of(c["before"]);
    const std::vector<float> expected = scores_of(c["after"]);
    const Processors processors(config);
    processors.process(scores, {ids, c["prompt"].get<size_t>()}, config.max_length.value_or(100), scratch);
    ASSERT_EQ(scores.size(), expected.size());
    bool changed = false;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (std::isinf(expected[i])) EXPECT_EQ(scores[i], expected[i]) << "token " << i;
      else EXPECT_NEAR(scores[i], expected[i], 2e-6 * std::max(1.0F, std::abs(expected[i]))) << "token " << i;
      changed |= !(scores[i] == scores_of(c["before"])[i]);
    }
    EXPECT_FALSE(changed && processors.empty());
  }
}

TEST(Processors, CutLargeVocabulariesAsTransformersDoes) {
  constexpr int64_t kSize = 20000;
  Scratch scratch;
  const nlohmann::json cases = golden("processors.json");
  for (const auto& c : cases["large"]) {
    SCOPED_TRACE(c["config"].dump());
    std::vector<float> scores;
    for (int64_t i = 0; i < kSize; ++i)
      scores.push_back(static_cast<float>(static_cast<double>(i * 7919 % 20011) / 20011 * 12 - 6));
    const std::vector<int32_t> ids = {1};
    Processors(config_of(c["config"])).process(scores, {ids, 1}, 100, scratch);
    int64_t kept = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < kSize; ++i) {
      if (scores[static_cast<size_t>(i)] == -kInfinity) continue;
      ++kept;
      sum += i;
      squares += i * i;
    }
    EXPECT_EQ(kept, c["kept"].get<int64_t>());
    EXPECT_EQ(sum, c["sum"].get<int64_t>());
    EXPECT_EQ(squares, c["sum_of_squares"].get<int64_t>());
  }
}

TEST(Processors, OccurrenceCountsNewTokensOnly) {
  Scratch scratch;
  std::vector<float> scores = {1, 1, 1, 1};
  const std::vector<int32_t> ids = {3, 3, 1, 2, 1, 1};
  Processors({.frequency_penalty = 0.5, .presence_penalty = 2}).process(scores, {ids, 2}, 100, scratch);
  EXPECT_EQ(scores, (std::vector<float>{1, 1 - 1.5F - 2, 1 - 0.5F - 2, 1}));
  scores = {0, 0, 0, 0};
  Processors({.frequency_penalty = -1}).process(scores, {ids, 2}, 100, scratch);
  EXPECT_EQ(scores, (std::vector<float>{0, 3, 1, 0}));
}

TEST(Processors, OfTwoBiasesOfOneSequenceTheLastCounts) {
  Scratch scratch;
  std::vector<float> scores = {0, 0, 0};
  const std::vector<int32_t> ids = {2, 1};
  const std::vector<SequenceBias> biases = {{{0}, 1}, {{1, 2}, 5}, {{0}, 3}, {{2, 1, 2}, 0.5F}};
  SequenceBiases(biases).add(scores, ids, scratch);
  EXPECT_EQ(scores, (std::vector<float>{3, 0, 5.5F}));
}

TEST(Processors, DoNothingByDefault) {
  EXPECT_TRUE(Processors({}).empty());
  EXPECT_TRUE(Processors({.temperature = 0.5, .top_p = 0.1}).empty());  // of sampling
  EXPECT_TRUE(Processors({.do_sample = true, .top_k = 0}).empty());
  EXPECT_FALSE(Processors({.do_sample = true}).empty());  // top_k is 50
  for (const GenerationConfig& c : {GenerationConfig{.min_new_tokens = 1},
                                    {.min_length = 1},
                                    {.sequence_bias = {{{1}, 1}}},
                                    {.repetition_penalty = 2},
                                    {.frequency_penalty = 1},
                                    {.presence_penalty = 1},
                                    {.no_repeat_ngram_size = 1},
                                    {.bad_words_ids = {{1}}},
                                    {.forced_bos_token_id = 1},
                                    {.forced_eos_token_id = {1}},
                                    {.remove_invalid_values = true},
                                    {.exponential_decay_length_penalty = std::pair(1, 2.0)},
                                    {.suppress_tokens = {1}},
                                    {.begin_suppress_tokens = {1}},
                                    {.renormalize_logits = true},
                                    {.do_sample = true, .temperature = 2, .top_k = 0},
                                    {.do_sample = true, .top_k = 0, .top_p = 0.5},
                                    {.do_sample = true, .top_k = 0, .min_p = 0.5},
                                    {.do_sample = true, .top_k = 0, .typical_p = 0.5},
                                    {.do_sample = true, .top_k = 0, .epsilon_cutoff = 0.5},
                                    {.do_sample = true, .top_k = 0, .eta_cutoff = 0.5}}) {
    EXPECT_FALSE(Processors(c).empty());
  }
}

TEST(Processors, TiesGoToTheLowestId) {
  Scratch scratch;
  std::vector<float> scores = {1, 2, 2, 2, 0};
  keep_top_p(scores, 0.5, scratch);  // two of three equal ones are enough
  EXPECT_EQ(scores, (std::vector<float>{-kInfinity, 2, 2, -kInfinity, -kInfinity}));
  std::vector<float> equal(1000, 3);
  keep_top_p(equal, 1e-300, scratch);
  EXPECT_EQ(std::ranges::count(equal, 3), 1);
  EXPECT_EQ(equal[0], 3);
  equal.assign(1000, 3);
  keep_typical(equal, 0.25, scratch);  // all are as typical as the last that is needed
  EXPECT_EQ(std::ranges::count(equal, 3), 1000);
}

TEST(Processors, KeepTheBestOfRowsWithoutMass) {
  Scratch scratch;
  for (const auto cut : {+[](std::span<float> s, Scratch&m) { keep_top_p(s, 1e-9, m); },
                         +[](std::span<float> s, Scratch&m) { keep_typical(s, 1e-9, m); },
                         +[](std::span<float> s, Scratch&m) { keep_top_k(s, 1, m); },
                         +[](std::span<float> s, Scratch&) { keep_min_p(s, 1); },
                         +[](std::span<float> s, Scratch&) { cut_epsilon(s, 0.99); },
                         +[](std::span<float> s, Scratch&) { cut_eta(s, 0.99); }}) {
    std::vector<float> scores = {-3.4e38F, -kInfinity, 3.4e38F, 0};
    cut(scores, scratch);
    EXPECT_EQ(scores[2], 3.4e38F);
    EXPECT_EQ(scores[1], -kInfinity);
    std::vector<float> none(5, -kInfinity);
    cut(none, scratch);
    EXPECT_EQ(none, std::vector<float>(5, -kInfinity));
  }
}

TEST(Processors, TheEndBecomesLikelierWithoutOverflow) {
  std::vector<float> scores = {-2, 1, 0, -kInfinity};
  const std::vector<int32_t> ends = {0, 1, 2, 3};
  raise(scores, ends, 1e6, 1'000'000);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isfinite(scores[i])) << i;
  EXPECT_EQ(scores[2], 0);
  EXPECT_EQ(scores[3], -kInfinity);
}

// The mass that select_mass() finds, against a full sort.
TEST(SelectMass, EqualsAFullSort) {
  std::mt19937 rng(1);
  // Keys that are all equal, few, many, far apart, and without end.
  const auto key = [&](int kind) -> float {
    const auto n = static_cast<float>(rng() % 40), many = static_cast<float>(rng() % 100000);
    return kind == 0   ? 1
           : kind == 1 ? n
           : kind == 2 ? many / 7
           : kind == 3 ? (many - 50000) * 6e33F
           : n < 1     ? kInfinity
                       : n;
  };
  for (const int kind : {0, 1, 2, 3, 4}) {
    for (const size_t size : {0, 1, 2, 33, 100, 1000, 5000}) {
      for (const double part : {0.0, 0.01, 0.3, 0.9, 1.0, 2.0}) {
        std::vector<Candidate> all(size);
        double mass = 0;
        for (size_t i = 0; i < size; ++i) {
          // Whole weights, so that sums are exact.
          all[i] = {key(kind), static_cast<float>(rng() % 5), static_cast<int32_t>(i)};
          mass += all[i].weight;
        }
        std::vector<Candidate> sorted = all;
        std::ranges::sort(sorted, [](const Candidate& a, const Candidate& b) {
          return std::pair(a.key, a.id) < std::pair(b.key, b.id);
        });
        size_t expected = 0;
        for (double sum = 0; expected < size && (sum < part * mass || expected == 0);) sum += sorted[expected++].weight;
        const size_t found = select_mass(all, part * mass);
        ASSERT_EQ(found, expected) << size << " " << part;
        std::vector<int32_t> a, b;
        for (size_t i = 0; i < found; ++i) {
          a.push_back(all[i].id);
          b.push_back(sorted[i].id);
        }
        std::ranges::sort(a);
        std::ranges::sort(b);
        EXPECT_EQ(a, b);
      }
    }
  }
}

}  // namespace
}  // namespace hearth::text
