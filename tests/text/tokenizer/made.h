// Tokenizers that tests make.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

using Json = nlohmann::json;

inline const Json& golden() {
  static const Json all = io::parse_json(io::read_file("tests/text/tokenizer/golden.json", 1 << 30).value()).value();
  return all;
}

// A tokenizer of one of golden.json's vocabularies.
inline Tokenizer make(const char* model, Json config = Json::object()) {
  config["model"] = golden()["models"][model];
  return Tokenizer::parse(config.dump()).value();
}

inline Tokenizer byte_level() {
  return make("byte_level",
              {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
               {"decoder", {{"type", "ByteLevel"}}},
               {"added_tokens", Json::array({{{"id", 900},
                                              {"content", "<|end|>"},
                                              {"single_word", false},
                                              {"lstrip", false},
                                              {"rstrip", false},
                                              {"normalized", false},
                                              {"special", true}}})}});
}

inline std::string error(const std::string& json) {
  const auto made = Tokenizer::parse(json);
  return made.ok() ? "" : std::string(made.status().message());
}

constexpr char kWords[] = R"({"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1, "b": 2}})";
std::string with(const std::string& more) { return std::string(R"({"model": )") + kWords + ", " + more + "}"; }

inline Json bert() {
  return {{"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
          {"post_processor",
           {{"type", "BertProcessing"}, {"sep", Json::array({"[SEP]", 2})}, {"cls", Json::array({"[CLS]", 1})}}}};
}

}  // namespace hearth::text
