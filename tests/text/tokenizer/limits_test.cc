// What a tokenizer refuses: files that are wrong, and work or memory without end.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/text/tokenizer/made.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {
namespace {

TEST(Tokenizer, TruncationNeedsRoom) {
  Tokenizer t = byte_level();
  EXPECT_EQ(t.set_truncation(Truncation{.max_length = 4, .stride = 4}).message(),
            "truncation: a stride of 4 leaves nothing of the 4 tokens between the special ones");
  ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 2}).ok());
  const Encoding e = t.encode("a b c d e").value();
  EXPECT_EQ(e.size(), 2u);
  ASSERT_EQ(e.overflowing.size(), 2u);
  EXPECT_EQ(e.overflowing[1].tokens, std::vector<std::string>{"Ġe"});
  ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 2, .strategy = TruncationStrategy::kOnlySecond}).ok());
  EXPECT_EQ(t.encode("a b c").status().message(), "truncation: there is no second text to cut");
}

// "[CLS] a [SEP]", "[CLS] a [SEP] b [SEP]".
TEST(Tokenizer, TruncationNeedsRoomForSpecialTokens) {
  Tokenizer t = make("word_level", bert());
  for (const size_t length : {0U, 1U}) {
    EXPECT_EQ(t.set_truncation(Truncation{.max_length = length}).message(),
              "truncation: a max_length of " + std::to_string(length) + " is below the 2 special tokens");
  }
  ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 2}).ok());
  EXPECT_EQ(t.encode("a b").value().ids, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(t.encode("a", "b").status().message(), "truncation: a max_length of 2 is below the 3 special tokens");
  EXPECT_EQ(t.encode("a b c", std::string_view("d e"), {.add_special_tokens = false}).value().size(), 2u);
}

TEST(Tokenizer, WhatOverflowsHasALimit) {
  Tokenizer t = make("word_level", bert());
  std::string text;
  for (int i = 0; i < 40000; ++i) text += "a ";
  ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 5002, .stride = 4999}).ok());
  const auto refused = t.encode(text);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.status().message(),
            "encode: with what truncation cuts off there would be 175005000 tokens, more than the limit of 16777216; a "
            "smaller stride makes fewer, EncodeOptions::overflowing = false none");
  const Encoding kept = t.encode(text, {.overflowing = false}).value();
  EXPECT_EQ(kept.size(), 5002u);
  EXPECT_TRUE(kept.overflowing.empty());
  // Of a pair each piece goes with each.
  ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 128}).ok());
  EXPECT_EQ(t.encode(text, std::string_view(text)).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(t.encode(text, std::string_view(text), {.overflowing = false}).value().size(), 128u);
  for (const Side side : {Side::kLeft, Side::kRight}) {
    ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 9, .direction = side}).ok());
    const Encoding all = t.encode("a b c d e f g", std::string_view("a e i o u")).value();
    EXPECT_FALSE(all.overflowing.empty());
    EXPECT_EQ(t.encode("a b c d e f g", std::string_view("a e i o u"), {.overflowing = false}).value().ids, all.ids);
  }
  // What overflows is padded too.
  ASSERT_TRUE(t.set_truncation(Truncation{.max_length = 3}).ok());
  ASSERT_TRUE(t.set_padding(Padding{.length = 100000}).ok());
  EXPECT_EQ(t.encode(text).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(t.encode(text, {.overflowing = false}).value().size(), 100000u);
}

TEST(Tokenizer, TemplatesHaveLimits) {
  Json config = {{"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                 {"truncation", {{"max_length", 4}, {"stride", 0}, {"strategy", "LongestFirst"}}}};
  Json& post = config["post_processor"];
  post = {{"type", "TemplateProcessing"}, {"special_tokens", Json::object()}};
  const Json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, b = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  post["single"] = Json(std::vector<Json>(20, a));
  post["pair"] = Json::array({a, b});
  const Tokenizer t = make("word_level", config);
  EXPECT_EQ(t.encode("a b c").value().size(), 60u);
  EXPECT_EQ(t.encode("a b c d e f").status().code(), absl::StatusCode::kResourceExhausted) << "2^20 pieces of 80";
  // Many parts of many special tokens.
  const std::vector<int> ids(1000, 1);
  const std::vector<std::string> tokens(1000, "x");
  post["special_tokens"] = {{"x", {{"id", "x"}, {"ids", ids}, {"tokens", tokens}}}};
  const Json x = {{"SpecialToken", {{"id", "x"}, {"type_id", 0}}}};
  post["single"] = Json(std::vector<Json>(70, x));
  config["model"] = golden()["models"]["word_level"];
  EXPECT_EQ(error(config.dump()), "tokenizer.json: post_processor.single: it adds more than 65536 special tokens");
}

TEST(Tokenizer, PaddingHasALimit) {
  Tokenizer t = byte_level();
  EXPECT_EQ(t.set_padding(Padding{.length = size_t{1} << 24, .token = std::string(1000, 'x')}).message(),
            "padding: a token of 1000 bytes is too long");
  EXPECT_EQ(t.set_padding(Padding{.token = std::string(1025, 'x')}).message(),
            "padding: a token of 1025 bytes is too long");
  EXPECT_TRUE(t.set_padding(Padding{.length = 1000, .token = std::string(1000, 'x')}).ok());
}

TEST(Tokenizer, LongTokensAndLongTexts) {
  const std::string text(size_t{1} << 20, 'a');
  Tokenizer added = byte_level();
  ASSERT_TRUE(added.add_tokens({{.content = std::string(1023, 'a') + "b"}}).ok());
  EXPECT_TRUE(added.encode_ids(text).ok());
  const std::string token = std::string(20000, 'a') + "b";
  const Json unigram = {
      {"type", "Unigram"},
      {"unk_id", 0},
      {"vocab", Json::array({Json::array({"?", 0.0}), Json::array({"a", -1.0}), Json::array({token, -2.0})})}};
  EXPECT_EQ(Tokenizer::parse(Json{{"model", unigram}}.dump()).value().encode_ids(text).value().size(), text.size());
  Json piece = {{"type", "WordPiece"},
                {"unk_token", "a"},
                {"continuing_subword_prefix", ""},
                {"max_input_chars_per_word", 100000},
                {"vocab", {{"a", 0}, {token.substr(19000), 1}}}};
  EXPECT_EQ(Tokenizer::parse(Json{{"model", piece}}.dump()).value().encode_ids(text.substr(0, 65536)).value().size(),
            65536u);
  piece["vocab"][token] = 2;
  EXPECT_EQ(error(Json{{"model", piece}}.dump()),
            "tokenizer.json: model.vocab: a token of 20001 bytes is longer than 1024");
  // SentencePiece's map of characters that makes 64 KiB of each "a": a trie of one unit for 'a' whose value is at 0.
  std::vector<uint32_t> units(512, 0);
  units[0] = 1U << 10;                          // the children are at 1 ^ byte
  units[1 ^ 'a'] = 'a' | 1U << 8 | 256U << 10;  // has a value, which is at 256 from here
  units[1 ^ 'a' ^ 256] = 1U << 31;
  std::string map(4, '\0');
  const auto bytes = static_cast<uint32_t>(units.size() * 4);
  std::memcpy(map.data(), &bytes, 4);
  map.append(reinterpret_cast<const char*>(units.data()), bytes);
  map += std::string(65536, 'b') + '\0';
  const Tokenizer grows = Tokenizer::parse(with(R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": ")" +
                                                absl::Base64Escape(map) + "\"}"))
                              .value();
  EXPECT_EQ(grows.encode("xay").value().char_offsets, (std::vector<Offset>{{0, 3}}));
  EXPECT_EQ(grows.encode(text.substr(0, 20000)).status().message(),
            "encode: the tokenizer's normalizer or pre-tokenizer makes the text far too long");
}

TEST(TokenizerJson, WhatIsWrongIsNamed) {
  EXPECT_NE(error("{").find("not valid JSON"), std::string::npos);
  EXPECT_EQ(error("[]"), "tokenizer.json: an object is wanted, but it is array");
  EXPECT_EQ(error("{}"), "tokenizer.json.model: it is missing");
  EXPECT_EQ(error(R"({"version": "2.0"})"), "tokenizer.json.version: \"2.0\" is not known, only \"1.0\" is");
  EXPECT_EQ(error(R"({"model": {"type": "Magic"}})"), "tokenizer.json: model: the type \"Magic\" is not known");
  EXPECT_EQ(error(R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})"),
            "tokenizer.json: model.vocab: the id of \"a\" is not a whole number from 0 to 2147483647");
  EXPECT_EQ(error(R"({"model": {"type": "BPE", "vocab": {"a": 1, "b": 1}, "merges": []}})"),
            "vocabulary: \"a\" and \"b\" both have id 1");
  EXPECT_EQ(error(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})"),
            "BPE: merge 0 (\"a\", \"b\"): \"b\" is not in the vocabulary");
  EXPECT_EQ(error(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}})"),
            "BPE: merge 0 (\"a\", \"a\"): \"aa\" is not in the vocabulary");
  EXPECT_EQ(error(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}})"),
            "tokenizer.json: model.merges: merge 0 is not two tokens");
  EXPECT_EQ(error(R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1}})"),
            "Unigram: unk_id is 1, but the vocabulary has 1 tokens");
  EXPECT_EQ(error(with(R"("normalizer": {"type": "Upper"})")),
            "tokenizer.json: normalizer: the type \"Upper\" is not known");
  EXPECT_EQ(error(with(R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": 1}]})")),
            "tokenizer.json: normalizer.normalizers[0].strip_left: true or false is wanted, but it is number");
  EXPECT_EQ(error(with(R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "////"})")),
            "tokenizer.json: normalizer.precompiled_charsmap: the map ends early");
  EXPECT_EQ(
      error(with(
          R"("pre_tokenizer": {"type": "Split", "behavior": "Removed", "invert": false, "pattern": {"Regex": "("}})")),
      "tokenizer.json: pre_tokenizer.pattern: regular expression: missing closing parenthesis");
  EXPECT_EQ(error(with(R"("normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"})")),
            "tokenizer.json: normalizer.pattern.String: it is empty");
  EXPECT_EQ(error(with(R"("pre_tokenizer": {"type": "FixedLength", "length": 0})")),
            "tokenizer.json: pre_tokenizer.length: it is 0");
  EXPECT_EQ(error(with(R"("pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "ab"})")),
            "tokenizer.json: pre_tokenizer.delimiter: one character is wanted, but it is \"ab\"");
  EXPECT_EQ(error(with(R"("post_processor": {"type": "BertProcessing", "sep": ["x"], "cls": ["y", 1]})")),
            "tokenizer.json: post_processor.sep: a token and its id are wanted: [\"[SEP]\", 102]");
  EXPECT_EQ(error(with(R"("padding": {"strategy": "Longest", "pad_id": 0, "pad_type_id": 0, "pad_token": ""})")),
            "tokenizer.json: padding.strategy: it is neither \"BatchLongest\" nor {\"Fixed\": length}");
  EXPECT_EQ(
      error(with(R"("padding": {"strategy": {"Fixed": 2000000000}, "pad_id": 0, "pad_type_id": 0, "pad_token": ""})")),
      "padding: a length of more than 16777216 tokens");
  EXPECT_EQ(error(with(R"("added_tokens": [{"id": 0}])")), "tokenizer.json: added_tokens[0].content: it is missing");
  EXPECT_NE(error(std::string(100000, '[')).find("nested more than"), std::string::npos);
  EXPECT_NE(Tokenizer::load("/nowhere/tokenizer.json").status().message().find("/nowhere/tokenizer.json"),
            absl::string_view::npos);
}

// `tokenizers` does not open a file without these.
TEST(TokenizerJson, SavedFilesAreComplete) {
  const auto t = Tokenizer::parse(with(R"("decoder": {"type": "Sequence", "decoders": [{"type": "ByteLevel"}]},
      "normalizer": {"type": "ByteLevel"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Digits"}, {"type": "ByteLevel", "add_prefix_space": false}]})"))
                     .value();
  const Json json = Json::parse(t.to_json());
  const Json rest = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  EXPECT_EQ(json["decoder"]["decoders"][0], rest);
  EXPECT_EQ(json["normalizer"], Json({{"type", "ByteLevel"}}));
  EXPECT_EQ(json["pre_tokenizer"]["pretokenizers"][0], Json({{"type", "Digits"}, {"individual_digits", false}}));
  EXPECT_EQ(json["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"], false);
  EXPECT_EQ(json["pre_tokenizer"]["pretokenizers"][1]["trim_offsets"], true);
  EXPECT_EQ(t.encode_ids("a").value(), std::vector<int32_t>{1});
}

TEST(TokenizerJson, PatternsThatBacktrackEndWithAnError) {
  const auto t = Tokenizer::parse(with(
      R"("pre_tokenizer": {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex": "(a+)+$"}})"));
  ASSERT_TRUE(t.ok());
  const auto e = t->encode(std::string(200, 'a') + "!");
  ASSERT_FALSE(e.ok());
  EXPECT_EQ(e.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(TokenizerJson, TextsThatGrowWithoutEndAreAnError) {
  std::string steps;
  for (int i = 0; i < 40; ++i) {
    steps += std::string(i > 0 ? "," : "") + R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})";
  }
  const auto t = Tokenizer::parse(with(R"("normalizer": {"type": "Sequence", "normalizers": [)" + steps + "]}"));
  ASSERT_TRUE(t.ok()) << t.status();
  const auto e = t->encode("a");
  ASSERT_FALSE(e.ok());
  EXPECT_EQ(e.status().message(), "encode: the tokenizer's normalizer or pre-tokenizer makes the text far too long");
}

TEST(TokenizerJson, ModelsWithoutAnUnknownToken) {
  const auto t = Tokenizer::parse(R"({"model": {"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": null}})").value();
  EXPECT_EQ(t.encode("aab").status().message(), "Unigram: \"b\" is not in the vocabulary, which has no unknown token");
  const auto words =
      Tokenizer::parse(R"({"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "?"}})").value();
  EXPECT_EQ(words.encode("b").status().message(),
            "WordLevel: the unknown token \"?\" is needed and not in the vocabulary");
}

}  // namespace
}  // namespace hearth::text
