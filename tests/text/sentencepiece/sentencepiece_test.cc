// SentencePiece and its trainers beside the Python package; expected values are in golden.json
// (tools/golden/text_sentencepiece.py).
#include "text/sentencepiece/sentencepiece.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "tests/text/sentencepiece/digest.h"
#include "text/sentencepiece/train.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

const Json& golden() {
  static const Json all =
      io::parse_json(io::read_file("tests/text/sentencepiece/golden.json", 1 << 30).value()).value();
  return all;
}

template <class T>
std::string message(const absl::StatusOr<T>& result) {
  return std::string(result.status().message());
}

SentencePieceTrainerOptions options_of(const Json& o) {
  SentencePieceTrainerOptions out;
  const std::map<std::string, SentencePieceModel> models = {{"unigram", SentencePieceModel::kUnigram},
                                                            {"bpe", SentencePieceModel::kBpe},
                                                            {"word", SentencePieceModel::kWord},
                                                            {"char", SentencePieceModel::kChar}};
  const std::map<std::string, SentencePieceNormalization> forms = {
      {"nmt_nfkc", SentencePieceNormalization::kNmtNfkc},
      {"nmt_nfkc_cf", SentencePieceNormalization::kNmtNfkcFold},
      {"nfkc", SentencePieceNormalization::kNfkc},
      {"nfkc_cf", SentencePieceNormalization::kNfkcFold},
      {"identity", SentencePieceNormalization::kIdentity}};
  out.model = models.at(o["model_type"].get<std::string>());
  out.normalization = forms.at(o.value("normalization_rule_name", "nmt_nfkc"));
  out.vocab_size = o["vocab_size"].get<size_t>();
  out.character_coverage = o["character_coverage"].get<double>();
  out.byte_fallback = o.value("byte_fallback", false);
  out.split_digits = o.value("split_digits", false);
  out.split_by_whitespace = o.value("split_by_whitespace", true);
  out.split_by_unicode_script = o.value("split_by_unicode_script", true);
  out.split_by_number = o.value("split_by_number", true);
  out.hard_vocab_limit = o.value("hard_vocab_limit", true);
  out.treat_whitespace_as_suffix = o.value("treat_whitespace_as_suffix", false);
  out.remove_extra_whitespaces = o.value("remove_extra_whitespaces", true);
  out.add_dummy_prefix = o.value("add_dummy_prefix", true);
  out.max_piece_length = o.value("max_sentencepiece_length", size_t{16});
  out.user_defined_symbols = o.value("user_defined_symbols", Strings());
  out.control_symbols = o.value("control_symbols", Strings());
  if (o.contains("pad_id")) out.pad_id = o["pad_id"].get<int32_t>();
  if (o.contains("bos_id")) out.bos_id.reset();
  return out;
}

// The models of the golden file, trained here.
const std::vector<SentencePiece>& trained() {
  static const std::vector<SentencePiece> all = [] {
    std::vector<SentencePiece> out;
    const auto corpus = golden()["corpus"].get<Strings>();
    for (const Json& one : golden()["cases"]) {
      absl::StatusOr<SentencePiece> model = train_sentencepiece(corpus, options_of(one["options"]));
      EXPECT_TRUE(model.ok()) << one["options"] << model.status();
      if (model.ok()) out.push_back(std::move(*model));
    }
    return out;
  }();
  return all;
}

TEST(TrainSentencePiece, LearnsTheSamePieces) {
  ASSERT_EQ(trained().size(), golden()["cases"].size());
  for (size_t i = 0; i < trained().size(); ++i) {
    const Json& one = golden()["cases"][i];
    const SentencePiece& model = trained()[i];
    EXPECT_EQ(model.vocab_size(), one["size"].get<size_t>()) << one["options"];
    Sum pieces, scores;
    for (const ModelPiece& piece : model.pieces()) {
      pieces.text(piece.text);
      scores.real(piece.score);
      for (const PieceType type : {PieceType::kControl, PieceType::kUnknown, PieceType::kByte}) {
        scores.number(piece.type == type);
      }
    }
    EXPECT_EQ(pieces.value(), one["pieces"].get<uint32_t>()) << one["options"];
    EXPECT_EQ(scores.value(), one["scores"].get<uint32_t>()) << one["options"];
  }
}

TEST(TrainSentencePiece, LearnsFromFilesToo) {
  const auto corpus = golden()["corpus"].get<Strings>();
  const std::string first = testing::TempDir() + "first.txt", second = testing::TempDir() + "second.txt";
  std::ofstream a(first, std::ios::binary), b(second, std::ios::binary);
  Strings lines;
  for (size_t i = 0; i < corpus.size(); ++i) {
    if (corpus[i].find('\n') != std::string::npos) continue;
    lines.push_back(corpus[i]);
    (i < corpus.size() / 2 ? a : b) << corpus[i] << '\n';
  }
  a.close(), b.close();
  const SentencePieceTrainerOptions options = {.vocab_size = 800, .character_coverage = 1};
  const SentencePiece of_files = train_sentencepiece_files(Strings{first, second}, options).value();
  EXPECT_EQ(of_files.to_bytes(), train_sentencepiece(lines, options).value().to_bytes());
  std::ofstream(second, std::ios::binary) << "good\nbad \xFF\n";
  EXPECT_EQ(message(train_sentencepiece_files(Strings{first, second})),
            "training: " + second + ", line 2, is not valid UTF-8");
  EXPECT_EQ(message(train_sentencepiece_files(Strings{"/nonexistent.txt"})), "/nonexistent.txt: it cannot be read");
  EXPECT_FALSE(train_sentencepiece_files(Strings{testing::TempDir()}).ok());
}

TEST(TrainSentencePiece, NamesWhatIsWrong) {
  const Strings texts(20, "the cat sat on the mat");
  const auto train = [&](const SentencePieceTrainerOptions& o) { return message(train_sentencepiece(texts, o)); };
  EXPECT_EQ(train({.vocab_size = 0}), "training: vocab_size is 0, but 1 to 16777216 is wanted");
  EXPECT_EQ(train({.vocab_size = 30, .character_coverage = 0.5}),
            "training: character_coverage is 0.5, but 0.98 to 1 is wanted");
  EXPECT_EQ(train({.vocab_size = 30, .max_piece_length = 0}),
            "training: max_piece_length is 0, but 1 to 512 is wanted");
  EXPECT_EQ(train({.vocab_size = 30, .user_defined_symbols = {"x", "x"}}), "training: the symbol \"x\" stands twice");
  EXPECT_EQ(train({.vocab_size = 30, .bos_id = 2}), "training: eos_id is 2, which is another piece's");
  EXPECT_EQ(train({.vocab_size = 30, .bos_id = 30}), "training: bos_id is 30, but an id of the vocabulary is wanted");
  EXPECT_EQ(train({.vocab_size = 3000}), "training: Vocabulary size too high (3000). Please set it to a value <= 14.");
  EXPECT_EQ(train({.vocab_size = 5}),
            "training: Vocabulary size is smaller than required_chars. 5 vs 13. Increase vocab_size or decrease "
            "character_coverage with --character_coverage option.");
  EXPECT_EQ(message(train_sentencepiece(Strings{"a", "\xFF"})), "training: sentence 1 is not valid UTF-8");
  EXPECT_EQ(
      message(train_sentencepiece(Strings{std::string(5000, 'a'), ""})),
      "training: there is no text to learn from; 2 sentences are empty or too long (more than 4192 bytes) or have a "
      "NUL or U+2585");
}

// The library ends the process where nothing is left of a corpus.
TEST(TrainSentencePiece, TakesTextsOfWhichNothingIsLeft) {
  for (const Strings& texts :
       {Strings{}, Strings{" ", "  "}, Strings{"\u2581\u2581", "\t"}, Strings{"\u200B", "\uFEFF"}, Strings{"\uFFFD"},
        Strings{"\u0301"}, Strings{std::string("a\0", 2)}, Strings{"\u2585"}}) {
    for (const SentencePieceModel model : {SentencePieceModel::kUnigram, SentencePieceModel::kBpe}) {
      EXPECT_FALSE(train_sentencepiece(texts, {.model = model, .vocab_size = 5}).ok());
    }
  }
  EXPECT_FALSE(train_sentencepiece(Strings{"ab", "ab"}, {.vocab_size = 5, .user_defined_symbols = {"ab"}}).ok());
}

// What train_sentencepiece() takes for text must leave something behind.
TEST(TrainSentencePiece, EveryCharacterThatCountsAsTextIsKept) {
  for (const auto form : {SentencePieceNormalization::kNmtNfkcFold, SentencePieceNormalization::kNfkcFold}) {
    const SentencePiece model =
        train_sentencepiece(Strings(20, "abc abd"),
                            {.model = SentencePieceModel::kChar, .vocab_size = 8, .normalization = form})
            .value();
    for (char32_t c = 1; c < 0x110000; ++c) {
      if ((c >= 0xD800 && c < 0xE000) || c == 0x2581 || c == 0xFFFD) continue;
      if (is_white_space(c) || is_control_or_format(c) || is_mark(c)) continue;
      std::string text;
      append_utf8(text, c);
      ASSERT_FALSE(model.encode(text).value().empty()) << std::hex << static_cast<uint32_t>(c);
    }
  }
}

TEST(SentencePiece, GivesTheSamePieces) {
  const auto texts = golden()["strings"].get<Strings>();
  const auto group = golden()["group"].get<size_t>();
  ASSERT_EQ(trained().size(), golden()["cases"].size());
  for (size_t i = 0; i < trained().size(); ++i) {
    const Json& one = golden()["cases"][i];
    std::vector<size_t> others;
    for (size_t g = 0; g * group < texts.size(); ++g) {
      Sum sum;
      for (size_t t = g * group; t < std::min((g + 1) * group, texts.size()); ++t) sum.all_of(trained()[i], texts[t]);
      if (sum.value() != one["sums"][g].get<uint32_t>()) others.push_back(g);
    }
    EXPECT_TRUE(others.empty()) << one["options"] << ": " << others.size() << " groups differ, the first is "
                                << others.front();
    Strings example;
    const auto pieces = trained()[i].encode_pieces("The quick brown fox").value();
    for (const TextPiece& p : pieces) example.push_back(p.piece);
    EXPECT_EQ(Json(example), one["example"]) << one["options"];
    if (!one.contains("best")) continue;
    for (size_t t = 0; t < one["best"].size(); ++t) {
      EXPECT_EQ(Json(trained()[i].encode_best(texts[20 + t], 4).value()), one["best"][t]) << one["options"];
    }
  }
}

TEST(SentencePiece, PlacesAreInTheText) {
  for (const SentencePiece& model : trained()) {
    for (const std::string text : {"The  quick \u00FC\u1E9E \U0001F469 fox ", "", " ", "\u2460\uFB01x"}) {
      const auto pieces = model.encode_pieces(text).value();
      for (const TextPiece& p : pieces) {
        ASSERT_LE(p.byte_offset.begin, p.byte_offset.end);
        ASSERT_LE(p.byte_offset.end, text.size());
        EXPECT_EQ(p.char_offset.begin, count_chars(text.substr(0, p.byte_offset.begin)));
        EXPECT_EQ(p.char_offset.end, count_chars(text.substr(0, p.byte_offset.end)));
      }
    }
  }
}

TEST(SentencePiece, Pieces) {
  const SentencePiece& model = trained()[2];
  EXPECT_EQ(model.unk_id(), 0);
  EXPECT_EQ(model.bos_id(), std::nullopt);
  EXPECT_EQ(model.eos_id(), std::optional<int32_t>(2));
  EXPECT_EQ(model.pad_id(), std::optional<int32_t>(3));
  EXPECT_EQ(model.model(), SentencePieceModel::kUnigram);
  const int32_t fox = model.piece_to_id("fox").value_or(0);
  EXPECT_EQ(model.pieces()[static_cast<size_t>(fox)].type, PieceType::kUserDefined);
  EXPECT_TRUE(model.piece_to_id("a,\"b"));
  EXPECT_EQ(model.piece_to_id("no such piece"), std::nullopt);
  EXPECT_EQ(model.decode_pieces(Strings{"\u2581the", "\u2581", "fox"}).value(), "the fox");
}

TEST(SentencePiece, SavesWhatItLoads) {
  const std::string path = testing::TempDir() + "saved.model";
  for (const SentencePiece& model : trained()) {
    ASSERT_TRUE(model.save(path).ok());
    const absl::StatusOr<SentencePiece> again = SentencePiece::load(path);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->to_bytes(), model.to_bytes());
    EXPECT_EQ(again->encode("The quick brown fox").value(), model.encode("The quick brown fox").value());
  }
}

// All ways to cut a text into the model's pieces, with their scores' sums.
void cut(const SentencePiece& model, std::string_view text, float score, std::vector<int32_t>& ids,
         std::map<std::vector<int32_t>, double>& out) {
  if (text.empty()) {
    out[ids] = score;
    return;
  }
  for (size_t n = 1; n <= text.size(); ++n) {
    const auto id = model.piece_to_id(text.substr(0, n));
    if (!id || model.pieces()[static_cast<size_t>(*id)].type != PieceType::kNormal) continue;
    ids.push_back(*id);
    cut(model, text.substr(n), score + model.pieces()[static_cast<size_t>(*id)].score, ids, out);
    ids.pop_back();
  }
}

TEST(SentencePiece, SamplesByProbability) {
  const SentencePiece model =
      train_sentencepiece(Strings(30, "banana bandana ban ana"), {.vocab_size = 18, .hard_vocab_limit = false}).value();
  const auto normalised = std::string("\u2581") + "banana";
  for (const float alpha : {0.0F, 0.3F, 1.0F}) {
    std::map<std::vector<int32_t>, double> ways;
    std::vector<int32_t> ids;
    cut(model, normalised, 0, ids, ways);
    ASSERT_GT(ways.size(), 5u);
    double sum = 0;
    for (auto& [way, score] : ways) sum += score = std::exp(alpha * score);
    constexpr int kDraws = 20000;
    std::map<std::vector<int32_t>, int> drawn;
    for (uint32_t seed = 0; seed < kDraws; ++seed) {
      ++drawn[model.sample("banana", {.alpha = alpha, .seed = seed}).value()];
    }
    // Pearson's statistic over ways that are expected often enough; its mean is their number, its variance twice that.
    double chi = 0, cells = 0;
    for (const auto& [way, weight] : ways) {
      const double expected = kDraws * weight / sum;
      if (expected < 8) continue;
      chi += (drawn[way] - expected) * (drawn[way] - expected) / expected;
      ++cells;
    }
    for (const auto& [way, count] : drawn) EXPECT_TRUE(ways.contains(way));
    EXPECT_LT(chi, cells + 6 * std::sqrt(2 * cells)) << alpha;
  }
}

TEST(SentencePiece, SamplesAgainFromTheSameSeedOnAnyThread) {
  for (const size_t i : {size_t{0}, size_t{4}}) {
    const SentencePiece& model = trained()[i];
    const std::string text = "The quick brown fox jumps over the lazy dog";
    const SamplingOptions options{.nbest_size = i == 0 ? 16 : -1, .alpha = 0.4F, .seed = 7};
    const auto once = model.sample(text, options).value();
    std::vector<int32_t> there;
    std::thread([&] { there = model.sample(text, options).value(); }).join();
    EXPECT_EQ(once, model.sample(text, options).value());
    EXPECT_EQ(once, there);
    bool differs = false;
    for (uint32_t seed = 8; seed < 20; ++seed) {
      differs |= model.sample(text, {.nbest_size = options.nbest_size, .alpha = 0.4F, .seed = seed}).value() != once;
    }
    EXPECT_TRUE(differs);
    EXPECT_EQ(model.decode(once).value(), text);
  }
  // No merge is left out, or every one is.
  EXPECT_EQ(trained()[4].sample("brown", {.alpha = 0}).value(), trained()[4].encode("brown").value());
  EXPECT_EQ(trained()[4].sample("brown", {.alpha = 1}).value().size(), 6u);
}

TEST(SentencePiece, NamesWhatIsWrong) {
  const SentencePiece& unigram = trained()[0];
  const SentencePiece& bpe = trained()[4];
  const SentencePiece& word = trained().back();
  EXPECT_EQ(message(unigram.encode("a\xFF")), "SentencePiece: the text is not valid UTF-8 at byte 1");
  EXPECT_EQ(message(unigram.encode(std::string((1 << 24) + 1, 'a'))),
            "SentencePiece: the text has 16777217 bytes, of which this model takes 16268815");
  EXPECT_EQ(message(unigram.decode(std::vector<int32_t>{-1})),
            "SentencePiece: decode: -1 is not an id of the model, which has 800 pieces");
  EXPECT_EQ(message(unigram.decode(std::vector<int32_t>{800})),
            "SentencePiece: decode: 800 is not an id of the model, which has 800 pieces");
  EXPECT_EQ(message(unigram.encode_best("a", 0)), "SentencePiece: count is 0, but 1 to 1024 is wanted");
  EXPECT_EQ(message(bpe.encode_best("a", 2)),
            "SentencePiece: the best ways to cut a text are known to Unigram models only");
  EXPECT_EQ(message(unigram.encode_best(std::string(10000, 'a'), 1000)),
            "SentencePiece: 1000 ways to cut a text of 10000 bytes are too many; cut it into sentences");
  EXPECT_EQ(message(unigram.sample(std::string((1 << 20) + 1, 'a'))),
            "SentencePiece: 1 ways to cut a text of 1048577 bytes are too many; cut it into sentences");
  EXPECT_EQ(message(unigram.sample("a", {.alpha = std::nanf("")})),
            "SentencePiece: alpha is nan, but 0 to 1000 is wanted");
  EXPECT_EQ(message(bpe.sample("a", {.alpha = 1.5F})), "SentencePiece: alpha is 1.5, but 0 to 1 is wanted");
  EXPECT_EQ(message(unigram.sample("a", {.nbest_size = 513})),
            "SentencePiece: nbest_size is 513, but 2 to 512, or -1 for all, is wanted");
  EXPECT_EQ(message(word.sample("a")), "SentencePiece: sampling is for Unigram and BPE models only");
  EXPECT_EQ(message(unigram.decode_pieces(Strings{"a", "\xFF"})), "SentencePiece: decode: piece 1 is not valid UTF-8");
}

// --- bad files

std::string varint(uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  return out + static_cast<char>(v);
}
std::string field(int number, std::string_view bytes) {
  return varint(static_cast<uint64_t>(number) << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string field(int number, uint64_t value) { return varint(static_cast<uint64_t>(number) << 3) + varint(value); }
std::string piece(std::string_view text, float score, int type) {
  std::string bits(4, '\0');
  std::memcpy(bits.data(), &score, 4);
  return field(1, field(1, text) + std::string("\x15") + bits + field(3, static_cast<uint64_t>(type)));
}
// A model of two pieces, with a map of characters.
std::string tiny(std::string_view charsmap) {
  return piece("<unk>", 0, 2) + piece("a", -1, 1) + field(3, field(2, charsmap));
}
std::string charsmap(const std::vector<uint32_t>& trie, std::string_view texts) {
  std::string out(4 + trie.size() * 4, '\0');
  const auto size = static_cast<uint32_t>(trie.size() * 4);
  std::memcpy(out.data(), &size, 4);
  std::memcpy(out.data() + 4, trie.data(), size);
  return out + std::string(texts);
}
std::string parse(const std::string& bytes) { return message(SentencePiece::parse(bytes)); }

TEST(SentencePieceFile, NamesWhatIsWrong) {
  EXPECT_TRUE(SentencePiece::parse(tiny("")).ok());
  EXPECT_EQ(message(SentencePiece::load("/nonexistent.model")),
            "cannot open /nonexistent.model: No such file or directory");
  const std::string path = testing::TempDir() + "bad.model";
  std::ofstream(path, std::ios::binary) << "{\"version\": 1}";
  EXPECT_EQ(message(SentencePiece::load(path)), path + ": model, byte 0: it is not a SentencePiece model");
  std::ofstream(path, std::ios::binary) << trained()[0].to_bytes().substr(0, 1000);
  const std::string cut_short = message(SentencePiece::load(path));
  EXPECT_TRUE(cut_short.starts_with(path + ": model, byte ")) << cut_short;
  EXPECT_NE(cut_short.find("the file is cut short"), std::string::npos) << cut_short;
  EXPECT_EQ(parse(""), "it has no pieces");
  EXPECT_EQ(parse(piece("a", 0, 1)), "one unknown piece is wanted, but there are 0");
  EXPECT_EQ(parse(piece("<unk>", 0, 2) + piece("x", 0, 2) + piece("a", 0, 1)),
            "one unknown piece is wanted, but there are 2");
  EXPECT_EQ(parse(piece("<unk>", 0, 2)), "no piece stands for text");
  EXPECT_EQ(parse(tiny("") + piece("a", 0, 1)), "piece 2: \"a\" stands twice");
  EXPECT_EQ(parse(tiny("") + piece("", 0, 1)), "piece 2, byte 41: the piece is empty");
  EXPECT_TRUE(parse(tiny("") + piece("b\xFF", 0, 1)).ends_with("the piece is not valid UTF-8"));
  EXPECT_TRUE(parse(tiny("") + piece(std::string("b\0", 2), 0, 1)).ends_with("the piece has a NUL"));
  EXPECT_TRUE(parse(tiny("") + piece(std::string(1025, 'b'), 0, 1)).ends_with("the piece has more than 1024 bytes"));
  EXPECT_TRUE(parse(tiny("") + piece("b", std::nanf(""), 1)).ends_with("the score is not finite"));
  EXPECT_TRUE(parse(tiny("") + piece("b", 0, 7)).ends_with("a piece of type 7 is not known"));
  EXPECT_EQ(parse(tiny("") + piece("<0x00>", 0, 6)), "piece 2: it is a byte, but the model does not use bytes");
  EXPECT_EQ(parse(tiny("") + piece("<0x00>", 0, 6) + field(2, field(35, uint64_t{1}))),
            "256 pieces of a byte are wanted, but there are 1");
  EXPECT_EQ(parse(tiny("") + piece("<0xG0>", 0, 6)), "piece 2: \"<0xG0>\" is not a byte");
  EXPECT_TRUE(parse(tiny("") + field(2, field(3, uint64_t{5}))).ends_with("a model of type 5 is not known"));
  EXPECT_TRUE(parse(tiny("") + field(3, "")).ends_with("part 3 stands twice"));
}

// The library writes behind its room where more are found at one place.
TEST(SentencePieceFile, SymbolsBeginWithEachOtherAtMost64Times) {
  const auto symbols = [](size_t count) {
    std::string all = tiny("");
    for (size_t n = 1; n <= count; ++n) {
      all += piece(std::string(n, 'b'), 0, 4) + piece(std::string(n, 'c') + "d", 0, 4);
    }
    return all;
  };
  for (const uint64_t model : {1, 2}) {
    const std::string type = field(2, field(3, model));
    const SentencePiece most = SentencePiece::parse(symbols(64) + type).value();
    // The space before the text, 64 three times, and 8.
    EXPECT_EQ(most.encode(std::string(200, 'b')).value().size(), 5u);
    EXPECT_EQ(parse(symbols(65) + type), "of the user-defined symbols 65 begin with each other, but at most 64 may");
  }
  Strings nested;
  for (size_t n = 1; n <= 65; ++n) nested.emplace_back(n, 'b');
  EXPECT_EQ(message(train_sentencepiece(Strings(20, "bbbb a"), {.vocab_size = 90, .user_defined_symbols = nested})),
            "training: of the user-defined symbols 65 begin with each other, but at most 64 may");
}

TEST(SentencePieceFile, MapsOfCharactersStayWithinThemselves) {
  const auto why = [&](const std::string& map) {
    const std::string all = parse(tiny(map));
    const size_t at = all.find("characters: ");
    return at == std::string::npos ? all : all.substr(at + 12);
  };
  EXPECT_EQ(why("\x01"), "it ends early");
  EXPECT_EQ(why(charsmap(std::vector<uint32_t>(255), "x")), "its trie has no whole number of blocks");
  EXPECT_EQ(why(charsmap(std::vector<uint32_t>(256), "")), "its trie is longer than the map");
  EXPECT_EQ(why(charsmap(std::vector<uint32_t>(256), "\xFF")), "a replacement is not UTF-8");
  std::vector<uint32_t> trie(512);
  // The root's children begin at 256; 'a' becomes what stands at 0.
  const auto unit = [](uint32_t offset, bool leaf, uint8_t label) {
    return offset << 10 | (leaf ? 1U << 8 : 0U) | label;
  };
  trie[0] = unit(256, false, 0);
  trie[256 ^ 'a'] = unit((256 ^ 'a') ^ 128, true, 'a');
  trie[128] = 1U << 31 | 0;
  EXPECT_EQ(why(charsmap(trie, std::string("b\0", 2))), "");
  const SentencePiece mapped = SentencePiece::parse(tiny(charsmap(trie, std::string("bb\0", 3)))).value();
  EXPECT_EQ(mapped.encode_pieces("a").value()[0].piece,
            "\u2581"
            "bb");
  trie[128] = 1U << 31 | 2;
  EXPECT_EQ(why(charsmap(trie, std::string("b\0", 2))), "a replacement is outside of the map");
  EXPECT_EQ(why(charsmap(trie, std::string("b\u00FC\0", 4))), "a replacement begins within a character");
  trie[128] = 1U << 31 | 0;
  EXPECT_EQ(why(charsmap(trie, std::string(300, 'b'))), "a replacement is too long");
  trie[256 ^ 'a'] = unit(1 << 20, false, 'a');
  EXPECT_EQ(why(charsmap(trie, "b")), "its trie points outside of itself");
  trie[0] = unit(1 << 20, false, 0);
  EXPECT_EQ(why(charsmap(trie, "b")), "its trie points outside of itself");
  // "aa" leads to where "a" has led.
  trie[0] = unit(256, false, 0);
  trie[256 ^ 'a'] = unit('a', false, 'a');
  EXPECT_EQ(why(charsmap(trie, "b")), "its trie goes round in a circle");
  // "a", "aa", ... each become something, which is more than the library has room for.
  const auto chain = [&](uint32_t length) {
    std::vector<uint32_t> out(256 * 40);
    out[0] = unit(256, false, 0);
    for (uint32_t i = 1; i <= length; ++i) {
      const uint32_t node = 256 * i ^ 'a', base = 256 * (i + 1);
      out[node] = unit(node ^ base, true, 'a');
      out[base] = 1U << 31 | 0;
    }
    return charsmap(out, "b");
  };
  EXPECT_EQ(why(chain(32)), "");
  EXPECT_EQ(why(chain(33)), "a text meets too many replacements");
}

}  // namespace
}  // namespace hearth::text
