// Classes of texts: the logits that transformers computes, and what its pipeline makes of them.
#include "text/models/text_classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/ops/create.h"
#include "tests/text/models/cases.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

// The small DistilBERT with a tokenizer of its words: "w3 w4 ..." between [CLS] and [SEP].
std::string directory(const Json& changes = Json::object()) {
  const std::string path = fresh_directory("classifier");
  Json config = cases().at("distilbert_sequence").at("config");
  config.update(changes);
  make_directory(path, config, weights_of("distilbert_sequence"));
  Json vocabulary = {{"[PAD]", 0}, {"[CLS]", 1}, {"[SEP]", 2}};
  for (int i = 3; i < 37; ++i) vocabulary["w" + std::to_string(i)] = i;
  const Json tokenizer = {
      {"pre_tokenizer", {{"type", "Whitespace"}}},
      {"post_processor", {{"type", "BertProcessing"}, {"cls", {"[CLS]", 1}}, {"sep", {"[SEP]", 2}}}},
      {"model", {{"type", "WordLevel"}, {"unk_token", "w3"}, {"vocab", vocabulary}}}};
  write_text(path + "/tokenizer.json", tokenizer.dump());
  return path;
}

// The golden ids without their padding.
std::vector<std::vector<int32_t>> golden_ids() {
  const Tensor ids = golden("distilbert_sequence/ids"), mask = golden("distilbert_sequence/mask");
  std::vector<std::vector<int32_t>> out(static_cast<size_t>(ids.size(0)));
  for (size_t row = 0; row < out.size(); ++row) {
    const auto all = ids[static_cast<int64_t>(row)].to_vector<int64_t>();
    const auto seen = mask[static_cast<int64_t>(row)].to_vector<int64_t>();
    for (size_t i = 0; i < all.size(); ++i) {
      if (seen[i]) out[row].push_back(static_cast<int32_t>(all[i]));
    }
  }
  return out;
}

TEST(TextClassifier, ScoresAreThoseOfThePipeline) {
  const auto logits = golden("distilbert_sequence/out").to_vector<float>();
  const auto ids = golden_ids();
  const auto scores = [&](const Json& changes, ClassScores kind, int64_t batch_tokens) {
    const auto classifier = TextClassifier::load(directory(changes));
    EXPECT_TRUE(classifier.ok()) << classifier.status();
    EXPECT_EQ(classifier->scores(), kind);
    EXPECT_EQ(classifier->labels().size(), 3u);
    return classifier->classify_tokens(ids, {.batch_tokens = batch_tokens}).value().to_vector<float>();
  };
  for (const int64_t batch_tokens : {1, 4096}) {
    const auto softmax = scores(Json::object(), ClassScores::kSoftmax, batch_tokens);
    const auto sigmoid = scores({{"problem_type", "multi_label_classification"}}, ClassScores::kSigmoid, batch_tokens);
    const auto plain = scores({{"problem_type", "regression"}}, ClassScores::kLogits, batch_tokens);
    ASSERT_EQ(softmax.size(), logits.size());
    for (size_t i = 0; i < logits.size(); ++i) {
      const size_t row = i / 3 * 3;
      const double sum = std::exp(logits[row]) + std::exp(logits[row + 1]) + std::exp(logits[row + 2]);
      EXPECT_NEAR(softmax[i], std::exp(logits[i]) / sum, 1e-5);
      EXPECT_NEAR(sigmoid[i], 1 / (1 + std::exp(-logits[i])), 1e-5);
      EXPECT_NEAR(plain[i], logits[i], 1e-4);
    }
  }
}

TEST(TextClassifier, LongTextsAreCutOrRefused) {
  const auto classifier = TextClassifier::load(directory());
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  const int64_t most = classifier->max_tokens();
  std::string text, fits;
  for (int64_t i = 0; i < most; ++i) text += "w5 ";
  for (int64_t i = 0; i < most - 2; ++i) fits += "w5 ";
  const Tensor cut = classifier->classify(std::vector<std::string>{text}).value();
  EXPECT_TRUE(cut.equal(classifier->classify(std::vector<std::string>{fits}, {.too_long = TooLong::kRefuse}).value()));
  const absl::Status s = classifier->classify(std::vector<std::string>{text}, {.too_long = TooLong::kRefuse}).status();
  const auto line = [](size_t i) { return "line " + std::to_string(i + 7); };
  const std::vector<std::string> two = {fits, text};
  EXPECT_EQ(std::string(classifier->classify(two, {.too_long = TooLong::kRefuse, .name = line}).status().message()),
            "line 8 has " + std::to_string(most + 2) + " tokens, but the model takes at most " + std::to_string(most));
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(s.message()),
            "text 0 has " + std::to_string(most + 2) + " tokens, but the model takes at most " + std::to_string(most));
  EXPECT_EQ(classifier->classify(std::vector<std::string>{}).value().shape(), Shape({0, 3}));
}

TEST(TextClassifier, CutsOnTheSideThatTheTokenizerNames) {
  const std::string path = directory();
  const std::string file = path + "/tokenizer.json";
  Json tokenizer = Json::parse(io::read_file(file, 100000).value());
  // A stride as for longer texts, and a strategy for pairs.
  tokenizer["truncation"] = {{"direction", "Left"}, {"max_length", 9000}, {"strategy", "OnlySecond"}, {"stride", 5000}};
  write_text(file, tokenizer.dump());
  const auto classifier = TextClassifier::load(path);
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  const auto most = static_cast<size_t>(classifier->max_tokens());
  std::string text = "w9 ";
  for (size_t i = 0; i < most; ++i) text += "w5 ";
  const auto ids = classifier->tokens(std::vector<std::string>{text + "w7"}).value()[0];
  ASSERT_EQ(ids.size(), most);
  EXPECT_EQ(ids[1], 5);
  EXPECT_EQ(ids[most - 2], 7);
  EXPECT_EQ(classifier->tokenizer().truncation()->stride, 0u);
  tokenizer["truncation"]["stride"] = 2;
  write_text(file, tokenizer.dump());
  EXPECT_EQ(TextClassifier::load(path)->tokenizer().truncation()->stride, 2u);
}

TEST(TextClassifier, WhatIsWrongIsNamed) {
  const auto classifier = TextClassifier::load(directory());
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  const auto wrong = [&](const std::vector<std::vector<int32_t>>& ids) {
    return std::string(classifier->classify_tokens(ids).status().message());
  };
  EXPECT_EQ(wrong({{1, 2}, {1, 37, 2}}), "text 1: it has the id 37, but the model has the ids 0 to 36");
  EXPECT_EQ(wrong({{1, -1}}), "text 0: it has the id -1, but the model has the ids 0 to 36");
  const auto most = static_cast<size_t>(classifier->max_tokens());
  EXPECT_EQ(wrong({std::vector<int32_t>(most + 1, 5)}),
            "text 0 has " + std::to_string(most + 1) + " tokens, but the model takes at most " + std::to_string(most));
  EXPECT_FALSE(classifier->classify(std::vector<std::string>{"a\xFF"}).ok());
  const auto without = TextClassifier::load(directory({{"architectures", {"DistilBertModel"}}}));
  EXPECT_NE(without.status().message().find("no head of a sequence classification"), absl::string_view::npos)
      << without.status();
}

}  // namespace
}  // namespace hearth::text
