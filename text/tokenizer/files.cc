#include "text/tokenizer/files.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/tokenizer_impl_internal.h"
#include "text/tokenizer/word_piece.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr uint64_t kMaxFile = uint64_t{1} << 28;

// Calls f(line, number) for each line, without its end; number begins at 1. f returns a status.
template <class F>
absl::Status each_line(std::string_view text, F f) {
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    if (absl::Status status = f(line, ++number); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The characters of a byte-level vocabulary for the bytes.
std::string spell(std::string_view bytes) {
  std::string out;
  for (const char b : bytes) append_utf8(out, byte_to_char(static_cast<uint8_t>(b)));
  return out;
}

Json added_token(const std::string& content) {
  return {{"id", 0U},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

struct Ranks {
  std::vector<std::pair<std::string, uint32_t>> tokens;
  absl::flat_hash_map<std::string, uint32_t> ids;
};

absl::StatusOr<Ranks> read_ranks(std::string_view text) {
  constexpr size_t kLongestToken = 4096;
  Ranks ranks;
  absl::Status status = each_line(text, [&](std::string_view line, size_t number) {
    if (line.empty()) return absl::OkStatus();
    const size_t space = line.find(' ');
    std::string token;
    uint32_t rank = 0;
    const char* const end = line.data() + line.size();
    const bool good = space != std::string_view::npos && absl::Base64Unescape({line.data(), space}, &token) &&
                      !token.empty() && std::from_chars(line.data() + space + 1, end, rank).ptr == end &&
                      rank <= 0x7FFFFFFE;
    if (!good) return absl::InvalidArgumentError(concat("line ", number, " is not a token in base64 and its rank"));
    if (token.size() > kLongestToken) {
      return absl::InvalidArgumentError(concat("line ", number, ": a token of more than ", kLongestToken, " bytes"));
    }
    if (!ranks.ids.emplace(token, rank).second) {
      return absl::InvalidArgumentError(concat("line ", number, ": the token stands twice"));
    }
    ranks.tokens.emplace_back(std::move(token), rank);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return ranks;
}

}  // namespace

absl::StatusOr<Tokenizer> load_tiktoken(const std::string& path, const TiktokenOptions& options) {
  const absl::StatusOr<std::string> text = io::read_file(path, kMaxFile);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Ranks> ranks = read_ranks(*text);
  if (!ranks.ok()) return io::with_path(path, ranks.status());
  std::vector<std::pair<std::string, int64_t>> vocabulary;
  std::vector<Merge> merges;
  std::vector<uint32_t> merge_ranks;
  int64_t next = 0;
  for (const auto& [token, rank] : ranks->tokens) {
    vocabulary.emplace_back(spell(token), rank);
    next = std::max<int64_t>(next, int64_t{rank} + 1);
    // Every way to make the token of two others.
    for (size_t i = 1; i < token.size(); ++i) {
      if (!ranks->ids.contains(token.substr(0, i)) || !ranks->ids.contains(token.substr(i))) continue;
      merges.emplace_back(spell(std::string_view(token).substr(0, i)), spell(std::string_view(token).substr(i)));
      merge_ranks.push_back(rank);
    }
  }
  auto special = options.special_tokens;
  std::sort(special.begin(), special.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  Json added = Json::array();
  bool gaps = next != static_cast<int64_t>(vocabulary.size());
  for (const auto& [token, id] : special) {
    // Ids between the ranks and the special tokens belong to nobody.
    if (id < next) {
      return absl::InvalidArgumentError(
          concat(path, ": the special token \"", token, "\" has id ", id, ", which is not free"));
    }
    gaps |= id > next;
    next = int64_t{id} + 1;
    added.push_back(added_token(token));
  }
  // Where each id is the next free one, added tokens get them by themselves. In the vocabulary a special token would
  // also be found as a word.
  if (gaps) vocabulary.insert(vocabulary.end(), special.begin(), special.end());
  absl::StatusOr<Vocabulary> made = Vocabulary::create(std::move(vocabulary));
  if (!made.ok()) return io::with_path(path, made.status());
  absl::StatusOr<std::unique_ptr<Bpe>> bpe =
      Bpe::create(std::move(*made), merges, {.ignore_merges = true}, merge_ranks);
  if (!bpe.ok()) return io::with_path(path, bpe.status());
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", options.pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  Json config = {{"added_tokens", std::move(added)}, {"decoder", {{"type", "ByteLevel"}}}};
  config["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array({split, bytes})}};
  return TokenizerFactory::assemble(std::move(*bpe), config);
}

absl::StatusOr<Tokenizer> load_vocab_txt(const std::string& path, const BertOptions& options) {
  const absl::StatusOr<std::string> text = io::read_file(path, kMaxFile);
  if (!text.ok()) return text.status();
  if (find_invalid_utf8(*text) != std::string_view::npos)
    return absl::InvalidArgumentError(concat(path, ": not valid UTF-8"));
  // Of a token that stands twice the later line counts, as in `tokenizers`.
  absl::flat_hash_map<std::string, int64_t> lines;
  absl::Status status = each_line(*text, [&](std::string_view line, size_t number) {
    lines[std::string(line)] = static_cast<int64_t>(number) - 1;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::create({lines.begin(), lines.end()});
  if (!vocabulary.ok()) return io::with_path(path, vocabulary.status());
  Json config = {{"normalizer",
                  {{"type", "BertNormalizer"},
                   {"clean_text", true},
                   {"handle_chinese_chars", true},
                   {"strip_accents", nullptr},
                   {"lowercase", options.lowercase}}},
                 {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
                 {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
                 {"added_tokens", Json::array()}};
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    if (vocabulary->find(special)) config["added_tokens"].push_back(added_token(special));
  }
  const auto cls = vocabulary->find("[CLS]"), sep = vocabulary->find("[SEP]");
  if (cls && sep) {
    config["post_processor"] = {
        {"type", "BertProcessing"}, {"cls", Json::array({"[CLS]", *cls})}, {"sep", Json::array({"[SEP]", *sep})}};
  }
  return TokenizerFactory::assemble(std::make_shared<WordPiece>(std::move(*vocabulary), WordPieceOptions()), config);
}

absl::StatusOr<Tokenizer> load_vocab_and_merges(const std::string& vocab_path, const std::string& merges_path,
                                                const ByteLevelOptions& options) {
  const absl::StatusOr<std::string> vocab = io::read_file(vocab_path, kMaxFile);
  if (!vocab.ok()) return vocab.status();
  const absl::StatusOr<std::string> lines = io::read_file(merges_path, kMaxFile);
  if (!lines.ok()) return lines.status();
  const absl::StatusOr<Json> json = io::parse_json(*vocab);
  if (!json.ok()) return io::with_path(vocab_path, json.status());
  if (!json->is_object())
    return absl::InvalidArgumentError(concat(vocab_path, ": an object of tokens and ids is wanted"));
  Json merges = Json::array();
  absl::Status status = each_line(*lines, [&](std::string_view line, size_t number) {
    if (line.empty() || line.starts_with("#version")) return absl::OkStatus();
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      return absl::InvalidArgumentError(concat("line ", number, " is not two tokens"));
    }
    merges.push_back({std::string(line.substr(0, space)), std::string(line.substr(space + 1))});
    return absl::OkStatus();
  });
  if (!status.ok()) return io::with_path(merges_path, status);
  const Json model = {{"type", "BPE"}, {"vocab", *json}, {"merges", std::move(merges)}};
  absl::StatusOr<std::shared_ptr<Model>> made = make_model(model, concat(vocab_path, " with ", merges_path));
  if (!made.ok()) return io::with_path(vocab_path, made.status());
  Json config = {{"pre_tokenizer",
                  {{"type", "ByteLevel"}, {"add_prefix_space", options.add_prefix_space}, {"trim_offsets", true}}},
                 {"post_processor", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}}},
                 {"decoder", {{"type", "ByteLevel"}}},
                 {"added_tokens", Json::array()}};
  if ((*made)->vocabulary().find("<|endoftext|>")) config["added_tokens"].push_back(added_token("<|endoftext|>"));
  return TokenizerFactory::assemble(std::move(*made), config);
}

}  // namespace hearth::text
