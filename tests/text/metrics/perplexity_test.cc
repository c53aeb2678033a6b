#include "text/metrics/perplexity.h"

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "gtest/gtest.h"
#include "text/models/pretrained.h"

namespace hearth::text {
namespace {

std::unique_ptr<CausalLm> model() { return load_pretrained<CausalLm>("tests/text/generate/golden/gpt2").value(); }

TEST(Perplexity, IsWhatTransformersComputesWindowByWindow) {
  const auto golden =
      io::parse_json(io::read_file("tests/text/metrics/golden.json", 1 << 20).value()).value()["windows"];
  const auto tokens = golden["tokens"].get<std::vector<int32_t>>();
  const auto gpt2 = model();
  for (const auto& c : golden["cases"]) {
    const auto count = c["count"].get<size_t>();
    // However many windows are computed at once.
    for (const int64_t at_once : {1, 40, 4096}) {
      const Perplexity p = perplexity(
          *gpt2, std::span(tokens).first(count),
          {.context = c["context"].get<int64_t>(), .stride = c["stride"].get<int64_t>(), .batch_tokens = at_once});
      EXPECT_EQ(p.tokens, static_cast<int64_t>(count) - 1);
      EXPECT_NEAR(p.nll / c["nll"].get<double>(), 1, 2e-6) << c;
    }
  }
}

TEST(Perplexity, TakesAllPositionsAndHalfOfThem) {
  const auto gpt2 = model();
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < 200; ++i) tokens.push_back(i * i % 30);
  EXPECT_EQ(perplexity(*gpt2, tokens).nll, perplexity(*gpt2, tokens, {.context = 48, .stride = 24}).nll);
}

TEST(Perplexity, OfLessThanTwoTokensIsNothing) {
  const auto gpt2 = model();
  for (const std::vector<int32_t>& tokens : {std::vector<int32_t>{}, {3}}) {
    const Perplexity p = perplexity(*gpt2, tokens);
    EXPECT_EQ(p.tokens, 0);
    EXPECT_TRUE(std::isnan(p.value()));
  }
}

TEST(Perplexity, AddsUp) {
  Perplexity p{.nll = 2 * std::log(4.0), .tokens = 2};
  EXPECT_NEAR(p.value(), 4, 1e-15);
  p += {.nll = 2 * std::log(16.0), .tokens = 2};
  EXPECT_NEAR(p.value(), 8, 1e-14);
  EXPECT_NEAR(p.bits_per_byte(6), 2, 1e-14);
}

TEST(Perplexity, RefusesWhatIsOutOfRange) {
  const auto gpt2 = model();
  const std::vector<int32_t> tokens = {1, 2, 3};
  for (const PerplexityOptions& o : {PerplexityOptions{.context = 49},
                                     {.context = -1},
                                     {.context = 4, .stride = 5},
                                     {.stride = -1},
                                     {.batch_tokens = 0}})
    EXPECT_THROW(perplexity(*gpt2, tokens, o), Error);
  EXPECT_THROW(perplexity(*gpt2, std::vector<int32_t>{1, 999}), Error);
  gpt2->module().train();
  EXPECT_THROW(perplexity(*gpt2, tokens), Error);
}

}  // namespace
}  // namespace hearth::text
