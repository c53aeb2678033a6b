#include "text/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "core/base/parallel.h"
#include "tests/text/tokenizer/made.h"

namespace hearth::text {
namespace {

TEST(Tokenizer, EncodesAndDecodesBytes) {
  const Tokenizer t = byte_level();
  const std::string text("naïve \U0001F469\u200D\U0001F467 x\0y", 22);
  const Encoding e = t.encode(text).value();
  EXPECT_EQ(t.decode(e.ids).value(), text);
  EXPECT_EQ(t.encode_ids(text).value(), e.ids);
  // Offsets cover the text, in characters and in bytes.
  EXPECT_EQ(e.byte_offsets.front().begin, 0u);
  EXPECT_EQ(e.byte_offsets.back().end, text.size());
  EXPECT_EQ(e.char_offsets.back().end, 13u);
}

TEST(Tokenizer, BytesThatAreNoUtf8) {
  const Tokenizer t = byte_level();
  const auto refused = t.encode("ab\xFFz");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(), "encode: the text is not valid UTF-8 at byte 2");
  const Encoding e = t.encode("ab\xFFz", {.replace_invalid_utf8 = true}).value();
  EXPECT_EQ(t.decode(e.ids).value(), "ab\uFFFDz");
}

TEST(Tokenizer, SpecialTokensOfStrangers) {
  const Tokenizer t = byte_level();
  EXPECT_EQ(t.encode("<|end|>").value().ids, std::vector<int32_t>{900});
  const Encoding plain = t.encode("<|end|>", {.encode_special_tokens = true}).value();
  EXPECT_GT(plain.size(), 1u);
  EXPECT_EQ(t.decode(plain.ids).value(), "<|end|>");
  EXPECT_EQ(t.decode(std::vector<int32_t>{900}).value(), "");
  EXPECT_EQ(t.decode(std::vector<int32_t>{900}, false).value(), "<|end|>");
  EXPECT_EQ(t.decode(std::vector<int32_t>{-1, 123456}).value(), "");
}

TEST(Tokenizer, ManyThreadsGiveTheSame) {
  const Tokenizer t = byte_level();
  const auto texts = golden()["strings"].get<std::vector<std::string>>();
  std::vector<std::vector<int32_t>> expected;
  for (const std::string& s : texts) expected.push_back(byte_level().encode_ids(s).value());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (size_t k = 0; k < texts.size(); ++k) EXPECT_EQ(t.encode_ids(texts[k]).value(), expected[k]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const ThreadWidth width(4);
  EXPECT_EQ(t.encode_ids_batch(texts).value(), expected);
  const std::vector<Encoding> batch = t.encode_batch(texts).value();
  for (size_t k = 0; k < texts.size(); ++k) EXPECT_EQ(batch[k].ids, expected[k]);
  const std::vector<std::string> back = t.decode_batch(expected, false).value();
  for (size_t k = 0; k < texts.size(); ++k) EXPECT_EQ(back[k], texts[k]);
}

TEST(Tokenizer, BatchesArePaddedToTheLongest) {
  Tokenizer t = byte_level();
  ASSERT_TRUE(t.set_padding(Padding{.multiple_of = 4, .id = 7, .token = "<pad>"}).ok());
  const auto batch = t.encode_batch(std::vector<std::string>{"a", "a b c d e f", ""}).value();
  for (const Encoding& e : batch) EXPECT_EQ(e.size(), 8u);
  EXPECT_EQ(batch[2].ids, std::vector<int32_t>(8, 7));
  EXPECT_EQ(batch[0].attention_mask, (std::vector<uint8_t>{1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(batch[0].tokens[1], "<pad>");
  EXPECT_EQ(t.encode_batch(std::vector<std::string>{"ok", "\xFF"}).status().message(),
            "text 1 of the batch: encode: the text is not valid UTF-8 at byte 0");
}

// A long word has one token stream whether it is cut where no token crosses, or merged as a whole.
TEST(Tokenizer, LongWordsAreMergedAsAWhole) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += golden()["strings"][static_cast<size_t>(20 + i % 150)].get<std::string>();
  const Json no_split = {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}};
  const Tokenizer raw = make("byte_level", no_split);
  // With a step behind it ByteLevel maps its bytes to characters: the other way through the code.
  Json mapped = no_split;
  mapped["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {no_split["pre_tokenizer"],
        {{"type", "Split"}, {"pattern", {{"String", "\n\n\n\n"}}}, {"behavior", "Isolated"}, {"invert", false}}}}};
  const Tokenizer chars = make("byte_level", mapped);
  const Encoding a = raw.encode(text).value(), b = chars.encode(text).value();
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.byte_offsets, b.byte_offsets);
  EXPECT_EQ(a.char_offsets, b.char_offsets);
  EXPECT_EQ(a.tokens, b.tokens);
}

TEST(Tokenizer, DropoutFollowsItsSeed) {
  Json config = {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                 {"decoder", {{"type", "ByteLevel"}}}};
  config["model"] = golden()["models"]["byte_level"];
  config["model"]["dropout"] = 0.5;
  const Tokenizer t = Tokenizer::parse(config.dump()).value();
  const std::string text = "The quick brown fox jumps over the lazy dog.";
  const auto a = t.encode_ids(text, {.seed = 1}).value(), b = t.encode_ids(text, {.seed = 2}).value();
  EXPECT_EQ(a, t.encode_ids(text, {.seed = 1}).value());
  EXPECT_NE(a, b);
  EXPECT_EQ(t.decode(a).value(), text);
  config["model"]["dropout"] = 1.0;
  EXPECT_EQ(Tokenizer::parse(config.dump()).value().encode_ids(text).value().size(), text.size());
  config["model"]["dropout"] = 1.5;
  EXPECT_EQ(error(config.dump()), "BPE: dropout is 1.5, not in [0, 1]");
}

TEST(Tokenizer, AddsTokens) {
  Tokenizer t = byte_level();
  const Tokenizer before = t;
  ASSERT_TRUE(t.add_tokens({{.content = "zebra"}, {.content = "The"}}).ok());
  EXPECT_EQ(t.token_to_id("zebra"), 901);
  EXPECT_EQ(before.token_to_id("zebra"), std::nullopt) << "a copy stays as it was";
  EXPECT_EQ(t.id_to_token(901), "zebra");
  EXPECT_EQ(t.encode_ids("zebra").value(), std::vector<int32_t>{901});
  EXPECT_EQ(t.vocab_size(), before.vocab_size() + (before.token_to_id("The") ? 1 : 2));
  EXPECT_FALSE(t.add_tokens({{.content = std::string(2000, 'x')}}).ok());
}

TEST(Tokenizer, OfAddedTokensThatLookAlikeTheFirstIsTaken) {
  const auto first_id = [](std::vector<AddedToken> tokens) {
    Tokenizer t = make("word_level", {{"normalizer", {{"type", "Lowercase"}}}});
    EXPECT_TRUE(t.add_tokens(tokens).ok());
    const Encoding e = t.encode("zebra").value();
    return e.ids.at(0) - *t.token_to_id(tokens[0].content);
  };
  EXPECT_EQ(first_id({{.content = "ZEBRA"}, {.content = "Zebra"}}), 0);
  EXPECT_EQ(first_id({{.content = "ZEBRA"}, {.content = "Zebra", .special = true}}), 1) << "special ones come first";
  // The second of these is in the vocabulary, and has the lower id.
  Tokenizer t = Tokenizer::parse(with(R"("normalizer": {"type": "Lowercase"}, "added_tokens": [
      {"id": 3, "content": "B", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false},
      {"id": 2, "content": "b", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}])"))
                    .value();
  EXPECT_EQ(t.encode_ids("b").value(), std::vector<int32_t>{3});
}

// Each of these took seconds to minutes: a product of the text's length and a token's.
TEST(DecodeStream, NeverHalfACharacter) {
  for (const char* model : {"byte_level", "spm"}) {
    const Tokenizer t =
        std::string(model) == "byte_level"
            ? byte_level()
            : make("spm", {{"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}},
                           {"decoder",
                            {{"type", "Sequence"},
                             {"decoders",
                              {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                               {{"type", "ByteFallback"}},
                               {{"type", "Fuse"}}}}}}});
    for (const Json& one : golden()["strings"]) {
      const auto text = one.get<std::string>();
      const auto ids = t.encode_ids(text).value();
      DecodeStream stream(t, false);
      std::string joined;
      for (const int32_t id : ids) {
        const std::string part = stream.step(id).value();
        if (text.find("\uFFFD") == std::string::npos) {
          EXPECT_EQ(part.find("\uFFFD"), std::string::npos);
        }
        joined += part;
      }
      joined += stream.finish().value();
      EXPECT_EQ(joined, t.decode(ids, false).value()) << model << ": " << text;
    }
  }
}

TEST(DecodeStream, BytesThatNeverBecomeCharactersDoNotPileUp) {
  const Tokenizer t = byte_level();
  const int32_t bad = t.token_to_id("ÿ").value_or(-1);  // byte 0xFF
  DecodeStream stream(t);
  std::string joined;
  for (int i = 0; i < 1000; ++i) joined += stream.step(bad).value();
  joined += stream.finish().value();
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += "\uFFFD";
  EXPECT_EQ(joined, expected);
}

TEST(Tokenizer, EmptyEverything) {
  const Tokenizer t = Tokenizer::parse(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}})").value();
  EXPECT_EQ(t.encode("").value().size(), 0u);
  EXPECT_EQ(t.encode("abc").value().size(), 0u);
  EXPECT_EQ(t.encode_words(std::vector<std::string>{}).value().size(), 0u);
  EXPECT_TRUE(t.encode_batch(std::vector<std::string>{}).value().empty());
  EXPECT_EQ(t.decode(std::vector<int32_t>{}).value(), "");
  EXPECT_EQ(t.vocab_size(), 0u);
}

}  // namespace
}  // namespace hearth::text
