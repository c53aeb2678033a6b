// Tokenizers made of SentencePiece models, beside the library itself on the texts of its golden file.
#include "text/tokenizer/sentencepiece.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "text/tokenizer/train_unigram.h"
#include "text/unicode/unicode.h"

namespace hearth::text {
namespace {

using Strings = std::vector<std::string>;
using Options = SentencePieceTrainerOptions;

const nlohmann::json& golden() {
  static const nlohmann::json all =
      io::parse_json(io::read_file("tests/text/sentencepiece/golden.json", 1 << 30).value()).value();
  return all;
}
Strings corpus() { return golden()["corpus"].get<Strings>(); }

template <class T>
std::string message(const absl::StatusOr<T>& result) {
  return std::string(result.status().message());
}

// Texts without the name of a piece that becomes a special token.
Strings texts() {
  auto all = golden()["strings"].get<Strings>();
  std::erase_if(all, [](const std::string& t) {
    return t.find("<s>") != std::string::npos || t.find("</s>") != std::string::npos ||
           t.find("<unk>") != std::string::npos;
  });
  return all;
}

double score(const SentencePiece& model, const std::vector<int32_t>& ids) {
  double sum = 0;
  for (const int32_t id : ids) sum += model.pieces()[static_cast<size_t>(id)].score;
  return sum;
}

struct Case {
  const char* name;
  Options options;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class SameIds : public testing::TestWithParam<Case> {};

TEST_P(SameIds, AsTheLibrary) {
  const SentencePiece model = train_sentencepiece(corpus(), GetParam().options).value();
  const Tokenizer tokenizer = parse_sentencepiece(model.to_bytes()).value();
  const Tokenizer again = Tokenizer::parse(tokenizer.to_json()).value();
  const bool normalizes = GetParam().options.normalization != SentencePieceNormalization::kIdentity;
  size_t others = 0, compared = 0;
  const Strings all = texts();
  for (const std::string& text : all) {
    const auto expected = model.encode(text).value();
    const auto ids = tokenizer.encode_ids(text).value();
    EXPECT_EQ(tokenizer.encode(text).value().ids, ids);
    EXPECT_EQ(again.encode_ids(text).value(), ids);
    // The normaliser of tokenizer.json takes clusters of characters for one, SentencePiece the longest beginning that
    // it knows.
    if (normalizes && !is_normalized(text, NormalForm::kNfkc)) continue;
    // SentencePiece puts its space before a symbol at the beginning.
    const Strings& symbols = GetParam().options.user_defined_symbols;
    const size_t begin = std::min(text.find_first_not_of(' '), text.size());
    if (GetParam().options.add_dummy_prefix && std::any_of(symbols.begin(), symbols.end(), [&](const std::string& s) {
          return std::string_view(text).substr(begin).starts_with(s);
        })) {
      continue;
    }
    ++compared;
    if (ids != expected) {
      // Sums are rounded otherwise: of two ways that are as good as each other the other one may be taken.
      ++others;
      EXPECT_EQ(model.model(), SentencePieceModel::kUnigram) << text;
      EXPECT_NEAR(score(model, ids), score(model, expected), 1e-3) << text;
    } else if (std::find(ids.begin(), ids.end(), model.unk_id()) == ids.end()) {
      EXPECT_EQ(tokenizer.decode(ids).value(), model.decode(ids).value()) << text;
    }
  }
  // Scores of rare pieces are often the same in a small vocabulary.
  EXPECT_LE(others, compared / 10);
  EXPECT_GT(compared, 200u);
}

INSTANTIATE_TEST_SUITE_P(
    Models, SameIds,
    testing::Values(
        Case{"unigram", {.vocab_size = 800, .character_coverage = 1}},
        Case{"unigram_bytes",
             {.vocab_size = 850,
              .character_coverage = 0.98,
              .byte_fallback = true,
              .normalization = SentencePieceNormalization::kIdentity}},
        Case{"unigram_across_spaces", {.vocab_size = 750, .character_coverage = 0.99, .split_by_whitespace = false}},
        Case{"llama",
             {.model = SentencePieceModel::kBpe,
              .vocab_size = 950,
              .character_coverage = 0.98,
              .byte_fallback = true,
              .split_digits = true,
              .normalization = SentencePieceNormalization::kIdentity,
              .remove_extra_whitespaces = false}},
        Case{"bpe_without_prefix",
             {.model = SentencePieceModel::kBpe,
              .vocab_size = 800,
              .character_coverage = 0.99,
              .normalization = SentencePieceNormalization::kNmtNfkc,
              .add_dummy_prefix = false}},
        Case{"bpe_symbols",
             {.model = SentencePieceModel::kBpe,
              .vocab_size = 800,
              .character_coverage = 1,
              .normalization = SentencePieceNormalization::kIdentity,
              .add_dummy_prefix = false,
              .user_defined_symbols = {"fox", "<sep>"}}},
        // As Gemma's: rows of spaces are symbols.
        Case{"gemma",
             {.model = SentencePieceModel::kBpe,
              .vocab_size = 950,
              .character_coverage = 0.98,
              .byte_fallback = true,
              .normalization = SentencePieceNormalization::kIdentity,
              .add_dummy_prefix = false,
              .remove_extra_whitespaces = false,
              .user_defined_symbols = {"\u2581\u2581", "\u2581\u2581\u2581", "<sep>"}}},
        Case{"unigram_symbols",
             {.vocab_size = 800, .character_coverage = 1, .user_defined_symbols = {"brown", "<|endoftext|>"}}},
        Case{"char", {.model = SentencePieceModel::kChar, .vocab_size = 400, .character_coverage = 0.98}}),
    [](const auto& info) { return info.param.name; });

TEST(LoadSentencePiece, PutsPiecesAroundTexts) {
  const SentencePiece model = train_sentencepiece(corpus(), {.vocab_size = 800, .character_coverage = 1}).value();
  const Tokenizer t = parse_sentencepiece(model.to_bytes(), {.add_bos = true, .add_eos = true}).value();
  auto expected = model.encode("the fox").value();
  expected.insert(expected.begin(), 1);
  expected.push_back(2);
  EXPECT_EQ(t.encode_ids("the fox").value(), expected);
  EXPECT_EQ(t.decode(expected).value(), "the fox");
  const Encoding pair = t.encode("fox", "dog").value();
  EXPECT_EQ(std::count(pair.ids.begin(), pair.ids.end(), 1), 2);
  EXPECT_EQ(pair.type_ids.front(), 0);
  EXPECT_EQ(pair.type_ids.back(), 1);
  // A control piece is a special token in the text, unless it is a stranger's.
  EXPECT_EQ(parse_sentencepiece(model.to_bytes()).value().encode_ids("</s>").value(), std::vector<int32_t>{2});
}

TEST(LoadSentencePiece, KnowsWhereTokensAre) {
  const Tokenizer t = train_unigram(corpus(), {.vocab_size = 800, .character_coverage = 1}).value();
  const std::string text = "the fo\u00FCx";
  const Encoding e = t.encode(text).value();
  ASSERT_FALSE(e.ids.empty());
  EXPECT_EQ(e.byte_offsets.front().begin, 0u);
  EXPECT_EQ(e.byte_offsets.back().end, text.size());
  EXPECT_EQ(e.char_offsets.back().end, text.size() - 1);
}

TEST(TrainUnigram, GivesTheTrainersPieces) {
  const Options options{.vocab_size = 800, .character_coverage = 1};
  const Tokenizer t = train_unigram(corpus(), options).value();
  const SentencePiece model = train_sentencepiece(corpus(), options).value();
  ASSERT_EQ(t.vocab_size(), model.vocab_size());
  for (size_t i = 0; i < model.vocab_size(); ++i) {
    EXPECT_EQ(t.id_to_token(static_cast<int32_t>(i)), std::optional(model.pieces()[i].text));
  }
  EXPECT_EQ(message(train_unigram({}, options)).substr(0, 41), "training: there is no text to learn from;");
}

TEST(LoadSentencePiece, NamesWhatIsWrong) {
  const Strings cat(20, "the cat sat on the mat");
  const auto why = [&](const Options& o, const SentencePieceOptions& around = {}) {
    return message(parse_sentencepiece(train_sentencepiece(cat, o).value().to_bytes(), around));
  };
  EXPECT_EQ(why({.model = SentencePieceModel::kWord, .vocab_size = 8}),
            "a tokenizer of a model of words is not known; SentencePiece::load() takes it");
  EXPECT_EQ(why({.vocab_size = 14, .treat_whitespace_as_suffix = true}),
            "a tokenizer of spaces behind words is not known; SentencePiece::load() takes it");
  EXPECT_EQ(why({.vocab_size = 13, .bos_id = std::nullopt, .eos_id = 1}, {.add_bos = true}),
            "there is no piece \"<s>\" to put around a text");
  const std::string path = testing::TempDir() + "bad.model";
  std::ofstream(path, std::ios::binary) << "hello";
  EXPECT_TRUE(message(load_sentencepiece(path)).starts_with(path + ": model, byte "))
      << message(load_sentencepiece(path));
  EXPECT_EQ(message(load_sentencepiece("/nonexistent.model")),
            "cannot open /nonexistent.model: No such file or directory");
  const SentencePiece model = train_sentencepiece(cat, {.vocab_size = 14}).value();
  ASSERT_TRUE(model.save(path).ok());
  EXPECT_EQ(load_sentencepiece(path).value().encode_ids("the cat").value(), model.encode("the cat").value());
}

}  // namespace
}  // namespace hearth::text
