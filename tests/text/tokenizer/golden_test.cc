// What `tokenizers` makes of texts in many scripts, with random configurations of every component over seven small
// vocabularies (tools/golden/text_tokenizers.py).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "tests/text/tokenizer/digest.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

const Json& golden() {
  static const Json all = io::parse_json(io::read_file("tests/text/tokenizer/golden.json", 1 << 30).value()).value();
  return all;
}

std::string tokenizer_json(const Json& one) {
  Json json = one["config"];
  if (json["normalizer"].is_object() && json["normalizer"].contains("precompiled_charsmap")) {
    json["normalizer"]["precompiled_charsmap"] = golden()["charsmap"];
  }
  json["model"] = golden()["models"][one["model"].get<std::string>()];
  json["model"].update(one["overrides"]);
  return json.dump();
}

absl::StatusOr<Encoding> encode(const Tokenizer& tokenizer, const std::vector<std::string>& texts, size_t i,
                                const std::string& mode) {
  if (mode == "pair") return tokenizer.encode(texts[i], std::string_view(texts[i + 1]));
  if (mode == "single") return tokenizer.encode(texts[i]);
  std::vector<std::string> words(1);
  for (const char c : texts[i]) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return tokenizer.encode_words(words);
}

// The number of groups of strings that differ.
size_t differences(const Tokenizer& tokenizer, const Json& one) {
  const auto texts = golden()["strings"].get<std::vector<std::string>>();
  const auto mode = one["mode"].get<std::string>();
  const size_t n = texts.size() - (mode == "pair");
  const auto group = golden()["group"].get<size_t>();
  size_t wrong = 0;
  for (size_t begin = 0; begin < n; begin += group) {
    Digest digest;
    for (size_t i = begin; i < std::min(begin + group, n); ++i)
      digest_all(digest, tokenizer, encode(tokenizer, texts, i, mode));
    wrong += digest.value() != one["sums"][begin / group].get<uint32_t>();
  }
  return wrong;
}

TEST(Golden, EveryConfigurationGivesTheSame) {
  ASSERT_GE(golden()["cases"].size(), 400u);
  for (size_t i = 0; i < golden()["cases"].size(); ++i) {
    const Json& one = golden()["cases"][i];
    const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::parse(tokenizer_json(one));
    ASSERT_TRUE(tokenizer.ok()) << "case " << i << ": " << tokenizer.status();
    EXPECT_EQ(differences(*tokenizer, one), 0u) << "groups of strings in case " << i << ": " << one["config"].dump();
  }
}

TEST(Golden, SavedTokenizersAreTheSame) {
  for (size_t i = 0; i < golden()["cases"].size(); i += 10) {
    const Json& one = golden()["cases"][i];
    const absl::StatusOr<Tokenizer> first = Tokenizer::parse(tokenizer_json(one));
    ASSERT_TRUE(first.ok());
    const absl::StatusOr<Tokenizer> second = Tokenizer::parse(first->to_json());
    ASSERT_TRUE(second.ok()) << "case " << i << ": " << second.status();
    EXPECT_EQ(differences(*second, one), 0u) << "case " << i;
    EXPECT_EQ(second->to_json(), first->to_json());
  }
}

}  // namespace
}  // namespace hearth::text
