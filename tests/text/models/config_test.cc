// config.json: what is read, what is reported, what is refused.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "tests/text/models/cases.h"
#include "text/models/config.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

std::string wrong(const Json& config) {
  const auto file = parse_config(config.dump());
  return file.ok() ? "OK" : std::string(file.status().message());
}
absl::StatusCode code(const Json& config) { return parse_config(config.dump()).status().code(); }
template <class Config>
Config read(const Json& config) {
  const auto file = parse_config(config.dump());
  EXPECT_TRUE(file.ok()) << file.status();
  return std::get<Config>(file->config);
}
Json with(Json config, const std::string& key, Json value) {
  config[key] = std::move(value);
  return config;
}
const Json kLlama = {{"model_type", "llama"}, {"hidden_size", 16}, {"num_attention_heads", 4}};
const Json kBert = {{"model_type", "bert"}};
const Json kGpt2 = {{"model_type", "gpt2"}};

TEST(Config, DefaultsAreThoseOfTransformers) {
  const auto bert = read<BertConfig>(kBert);
  EXPECT_EQ(bert.vocab_size, 30522);
  EXPECT_EQ(bert.layer_norm_eps, 1e-12);
  EXPECT_EQ(bert.special.pad, 0);
  const auto roberta = read<BertConfig>({{"model_type", "roberta"}});
  EXPECT_EQ(roberta.vocab_size, 50265);
  EXPECT_EQ(roberta.special.pad, 1);
  const auto distil = read<BertConfig>({{"model_type", "distilbert"}, {"dim", 24}});
  EXPECT_EQ(distil.hidden_size, 24);
  EXPECT_EQ(distil.num_hidden_layers, 6);
  EXPECT_EQ(distil.classifier_dropout, 0.2);
  const auto gpt2 = read<Gpt2Config>(kGpt2);
  EXPECT_EQ(gpt2.n_positions, 1024);
  EXPECT_TRUE(gpt2.tie_word_embeddings);
  EXPECT_EQ(gpt2.special.eos, std::vector<int64_t>{50256});
  const auto llama = read<LlamaConfig>({{"model_type", "llama"}});
  EXPECT_EQ(llama.head_dim, 128);
  EXPECT_EQ(llama.num_key_value_heads, 32);
  EXPECT_FALSE(llama.tie_word_embeddings);
  const auto mistral = read<LlamaConfig>({{"model_type", "mistral"}});
  EXPECT_EQ(mistral.num_key_value_heads, 8);
  EXPECT_EQ(mistral.window(0), 4096);
  EXPECT_EQ(read<LlamaConfig>({{"model_type", "mistral"}, {"sliding_window", nullptr}}).window(0), std::nullopt);
  const auto qwen2 = read<LlamaConfig>({{"model_type", "qwen2"}, {"use_sliding_window", true}});
  EXPECT_EQ(qwen2.window(27), std::nullopt);
  EXPECT_EQ(qwen2.window(28), 4096);
  EXPECT_EQ(read<LlamaConfig>({{"model_type", "qwen2"}}).window(31), std::nullopt);
  EXPECT_EQ(read<LlamaConfig>({{"model_type", "qwen3"}, {"hidden_size", 64}}).head_dim, 128);
}

TEST(Config, ReadsRotaryEmbeddingsBothWays) {
  const Json yarn = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 512}};
  Json now = yarn;
  now["rope_theta"] = 5e5;
  const Json old = with(with(kLlama, "rope_theta", 5e5), "rope_scaling", yarn);
  Json oldest = old;
  oldest["rope_scaling"].erase("rope_type");
  oldest["rope_scaling"]["type"] = "yarn";
  for (const Json& config : {with(kLlama, "rope_parameters", now), old, oldest}) {
    const RopeConfig rope = read<LlamaConfig>(config).rope;
    EXPECT_EQ(rope.type, RopeConfig::Type::kYarn);
    EXPECT_EQ(rope.theta, 5e5);
    EXPECT_EQ(rope.factor, 4);
    EXPECT_EQ(rope.original_max_position_embeddings, 512);
    EXPECT_EQ(read<LlamaConfig>(config).max_positions(), 2048);
  }
  EXPECT_EQ(read<LlamaConfig>(with(with(kLlama, "rope_theta", 7e4), "rope_scaling", nullptr)).rope.theta, 7e4);
  EXPECT_EQ(read<LlamaConfig>(with(kLlama, "rope_scaling", {{"type", "dynamic"}, {"factor", 3}})).max_positions(),
            6144);
  EXPECT_EQ(wrong(with(with(kLlama, "rope_parameters", now), "rope_scaling", yarn)),
            "config.json.rope_scaling: rope_parameters is there too, and says something else");
}

TEST(Config, IdsMayBeListsOrNone) {
  const auto special = [](const Json& eos) { return read<LlamaConfig>(with(kLlama, "eos_token_id", eos)).special.eos; };
  EXPECT_EQ(special({128001, 128009}), (std::vector<int64_t>{128001, 128009}));
  EXPECT_EQ(special(7), std::vector<int64_t>{7});
  EXPECT_EQ(special(nullptr), std::vector<int64_t>{});
  EXPECT_EQ(read<LlamaConfig>(with(kLlama, "pad_token_id", -1)).special.pad, std::nullopt);
  EXPECT_EQ(wrong(with(kLlama, "eos_token_id", {1, "x"})), "config.json.eos_token_id: ids are wanted");
}

TEST(Config, UnknownKeysAreReported) {
  const auto file = parse_config(with(with(kBert, "zebra", 1), "apple", {1}).dump());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->unknown_keys, (std::vector<std::string>{"apple", "zebra"}));
  for (const auto& [name, c] : cases().items()) {
    const auto known = parse_config(c.at("config").dump());
    ASSERT_TRUE(known.ok()) << name << known.status();
    EXPECT_EQ(known->unknown_keys, std::vector<std::string>{}) << name;
  }
}

TEST(Config, WhatIsWrittenReadsTheSame) {
  for (const auto& [name, c] : cases().items()) {
    const auto first = parse_config(c.at("config").dump());
    ASSERT_TRUE(first.ok()) << first.status();
    const std::string written = config_to_json(first->config);
    const auto second = parse_config(written);
    ASSERT_TRUE(second.ok()) << name << second.status() << written;
    EXPECT_EQ(config_to_json(second->config), written) << name;
    EXPECT_EQ(second->unknown_keys, std::vector<std::string>{}) << name;
    // Nothing that transformers wrote is written with another value, but where it has a newer form.
    const Json a = c.at("config"), b = Json::parse(written);
    for (const auto& [key, value] : a.items()) {
      if (b.contains(key) && key != "architectures") {
        EXPECT_EQ(b.at(key), value) << name << " " << key;
      }
    }
  }
}

TEST(Config, NamesWhatIsNotSupported) {
  const auto unsupported = [](const Json& config, const std::string& what) {
    EXPECT_EQ(wrong(config), what);
    EXPECT_EQ(code(config), absl::StatusCode::kUnimplemented) << what;
  };
  unsupported({{"model_type", "mamba"}}, "config.json.model_type: \"mamba\" is not known");
  unsupported(with(kBert, "architectures", {"BertForQuestionAnswering"}),
              "config.json.architectures: \"BertForQuestionAnswering\" is not known for the model_type \"bert\"");
  unsupported(with(kGpt2, "architectures", {"GPT2ForSequenceClassification"}),
              "config.json.architectures: \"GPT2ForSequenceClassification\" is not known for the model_type \"gpt2\"");
  unsupported(with(kBert, "hidden_act", "xielu"), "config.json.hidden_act: the activation \"xielu\" is not known");
  unsupported(with(kGpt2, "activation_function", "laplace"),
              "config.json.activation_function: the activation \"laplace\" is not known");
  unsupported(with(kBert, "position_embedding_type", "relative_key"),
              "config.json.position_embedding_type: \"relative_key\" is not supported");
  unsupported(with(kBert, "is_decoder", true), "config.json.is_decoder: true is not supported");
  unsupported(with(kGpt2, "add_cross_attention", true), "config.json.add_cross_attention: true is not supported");
  unsupported(with(kLlama, "quantization_config", {{"bits", 4}}),
              "config.json.quantization_config: object is not supported");
  unsupported(with(kLlama, "rope_scaling", {{"rope_type", "spiral"}, {"factor", 2}}),
              "config.json.rope_scaling.rope_type: \"spiral\" is not known");
  unsupported(with(kLlama, "rope_scaling", {{"rope_type", "linear"}, {"factor", 2}, {"mrope_section", {1, 2}}}),
              "config.json.rope_scaling.mrope_section: it is not known for rotary embeddings of the type \"linear\"");
  unsupported(with(kLlama, "partial_rotary_factor", 0.5), "config.json.partial_rotary_factor: 0.5 is not supported");
  unsupported({{"model_type", "qwen2"}, {"layer_types", {"chunked_attention"}}},
              "config.json.layer_types: \"chunked_attention\" is not known");
  unsupported(with(with(kBert, "architectures", {"BertForMaskedLM"}), "tie_word_embeddings", false),
              "config.json.tie_word_embeddings: false is not supported");
}

TEST(Config, NamesWhatIsImpossible) {
  EXPECT_EQ(wrong(Json::array()), "config.json: an object is wanted, but it is array");
  EXPECT_EQ(wrong(Json::object()), "config.json.model_type: it is missing");
  EXPECT_EQ(wrong({{"model_type", 3}}), "config.json.model_type: a string is wanted, but it is number");
  EXPECT_NE(parse_config("{\"model_type\": \"bert\"").status().message(), "");
  EXPECT_NE(parse_config("").status().message(), "");
  EXPECT_EQ(wrong(with(kBert, "num_hidden_layers", 1000000000000000000)),
            "config.json.num_hidden_layers: a whole number from 0 to 2147483647 is wanted, but it is "
            "1000000000000000000");
  EXPECT_EQ(wrong(with(kBert, "num_hidden_layers", 2000000000)),
            "config.json.num_hidden_layers: a whole number from 1 to 4096 is wanted, but it is 2000000000");
  EXPECT_EQ(wrong(with(kBert, "hidden_size", -16)),
            "config.json.hidden_size: a whole number from 0 to 2147483647 is wanted, but it is -16");
  EXPECT_EQ(wrong(with(kBert, "hidden_size", 0)),
            "config.json.hidden_size: a whole number from 1 to 16777216 is wanted, but it is 0");
  EXPECT_EQ(wrong(with(kBert, "hidden_size", 1.5)),
            "config.json.hidden_size: a whole number from 0 to 2147483647 is wanted, but it is 1.5");
  EXPECT_EQ(wrong(with(kBert, "hidden_size", "16")),
            "config.json.hidden_size: a whole number from 0 to 2147483647 is wanted, but it is \"16\"");
  EXPECT_EQ(wrong(with(kBert, "hidden_size", 770)),
            "config.json.num_attention_heads: 12 heads do not divide 770 features");
  EXPECT_EQ(wrong(with(kBert, "hidden_dropout_prob", 1.5)),
            "config.json.hidden_dropout_prob: a probability from 0 to 1 is wanted, but it is 1.5");
  EXPECT_EQ(wrong(with(kBert, "layer_norm_eps", 0)),
            "config.json.layer_norm_eps: a number above 0 is wanted, but it is 0");
  EXPECT_EQ(wrong(with(kBert, "id2label", {{"0", "a"}, {"2", "b"}})),
            "config.json.id2label: texts for the ids from 0 to 1 are wanted");
  EXPECT_EQ(wrong({{"model_type", "roberta"}, {"pad_token_id", nullptr}}),
            "config.json.pad_token_id: RoBERTa counts positions from it, but there is none");
  EXPECT_EQ(wrong({{"model_type", "bert"}, {"vocab_size", 50}, {"pad_token_id", 50}}),
            "config.json.pad_token_id: an id from 0 to 49 is wanted, but it is 50");
  EXPECT_EQ(wrong({{"model_type", "roberta"}, {"pad_token_id", 511}}),
            "config.json.max_position_embeddings: 512 leave no position after pad_token_id 511");
  EXPECT_EQ(wrong(with(kLlama, "num_key_value_heads", 3)),
            "config.json.num_key_value_heads: 3 key heads do not divide 4 query heads");
  EXPECT_EQ(wrong(with(kLlama, "num_attention_heads", 3)),
            "config.json.num_attention_heads: 3 heads do not divide 16 features");
  EXPECT_EQ(wrong(with(kLlama, "num_attention_heads", 0)),
            "config.json.num_attention_heads: a whole number from 1 to 65536 is wanted, but it is 0");
  EXPECT_EQ(wrong(with(kLlama, "head_dim", 5)),
            "config.json.head_dim: rotary embeddings need an even number, but it is 5");
  EXPECT_EQ(wrong(with(kLlama, "rope_theta", 0)), "config.json.rope_theta: a number above 1 is wanted, but it is 0");
  EXPECT_EQ(wrong(with(kLlama, "rope_scaling", {{"rope_type", "linear"}})),
            "config.json.rope_scaling: factor: it is missing");
  EXPECT_EQ(wrong(with(kLlama, "rope_scaling", {{"rope_type", "linear"}, {"factor", 0}})),
            "config.json.factor: a number above 0 is wanted, but it is 0");
  EXPECT_EQ(
      wrong(with(kLlama, "rope_scaling", {{"rope_type", "longrope"}, {"short_factor", {1, 1}}, {"long_factor", {1}}})),
      "config.json.long_factor: 2 factors are wanted, but there are 1");
  EXPECT_EQ(wrong(with(kLlama, "rope_scaling",
                       {{"rope_type", "llama3"}, {"factor", 8}, {"low_freq_factor", 4}, {"high_freq_factor", 4}})),
            "config.json.high_freq_factor: it must be above low_freq_factor 4, but is 4");
  EXPECT_EQ(wrong(with(kLlama, "rope_scaling",
                       {{"rope_type", "longrope"},
                        {"factor", 4},
                        {"original_max_position_embeddings", 1},
                        {"short_factor", {1, 1}},
                        {"long_factor", {1, 1}}})),
            "config.json.original_max_position_embeddings: longrope needs at least 2 positions, but there is 1");
  EXPECT_EQ(wrong({{"model_type", "qwen3"}, {"num_hidden_layers", 2}, {"layer_types", {"full_attention"}}}),
            "config.json.layer_types: there are 1 for 2 layers");
  EXPECT_EQ(wrong({{"model_type", "qwen3"}, {"num_hidden_layers", 1}, {"layer_types", {"sliding_attention"}}}),
            "config.json.layer_types: a layer slides, but there is no sliding_window");
  EXPECT_EQ(wrong(with(kBert, "architectures", "BertModel")),
            "config.json.architectures: a list is wanted, but it is string");
  EXPECT_EQ(read_config("/nowhere/config.json").status().code(), absl::StatusCode::kNotFound);
}

TEST(Config, TheLongestTextIsTheSameAfterSaving) {
  LlamaConfig c{.max_position_embeddings = 2048};
  c.rope = {.type = RopeConfig::Type::kYarn, .factor = 4};
  EXPECT_EQ(c.max_positions(), 8192);
  EXPECT_EQ(std::get<LlamaConfig>(parse_config(config_to_json(c))->config).max_positions(), 8192);
}

TEST(Config, TheKindOfClassesIsKept) {
  EXPECT_EQ(read<BertConfig>(kBert).problem_type, std::nullopt);
  EXPECT_EQ(read<BertConfig>(with(kBert, "problem_type", nullptr)).problem_type, std::nullopt);
  const auto c = read<BertConfig>(with(kBert, "problem_type", "multi_label_classification"));
  EXPECT_EQ(c.problem_type, "multi_label_classification");
  EXPECT_EQ(Json::parse(config_to_json(c)).at("problem_type"), "multi_label_classification");
  EXPECT_FALSE(Json::parse(config_to_json(BertConfig{})).contains("problem_type"));
  EXPECT_EQ(
      wrong(with(kBert, "problem_type", "guessing")),
      "config.json.problem_type: regression, single_label_classification or multi_label_classification is wanted");
}

TEST(Config, ConstructorsCheckToo) {
  const auto message = [](const ModelConfig& c) {
    try {
      check_config(c);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message(BertConfig{}), "no error");
  EXPECT_EQ(message(Gpt2Config{}), "no error");
  EXPECT_EQ(message(LlamaConfig{}), "no error");
  EXPECT_EQ(message(Gpt2Config{.n_layer = -1}),
            "the configuration's n_layer: a whole number from 1 to 4096 is wanted, but it is -1");
  EXPECT_EQ(message(BertConfig{.labels = {"no", "caf\xE9"}}),
            "the configuration's id2label: the label of class 1 is not valid UTF-8");
  EXPECT_EQ(message(LlamaConfig{.qk_norm = true}),
            "the configuration's model_type: the biases or norms are not those of the family");
}

}  // namespace
}  // namespace hearth::text
