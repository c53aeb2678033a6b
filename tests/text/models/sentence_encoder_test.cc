// Pooling by hand, and a directory as sentence-transformers has it. The real encoder: tests/bench/peers/sentences.py.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/text/models/cases.h"
#include "text/models/sentence_encoder.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

TEST(Pool, ByHand) {
  // Two features; the second text has two tokens, the third none.
  const Tensor x = tensor({{{1.0, -4.0}, {3.0, 0.0}, {8.0, 7.0}},
                           {{2.0, -6.0}, {5.0, -3.0}, {1e30, 1e30}},
                           {{9.0, 9.0}, {9.0, 9.0}, {9.0, 9.0}}});
  const Tensor mask = tensor({{true, true, true}, {true, true, false}, {false, false, false}});
  const auto is = [&](Pooling p, const std::vector<double>& want) {
    const auto got = pool(x, mask, p).to_vector<double>();
    ASSERT_EQ(got.size(), 6u);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6) << i;
  };
  is(Pooling::kCls, {1, -4, 2, -6, 9, 9});
  is(Pooling::kMax, {8, 7, 5, -3});
  is(Pooling::kMean, {4, 1, 3.5, -4.5, 0, 0});
  is(Pooling::kMeanSqrt, {12 / std::sqrt(3.0), 3 / std::sqrt(3.0), 7 / std::sqrt(2.0), -9 / std::sqrt(2.0), 0, 0});
  is(Pooling::kWeightedMean, {31.0 / 6, 17.0 / 6, 4, -4, 0, 0});
  is(Pooling::kLastToken, {8, 7, 5, -3, 0, 0});
  EXPECT_THROW((void)pool(x, ones({3, 2}, {.dtype = boolean}), Pooling::kMean), Error);
  EXPECT_THROW((void)pool(x, ones({3, 3}), Pooling::kMean), Error);
}

// The small BERT with a tokenizer of its 37 words: "w3 w4 ..." between [CLS] and [SEP].
std::string directory() {
  const std::string path = fresh_directory("sentences");
  make_directory(path, cases().at("bert").at("config"), weights_of("bert"));
  Json vocabulary = {{"[PAD]", 0}, {"[CLS]", 1}, {"[SEP]", 2}};
  for (int i = 3; i < 37; ++i) vocabulary["w" + std::to_string(i)] = i;
  const Json tokenizer = {
      {"pre_tokenizer", {{"type", "Whitespace"}}},
      {"post_processor", {{"type", "BertProcessing"}, {"cls", {"[CLS]", 1}}, {"sep", {"[SEP]", 2}}}},
      {"padding",
       {{"strategy", {{"Fixed", 9}}},
        {"direction", "Right"},
        {"pad_to_multiple_of", nullptr},
        {"pad_id", 0},
        {"pad_type_id", 0},
        {"pad_token", "[PAD]"}}},
      {"model", {{"type", "WordLevel"}, {"unk_token", "w3"}, {"vocab", vocabulary}}}};
  write_text(path + "/tokenizer.json", tokenizer.dump());
  std::filesystem::create_directories(path + "/1_Pooling");
  write_text(path + "/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false})");
  write_text(path + "/modules.json", R"([
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  write_text(path + "/sentence_bert_config.json", R"({"max_seq_length": 10, "do_lower_case": false})");
  return path;
}

TEST(SentenceEncoder, PoolsWhatTheModelGives) {
  const auto encoder = SentenceEncoder::load(directory());
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  EXPECT_EQ(encoder->dimension(), 16);
  const std::vector<std::string> texts{"w5 w6", "w7", "", "w9 w8 w7 w6 w5 w4 w30 w31 w32 w33 w34", "w5 w6"};
  const Tensor got = encoder->encode(texts).value();
  ASSERT_EQ(got.shape(), Shape({5, 16}));
  const NoGrad off;
  const std::vector<std::vector<int64_t>> ids{
      {1, 5, 6, 2}, {1, 7, 2}, {1, 2}, {1, 9, 8, 7, 6, 5, 4, 30, 31, 2}, {1, 5, 6, 2}};
  for (size_t i = 0; i < ids.size(); ++i) {
    const Tensor mean = encoder->model().hidden_states({.ids = tensor(ids[i]).unsqueeze(0)}).mean({1})[0];
    const Tensor want = mean / sqrt(mean.square().sum());
    EXPECT_LT(abs(got[static_cast<int64_t>(i)] - want).max().item<double>(), 1e-5) << i;
  }
  // However many are computed at once.
  for (const int64_t tokens : {1, 7, 20}) {
    const Tensor again = encoder->encode(texts, {.batch_tokens = tokens}).value();
    EXPECT_LT(abs(again - got).max().item<double>(), 1e-5);
  }
  EXPECT_EQ(encoder->encode(std::vector<std::string>{}).value().shape(), Shape({0, 16}));
  EXPECT_EQ(encoder->encode(std::vector<std::string>{"a\xFF"}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SentenceEncoder, ReadsWhatFollowsTheEncoder) {
  const std::string path = directory();
  const std::vector<std::string> text{"w5 w6"};
  write_text(path + "/1_Pooling/config.json", R"({"embedding_dimension": 16, "pooling_mode": ["cls", "max"]})");
  EXPECT_EQ(SentenceEncoder::load(path)->dimension(), 32);
  write_text(path + "/1_Pooling/config.json", R"({"pooling_mode": "mean"})");
  write_text(path + "/modules.json",
             R"([{"path": "", "type": "a.b.Transformer"}, {"path": "1_Pooling", "type": "Pooling"}])");
  const Tensor raw = SentenceEncoder::load(path)->encode(text).value();
  EXPECT_GT(std::abs(raw.square().sum().item<double>() - 1), 1e-3);
  std::filesystem::remove(path + "/modules.json");
  EXPECT_TRUE(SentenceEncoder::load(path)->encode(text).value().equal(raw));
}

TEST(SentenceEncoder, ATokenThatTheModelDoesNotHaveIsAnError) {
  const std::string path = directory();
  Json tokenizer = Json::parse(io::read_file(path + "/tokenizer.json", 100000).value());
  tokenizer["added_tokens"] = Json::array({{{"id", 37},
                                            {"content", "<mine>"},
                                            {"single_word", false},
                                            {"lstrip", false},
                                            {"rstrip", false},
                                            {"normalized", false},
                                            {"special", false}}});
  write_text(path + "/tokenizer.json", tokenizer.dump());
  const auto encoder = SentenceEncoder::load(path);
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const absl::Status s = encoder->encode(std::vector<std::string>{"w5", "w6 <mine>"}).status();
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(s.message()), "text 1: it has the id 37, but the model has the ids 0 to 36");
  const auto message = [&](const std::vector<std::string>& texts) {
    const auto line = [](size_t i) { return "line " + std::to_string(i + 1); };
    return std::string(encoder->encode(texts, {.name = line}).status().message());
  };
  EXPECT_EQ(message({"w5", "w6 <mine>"}), "line 2: it has the id 37, but the model has the ids 0 to 36");
  EXPECT_EQ(message({"w5", "w6", "a\xFF"}), "line 3: encode: the text is not valid UTF-8 at byte 1");
  EXPECT_TRUE(encoder->encode(std::vector<std::string>{"w5"}).ok());
  EXPECT_EQ(encoder->encode(std::vector<std::string>{"w5"}, {.batch_tokens = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(SentenceEncoder, PutsTheDefaultPromptBeforeTexts) {
  const std::string path = directory(), file = path + "/config_sentence_transformers.json";
  const Tensor bare = SentenceEncoder::load(path)->encode(std::vector<std::string>{"w9 w5", "w5"}).value();
  const auto vector = [&](const std::string& text) {
    return SentenceEncoder::load(path)->encode(std::vector<std::string>{text}).value()[0];
  };
  const auto wrong = [&] {
    const auto e = SentenceEncoder::load(path);
    return e.ok() ? "OK" : std::string(e.status().message()).substr(path.size());
  };
  write_text(file, R"({"prompts": {"query": "w9 ", "none": ""}, "default_prompt_name": "query"})");
  EXPECT_TRUE(vector("w5").equal(bare[0]));
  for (const std::string& without : {R"({"prompts": {"query": "w9 "}, "default_prompt_name": null})",
                                     R"({"prompts": {"none": ""}, "default_prompt_name": "none"})", R"({})"}) {
    write_text(file, without);
    EXPECT_LT(abs(vector("w5") - bare[1]).max().item<double>(), 1e-5) << without;
  }
  write_text(file, R"({"prompts": {"query": "w9 "}, "default_prompt_name": "passage"})");
  EXPECT_EQ(wrong(), "/config_sentence_transformers.json.prompts.passage: it is missing");
  write_text(file, R"({"prompts": {"query": "w9 "}, "default_prompt_name": "query"})");
  write_text(path + "/1_Pooling/config.json", R"({"pooling_mode": "mean", "include_prompt": false})");
  EXPECT_EQ(wrong(),
            ": a default prompt whose tokens are left out of pooling (include_prompt: false) is not supported");
  EXPECT_EQ(SentenceEncoder::load(path).status().code(), absl::StatusCode::kUnimplemented);
  write_text(file, "{}");
  EXPECT_EQ(wrong(), "OK");
}

// The rules of sentence-transformers 6.2.
TEST(SentenceEncoder, TakesTheLimitOfTheTokenizerWithoutOneOfItsOwn) {
  const std::string path = directory(), own = path + "/sentence_bert_config.json",
                    tokenizer = path + "/tokenizer_config.json";
  const auto most = [&] {
    const auto e = SentenceEncoder::load(path);
    return e.ok() ? e->max_tokens() : -1;
  };
  write_text(tokenizer, R"({"model_max_length": 7})");
  EXPECT_EQ(most(), 10);  // its own counts
  write_text(own, R"({"max_seq_length": null})");
  EXPECT_EQ(most(), 7);
  std::filesystem::remove(own);
  EXPECT_EQ(most(), 7);
  const int64_t positions = SentenceEncoder::load(path)->model().max_positions();
  for (const char* endless : {R"({"model_max_length": 1000000000000000019884624838656})",
                              R"({"model_max_length": 1e30})", R"({"model_max_length": null})", "{}"}) {
    write_text(tokenizer, endless);
    EXPECT_EQ(most(), positions) << endless;
  }
  write_text(tokenizer, R"({"model_max_length": 0})");
  EXPECT_EQ(std::string(SentenceEncoder::load(path).status().message()),
            tokenizer + ".model_max_length: a number of at least 1 is wanted");
  std::filesystem::remove(tokenizer);
  EXPECT_EQ(most(), positions);
}

TEST(SentenceEncoder, NamesTheFilesThatItHasRead) {
  const std::string path = directory();
  const std::vector<std::string> want = {"1_Pooling/config.json",     "config.json",
                                         "model.safetensors",         "modules.json",
                                         "sentence_bert_config.json", "tokenizer.json"};
  EXPECT_EQ(SentenceEncoder::load(path)->files(), want);
  // With a limit of its own the tokenizer's counts for nothing.
  write_text(path + "/tokenizer_config.json", R"({"model_max_length": 7})");
  write_text(path + "/config_sentence_transformers.json", "{}");
  std::filesystem::remove(path + "/sentence_bert_config.json");
  // The weights in two files.
  std::filesystem::rename(path + "/model.safetensors", path + "/a.safetensors");
  Json map = Json::object();
  const auto weights = io::load_safetensors(path + "/a.safetensors");
  ASSERT_TRUE(weights.ok()) << weights.status();
  std::map<std::string, Tensor> first, second;
  for (const auto& [name, tensor] : weights->tensors) {
    const bool early = first.size() < weights->tensors.size() / 2;
    (early ? first : second).emplace(name, tensor);
    map[name] = early ? "1.safetensors" : "2.safetensors";
  }
  ASSERT_TRUE(io::save_safetensors(path + "/1.safetensors", first).ok());
  ASSERT_TRUE(io::save_safetensors(path + "/2.safetensors", second).ok());
  write_text(path + "/model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  const auto encoder = SentenceEncoder::load(path);
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  EXPECT_EQ(encoder->files(),
            (std::vector<std::string>{"1.safetensors", "1_Pooling/config.json", "2.safetensors", "config.json",
                                      "config_sentence_transformers.json", "model.safetensors.index.json",
                                      "modules.json", "tokenizer.json", "tokenizer_config.json"}));
}

TEST(SentenceEncoder, RefusesWhatIsNotKnown) {
  const auto wrong = [](const std::string& path) {
    const auto e = SentenceEncoder::load(path);
    return e.ok() ? "OK" : std::string(e.status().message()).substr(path.size());
  };
  const std::string path = directory();
  const std::string modules = io::read_file(path + "/modules.json", 10000).value();
  write_text(path + "/1_Pooling/config.json", R"({"pooling_mode": "spiral"})");
  EXPECT_EQ(wrong(path), "/1_Pooling/config.json.pooling_mode: \"spiral\" is not known");
  write_text(path + "/1_Pooling/config.json", "{}");
  EXPECT_EQ(wrong(path), "/1_Pooling/config.json: it names no pooling");
  write_text(path + "/modules.json",
             R"([{"path": "", "type": "x.Transformer"}, {"path": "2_Dense", "type": "x.Dense"}])");
  EXPECT_EQ(wrong(path), "/modules.json[1].type: \"x.Dense\" is not known");
  write_text(path + "/modules.json",
             R"([{"path": "", "type": "x.Transformer"}, {"path": "../x", "type": "x.Pooling"}])");
  EXPECT_EQ(wrong(path), "/modules.json[1].path: a part of the directory is wanted, but it is \"../x\"");
  write_text(path + "/modules.json", R"([{"path": "", "type": "x.Transformer"}])");
  EXPECT_EQ(wrong(path), "/modules.json: an encoder, a pooling and perhaps a normalization are wanted");
  write_text(path + "/modules.json", "{}");
  EXPECT_EQ(wrong(path), "/modules.json: a list is wanted, but it is object");
  write_text(path + "/modules.json", modules);
  write_text(path + "/1_Pooling/config.json", R"({"pooling_mode": "mean"})");
  write_text(path + "/sentence_bert_config.json", R"({"do_lower_case": true})");
  EXPECT_EQ(wrong(path), "/sentence_bert_config.json.do_lower_case: true is not supported; let the tokenizer do it");
  write_text(path + "/sentence_bert_config.json", R"({"max_seq_length": -1})");
  EXPECT_NE(wrong(path), "OK");
  write_text(path + "/sentence_bert_config.json", R"({"max_seq_length": 1})");
  EXPECT_NE(wrong(path), "OK");  // no room for [CLS] and [SEP]
  std::filesystem::remove(path + "/sentence_bert_config.json");
  EXPECT_EQ(wrong(path), "OK");
  std::filesystem::remove(path + "/tokenizer.json");
  EXPECT_NE(wrong(path), "OK");
}

}  // namespace
}  // namespace hearth::text
