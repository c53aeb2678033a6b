#include "text/generate/generation_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace hearth::text {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string refused(const std::string& json) {
  const auto file = parse_generation_config(json, "g.json");
  return file.ok() ? "" : std::string(file.status().message());
}

std::string why(const GenerationConfig& config) { return std::string(check_generation_config(config).message()); }

TEST(GenerationConfig, ReadsEveryField) {
  const auto file = parse_generation_config(R"({
    "max_new_tokens": 7, "max_length": 90, "min_new_tokens": 2, "min_length": 3, "max_time": 1.5,
    "stop_strings": ["a", "\n\n"], "eos_token_id": [2, 5], "bos_token_id": 1, "pad_token_id": 0,
    "do_sample": true, "num_beams": 1, "early_stopping": "never", "length_penalty": -0.5, "num_return_sequences": 4,
    "sequence_bias": [[[3, 4], 1.5], [[6], -2]], "repetition_penalty": 1.1, "frequency_penalty": 0.25,
    "presence_penalty": -1, "no_repeat_ngram_size": 3, "bad_words_ids": [[1, 2], [3]], "forced_bos_token_id": 8,
    "forced_eos_token_id": 9, "remove_invalid_values": true, "exponential_decay_length_penalty": [10, 1.25],
    "suppress_tokens": [1], "begin_suppress_tokens": [2, 3], "temperature": 0.6, "top_k": 20, "top_p": 0.95,
    "min_p": 0.01, "typical_p": 0.9, "epsilon_cutoff": 0.001, "eta_cutoff": 0.002, "renormalize_logits": true,
    "transformers_version": "5.0", "use_cache": false, "num_beam_groups": 1, "guidance_scale": null})");
  ASSERT_TRUE(file.ok()) << file.status();
  const GenerationConfig& c = file->config;
  EXPECT_EQ(c.max_new_tokens, 7);
  EXPECT_EQ(c.max_length, 90);
  EXPECT_EQ(c.min_new_tokens, 2);
  EXPECT_EQ(c.min_length, 3);
  EXPECT_EQ(c.max_time, 1.5);
  EXPECT_EQ(c.stop_strings, (std::vector<std::string>{"a", "\n\n"}));
  EXPECT_EQ(c.eos_token_id, (std::vector<int32_t>{2, 5}));
  EXPECT_EQ(c.bos_token_id, 1);
  EXPECT_EQ(c.pad_token_id, 0);
  EXPECT_TRUE(c.do_sample);
  EXPECT_EQ(c.early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(c.length_penalty, -0.5);
  EXPECT_EQ(c.num_return_sequences, 4);
  ASSERT_EQ(c.sequence_bias.size(), 2u);
  EXPECT_EQ(c.sequence_bias[0].ids, (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(c.sequence_bias[0].bias, 1.5F);
  EXPECT_EQ(c.repetition_penalty, 1.1);
  EXPECT_EQ(c.frequency_penalty, 0.25);
  EXPECT_EQ(c.presence_penalty, -1);
  EXPECT_EQ(c.no_repeat_ngram_size, 3);
  EXPECT_EQ(c.bad_words_ids, (std::vector<std::vector<int32_t>>{{1, 2}, {3}}));
  EXPECT_EQ(c.forced_bos_token_id, 8);
  EXPECT_EQ(c.forced_eos_token_id, std::vector<int32_t>{9});
  EXPECT_TRUE(c.remove_invalid_values);
  EXPECT_EQ(c.exponential_decay_length_penalty, std::pair(int64_t{10}, 1.25));
  EXPECT_EQ(c.suppress_tokens, std::vector<int32_t>{1});
  EXPECT_EQ(c.begin_suppress_tokens, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(c.temperature, 0.6);
  EXPECT_EQ(c.top_k, 20);
  EXPECT_EQ(c.top_p, 0.95);
  EXPECT_EQ(c.min_p, 0.01);
  EXPECT_EQ(c.typical_p, 0.9);
  EXPECT_EQ(c.epsilon_cutoff, 0.001);
  EXPECT_EQ(c.eta_cutoff, 0.002);
  EXPECT_TRUE(c.renormalize_logits);
  EXPECT_TRUE(file->unknown_keys.empty());
  // All of it comes back from what is written.
  const std::string written = generation_config_to_json(c);
  const auto again = parse_generation_config(written);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(generation_config_to_json(again->config), written);
  for (const char* key : {"max_time", "stop_strings", "sequence_bias", "exponential_decay_length_penalty",
                          "early_stopping", "min_p", "forced_eos_token_id", "bad_words_ids", "renormalize_logits"}) {
    EXPECT_NE(written.find(key), std::string::npos) << key;
  }
  EXPECT_EQ(again->config.sequence_bias[1].ids, std::vector<int32_t>{6});
  EXPECT_EQ(again->config.sequence_bias[1].bias, -2);
}

TEST(GenerationConfig, WritesWhatDiffersFromTheDefaults) {
  EXPECT_EQ(generation_config_to_json({}), "{}\n");
  EXPECT_EQ(generation_config_to_json({.eos_token_id = {2}, .temperature = 0.5}),
            "{\n  \"eos_token_id\": [\n    2\n  ],\n  \"temperature\": 0.5\n}\n");
}

TEST(GenerationConfig, TakesOneEndOrSeveral) {
  EXPECT_EQ(parse_generation_config(R"({"eos_token_id": 7})")->config.eos_token_id, std::vector<int32_t>{7});
  EXPECT_EQ(parse_generation_config(R"({"stop_strings": "x"})")->config.stop_strings, std::vector<std::string>{"x"});
  EXPECT_TRUE(parse_generation_config(R"({"eos_token_id": null, "pad_token_id": -1})")->config.eos_token_id.empty());
  EXPECT_EQ(parse_generation_config(R"({"early_stopping": true})")->config.early_stopping, EarlyStopping::kFirst);
  EXPECT_EQ(parse_generation_config(R"({"early_stopping": false})")->config.early_stopping, EarlyStopping::kHeuristic);
}

TEST(GenerationConfig, ReportsUnknownKeys) {
  const auto file = parse_generation_config(R"({"top_k": 3, "my_option": {}, "_from_model_config": true})");
  EXPECT_EQ(file->unknown_keys, std::vector<std::string>{"my_option"});
  EXPECT_EQ(file->config.top_k, 3);
}

TEST(GenerationConfig, RefusesByNameWhatWouldChangeTheText) {
  for (const char* pair :
       {R"("num_beam_groups": 2)", R"("diversity_penalty": 0.5)", R"("penalty_alpha": 0.6)", R"("dola_layers": "high")",
        R"("guidance_scale": 1.5)", R"("watermarking_config": {})", R"("token_healing": true)", R"("top_h": 0.4)",
        R"("encoder_repetition_penalty": 2)", R"("encoder_no_repeat_ngram_size": 3)", R"("constraints": [])",
        R"("force_words_ids": [[1]])", R"("forced_decoder_ids": [[1, 2]])"}) {
    const std::string text = pair, key = text.substr(1, text.find('"', 1) - 1);
    const auto file = parse_generation_config("{" + text + "}", "g.json");
    EXPECT_EQ(file.status().code(), absl::StatusCode::kUnimplemented) << text;
    EXPECT_EQ(std::string(file.status().message()), "g.json." + key + ": it is not supported");
  }
  EXPECT_EQ(refused(R"({"num_beam_groups": 1, "diversity_penalty": 0.0, "encoder_repetition_penalty": 1.0,
      "guidance_scale": 1, "penalty_alpha": 0, "token_healing": false, "dola_layers": null})"),
            "");
  EXPECT_EQ(refused(R"({"num_beams": 2, "do_sample": true})"),
            "g.json: num_beams is 2 and do_sample is true: sampling with beams is not supported");
}

TEST(GenerationConfig, RefusesWrongTypes) {
  EXPECT_EQ(refused("[]"), "g.json: an object is wanted, but it is array");
  EXPECT_EQ(refused(R"({"top_k": "5"})"),
            "g.json.top_k: a whole number from 0 to 2147483647 is wanted, but it is \"5\"");
  EXPECT_EQ(refused(R"({"top_k": -1})"), "g.json.top_k: a whole number from 0 to 2147483647 is wanted, but it is -1");
  EXPECT_EQ(refused(R"({"top_k": 1.5})"), "g.json.top_k: a whole number from 0 to 2147483647 is wanted, but it is 1.5");
  EXPECT_EQ(refused(R"({"top_p": "x"})"), "g.json.top_p: a number is wanted, but it is string");
  EXPECT_EQ(refused(R"({"do_sample": 1})"), "g.json.do_sample: true or false is wanted, but it is number");
  EXPECT_EQ(refused(R"({"eos_token_id": [1, -2]})"), "g.json.eos_token_id: an id or a list of ids is wanted");
  EXPECT_EQ(refused(R"({"eos_token_id": [99999999999]})"), "g.json.eos_token_id: an id or a list of ids is wanted");
  EXPECT_EQ(refused(R"({"suppress_tokens": 4})"), "g.json.suppress_tokens: a list of ids is wanted");
  EXPECT_EQ(refused(R"({"stop_strings": [1]})"), "g.json.stop_strings: a string or a list of strings is wanted");
  EXPECT_EQ(refused(R"({"bad_words_ids": [1]})"), "g.json.bad_words_ids: a list of lists of ids is wanted");
  EXPECT_EQ(refused(R"({"sequence_bias": [[[1], "x"]]})"), "g.json.sequence_bias: a list of [[ids], bias] is wanted");
  EXPECT_EQ(refused(R"({"sequence_bias": [[[1]]]})"), "g.json.sequence_bias: a list of [[ids], bias] is wanted");
  EXPECT_EQ(refused(R"({"early_stopping": "often"})"), R"(g.json.early_stopping: true, false or "never" is wanted)");
  EXPECT_EQ(refused(R"({"exponential_decay_length_penalty": [1]})"),
            "g.json.exponential_decay_length_penalty: [tokens, factor] is wanted");
  EXPECT_NE(refused("{"), "");
  EXPECT_NE(refused(R"({"top_k": 1, "top_k": 2})"), "");
  EXPECT_NE(refused(std::string(R"({"stop_strings": ")") + "\xFF" + "\"}"), "");
}

TEST(GenerationConfig, RefusesValuesOutOfRange) {
  EXPECT_EQ(why({.max_new_tokens = 0}), "max_new_tokens must be from 1 to 2147483647, but is 0");
  EXPECT_EQ(why({.max_new_tokens = -3}), "max_new_tokens must be from 1 to 2147483647, but is -3");
  EXPECT_EQ(why({.max_length = 0}), "max_length must be from 1 to 2147483647, but is 0");
  EXPECT_EQ(why({.min_new_tokens = -1}), "min_new_tokens must be from 0 to 2147483647, but is -1");
  EXPECT_EQ(why({.min_length = -1}), "min_length must be from 0 to 2147483647, but is -1");
  EXPECT_EQ(why({.max_new_tokens = 3, .min_new_tokens = 4}), "min_new_tokens is 4, but max_new_tokens is 3");
  EXPECT_EQ(why({.max_time = 0}), "max_time must be a number of seconds above 0, but is 0");
  EXPECT_NE(why({.max_time = kNan}), "");
  EXPECT_EQ(why({.stop_strings = {"a", ""}}), "stop_strings: a stop string is empty");
  EXPECT_EQ(why({.stop_strings = {"\xFF"}}), "stop_strings: a stop string is not valid UTF-8");
  EXPECT_EQ(why({.stop_strings = {std::string(65537, 'a')}}),
            "stop_strings: they have 65537 bytes, but at most 65536 are allowed");
  EXPECT_EQ(why({.num_beams = 0}), "num_beams must be from 1 to 1024, but is 0");
  EXPECT_EQ(why({.num_beams = 1025}), "num_beams must be from 1 to 1024, but is 1025");
  EXPECT_EQ(why({.do_sample = true, .num_return_sequences = 0}),
            "num_return_sequences must be from 1 to 1024, but is 0");
  EXPECT_EQ(why({.num_beams = 2, .num_return_sequences = 3}), "num_return_sequences is 3, but num_beams is 2");
  EXPECT_EQ(
      why({.num_return_sequences = 2}),
      "num_return_sequences is 2, but without sampling and beams a prompt has one text: set do_sample or num_beams");
  EXPECT_EQ(why({.length_penalty = 17}), "length_penalty must be from -16 to 16, but is 17");
  EXPECT_NE(why({.length_penalty = kNan}), "");
  EXPECT_EQ(check_generation_config({.do_sample = true, .num_beams = 2}).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(check_generation_config({.num_beams = 2, .remove_invalid_values = true}).code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(why({.repetition_penalty = 0}), "repetition_penalty must be above 0 and finite, but is 0");
  EXPECT_NE(why({.repetition_penalty = kNan}), "");
  EXPECT_NE(why({.repetition_penalty = 1e39}), "");
  EXPECT_NE(why({.frequency_penalty = kNan}), "");
  EXPECT_NE(why({.presence_penalty = -1e39}), "");
  EXPECT_EQ(why({.no_repeat_ngram_size = -1}), "no_repeat_ngram_size must be at least 0, but is -1");
  EXPECT_EQ(why({.sequence_bias = {{{}, 1}}}), "sequence_bias: a sequence has no ids");
  EXPECT_NE(why({.sequence_bias = {{{1}, std::numeric_limits<float>::infinity()}}}), "");
  EXPECT_EQ(why({.sequence_bias = {{{-1}, 1}}}), "sequence_bias: an id must be at least 0, but is -1");
  EXPECT_EQ(why({.bad_words_ids = {{}}}), "bad_words_ids: a word has no ids");
  EXPECT_EQ(why({.eos_token_id = {-1}}), "eos_token_id: an id must be at least 0, but is -1");
  EXPECT_EQ(why({.pad_token_id = -1}), "pad_token_id: an id must be at least 0, but is -1");
  EXPECT_EQ(why({.exponential_decay_length_penalty = std::pair(1, 1.5)}),
            "exponential_decay_length_penalty needs an eos_token_id");
  EXPECT_NE(why({.eos_token_id = {1}, .exponential_decay_length_penalty = std::pair(-1, 1.5)}), "");
  EXPECT_NE(why({.eos_token_id = {1}, .exponential_decay_length_penalty = std::pair(1, 0.0)}), "");
  EXPECT_EQ(why({.do_sample = true, .temperature = 0}),
            "temperature must be above 0 and finite, but is 0: for the likeliest token set do_sample to false");
  EXPECT_EQ(why({.temperature = 0}), "");
  EXPECT_EQ(why({.temperature = -1}), "temperature must be above 0 and finite, but is -1");
  EXPECT_NE(why({.temperature = kNan}), "");
  EXPECT_NE(why({.do_sample = true, .temperature = std::numeric_limits<double>::infinity()}), "");
  EXPECT_EQ(why({.top_k = -1}), "top_k must be at least 0, but is -1");
  EXPECT_EQ(why({.do_sample = true, .top_p = 0}), "top_p must be above 0 and at most 1, but is 0");
  EXPECT_EQ(why({.top_p = 1.5}), "top_p must be above 0 and at most 1, but is 1.5");
  EXPECT_NE(why({.top_p = kNan}), "");
  EXPECT_EQ(why({.min_p = 1.5}), "min_p must be from 0 to 1, but is 1.5");
  EXPECT_NE(why({.min_p = kNan}), "");
  EXPECT_EQ(why({.do_sample = true, .typical_p = 0}), "typical_p must be above 0 and at most 1, but is 0");
  EXPECT_EQ(why({.epsilon_cutoff = 1}), "epsilon_cutoff must be at least 0 and below 1, but is 1");
  EXPECT_EQ(why({.eta_cutoff = -0.5}), "eta_cutoff must be at least 0 and below 1, but is -0.5");
  EXPECT_EQ(refused(R"({"do_sample": true, "top_p": 0})"), "g.json: top_p must be above 0 and at most 1, but is 0");
  EXPECT_EQ(refused(R"({"do_sample": false, "temperature": 0.0, "top_p": 0.0, "typical_p": 0.0})"), "");
}

TEST(GenerationConfig, ReadsFilesAndDirectories) {
  const std::string directory = std::string(std::getenv("TEST_TMPDIR")) + "/model";
  std::filesystem::create_directories(directory);
  const std::string path = directory + "/generation_config.json";
  EXPECT_EQ(read_generation_config(directory).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(path) << R"({"top_k": 3})";
  EXPECT_EQ(read_generation_config(directory)->config.top_k, 3);
  EXPECT_EQ(read_generation_config(path)->config.top_k, 3);
  std::ofstream(path) << R"({"top_p": 3})";
  EXPECT_EQ(std::string(read_generation_config(directory).status().message()),
            path + ": top_p must be above 0 and at most 1, but is 3");
}

}  // namespace
}  // namespace hearth::text
