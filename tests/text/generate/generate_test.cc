#include "text/generate/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/parallel.h"
#include "tests/text/generate/byte_tokenizer.h"
#include "tests/text/generate/formula_model.h"
#include "tests/text/generate/golden.h"

namespace hearth::text {
namespace {

using Prompts = std::vector<std::vector<int32_t>>;

std::string message(const absl::Status& s) { return std::string(s.message()); }

TEST(Generate, EqualsTransformers) {
  const FormulaModel model;
  for (const auto& c : golden("searches.json")) {
    SCOPED_TRACE(c["config"].dump());
    const auto prompts = c["prompts"].get<Prompts>();
    const auto texts = generate(model, prompts, config_of(c["config"]));
    ASSERT_TRUE(texts.ok()) << texts.status();
    ASSERT_EQ(texts->size(), c["texts"].size());
    for (size_t i = 0; i < texts->size(); ++i) {
      const auto& expected = c["texts"][i];
      EXPECT_EQ((*texts)[i].prompt, expected["prompt"].get<int64_t>());
      EXPECT_EQ((*texts)[i].ids, expected["ids"].get<std::vector<int32_t>>());
      if (!expected.contains("score")) continue;
      const double score = expected["score"].get<double>();
      EXPECT_NEAR((*texts)[i].score, score, 2e-6 * std::max(1.0, std::abs(score)));
    }
  }
}

TEST(Generate, ReadsLogitsOfHalfPrecision) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF64}) {
    const FormulaModel model(13, 64, dtype);
    const auto texts = generate(model, {4, 2}, {.max_new_tokens = 10}).value();
    // The best of the rounded logits, the lowest of equal ones.
    std::vector<int64_t> ids = {4, 2};
    for (const int32_t id : texts[0].ids) {
      const std::vector<float> exact = model.after(ids);
      Tensor rounded = empty({static_cast<int64_t>(exact.size())});
      std::copy(exact.begin(), exact.end(), rounded.mutable_data<float>());
      const auto row = rounded.to(dtype).to_vector<float>();
      EXPECT_EQ(id, std::ranges::max_element(row) - row.begin());
      ids.push_back(id);
    }
  }
}

TEST(Generate, TheSameForAnyThreadsAndNeighbours) {
  const FormulaModel model(200);
  const Prompts prompts = {{4}, {1, 2, 9, 4, 4, 8}, {11, 0, 7}, {4}};
  const GenerationConfig config{.max_new_tokens = 25,
                                .eos_token_id = {3},
                                .do_sample = true,
                                .num_return_sequences = 3,
                                .seed = 42,
                                .temperature = 1.3,
                                .top_p = 0.97};
  std::vector<GeneratedText> one, four;
  {
    const ThreadWidth width(1);
    one = generate(model, prompts, config).value();
  }
  {
    const ThreadWidth width(4);
    four = generate(model, prompts, config).value();
  }
  ASSERT_EQ(one.size(), 12u);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].ids, four[i].ids);
    EXPECT_EQ(one[i].prompt, static_cast<int64_t>(i / 3));
  }
  for (size_t p = 0; p < prompts.size(); ++p) {
    const auto alone = generate(model, prompts[p], config).value();
    for (size_t k = 0; k < 3; ++k) EXPECT_EQ(alone[k].ids, one[p * 3 + k].ids);
  }
  EXPECT_NE(one[0].ids, one[1].ids);
  EXPECT_EQ(one[0].ids, one[9].ids);  // equal prompts have equal texts
  GenerationConfig other = config;
  other.seed = 43;
  EXPECT_NE(generate(model, prompts, other).value()[0].ids, one[0].ids);
}

// 4,000 texts of one token, against the softmax: Pearson's test as in sampler_test.
TEST(Generate, SamplesFollowTheDistribution) {
  const FormulaModel model(6);
  const std::vector<int32_t> prompt = {2, 5};
  std::map<int32_t, double> seen;
  constexpr int kRounds = 4;
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    const auto texts = generate(model, prompt,
                                {.max_new_tokens = 1,
                                 .do_sample = true,
                                 .num_return_sequences = 1000,
                                 .seed = seed,
                                 .temperature = 2,
                                 .top_k = 4})
                           .value();
    for (const GeneratedText& t : texts) ++seen[t.ids[0]];
  }
  std::vector<float> logits = model.after({2, 5});
  std::vector<float> sorted = logits;
  std::ranges::sort(sorted, std::greater<>());
  double sum = 0;
  for (const float v : logits) sum += v >= sorted[3] ? std::exp(v / 2) : 0;
  double chi_squared = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double n = seen[static_cast<int32_t>(i)];
    if (logits[i] < sorted[3]) {
      EXPECT_EQ(n, 0);
      continue;
    }
    const double expected = kRounds * 1000 * std::exp(logits[i] / 2) / sum;
    chi_squared += (n - expected) * (n - expected) / expected;
  }
  EXPECT_LT(chi_squared, 22.1);  // 3 degrees of freedom, p = 6e-5
}

TEST(Generate, TokensAreShownAsTheyCome) {
  const Tokenizer t = byte_tokenizer();
  const FormulaModel model(257);
  const Prompts prompts = {t.encode_ids("ab").value(), t.encode_ids("cde").value()};
  std::vector<std::vector<int32_t>> ids(2);
  std::vector<std::string> texts(2);
  std::vector<bool> finished(2);
  std::vector<int64_t> order;
  const auto made = generate(model, prompts, {.max_new_tokens = 40},
                             {.tokenizer = &t,
                              .on_token =
                                  [&](const GeneratedToken& token) {
                                    const auto p = static_cast<size_t>(token.prompt);
                                    EXPECT_FALSE(finished[p]);
                                    ids[p].push_back(token.id.value());
                                    texts[p] += token.text;
                                    finished[p] = token.finished;
                                    order.push_back(token.prompt);
                                    return true;
                                  }})
                        .value();
  for (size_t p = 0; p < 2; ++p) {
    EXPECT_EQ(made[p].ids, ids[p]);
    EXPECT_EQ(made[p].text, texts[p]);
    EXPECT_TRUE(finished[p]);
    // Bytes at random: what decode() makes of them, behind the prompt.
    std::vector<int32_t> all = prompts[p];
    all.insert(all.end(), ids[p].begin(), ids[p].end());
    EXPECT_EQ(t.decode(prompts[p]).value() + made[p].text, t.decode(all).value());
  }
  EXPECT_EQ(order[0], 0);
  EXPECT_EQ(order[1], 1);
}

TEST(Generate, TheCallbackEndsOneText) {
  const FormulaModel model;
  const Prompts prompts = {{4}, {5, 6}};
  const auto whole = generate(model, prompts, {.max_new_tokens = 10}).value();
  int calls = 0;
  const auto made = generate(model, prompts, {.max_new_tokens = 10},
                             {.on_token =
                                  [&](const GeneratedToken& token) {
                                    ++calls;
                                    return token.prompt != 0 || calls < 4;
                                  }})
                        .value();
  EXPECT_EQ(made[0].reason, FinishReason::kCancelled);
  EXPECT_EQ(made[0].ids.size(), 3u);
  EXPECT_EQ(made[1].reason, FinishReason::kLength);
  EXPECT_EQ(made[1].ids, whole[1].ids);
  EXPECT_EQ(calls, 13);
}

TEST(Generate, AStopTokenEndsAllTexts) {
  const FormulaModel model;
  std::stop_source source;
  int calls = 0;
  const auto made = generate(model, Prompts{{4}, {5, 6}}, {.max_new_tokens = 30},
                             {.on_token =
                                  [&](const GeneratedToken&) {
                                    if (++calls == 5) source.request_stop();
                                    return true;
                                  },
                              .stop = source.get_token()})
                        .value();
  EXPECT_EQ(made[0].ids.size(), 3u);
  EXPECT_EQ(made[1].ids.size(), 3u);
  for (const GeneratedText& t : made) EXPECT_EQ(t.reason, FinishReason::kCancelled);
  const auto beams = generate(model, {4}, {.num_beams = 2}, {.stop = source.get_token()}).value();
  EXPECT_TRUE(beams[0].ids.empty());
  EXPECT_EQ(beams[0].reason, FinishReason::kCancelled);
}

TEST(Generate, TimeEndsTexts) {
  const FormulaModel model;
  const auto made = generate(model, {4}, {.max_new_tokens = 30, .max_time = 1e-9}).value();
  EXPECT_EQ(made[0].reason, FinishReason::kTime);
  EXPECT_EQ(made[0].ids.size(), 1u);
}

// However a text ends, what was shown is its text.
TEST(Generate, TheEndIsShownToo) {
  const Tokenizer t = byte_tokenizer();
  const std::vector<int32_t> e = t.encode_ids("E").value();
  FormulaModel model(257);
  model.change = [&](std::vector<float>& row) { row[static_cast<size_t>(e[0])] = 100; };
  const GenerationConfig config{.max_new_tokens = 30, .stop_strings = {"END"}};
  std::string shown;
  int calls = 0, ends = 0;
  bool goes_on = true;
  std::stop_source source;
  GenerateOptions options{.tokenizer = &t, .on_token = [&](const GeneratedToken& token) {
                            shown += token.text;
                            ++calls;
                            ends += token.finished ? 1 : 0;
                            EXPECT_EQ(token.id.has_value(), !token.finished);
                            return goes_on;
                          }};
  GenerationConfig short_time = config;
  short_time.max_time = 1e-9;
  const auto timed = generate(model, e, short_time, options).value();
  EXPECT_EQ(timed[0].reason, FinishReason::kTime);
  EXPECT_EQ(timed[0].text, "E");  // held back: it may begin "END"
  EXPECT_EQ(shown, "E");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(ends, 1);

  shown.clear();
  calls = ends = 0;
  model.change = [&](std::vector<float>& row) {
    row[static_cast<size_t>(e[0])] = 100;
    if (calls == 2) source.request_stop();
  };
  options.stop = source.get_token();
  const auto stopped = generate(model, e, config, options).value();
  EXPECT_EQ(stopped[0].reason, FinishReason::kCancelled);
  EXPECT_EQ(stopped[0].text, "EEE");
  EXPECT_EQ(shown, "EEE");
  EXPECT_EQ(ends, 1);

  // Who ends a text is not called again.
  calls = 0;
  goes_on = false;
  options.stop = {};
  EXPECT_EQ(generate(model, e, config, options).value()[0].text, "E");
  EXPECT_EQ(calls, 1);
}

TEST(Generate, RefusesAModelInTrainingMode) {
  FormulaModel model;
  model.module().train();
  const absl::Status s = generate(model, {4}, {}).status();
  EXPECT_EQ(s.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(message(s).find("call eval()"), std::string::npos);
  model.module().eval();
  EXPECT_TRUE(generate(model, {4}, {}).ok());
}

// A file may name one id millions of times: a search neither reserves room for each nor finds other texts.
TEST(Generate, AnEndThatIsNamedManyTimes) {
  const FormulaModel model;
  const auto once = generate(model, {4}, {.max_new_tokens = 8, .eos_token_id = {3, 5}, .num_beams = 1024}).value();
  std::vector<int32_t> ids(4'000'000, 5);
  ids.push_back(3);
  const auto many = generate(model, {4}, {.max_new_tokens = 8, .eos_token_id = ids, .num_beams = 1024});
  ASSERT_TRUE(many.ok()) << many.status();
  EXPECT_EQ(many->at(0).ids, once[0].ids);
  EXPECT_EQ(many->at(0).score, once[0].score);
}

TEST(Generate, WhatTheCallbackThrowsPasses) {
  const FormulaModel model;
  EXPECT_THROW((void)generate(model, {4}, {},
                              {.on_token = [](const GeneratedToken&) -> bool { throw std::runtime_error("no"); }}),
               std::runtime_error);
}

TEST(Generate, BeamsHaveTexts) {
  const Tokenizer t = byte_tokenizer();
  const FormulaModel model(257);
  const auto made = generate(model, t.encode_ids("ab").value(),
                             {.max_new_tokens = 12, .num_beams = 3, .num_return_sequences = 3}, {.tokenizer = &t})
                        .value();
  ASSERT_EQ(made.size(), 3u);
  for (const GeneratedText& text : made) {
    std::vector<int32_t> all = t.encode_ids("ab").value();
    all.insert(all.end(), text.ids.begin(), text.ids.end());
    EXPECT_EQ("ab" + text.text, t.decode(all).value());
  }
  EXPECT_GE(made[0].score, made[1].score);
}

TEST(Generate, ASequenceIsNoLongerThanTheModelTakes) {
  const FormulaModel model(13, 8);
  const auto made = generate(model, Prompts{{4}, {1, 2, 3, 4, 5, 6, 7}}, {.max_new_tokens = 50}).value();
  EXPECT_EQ(made[0].ids.size(), 7u);
  EXPECT_EQ(made[1].ids.size(), 1u);
  EXPECT_EQ(made[1].reason, FinishReason::kLength);
}

TEST(Generate, RefusesBadInput) {
  const FormulaModel model(13, 8);
  const auto why = [&](const Prompts& prompts, const GenerationConfig& c, const GenerateOptions& options = {}) {
    return message(generate(model, prompts, c, options).status());
  };
  EXPECT_EQ(why({{}}, {}), "the prompt is empty: it needs a token, such as the one that begins texts");
  EXPECT_EQ(why({{1}, {}}, {}), "prompt 1: the prompt is empty: it needs a token, such as the one that begins texts");
  EXPECT_EQ(why({{1}, {13}}, {}), "prompt 1: the prompt has the id 13, but the model has the ids 0 to 12");
  EXPECT_EQ(why({std::vector<int32_t>(8, 1)}, {}),
            "the prompt has 8 tokens, but the model takes at most 8, new ones included");
  EXPECT_EQ(why({{1}}, {.max_new_tokens = 0}), "max_new_tokens must be from 1 to 2147483647, but is 0");
  EXPECT_EQ(why({{1}}, {.stop_strings = {"x"}}), "stop_strings need a tokenizer");
  EXPECT_EQ(why({{1}}, {.num_beams = 2}, {.on_token = [](const GeneratedToken&) { return true; }}),
            "num_beams is 2: a beam search has no tokens to show before its end");
  EXPECT_EQ(why({{1}}, {.suppress_tokens = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}),
            "every token is excluded: there is none to go on with");
  EXPECT_EQ(generate(model, Prompts{}, {})->size(), 0u);
  EXPECT_EQ(message(generate(model, Prompts{}, {.top_p = 2}).status()),
            "top_p must be above 0 and at most 1, but is 2");
}

TEST(Generate, GarbageOfTheModelIsAnError) {
  FormulaModel model;
  model.change = [](std::vector<float>& row) { row[5] = std::numeric_limits<float>::quiet_NaN(); };
  for (const GenerationConfig& c : {GenerationConfig{}, {.num_beams = 2}, {.do_sample = true}}) {
    const absl::Status s = generate(model, Prompts{{4}, {2}}, c).status();
    EXPECT_EQ(message(s), "prompt 0: the model gives the logit NaN for token 5");
    EXPECT_EQ(s.code(), absl::StatusCode::kInternal);
  }
  model.change = [](std::vector<float>&) { fail(ErrorKind::kOutOfMemory, "no memory for logits"); };
  EXPECT_EQ(message(generate(model, {4}, {}).status()), "no memory for logits");
  EXPECT_EQ(generate(model, {4}, {}).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace hearth::text
