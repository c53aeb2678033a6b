#include "text/sentencepiece/train.h"

#include <charconv>
#include <fstream>
#include <functional>
#include <unordered_map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "core/base/error.h"
#include "text/sentencepiece/nesting_internal.h"
#include "text/sentencepiece/train_engine_internal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

using sentencepiece_engine::Failure;
using sentencepiece_engine::NextSentence;
using Options = std::unordered_map<std::string, std::string>;

constexpr size_t kMaxVocabulary = size_t{1} << 24;
constexpr size_t kMaxSymbol = 1024;
constexpr char32_t kSpace = 0x2581, kUnknown = 0x2585, kReplacement = 0xFFFD;

const char* name_of(SentencePieceModel model) {
  switch (model) {
    case SentencePieceModel::kUnigram:
      return "unigram";
    case SentencePieceModel::kBpe:
      return "bpe";
    case SentencePieceModel::kWord:
      return "word";
    case SentencePieceModel::kChar:
      return "char";
  }
  return "";
}

const char* name_of(SentencePieceNormalization normalization) {
  switch (normalization) {
    case SentencePieceNormalization::kNmtNfkc:
      return "nmt_nfkc";
    case SentencePieceNormalization::kNmtNfkcFold:
      return "nmt_nfkc_cf";
    case SentencePieceNormalization::kNfkc:
      return "nfkc";
    case SentencePieceNormalization::kNfkcFold:
      return "nfkc_cf";
    case SentencePieceNormalization::kIdentity:
      return "identity";
  }
  return "";
}

// The library reads lists of symbols as a line of CSV.
std::string csv(const std::vector<std::string>& symbols) {
  std::string line;
  for (const std::string& symbol : symbols) {
    if (!line.empty()) line += ',';
    line += '"';
    for (const char c : symbol) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line;
}

std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

absl::Status wrong(const std::string& what) { return absl::InvalidArgumentError("training: " + what); }

absl::Status check(const SentencePieceTrainerOptions& o) {
  if (o.vocab_size < 1 || o.vocab_size > kMaxVocabulary) {
    return wrong(concat("vocab_size is ", o.vocab_size, ", but 1 to ", kMaxVocabulary, " is wanted"));
  }
  // Also true for NaN.
  if (!(o.character_coverage >= 0.98 && o.character_coverage <= 1)) {
    return wrong(concat("character_coverage is ", o.character_coverage, ", but 0.98 to 1 is wanted"));
  }
  if (o.max_piece_length < 1 || o.max_piece_length > 512) {
    return wrong(concat("max_piece_length is ", o.max_piece_length, ", but 1 to 512 is wanted"));
  }
  constexpr size_t kMostSentence = size_t{1} << 30;
  if (o.max_sentence_length < 1 || o.max_sentence_length > kMostSentence) {
    return wrong(concat("max_sentence_length is ", o.max_sentence_length, ", but 1 to ", kMostSentence, " is wanted"));
  }
  absl::flat_hash_set<std::string> symbols;
  for (const auto* list : {&o.control_symbols, &o.user_defined_symbols}) {
    for (const std::string& symbol : *list) {
      if (symbol.empty() || symbol.size() > kMaxSymbol || symbol.find('\0') != std::string::npos ||
          symbol.find('\n') != std::string::npos || find_invalid_utf8(symbol) != std::string_view::npos) {
        return wrong("a symbol is empty, too long, has a NUL or a line's end, or is not valid UTF-8");
      }
      if (!symbols.insert(symbol).second) return wrong(concat("the symbol \"", symbol, "\" stands twice"));
    }
  }
  if (const size_t deepest = deepest_nesting({o.user_defined_symbols.begin(), o.user_defined_symbols.end()});
      deepest > kMaxNestedSymbols) {
    return wrong(concat("of the user-defined symbols ", deepest, " begin with each other, but at most ",
                        kMaxNestedSymbols, " may"));
  }
  absl::flat_hash_set<int32_t> ids = {o.unk_id};
  for (const auto& [name, id] : {std::pair("unk_id", std::optional(o.unk_id)), std::pair("bos_id", o.bos_id),
                                 std::pair("eos_id", o.eos_id), std::pair("pad_id", o.pad_id)}) {
    if (!id) continue;
    if (*id < 0 || static_cast<size_t>(*id) >= o.vocab_size) {
      return wrong(concat(name, " is ", *id, ", but an id of the vocabulary is wanted"));
    }
    if (std::string_view(name) != "unk_id" && !ids.insert(*id).second) {
      return wrong(concat(name, " is ", *id, ", which is another piece's"));
    }
  }
  return absl::OkStatus();
}

Options options_of(const SentencePieceTrainerOptions& o) {
  const auto flag = [](bool on) { return std::string(on ? "true" : "false"); };
  const auto id = [](const std::optional<int32_t>& value) { return std::to_string(value.value_or(-1)); };
  Options out = {
      {"model_type", name_of(o.model)},
      {"vocab_size", std::to_string(o.vocab_size)},
      {"hard_vocab_limit", flag(o.hard_vocab_limit)},
      {"character_coverage", shortest(o.character_coverage)},
      {"max_sentencepiece_length", std::to_string(o.max_piece_length)},
      {"byte_fallback", flag(o.byte_fallback)},
      {"split_by_whitespace", flag(o.split_by_whitespace)},
      {"split_by_unicode_script", flag(o.split_by_unicode_script)},
      {"split_by_number", flag(o.split_by_number)},
      {"split_digits", flag(o.split_digits)},
      {"treat_whitespace_as_suffix", flag(o.treat_whitespace_as_suffix)},
      {"normalization_rule_name", name_of(o.normalization)},
      {"add_dummy_prefix", flag(o.add_dummy_prefix)},
      {"remove_extra_whitespaces", flag(o.remove_extra_whitespaces)},
      {"unk_id", std::to_string(o.unk_id)},
      {"bos_id", id(o.bos_id)},
      {"eos_id", id(o.eos_id)},
      {"pad_id", id(o.pad_id)},
      {"max_sentence_length", std::to_string(o.max_sentence_length)},
      // Sums of parts: the number of parts is fixed, so that any number of cores gives the same pieces.
      {"num_threads", "16"},
  };
  if (!o.control_symbols.empty()) out["control_symbols"] = csv(o.control_symbols);
  if (!o.user_defined_symbols.empty()) out["user_defined_symbols"] = csv(o.user_defined_symbols);
  return out;
}

// Whether something that becomes a piece is left of the sentence after normalisation: without any such sentence the
// library ends the process.
bool has_text(std::string_view sentence, const absl::flat_hash_set<char32_t>& of_symbols) {
  for (const char* p = sentence.data(); p < sentence.data() + sentence.size();) {
    const char32_t c = next_char(p);
    if (c == kSpace || c == kReplacement || of_symbols.contains(c)) continue;
    if (!is_white_space(c) && !is_control_or_format(c) && !is_mark(c)) return true;
  }
  return false;
}

// The library skips such sentences.
bool taken(std::string_view sentence, size_t longest) {
  std::string unknown;
  append_utf8(unknown, kUnknown);
  return !sentence.empty() && sentence.size() <= longest && sentence.find('\0') == std::string_view::npos &&
         sentence.find(unknown) == std::string_view::npos;
}

// Gives sentences until it says false; an error ends it too.
using Source = std::function<absl::StatusOr<bool>(std::string& sentence)>;

absl::StatusOr<SentencePiece> train(const Source& source, const SentencePieceTrainerOptions& options) {
  absl::flat_hash_set<char32_t> of_symbols;
  for (const std::string& symbol : options.user_defined_symbols) {
    for (const char* p = symbol.data(); p < symbol.data() + symbol.size();) of_symbols.insert(next_char(p));
  }
  std::vector<std::string> sentences;
  bool any = false;
  size_t left_out = 0;
  for (std::string sentence;;) {
    const absl::StatusOr<bool> more = source(sentence);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (!taken(sentence, options.max_sentence_length)) {
      ++left_out;
      continue;
    }
    any |= has_text(sentence, of_symbols);
    sentences.push_back(std::move(sentence));
  }
  if (!any) {
    return wrong(concat("there is no text to learn from; ", left_out, " sentences are empty or too long (more than ",
                        options.max_sentence_length, " bytes) or have a NUL or U+2585"));
  }
  size_t at = 0;
  const NextSentence next = [&](std::string& sentence) {
    if (at == sentences.size()) return false;
    sentence = std::move(sentences[at++]);
    return true;
  };
  std::string model;
  if (const Failure failure = sentencepiece_engine::train(options_of(options), next, model); !failure.empty()) {
    return wrong(failure);
  }
  return SentencePiece::parse(model);
}

}  // namespace

absl::StatusOr<SentencePiece> train_sentencepiece(std::span<const std::string> sentences,
                                                  const SentencePieceTrainerOptions& options) {
  if (absl::Status status = check(options); !status.ok()) return status;
  size_t at = 0;
  return train(
      [&](std::string& sentence) -> absl::StatusOr<bool> {
        if (at == sentences.size()) return false;
        if (find_invalid_utf8(sentences[at]) != std::string_view::npos) {
          return wrong(concat("sentence ", at, " is not valid UTF-8"));
        }
        sentence = sentences[at++];
        return true;
      },
      options);
}

absl::StatusOr<SentencePiece> train_sentencepiece_files(std::span<const std::string> paths,
                                                        const SentencePieceTrainerOptions& options) {
  if (absl::Status status = check(options); !status.ok()) return status;
  size_t at = 0, line = 0;
  std::ifstream file;
  return train(
      [&](std::string& sentence) -> absl::StatusOr<bool> {
        for (;;) {
          if (!file.is_open()) {
            if (at == paths.size()) return false;
            file.open(paths[at], std::ios::binary);
            if (!file) return absl::NotFoundError(concat(paths[at], ": it cannot be read"));
            line = 0;
          }
          if (std::getline(file, sentence)) break;
          if (file.bad()) return absl::UnavailableError(concat(paths[at], ": reading failed"));
          file.close();
          file.clear();
          ++at;
        }
        ++line;
        if (find_invalid_utf8(sentence) != std::string_view::npos) {
          return wrong(concat(paths[at], ", line ", line, ", is not valid UTF-8"));
        }
        return true;
      },
      options);
}

}  // namespace hearth::text
