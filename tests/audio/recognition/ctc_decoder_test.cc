// Decoders, beside an enumeration of every path of classes.
#include "audio/recognition/ctc_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "core/ops/create.h"
#include "core/ops/ctc_loss.h"
#include "core/ops/random.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::audio {
namespace {

constexpr const char* kArpa =
    "\\data\\\nngram 1=5\nngram 2=3\n\\1-grams:\n-1.5 <unk>\n-99 <s> -0.3\n-0.7 </s>\n-0.6 a -0.4\n-1.1 ab -0.2\n"
    "\\2-grams:\n-0.2 <s> ab\n-0.3 ab a\n-0.4 a </s>\n\\end\\\n";

const std::vector<std::string> kLabels = {"-", "|", "a", "b"};

Tensor frames(int64_t n, uint64_t seed, double sharp = 1.5) {
  Generator random(seed);
  return log_softmax(randn({n, 4}, {.dtype = f64}, &random) * sharp, 1);
}

std::vector<int64_t> collapsed(const std::vector<int64_t>& path) {
  std::vector<int64_t> out;
  for (size_t t = 0; t < path.size(); ++t) {
    if (path[t] != 0 && (t == 0 || path[t] != path[t - 1])) out.push_back(path[t]);
  }
  return out;
}

std::vector<std::string> words_of(const std::vector<int64_t>& tokens) {
  std::vector<std::string> words(1);
  for (const int64_t k : tokens) {
    if (k == 1) words.emplace_back();
    else words.back() += kLabels[static_cast<size_t>(k)];
  }
  std::erase(words, "");
  return words;
}

// Every text and the probability of all its paths.
std::map<std::vector<int64_t>, double> texts(const Tensor& log_probs) {
  std::map<std::vector<int64_t>, double> all;
  const std::vector<double> p = log_probs.to_vector<double>();
  const auto n = static_cast<size_t>(log_probs.size(0));
  for (size_t code = 0; code < size_t{1} << (2 * n); ++code) {
    std::vector<int64_t> path;
    double sum = 0;
    for (size_t t = 0; t < n; ++t) {
      path.push_back(static_cast<int64_t>(code >> (2 * t) & 3));
      sum += p[t * 4 + static_cast<size_t>(path.back())];
    }
    all[collapsed(path)] += std::exp(sum);
  }
  return all;
}

// All texts by their score, best first, with what their words add.
template <class F>
std::vector<std::pair<double, std::vector<int64_t>>> ranked(const Tensor& log_probs, F added) {
  std::vector<std::pair<double, std::vector<int64_t>>> all;
  for (const auto& [tokens, p] : texts(log_probs)) {
    const double more = added(words_of(tokens));
    if (more > -1e9) all.emplace_back(std::log(p) + more, tokens);
  }
  std::sort(all.rbegin(), all.rend());
  return all;
}

template <class F>
void expect_all(const CtcBeamOptions& options, F added) {
  for (uint64_t seed = 1; seed < 6; ++seed) {
    const Tensor x = frames(6, seed);
    const auto want = ranked(x, added);
    const auto got = ctc_beam_search(x, options, 10);
    ASSERT_EQ(got.size(), std::min<size_t>(want.size(), 10));
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i].score, want[i].first, 1e-9) << i;
      EXPECT_EQ(got[i].tokens, want[i].second) << i;
      EXPECT_EQ(got[i].words, words_of(want[i].second)) << i;
    }
  }
}

// A beam from which nothing falls.
CtcBeamOptions wide() { return {.labels = kLabels, .delimiter = 1, .beam_size = 100000, .beam_threshold = 1e9}; }

TEST(CtcDecoder, GreedyIsTheBestPath) {
  const Tensor x = frames(50, 3);
  std::vector<int64_t> path;
  for (const int64_t k : x.argmax(1).to_vector<int64_t>()) path.push_back(k);
  EXPECT_EQ(ctc_greedy_decode(x), collapsed(path));
  EXPECT_TRUE(ctc_greedy_decode(zeros({0, 3})).empty());
  EXPECT_EQ(ctc_greedy_decode(tensor({{1.0, 5.0}, {1.0, 5.0}, {5.0, 1.0}, {1.0, 5.0}})), (std::vector<int64_t>{1, 1}));
}

TEST(CtcDecoder, AWideBeamFindsEveryTextAndItsProbability) {
  expect_all(wide(), [](const auto&) { return 0.0; });
}

TEST(CtcDecoder, ScoresAreThoseOfTheLoss) {
  const Tensor x = frames(6, 9);
  for (const CtcHypothesis& h : ctc_beam_search(x, wide(), 20)) {
    const auto n = static_cast<int64_t>(h.tokens.size());
    const Tensor loss = ctc_loss(x, n ? tensor(h.tokens) : zeros({0}, {.dtype = i64}), tensor({6}), tensor({n}),
                                 {.reduction = Reduction::kNone});
    EXPECT_NEAR(h.score, -loss.item<double>(), 1e-9);
  }
}

TEST(CtcDecoder, AddsTheLanguageModelAndHotWords) {
  CtcBeamOptions o = wide();
  o.language_model = *NgramModel::parse(kArpa);
  o.lm_weight = 0.7;
  o.word_score = 0.4;
  o.hot_words = {{"ba", 2.5}};
  expect_all(o, [&](const std::vector<std::string>& words) {
    double sum = 0.7 * o.language_model->sentence(words) + 0.4 * static_cast<double>(words.size());
    for (const std::string& w : words) sum += w == "ba" ? 2.5 : 0;
    return sum;
  });
}

TEST(CtcDecoder, RecognisesOnlyWordsOfTheLexicon) {
  CtcBeamOptions o = wide();
  o.lexicon = *Lexicon::parse("ab a b\nba b a\naa a a", kLabels);
  expect_all(o, [](const std::vector<std::string>& words) {
    const auto known = [](const std::string& w) { return w == "ab" || w == "ba" || w == "aa"; };
    return std::all_of(words.begin(), words.end(), known) ? 0.0 : -1e10;
  });
}

TEST(CtcDecoder, ChoosesBetweenWordsThatAreSpeltAlike) {
  CtcBeamOptions o = wide();
  o.lexicon = *Lexicon::parse("aye a\na a", kLabels);
  o.language_model = *NgramModel::parse(kArpa);
  const Tensor x = log_softmax(tensor({{0.0, 0.0, 9.0, 0.0}, {9.0, 0.0, 0.0, 0.0}}), 1);
  EXPECT_EQ(ctc_beam_search(x, o)[0].text, "a");
}

TEST(CtcDecoder, GivesIncompleteTextsOnlyIfThereAreNoOthers) {
  CtcBeamOptions o = wide();
  o.beam_size = 1;
  o.lexicon = *Lexicon::parse("ab a b\naaab a a a b", kLabels);
  const Tensor x =
      log_softmax(tensor({{0.0, 0.0, 9.0, 0.0}, {0.0, 0.0, 0.0, 9.0}, {0.0, 9.0, 0.0, 0.0}, {0.0, 0.0, 9.0, 0.0}}), 1);
  CtcBeamSearch search(o);
  search.feed(x);
  EXPECT_EQ(search.partial().text, "ab a");
  EXPECT_EQ(search.results()[0].text, "ab");
}

TEST(CtcDecoder, InPartsGivesWhatTheWholeGives) {
  CtcBeamOptions o{.labels = kLabels, .delimiter = 1, .beam_size = 8, .beam_size_token = 3};
  o.language_model = *NgramModel::parse(kArpa);
  std::mt19937 random(1);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Tensor x = frames(200, seed, 3);
    const auto whole = ctc_beam_search(x, o, 8);
    CtcBeamSearch search(o);
    CtcGreedyStream greedy;
    std::vector<int64_t> labels;
    for (int64_t at = 0; at < 200;) {
      const int64_t n = std::min<int64_t>(random() % 7, 200 - at);
      search.feed(x.slice(0, at, at + n));
      for (const int64_t k : greedy(x.slice(0, at, at + n))) labels.push_back(k);
      (void)search.partial();
      at += n;
    }
    EXPECT_EQ(labels, ctc_greedy_decode(x));
    const auto parts = search.results(8);
    ASSERT_EQ(parts.size(), whole.size());
    for (size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(parts[i].text, whole[i].text);
      EXPECT_EQ(parts[i].score, whole[i].score);
      EXPECT_EQ(parts[i].frames, whole[i].frames);
      EXPECT_TRUE(std::is_sorted(whole[i].frames.begin(), whole[i].frames.end()));
    }
    search.reset();
    search.feed(x);
    EXPECT_EQ(search.results()[0].score, whole[0].score);
  }
}

TEST(CtcDecoder, OfNothingIsNothing) {
  const auto h = ctc_beam_search(zeros({0, 4}), wide(), 3);
  ASSERT_EQ(h.size(), 1u);
  EXPECT_EQ(h[0].text, "");
  EXPECT_EQ(h[0].score, 0);
  EXPECT_TRUE(ctc_beam_search(zeros({0, 4}), wide(), 0).empty());
}

TEST(CtcDecoder, SaysWhatDoesNotFit) {
  const auto error = [](const CtcBeamOptions& o) { return testing::error_of([&] { CtcBeamSearch{o}; }); };
  EXPECT_EQ(error({}), "CtcBeamSearch: labels is empty; it names each class");
  EXPECT_EQ(error({.labels = kLabels, .blank = 4}), "CtcBeamSearch: the blank 4 is out of range for 4 labels");
  EXPECT_EQ(error({.labels = kLabels, .delimiter = 0}),
            "CtcBeamSearch: the delimiter 0 is not one of 4 labels beside the blank");
  EXPECT_EQ(error({.labels = kLabels, .hot_words = {{"a", 1.0}}}), "CtcBeamSearch: words need a delimiter");
  EXPECT_NE(error({.labels = kLabels, .delimiter = 1, .hot_words = {{"a", 1e308}}}).find("\"a\" has a score"),
            std::string::npos);
  EXPECT_NE(error({.labels = kLabels, .delimiter = 1, .word_score = NAN}).find("word_score"), std::string::npos);
  CtcBeamSearch search(wide());
  EXPECT_EQ(testing::error_of([&] {
              search.feed(zeros({2, 3}));
            }),
            "CtcBeamSearch: the frames have 3 classes, but there are 4 labels");
  EXPECT_EQ(testing::error_of([&] {
              search.feed(ones({2, 4}));
            }),
            "CtcBeamSearch: frame 0 has the value 1; expected logarithms of probabilities");
  EXPECT_EQ(testing::error_of([&] { search.feed(zeros({4})); }),
            "CtcBeamSearch: log_probs must be [frames, classes], but their shape is [4]");
}

}  // namespace
}  // namespace hearth::audio
