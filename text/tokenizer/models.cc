// Models, from and to the object "model" of tokenizer.json.
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/components_internal.h"
#include "text/tokenizer/unigram.h"
#include "text/tokenizer/word_piece.h"

namespace hearth::text {
namespace {

absl::StatusOr<Vocabulary> vocabulary_of(Fields& f) {
  const Json& object = f.object("vocab");
  std::vector<std::pair<std::string, int64_t>> tokens;
  tokens.reserve(object.size());
  for (const auto& [token, id] : object.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > 0x7FFFFFFF) {
      f.fail("vocab", concat("the id of \"", token, "\" is not a whole number from 0 to 2147483647"));
      break;
    }
    tokens.emplace_back(token, id.get<int64_t>());
  }
  if (!f.ok()) return f.status();
  return Vocabulary::create(std::move(tokens));
}

// ["a b", ...] or [["a", "b"], ...]
std::vector<Merge> merges_of(Fields& f) {
  const Json& list = f.array("merges");
  std::vector<Merge> merges;
  merges.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& one = list[i];
    if (one.is_array() && one.size() == 2 && one[0].is_string() && one[1].is_string()) {
      merges.emplace_back(one[0].get<std::string>(), one[1].get<std::string>());
      continue;
    }
    const std::string* const text = one.is_string() ? one.get_ptr<const std::string*>() : nullptr;
    const size_t space = text ? text->find(' ') : std::string::npos;
    if (space == std::string::npos || text->find(' ', space + 1) != std::string::npos) {
      f.fail("merges", concat("merge ", i, " is not two tokens"));
      break;
    }
    merges.emplace_back(text->substr(0, space), text->substr(space + 1));
  }
  return merges;
}

absl::StatusOr<std::shared_ptr<Model>> bpe(Fields& f) {
  BpeOptions options;
  if (f.has("dropout")) options.dropout = static_cast<float>(f.number("dropout"));
  options.unk_token = f.optional_string("unk_token");
  options.continuing_subword_prefix = f.optional_string("continuing_subword_prefix");
  options.end_of_word_suffix = f.optional_string("end_of_word_suffix");
  // Empty ones say nothing, and stand in files of old versions.
  if (options.continuing_subword_prefix == "") options.continuing_subword_prefix.reset();
  if (options.end_of_word_suffix == "") options.end_of_word_suffix.reset();
  options.fuse_unk = f.boolean("fuse_unk", false);
  options.byte_fallback = f.boolean("byte_fallback", false);
  options.ignore_merges = f.boolean("ignore_merges", false);
  absl::StatusOr<Vocabulary> vocabulary = vocabulary_of(f);
  if (!vocabulary.ok()) return vocabulary.status();
  std::vector<Merge> merges = merges_of(f);
  if (!f.ok()) return f.status();
  absl::StatusOr<std::unique_ptr<Bpe>> made = Bpe::create(std::move(*vocabulary), merges, std::move(options));
  if (!made.ok()) return made.status();
  return std::shared_ptr<Model>(std::move(*made));
}

// The number as `tokenizers` reads its shortest decimal form (serde_json without exact rounding): the digits as a whole
// number, times or over a power of ten. Where two ways through a text are equally good, the last bit decides.
double read_score(double exact) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, std::fabs(exact), std::chars_format::scientific).ptr;
  uint64_t digits = 0;
  int exponent = 0;
  bool fraction = false;
  const char* p = text;
  for (; p < end && *p != 'e'; ++p) {
    if (*p == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + static_cast<uint64_t>(*p - '0');
    exponent -= fraction;
  }
  int shift = 0;
  if (p < end) std::from_chars(p + (p[1] == '+' ? 2 : 1), end, shift);
  exponent += shift;
  if (std::abs(exponent) > 300) return exact;
  const double power = std::strtod(("1e" + std::to_string(std::abs(exponent))).c_str(), nullptr);
  const auto whole = static_cast<double>(digits);
  return std::copysign(exponent < 0 ? whole / power : whole * power, exact);
}

absl::StatusOr<std::shared_ptr<Model>> unigram(Fields& f) {
  const Json& list = f.array("vocab");
  std::vector<ScoredPiece> pieces;
  pieces.reserve(list.size());
  for (const Json& one : list) {
    if (!one.is_array() || one.size() != 2 || !one[0].is_string() || !one[1].is_number()) {
      f.fail("vocab", concat("entry ", pieces.size(), " is not a token and its score"));
      break;
    }
    pieces.emplace_back(one[0].get<std::string>(), read_score(one[1].get<double>()));
  }
  std::optional<uint64_t> unk_id;
  if (f.has("unk_id")) unk_id = f.integer("unk_id");
  const bool byte_fallback = f.boolean("byte_fallback", false);
  if (!f.ok()) return f.status();
  absl::StatusOr<std::unique_ptr<Unigram>> made = Unigram::create(std::move(pieces), unk_id, byte_fallback);
  if (!made.ok()) return made.status();
  return std::shared_ptr<Model>(std::move(*made));
}

// Files of old versions have no type.
std::string type_of(Fields& f) {
  if (f.has("type")) return f.string("type");
  if (f.has("merges")) return "BPE";
  if (f.has("unk_id")) return "Unigram";
  return f.has("continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

template <class V>
nlohmann::ordered_json vocab_json(const V& vocabulary) {
  auto out = nlohmann::ordered_json::object();
  // push_back of ordered_json's own container: operator[] would look for the key each time.
  auto& map = out.template get_ref<nlohmann::ordered_json::object_t&>();
  map.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary.tokens()) map.push_back({token, id});
  return out;
}

template <class T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

absl::StatusOr<std::shared_ptr<Model>> make_model(const Json& json, const std::string& place) {
  Fields f(json, place);
  const std::string type = type_of(f);
  if (!f.ok()) return f.status();
  if (type == "BPE") return bpe(f);
  if (type == "Unigram") return unigram(f);
  if (type != "WordPiece" && type != "WordLevel") return unknown_type(f, type);
  std::string unk = f.string("unk_token");
  std::string prefix = type == "WordPiece" ? f.string("continuing_subword_prefix") : "";
  const uint64_t most = type == "WordPiece" ? f.integer("max_input_chars_per_word") : 0;
  absl::StatusOr<Vocabulary> vocabulary = vocabulary_of(f);
  if (!f.ok()) return f.status();
  if (!vocabulary.ok()) return vocabulary.status();
  // The longest token is looked for from every piece on.
  constexpr size_t kLongestPiece = 1024;
  for (const auto& [token, id] : vocabulary->tokens()) {
    if (type == "WordPiece" && token.size() > kLongestPiece) {
      f.fail("vocab", concat("a token of ", token.size(), " bytes is longer than ", kLongestPiece));
      return f.status();
    }
  }
  if (type == "WordLevel")
    return std::shared_ptr<Model>(std::make_shared<WordLevel>(std::move(*vocabulary), std::move(unk)));
  return std::shared_ptr<Model>(
      std::make_shared<WordPiece>(std::move(*vocabulary), WordPieceOptions{std::move(unk), std::move(prefix), most}));
}

nlohmann::ordered_json model_json(const Model& model) {
  nlohmann::ordered_json out;
  if (const auto* bpe = dynamic_cast<const Bpe*>(&model)) {
    const BpeOptions& o = bpe->options();
    out["type"] = "BPE";
    out["dropout"] = or_null(o.dropout);
    out["unk_token"] = or_null(o.unk_token);
    out["continuing_subword_prefix"] = or_null(o.continuing_subword_prefix);
    out["end_of_word_suffix"] = or_null(o.end_of_word_suffix);
    out["fuse_unk"] = o.fuse_unk;
    out["byte_fallback"] = o.byte_fallback;
    out["ignore_merges"] = o.ignore_merges;
    out["vocab"] = vocab_json(model.vocabulary());
    auto merges = nlohmann::ordered_json::array();
    for (const Merge& merge : bpe->merges()) merges.push_back({merge.first, merge.second});
    out["merges"] = std::move(merges);
  } else if (const auto* unigram = dynamic_cast<const Unigram*>(&model)) {
    out["type"] = "Unigram";
    out["unk_id"] = or_null(unigram->unk_id());
    auto vocab = nlohmann::ordered_json::array();
    for (const auto& [token, id] : model.vocabulary().tokens()) vocab.push_back({token, unigram->scores()[id]});
    out["vocab"] = std::move(vocab);
    out["byte_fallback"] = unigram->byte_fallback();
  } else if (const auto* pieces = dynamic_cast<const WordPiece*>(&model)) {
    out["type"] = "WordPiece";
    out["unk_token"] = pieces->options().unk_token;
    out["continuing_subword_prefix"] = pieces->options().continuing_subword_prefix;
    out["max_input_chars_per_word"] = pieces->options().max_input_chars_per_word;
    out["vocab"] = vocab_json(model.vocabulary());
  } else if (const auto* words = dynamic_cast<const WordLevel*>(&model)) {
    out["type"] = "WordLevel";
    out["vocab"] = vocab_json(model.vocabulary());
    out["unk_token"] = words->unk_token();
  }
  return out;
}

}  // namespace hearth::text
