#include "text/generate/decoding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/text/generate/byte_tokenizer.h"
#include "text/generate/beam.h"

namespace hearth::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::string message(const absl::Status& s) { return std::string(s.message()); }

DecodingPlan plan_of(const GenerationConfig& config, const Tokenizer* tokenizer = nullptr) {
  return DecodingPlan::make(config, {.vocabulary = 300, .max_positions = 50}, tokenizer).value();
}

// Logits after which this token is the best.
std::vector<float> saying(int32_t id) {
  std::vector<float> out(300);
  out[static_cast<size_t>(id)] = 5;
  return out;
}

struct Said {
  std::vector<std::string> pieces;
  std::string text;
  FinishReason reason = FinishReason::kLength;
  size_t tokens = 0;
};

// What becomes of a model that says this.
Said say(const GenerationConfig& config, const Tokenizer& t, const std::vector<int32_t>& ids) {
  Scratch scratch;
  Decoding text = Decoding::begin(plan_of(config, &t), t.encode_ids("p").value()).value();
  Said said;
  for (const int32_t id : ids) {
    const DecodedToken token = text.next(saying(id), scratch).value();
    EXPECT_EQ(token.id, id);
    EXPECT_EQ(token.finished, text.finished());
    said.pieces.push_back(token.text);
    said.text += token.text;
    if (token.finished) break;
  }
  if (!text.finished()) said.text += text.finish(FinishReason::kCancelled).value();
  said.reason = text.reason();
  said.tokens = text.new_tokens().size();
  return said;
}

TEST(Decoding, EndsWithEachOfSeveralEnds) {
  const Tokenizer t = byte_tokenizer();
  std::vector<int32_t> ids = t.encode_ids("ab\n").value();
  const Said newline = say({.eos_token_id = {kEndToken, ids[2]}}, t, ids);
  EXPECT_EQ(newline.reason, FinishReason::kEos);
  EXPECT_EQ(newline.text, "ab");  // what ends a text is not part of it
  EXPECT_EQ(newline.tokens, 3u);
  ids[1] = kEndToken;
  const Said special = say({.eos_token_id = {kEndToken, ids[2]}}, t, ids);
  EXPECT_EQ(special.reason, FinishReason::kEos);
  EXPECT_EQ(special.tokens, 2u);
}

TEST(Decoding, AStopStringIsNeverSeen) {
  const Tokenizer t = byte_tokenizer();
  const Said said =
      say({.max_new_tokens = 40, .stop_strings = {"##", "END"}}, t, t.encode_ids("a#b EN# END more").value());
  EXPECT_EQ(said.reason, FinishReason::kStopString);
  EXPECT_EQ(said.text, "a#b EN# ");
  EXPECT_EQ(said.tokens, 11u);
  EXPECT_EQ(said.pieces[1], "");    // "#" may begin one
  EXPECT_EQ(said.pieces[2], "#b");  // it did not
}

TEST(Decoding, WhatWasHeldBackComesAtTheEnd) {
  const Tokenizer t = byte_tokenizer();
  const Said length = say({.max_new_tokens = 3, .stop_strings = {"abcd"}}, t, t.encode_ids("abcd").value());
  EXPECT_EQ(length.reason, FinishReason::kLength);
  EXPECT_EQ(length.text, "abc");
  EXPECT_EQ(length.pieces, (std::vector<std::string>{"", "", "abc"}));
  std::vector<int32_t> ids = t.encode_ids("ab").value();
  ids.push_back(kEndToken);
  const Said eos = say({.stop_strings = {"abcd"}, .eos_token_id = {kEndToken}}, t, ids);
  EXPECT_EQ(eos.reason, FinishReason::kEos);
  EXPECT_EQ(eos.text, "ab");
  EXPECT_EQ(say({.stop_strings = {"abcd"}}, t, t.encode_ids("ab").value()).text, "ab");  // cancelled
}

TEST(Decoding, HalfACharacterAtTheEndMayCompleteAStopString) {
  const Tokenizer t = byte_tokenizer();
  std::vector<int32_t> ids = t.encode_ids("a\u00E9").value();
  ids.pop_back();
  const Said said = say({.max_new_tokens = 2, .stop_strings = {"a\uFFFD"}}, t, ids);
  EXPECT_EQ(said.text, "");
  EXPECT_EQ(said.reason, FinishReason::kStopString);
}

TEST(Decoding, LengthsCountAsTransformersCountsThem) {
  const std::vector<int32_t> prompt(10, 1);
  const auto most = [&](const GenerationConfig& c) { return plan_of(c).most_tokens(prompt).value(); };
  EXPECT_EQ(most({}), 30);
  EXPECT_EQ(most({.max_new_tokens = 5}), 15);
  EXPECT_EQ(most({.max_length = 25}), 25);
  EXPECT_EQ(most({.max_new_tokens = 5, .max_length = 8}), 15);  // max_new_tokens takes precedence
  EXPECT_EQ(most({.max_new_tokens = 1000}), 50);                // the model's limit
}

TEST(Decoding, RefusesPromptsByName) {
  const auto why = [](const GenerationConfig& c, std::vector<int32_t> prompt) {
    return message(Decoding::begin(plan_of(c), std::move(prompt)).status());
  };
  EXPECT_EQ(why({}, {}), "the prompt is empty: it needs a token, such as the one that begins texts");
  EXPECT_EQ(why({}, {1, 300}), "the prompt has the id 300, but the model has the ids 0 to 299");
  EXPECT_EQ(why({}, {-1}), "the prompt has the id -1, but the model has the ids 0 to 299");
  EXPECT_EQ(why({}, std::vector<int32_t>(50, 1)),
            "the prompt has 50 tokens, but the model takes at most 50, new ones included");
  EXPECT_EQ(why({.max_length = 3}, {1, 2, 3}), "the prompt has 3 tokens, but max_length is 3, new ones included");
}

TEST(Decoding, RefusesConfigurationsThatDoNotFitTheModel) {
  const auto why = [](const GenerationConfig& c) {
    return message(DecodingPlan::make(c, {.vocabulary = 10, .max_positions = 50}).status());
  };
  EXPECT_EQ(why({.eos_token_id = {10}}), "eos_token_id: there is no token 10; the model has the ids 0 to 9");
  EXPECT_EQ(why({.suppress_tokens = {12}}), "suppress_tokens: there is no token 12; the model has the ids 0 to 9");
  EXPECT_NE(why({.begin_suppress_tokens = {12}}), "");
  EXPECT_NE(why({.forced_bos_token_id = 12}), "");
  EXPECT_NE(why({.forced_eos_token_id = {12}}), "");
  EXPECT_NE(why({.bad_words_ids = {{1, 12}}}), "");
  EXPECT_NE(why({.sequence_bias = {{{12, 1}, 1}}}), "");
  EXPECT_EQ(why({.stop_strings = {"x"}}), "stop_strings need a tokenizer");
  EXPECT_EQ(why({.top_p = 2}), "top_p must be above 0 and at most 1, but is 2");
  EXPECT_EQ(why({.pad_token_id = 50}), "");  // never seen
}

TEST(Decoding, RefusesRowsThatSayNothing) {
  Scratch scratch;
  const auto why = [&](const GenerationConfig& c, std::vector<float> logits) {
    Decoding text = Decoding::begin(plan_of(c), {1}).value();
    return message(text.next(logits, scratch).status());
  };
  std::vector<float> row(300);
  row[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(why({}, row), "the model gives the logit NaN for token 7");
  EXPECT_EQ(why({.do_sample = true}, row), "the model gives the logit NaN for token 7");
  EXPECT_EQ(why({.remove_invalid_values = true}, row), "");
  row[7] = kInfinity;
  EXPECT_EQ(why({}, row), "the model gives the logit inf for token 7");
  EXPECT_EQ(why({}, std::vector<float>(300, -kInfinity)), "every token is excluded: there is none to go on with");
  EXPECT_EQ(why({}, std::vector<float>(299)), "the row has 299 logits, but the vocabulary 300 ids");
  std::vector<float> steep(300);
  steep[3] = 10;
  EXPECT_EQ(why({.do_sample = true, .temperature = 1e-38, .top_p = 0.5, .min_p = 0.1, .typical_p = 0.5}, steep),
            "a score is not finite after all penalties: a penalty, a bias or the temperature is too strong");
}

TEST(Decoding, AFinishedTextTakesNothing) {
  Scratch scratch;
  Decoding text = Decoding::begin(plan_of({.max_new_tokens = 1}), {1}).value();
  EXPECT_TRUE(text.next(saying(4), scratch)->finished);
  EXPECT_EQ(message(text.next(saying(4), scratch).status()), "the text is finished");
  EXPECT_EQ(text.finish(FinishReason::kCancelled).value(), "");
  EXPECT_EQ(text.reason(), FinishReason::kLength);
  EXPECT_STREQ(to_string(text.reason()), "length");
}

TEST(Decoding, LogitsStayAsTheyAre) {
  Scratch scratch;
  Decoding text = Decoding::begin(plan_of({.repetition_penalty = 2, .suppress_tokens = {4}}), {1}).value();
  const std::vector<float> row = saying(4);
  std::vector<float> same = row;
  EXPECT_NE(text.next(same, scratch)->id, 4);
  EXPECT_EQ(same, row);
}

TEST(Decoding, TwoTextsOfOnePromptDraw) {
  Scratch scratch;
  const DecodingPlan plan = plan_of({.max_new_tokens = 30, .do_sample = true, .seed = 3, .top_k = 0});
  const auto draw = [&](const DecodingPlan& p, uint64_t number) {
    Decoding text = Decoding::begin(p, {1, 2}, number).value();
    while (!text.finished()) EXPECT_TRUE(text.next(std::vector<float>(300), scratch).ok());
    return std::vector<int32_t>(text.new_tokens().begin(), text.new_tokens().end());
  };
  EXPECT_EQ(draw(plan, 0), draw(plan, 0));
  EXPECT_NE(draw(plan, 0), draw(plan, 1));
  EXPECT_NE(draw(plan, 0), draw(plan_of({.max_new_tokens = 30, .do_sample = true, .seed = 4, .top_k = 0}), 0));
}

// ---- Beams, on three tokens by hand

DecodingPlan beams_of(GenerationConfig config, int64_t vocabulary = 3) {
  return DecodingPlan::make(config, {.vocabulary = vocabulary, .max_positions = 50}).value();
}

TEST(BeamSearch, SmallVocabulariesHaveFewerBeamsAtFirst) {
  Scratch scratch;
  std::vector<Continuation> next;
  BeamSearch search =
      BeamSearch::begin(beams_of({.max_new_tokens = 2, .num_beams = 5, .num_return_sequences = 5}), {0}).value();
  ASSERT_TRUE(search.step(std::vector<float>{1, 2, 3}, scratch, next).ok());
  ASSERT_EQ(search.rows(), 3);  // not five: nothing is counted twice
  EXPECT_EQ(next[0].token, 2);
  EXPECT_EQ(next[2].token, 0);
  next.clear();
  ASSERT_TRUE(search.step(std::vector<float>(9, 0), scratch, next).ok());
  EXPECT_TRUE(search.finished());
  const std::vector<Hypothesis> best = search.best();
  ASSERT_EQ(best.size(), 5u);
  // Of equal scores the lowest id comes first.
  EXPECT_EQ(best[0].ids, (std::vector<int32_t>{0, 2, 0}));
  EXPECT_EQ(best[1].ids, (std::vector<int32_t>{0, 2, 1}));
  const double first = 3 - std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)), second = -std::log(3.0);
  EXPECT_NEAR(best[0].score, (first + second) / 2, 1e-6);
}

TEST(BeamSearch, ExcludedTokensAreNoBeams) {
  Scratch scratch;
  std::vector<Continuation> next;
  BeamSearch search = BeamSearch::begin(beams_of({.num_beams = 2, .suppress_tokens = {0, 2}}), {0}).value();
  ASSERT_TRUE(search.step(std::vector<float>{1, 2, 3}, scratch, next).ok());
  ASSERT_EQ(search.rows(), 1);
  EXPECT_EQ(next[0].token, 1);
  BeamSearch none = BeamSearch::begin(beams_of({.num_beams = 2, .suppress_tokens = {0, 1, 2}}), {0}).value();
  EXPECT_EQ(message(none.step(std::vector<float>{1, 2, 3}, scratch, next)),
            "every token is excluded: there is none to go on with");
}

TEST(BeamSearch, RefusesBadRows) {
  Scratch scratch;
  std::vector<Continuation> next;
  BeamSearch search = BeamSearch::begin(beams_of({.num_beams = 2}), {0}).value();
  EXPECT_EQ(message(search.step(std::vector<float>{1, NAN, 3}, scratch, next)),
            "the model gives the logit NaN for token 1");
  EXPECT_EQ(message(search.step(std::vector<float>(6), scratch, next)),
            "a step of this beam search takes 3 logits, not 6");
  EXPECT_FALSE(BeamSearch::begin(beams_of({.num_beams = 2}), {}).ok());
}

TEST(BeamSearch, StopStringsEndBeams) {
  Scratch scratch;
  const Tokenizer t = byte_tokenizer();
  const std::vector<int32_t> ab = t.encode_ids("ab").value(), prompt = t.encode_ids("p").value();
  const DecodingPlan plan =
      plan_of({.max_new_tokens = 4, .stop_strings = {"ab"}, .num_beams = 2, .num_return_sequences = 2}, &t);
  BeamSearch search = BeamSearch::begin(plan, prompt).value();
  std::vector<Continuation> next;
  ASSERT_TRUE(search.step(saying(ab[0]), scratch, next).ok());
  std::vector<float> rows = saying(ab[1]), other = saying(ab[1]);
  rows.insert(rows.end(), other.begin(), other.end());
  ASSERT_EQ(search.rows(), 2);
  next.clear();
  ASSERT_TRUE(search.step(rows, scratch, next).ok());
  while (!search.finished()) {
    next.clear();
    ASSERT_TRUE(search.step(std::vector<float>(static_cast<size_t>(search.rows()) * 300), scratch, next).ok());
  }
  const Hypothesis best = search.best()[0];
  EXPECT_EQ(best.reason, FinishReason::kStopString);
  EXPECT_EQ(best.ids, (std::vector<int32_t>{prompt[0], ab[0], ab[1]}));
}

TEST(BeamSearch, CanBeEnded) {
  Scratch scratch;
  std::vector<Continuation> next;
  BeamSearch search = BeamSearch::begin(beams_of({.num_beams = 2}), {0}).value();
  ASSERT_TRUE(search.step(std::vector<float>{1, 2, 3}, scratch, next).ok());
  search.finish(FinishReason::kCancelled);
  EXPECT_TRUE(search.finished());
  ASSERT_EQ(search.best().size(), 1u);
  EXPECT_EQ(search.best()[0].ids, (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(search.best()[0].reason, FinishReason::kCancelled);
}

}  // namespace
}  // namespace hearth::text
