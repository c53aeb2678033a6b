#include "text/metrics/kneser_ney.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "gtest/gtest.h"

namespace hearth::text {
namespace {

using Tokens = std::vector<int32_t>;

nlohmann::json golden() {
  return io::parse_json(io::read_file("tests/text/metrics/golden.json", 1 << 20).value()).value()["ngrams"];
}

// By hand. The bigrams of 0 1 0 1 0 2 are 01 (twice), 10 (twice) and 02. Different tokens stand before 0: 1 (the 1),
// and one each before 1 and 2. With so few counts the discounts are 0.5, 1 and 1.5.
TEST(KneserNey, BigramsByHand) {
  const KneserNeyModel m(Tokens{0, 1, 0, 1, 0, 2}, 4, 2);
  // Unigrams: each of 0, 1, 2 has a count of 1 of 3 in all; 3 * 0.5 / 3 goes to the four tokens.
  const double seen = 0.5 / 3 + 0.5 * 0.25, unseen = 0.5 * 0.25;
  EXPECT_NEAR(m.log_probability({}, 0), std::log(seen), 1e-14);
  EXPECT_NEAR(m.log_probability({}, 3), std::log(unseen), 1e-14);
  // After 0: 1 twice and 2 once; the discounts 1 and 0.5 go to the unigrams.
  const Tokens after = {0};
  EXPECT_NEAR(m.log_probability(after, 1), std::log((2 - 1.0) / 3 + 1.5 / 3 * seen), 1e-14);
  EXPECT_NEAR(m.log_probability(after, 2), std::log((1 - 0.5) / 3 + 1.5 / 3 * seen), 1e-14);
  EXPECT_NEAR(m.log_probability(after, 3), std::log(1.5 / 3 * unseen), 1e-14);
  // Nothing was seen after 2, which ends the text, nor after 3.
  EXPECT_NEAR(m.log_probability(Tokens{2}, 1), std::log(seen), 1e-14);
  EXPECT_NEAR(m.log_probability(Tokens{3}, 1), std::log(seen), 1e-14);
  // Of a longer history the last token counts.
  EXPECT_EQ(m.log_probability(Tokens{2, 3, 0}, 1), m.log_probability(after, 1));
  EXPECT_EQ(m.count(1), 3);
  EXPECT_EQ(m.count(2), 3);
}

TEST(KneserNey, IsWhatTheDefinitionSays) {
  for (const auto& c : golden()) {
    const KneserNeyModel m(c["tokens"].get<Tokens>(), c["vocabulary"].get<int64_t>(), c["order"].get<int>());
    SCOPED_TRACE(c["order"].get<int>());
    for (int n = 1; n <= m.order(); ++n) {
      for (size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(m.discounts(n)[i], c["discounts"][static_cast<size_t>(n - 1)][i].get<double>(), 1e-12) << n;
    }
    for (const auto& q : c["queries"])
      EXPECT_NEAR(m.log_probability(q[0].get<Tokens>(), q[1].get<int32_t>()), q[2].get<double>(), 1e-11) << q;
    const Tokens text = c["text"].get<Tokens>();
    const Perplexity p = m.perplexity(text);
    EXPECT_EQ(p.tokens, static_cast<int64_t>(text.size()) - 1);
    EXPECT_NEAR(p.nll, c["nll"].get<double>(), 1e-10);
  }
}

TEST(KneserNey, ProbabilitiesAddUpToOne) {
  const auto c = golden()[1];
  const auto vocabulary = c["vocabulary"].get<int32_t>();
  const Tokens tokens = c["tokens"].get<Tokens>();
  const KneserNeyModel m(tokens, vocabulary, 5);
  for (size_t at = 0; at + 4 < tokens.size(); at += 37) {
    double sum = 0;
    for (int32_t t = 0; t < vocabulary; ++t) sum += std::exp(m.log_probability({tokens.data() + at, 4}, t));
    EXPECT_NEAR(sum, 1, 1e-12);
  }
}

TEST(KneserNey, WithoutTextEveryTokenIsEquallyLikely) {
  const KneserNeyModel m(Tokens{}, 8);
  EXPECT_EQ(m.order(), 5);
  EXPECT_NEAR(m.log_probability(Tokens{1, 2}, 3), -std::log(8), 1e-15);
  EXPECT_TRUE(std::isnan(m.perplexity(Tokens{1}).value()));
  EXPECT_NEAR(m.perplexity(Tokens{1, 2, 3}).value(), 8, 1e-12);
  EXPECT_NEAR(m.perplexity(Tokens{1, 2, 3}).bits_per_byte(3), 2, 1e-12);  // two tokens of 3 bits in 3 bytes
}

TEST(KneserNey, RefusesWhatIsOutOfRange) {
  EXPECT_THROW(KneserNeyModel(Tokens{0}, 1, 0), Error);
  EXPECT_THROW(KneserNeyModel(Tokens{0}, 1, 17), Error);
  EXPECT_THROW(KneserNeyModel(Tokens{0}, 0), Error);
  EXPECT_THROW(KneserNeyModel(Tokens{0, 3}, 3), Error);
  EXPECT_THROW(KneserNeyModel(Tokens{0, -1}, 3), Error);
  const KneserNeyModel m(Tokens{0, 1}, 3, 2);
  EXPECT_THROW(m.log_probability({}, 3), Error);
  EXPECT_THROW(m.discounts(0), Error);
  EXPECT_THROW(m.count(3), Error);
}

}  // namespace
}  // namespace hearth::text
