// Trainers beside those of `tokenizers`, and readers of other files; expected values are in files.json
// (tools/golden/text_tokenizers.py --files).
#include "text/tokenizer/files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "text/tokenizer/train.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

const Json& golden() {
  static const Json all = io::parse_json(io::read_file("tests/text/tokenizer/files.json", 1 << 30).value()).value();
  return all;
}

std::string write(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string message(const absl::StatusOr<Tokenizer>& t) { return std::string(t.status().message()); }

TEST(TrainBpe, LearnsTheSameMerges) {
  const auto texts = golden()["texts"].get<std::vector<std::string>>();
  for (const Json& one : golden()["trained"]) {
    const Json& o = one["options"];
    BpeTrainerOptions options{.vocab_size = o["vocab_size"].get<size_t>(),
                              .min_frequency = o.value("min_frequency", uint64_t{0}),
                              .special_tokens = o.value("special_tokens", std::vector<std::string>()),
                              .byte_alphabet = o["byte_alphabet"].get<bool>()};
    if (o.contains("limit_alphabet")) options.limit_alphabet = o["limit_alphabet"].get<size_t>();
    if (o.contains("max_token_length")) options.max_token_length = o["max_token_length"].get<size_t>();
    const absl::StatusOr<Tokenizer> trained = train_bpe(byte_level_pipeline(), texts, options);
    ASSERT_TRUE(trained.ok()) << trained.status();
    const Json model = Json::parse(trained->to_json())["model"];
    EXPECT_EQ(model["merges"], one["merges"]) << o;
    EXPECT_EQ(model["vocab"], one["vocab"]) << o;
  }
}

TEST(TrainWordPiece, TakesWordsApart) {
  const std::vector<std::string> texts(10, "unaffable unable affable");
  const Tokenizer pipeline = Tokenizer::parse(R"({"pre_tokenizer": {"type": "Whitespace"},
      "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
      "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}})")
                                 .value();
  const Tokenizer t = train_word_piece(pipeline, texts, {.vocab_size = 40, .special_tokens = {"[PAD]"}}).value();
  const Encoding e = t.encode("unable unaffable zebra").value();
  EXPECT_EQ(e.tokens.back(), "[UNK]");
  EXPECT_EQ(t.decode(e.ids, false).value(), "unable unaffable [UNK]");
}

TEST(TrainBpe, RefusesWhatIsWrong) {
  EXPECT_EQ(message(train_bpe(byte_level_pipeline(), {}, {.vocab_size = size_t{1} << 30})),
            "training: a vocab_size of 1073741824 is above 16777216");
  EXPECT_EQ(message(train_bpe(byte_level_pipeline(), std::vector<std::string>{"\xFF"})),
            "training: text 0 is not valid UTF-8, or longer than 1073741824 bytes");
  EXPECT_EQ(message(train_bpe(byte_level_pipeline(), {}, {.special_tokens = {""}})),
            "training: a special token is empty, too long or not valid UTF-8");
  EXPECT_EQ(train_bpe(byte_level_pipeline(), {}).value().vocab_size(), 0u);
}

TEST(Tiktoken, GivesTheSameIds) {
  const auto texts = golden()["texts"].get<std::vector<std::string>>();
  const std::string path = write("test.tiktoken", golden()["ranks"].get<std::string>());
  const auto lines = golden()["ranks"].get<std::string>();
  const auto size = static_cast<int32_t>(std::count(lines.begin(), lines.end(), '\n'));
  const absl::StatusOr<Tokenizer> t = load_tiktoken(path, {.special_tokens = {{"<|endoftext|>", size}}});
  ASSERT_TRUE(t.ok()) << t.status();
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = t->encode_ids(texts[i]).value();
    EXPECT_EQ(ids, golden()["ids"][i].get<std::vector<int32_t>>()) << texts[i];
    EXPECT_EQ(t->decode(ids, false).value(), texts[i]);
  }
}

// "ab" and "abcd" are tokens, "cd" and "abc" are not: no merges lead to "abcd". A special token's text is no word.
TEST(Tiktoken, WordsThatAreTokensAreTakenWhole) {
  const std::string path = write("whole.tiktoken", "YQ== 0\nYg== 1\nYw== 2\nZA== 3\nIA== 4\nYWI= 5\nYWJjZA== 6\n");
  const Tokenizer t = load_tiktoken(path, {.special_tokens = {{"dab", 7}}}).value();
  EXPECT_EQ(t.encode_ids("abcd").value(), std::vector<int32_t>{6});
  EXPECT_EQ(t.encode_ids("abcd abcd").value(), (std::vector<int32_t>{6, 4, 5, 2, 3}));
  // The same letters as a part of a longer word are merged, before and after the word itself was seen.
  const std::vector<int32_t> part = Tokenizer(t).encode_ids(std::string(70, 'c') + "abcd").value();
  EXPECT_EQ(part.size(), 73u);
  EXPECT_EQ(std::vector<int32_t>(part.end() - 3, part.end()), (std::vector<int32_t>{5, 2, 3}));
  EXPECT_EQ(load_tiktoken(path).value().encode_ids(std::string(70, 'c') + "abcd").value(), part);
  EXPECT_EQ(t.encode_ids("dab").value(), std::vector<int32_t>{7});
  EXPECT_EQ(t.encode_ids("dab", {.encode_special_tokens = true}).value(), (std::vector<int32_t>{3, 5}));
  EXPECT_EQ(Tokenizer::parse(t.to_json()).value().encode_ids("abcd").value(), std::vector<int32_t>{6});
}

TEST(Tiktoken, WhatIsWrongIsNamed) {
  EXPECT_NE(message(load_tiktoken(write("a", "YQ== 0\nYg==\n"))).find("line 2 is not a token in base64 and its rank"),
            std::string::npos);
  EXPECT_NE(message(load_tiktoken(write("a", "YQ== 0\nYQ== 1\n"))).find("line 2: the token stands twice"),
            std::string::npos);
  EXPECT_NE(message(load_tiktoken(write("a", "YQ== 0\nYg== 0\n"))).find("both have id 0"), std::string::npos);
  EXPECT_NE(message(load_tiktoken(write("a", "YQ== 0\n"), {.special_tokens = {{"<s>", 0}}})).find("is not free"),
            std::string::npos);
  EXPECT_EQ(load_tiktoken("/nowhere").status().code(), absl::StatusCode::kNotFound);
}

TEST(VocabTxt, IsBerts) {
  const std::string path = write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##able\r\n!\n");
  const Tokenizer t = load_vocab_txt(path).value();
  EXPECT_EQ(t.encode_ids("UNABLE! x").value(), (std::vector<int32_t>{2, 4, 5, 6, 1, 3}));
  EXPECT_EQ(load_vocab_txt(path, {.lowercase = false}).value().encode_ids("UNABLE").value(),
            (std::vector<int32_t>{2, 1, 3}));
  const Tokenizer twice = load_vocab_txt(write("vocab.txt", "[UNK]\na\n\na\n\n")).value();
  EXPECT_EQ(twice.encode_ids("a").value(), std::vector<int32_t>{3}) << "the later line counts";
  EXPECT_EQ(Tokenizer::parse(twice.to_json()).value().encode_ids("a").value(), std::vector<int32_t>{3});
  EXPECT_NE(message(load_vocab_txt(write("vocab.txt", "\xFF\n"))).find("not valid UTF-8"), std::string::npos);
}

TEST(VocabAndMerges, IsGpt2s) {
  const Json& one = golden()["trained"][0];
  std::string merges = "#version: 0.2\n";
  for (const Json& m : one["merges"]) merges += m[0].get<std::string>() + " " + m[1].get<std::string>() + "\n";
  const Tokenizer t =
      load_vocab_and_merges(write("vocab.json", one["vocab"].dump()), write("merges.txt", merges)).value();
  const Tokenizer trained = train_bpe(byte_level_pipeline(), golden()["texts"].get<std::vector<std::string>>(),
                                      {.vocab_size = 700, .byte_alphabet = true})
                                .value();
  for (const Json& text : golden()["texts"]) {
    EXPECT_EQ(t.encode_ids(text.get<std::string>()).value(), trained.encode_ids(text.get<std::string>()).value());
  }
  EXPECT_NE(message(load_vocab_and_merges(write("vocab.json", "{}"), write("merges.txt", "a b c\n")))
                .find("line 1 is not two tokens"),
            std::string::npos);
  EXPECT_NE(message(load_vocab_and_merges(write("vocab.json", "{"), write("merges.txt", ""))).find("not valid JSON"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::text
