// Which files of a directory become the tokenizer of a decoder, and which are not enough.
#include "examples/text/model_tokenizer.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/sentencepiece/train.h"
#include "text/tokenizer/sentencepiece.h"
#include "text/tokenizer/train.h"

namespace hearth::examples {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using Ids = std::vector<int32_t>;

class ModelTokenizer : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ + "/" + name, std::ios::binary) << text;
  }
  // vocab.json and merges.txt of what is learned from a few words.
  text::Tokenizer write_merges() const {
    const text::Tokenizer t =
        text::train_bpe(text::byte_level_pipeline(), texts_,
                        {.vocab_size = 270, .special_tokens = {"<|endoftext|>"}, .byte_alphabet = true})
            .value();
    const Json model = Json::parse(t.to_json()).at("model");
    std::string merges = "#version: 0.2\n";
    for (const Json& m : model.at("merges")) {
      if (m.is_string()) merges += m.get<std::string>() + "\n";
      else merges += m[0].get<std::string>() + " " + m[1].get<std::string>() + "\n";
    }
    write("vocab.json", model.at("vocab").dump());
    write("merges.txt", merges);
    return t;
  }
  std::string message() const { return std::string(tokenizer_of(root_).status().message()); }
  Ids ids(const std::string& text) const {
    const auto tokenizer = tokenizer_of(root_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return tokenizer.ok() ? tokenizer->encode_ids(text).value() : Ids{};
  }

  const std::string root_ = std::string(std::getenv("TEST_TMPDIR")) + "/tokenizer";
  const std::vector<std::string> texts_ = std::vector<std::string>(20, "the cat sat on the mat");
};

TEST_F(ModelTokenizer, MergesAreForGpt2Alone) {
  const text::Tokenizer trained = write_merges();
  write("config.json", R"({"model_type": "gpt2"})");
  EXPECT_EQ(ids("the cat<|endoftext|>"), trained.encode_ids("the cat<|endoftext|>").value());
  write("tokenizer_config.json", R"({"add_prefix_space": true})");
  EXPECT_EQ(ids("cat"), trained.encode_ids(" cat").value());
  write("tokenizer_config.json", R"({"add_bos_token": true})");
  EXPECT_THAT(message(), HasSubstr("it needs tokenizer.json: tokenizer_config.json adds tokens around texts"));
  // Its words are cut by another pattern.
  write("config.json", R"({"model_type": "qwen2"})");
  EXPECT_EQ(message(), root_ + R"(: it needs tokenizer.json: the other files do not say how "qwen2" cuts texts)");
  write("tokenizer.json", trained.to_json());
  EXPECT_EQ(ids("the cat"), trained.encode_ids("the cat").value());
}

TEST_F(ModelTokenizer, PiecesAreReadWithTheirSettings) {
  const auto model = text::train_sentencepiece(texts_, {.model = text::SentencePieceModel::kBpe, .vocab_size = 26});
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE(model->save(root_ + "/tokenizer.model").ok());
  write("config.json", R"({"model_type": "llama"})");
  const Ids plain = model->encode("the cat").value();
  const auto around = [&](bool bos, bool eos) {
    Ids out = plain;
    if (bos) out.insert(out.begin(), 1);
    if (eos) out.push_back(2);
    return out;
  };
  EXPECT_EQ(ids("the cat"), around(true, false));
  write("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true})");
  EXPECT_EQ(ids("the cat"), around(false, true));
  const auto added = [&](const std::string& id) {
    write("tokenizer_config.json", R"({"added_tokens_decoder": {"0": {"content": "<unk>", "special": true}, ")" + id +
                                       R"(": {"content": "<|mine|>", "normalized": false, "special": true}}})");
  };
  const int32_t next = static_cast<int32_t>(text::load_sentencepiece(root_ + "/tokenizer.model")->vocab_size());
  added(std::to_string(next));
  EXPECT_EQ(ids("<|mine|>"), (Ids{1, next}));
  added(std::to_string(next + 1));
  EXPECT_THAT(message(), HasSubstr("it needs tokenizer.json: tokenizer_config.json has the token <|mine|>"));
  added("x");
  EXPECT_THAT(message(), HasSubstr(".added_tokens_decoder.x: it is no id"));
}

TEST_F(ModelTokenizer, WhatIsMissingIsNamed) {
  EXPECT_THAT(message(), HasSubstr("tokenizer.json"));
  write_merges();
  write("config.json", "{}");
  EXPECT_THAT(message(), HasSubstr("config.json.model_type: it is missing"));
}

}  // namespace
}  // namespace hearth::examples
