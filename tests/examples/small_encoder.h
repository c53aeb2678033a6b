// A directory with a small encoder that reads letters: random weights, real files.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/io/atomic_file.h"
#include "core/tensor/generator.h"
#include "text/models/pretrained.h"

namespace hearth::text {

inline void write_small_encoder(const std::string& directory, uint64_t seed = 1) {
  nlohmann::json vocabulary = {{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}};
  int id = 4;
  for (const char* prefix : {"", "##"}) {
    for (char c = 'a'; c <= 'z'; ++c) vocabulary[prefix + std::string(1, c)] = id++;
  }
  const nlohmann::json tokenizer = {
      {"normalizer",
       {{"type", "BertNormalizer"},
        {"clean_text", true},
        {"handle_chinese_chars", true},
        {"strip_accents", nullptr},
        {"lowercase", true}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor", {{"type", "BertProcessing"}, {"cls", {"[CLS]", 2}}, {"sep", {"[SEP]", 3}}}},
      {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", "[UNK]"},
        {"continuing_subword_prefix", "##"},
        {"max_input_chars_per_word", 100},
        {"vocab", vocabulary}}}};
  manual_seed(seed);
  const BertModel model(BertConfig{.vocab_size = id,
                                   .hidden_size = 16,
                                   .num_hidden_layers = 2,
                                   .num_attention_heads = 2,
                                   .intermediate_size = 32,
                                   .hidden_dropout_prob = 0,
                                   .attention_probs_dropout_prob = 0,
                                   .max_position_embeddings = 128,
                                   .initializer_range = 0.3});
  ASSERT_TRUE(save_pretrained(model, directory).ok());
  ASSERT_TRUE(io::write_file(directory + "/tokenizer.json", tokenizer.dump()).ok());
  ASSERT_TRUE(io::write_file(directory + "/tokenizer_config.json", R"({"tokenizer_class": "BertTokenizerFast"})").ok());
}

}  // namespace hearth::text
