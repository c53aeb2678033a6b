#include "text/tokenizer/train.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "core/base/error.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/tokenizer_impl_internal.h"
#include "text/tokenizer/word_piece.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxVocabulary = size_t{1} << 24;

using Counts = std::map<std::string, uint64_t, std::less<>>;

// The words of the texts and how often each comes. Sorted, so that ids do not depend on a hash.
absl::StatusOr<Counts> count_words(const Json& config, std::span<const std::string> texts) {
  std::shared_ptr<const Normalizer> normalizer;
  std::shared_ptr<PreTokenizer> pre_tokenizer;
  const auto component = [&](const char* key) { return config.contains(key) && !config[key].is_null(); };
  if (component("normalizer")) {
    absl::StatusOr<std::shared_ptr<const Normalizer>> made = make_normalizer(config["normalizer"], "normalizer");
    if (!made.ok()) return made.status();
    normalizer = std::move(*made);
  }
  if (component("pre_tokenizer")) {
    absl::StatusOr<std::shared_ptr<PreTokenizer>> made = make_pre_tokenizer(config["pre_tokenizer"], "pre_tokenizer");
    if (!made.ok()) return made.status();
    pre_tokenizer = std::move(*made);
  }
  Counts counts;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (find_invalid_utf8(texts[i]) != std::string_view::npos || texts[i].size() > kMaxText) {
      return absl::InvalidArgumentError(
          concat("training: text ", i, " is not valid UTF-8, or longer than ", kMaxText, " bytes"));
    }
    Pieces pieces(texts[i]);
    absl::Status status = normalizer ? normalizer->normalize(pieces) : absl::OkStatus();
    if (status.ok() && pre_tokenizer) status = pre_tokenizer->pre_tokenize(pieces);
    if (!status.ok()) return status;
    if (pieces.too_long()) return absl::ResourceExhaustedError("training: the pipeline makes a text far too long");
    for (const Piece& piece : pieces.pieces()) {
      const std::string_view word = pieces.text(piece);
      if (word.empty()) continue;
      const auto it = counts.find(word);
      it == counts.end() ? void(counts.emplace(word, 1)) : void(++it->second);
    }
  }
  return counts;
}

using Pair = std::pair<uint32_t, uint32_t>;

struct Symbol {
  uint32_t id;
  uint32_t length;  // in characters
};

// A word while pairs in it are merged.
class Word {
 public:
  void add(uint32_t id) { symbols_.push_back({id, 1}); }
  const std::vector<Symbol>& symbols() const { return symbols_; }
  // Merges the pair wherever it stands, from left to right; change(pair, difference) for each pair that goes or comes.
  template <class F>
  void merge(Pair pair, uint32_t id, size_t max_length, F change) {
    for (size_t i = 0; i + 1 < symbols_.size(); ++i) {
      if (symbols_[i].id != pair.first || symbols_[i + 1].id != pair.second) continue;
      const Symbol joined{id, symbols_[i].length + symbols_[i + 1].length};
      if (i > 0) {
        const Symbol before = symbols_[i - 1];
        change(Pair{before.id, pair.first}, -1);
        if (size_t{before.length} + joined.length < max_length) change(Pair{before.id, id}, 1);
      }
      symbols_[i] = joined;
      symbols_.erase(symbols_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      if (i + 1 < symbols_.size()) {
        const Symbol after = symbols_[i + 1];
        change(Pair{pair.second, after.id}, -1);
        if (size_t{after.length} + joined.length < max_length) change(Pair{id, after.id}, 1);
      }
    }
  }

 private:
  std::vector<Symbol> symbols_;
};

struct Candidate {
  int64_t count;
  Pair pair;
  std::vector<uint32_t> words;  // in which it may stand, ascending
  // The most frequent first, of equal ones the pair of the lowest ids.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class BpeTrainer {
 public:
  BpeTrainer(const BpeTrainerOptions& options, const Counts& counts) : options_(options) {
    for (const std::string& token : options.special_tokens) add_token(token);
    add_alphabet(counts);
    for (const auto& [word, count] : counts) add_word(word, count);
  }

  void train() {
    absl::flat_hash_map<Pair, std::vector<uint32_t>> places;
    for (uint32_t w = 0; w < words_.size(); ++w) {
      const std::vector<Symbol>& s = words_[w].symbols();
      for (size_t i = 0; i + 1 < s.size(); ++i) {
        const Pair pair{s[i].id, s[i + 1].id};
        pair_counts_[pair] += static_cast<int64_t>(counts_[w]);
        std::vector<uint32_t>& at = places[pair];
        if (at.empty() || at.back() != w) at.push_back(w);
      }
    }
    enqueue(places);
    const size_t max_length = options_.max_token_length.value_or(static_cast<size_t>(-1));
    while (tokens_.size() < options_.vocab_size && !queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end());
      Candidate top = std::move(queue_.back());
      queue_.pop_back();
      if (const int64_t now = pair_counts_[top.pair]; top.count != now) {
        top.count = now;
        push(std::move(top));
        continue;
      }
      if (top.count < 1 || static_cast<uint64_t>(top.count) < options_.min_frequency) break;
      const uint32_t id = add_token(joined(top.pair));
      merges_.push_back(top.pair);
      places.clear();
      for (const uint32_t w : top.words) {
        words_[w].merge(top.pair, id, max_length, [&](Pair pair, int64_t difference) {
          pair_counts_[pair] += difference * static_cast<int64_t>(counts_[w]);
          if (difference < 0) return;
          std::vector<uint32_t>& at = places[pair];
          if (at.empty() || at.back() != w) at.push_back(w);
        });
      }
      enqueue(places);
    }
  }

  std::vector<std::pair<std::string, int64_t>> vocabulary() const {
    std::vector<std::pair<std::string, int64_t>> out;
    for (const std::string& token : tokens_) out.emplace_back(token, static_cast<int64_t>(out.size()));
    return out;
  }
  std::vector<Merge> merges() const {
    std::vector<Merge> out;
    for (const auto& [a, b] : merges_) out.emplace_back(tokens_[a], tokens_[b]);
    return out;
  }

 private:
  uint32_t add_token(const std::string& token) {
    const auto [it, fresh] = ids_.try_emplace(token, static_cast<uint32_t>(tokens_.size()));
    if (fresh) tokens_.push_back(token);
    return it->second;
  }

  void add_alphabet(const Counts& counts) {
    std::map<char32_t, uint64_t> characters;
    for (const auto& [word, count] : counts) {
      const char* p = word.data();
      while (p < word.data() + word.size()) characters[next_char(p)] += count;
    }
    if (options_.byte_alphabet) {
      for (unsigned b = 0; b < 256; ++b) characters[byte_to_char(static_cast<uint8_t>(b))] = static_cast<uint64_t>(-1);
    }
    if (const size_t limit = options_.limit_alphabet.value_or(characters.size()); characters.size() > limit) {
      std::vector<std::pair<uint64_t, char32_t>> rarest;
      for (const auto& [c, count] : characters) rarest.emplace_back(count, c);
      std::sort(rarest.begin(), rarest.end());
      for (size_t i = 0; i < rarest.size() - limit; ++i) characters.erase(rarest[i].second);
    }
    for (const auto& [c, count] : characters) {
      std::string token;
      append_utf8(token, c);
      add_token(token);
    }
  }

  void add_word(const std::string& text, uint64_t count) {
    Word word;
    const char* const end = text.data() + text.size();
    for (const char* p = text.data(); p < end;) {
      const bool first = p == text.data();
      std::string symbol(p, static_cast<size_t>(utf8_length(static_cast<unsigned char>(*p))));
      p += symbol.size();
      if (!ids_.contains(symbol)) continue;  // beyond the alphabet's limit
      if (!first && options_.continuing_subword_prefix) symbol.insert(0, *options_.continuing_subword_prefix);
      if (p == end && options_.end_of_word_suffix) symbol += *options_.end_of_word_suffix;
      word.add(add_token(symbol));
    }
    words_.push_back(std::move(word));
    counts_.push_back(count);
  }

  std::string joined(Pair pair) const {
    std::string_view right = tokens_[pair.second];
    if (options_.continuing_subword_prefix && right.starts_with(*options_.continuing_subword_prefix)) {
      right.remove_prefix(options_.continuing_subword_prefix->size());
    }
    return tokens_[pair.first] + std::string(right);
  }

  void push(Candidate candidate) {
    queue_.push_back(std::move(candidate));
    std::push_heap(queue_.begin(), queue_.end());
  }
  void enqueue(absl::flat_hash_map<Pair, std::vector<uint32_t>>& places) {
    for (auto& [pair, words] : places) {
      const int64_t count = pair_counts_[pair];
      if (count > 0) push({count, pair, std::move(words)});
    }
    places.clear();
  }

  const BpeTrainerOptions& options_;
  std::vector<std::string> tokens_;
  absl::flat_hash_map<std::string, uint32_t> ids_;
  std::vector<Word> words_;
  std::vector<uint64_t> counts_;
  absl::flat_hash_map<Pair, int64_t> pair_counts_;
  std::vector<Candidate> queue_;  // a heap
  std::vector<Pair> merges_;
};

absl::Status check(const BpeTrainerOptions& options) {
  if (options.vocab_size > kMaxVocabulary) {
    return absl::InvalidArgumentError(
        concat("training: a vocab_size of ", options.vocab_size, " is above ", kMaxVocabulary));
  }
  for (const std::string& token : options.special_tokens) {
    if (token.empty() || token.size() > AddedTokens::kLongest || find_invalid_utf8(token) != std::string_view::npos) {
      return absl::InvalidArgumentError("training: a special token is empty, too long or not valid UTF-8");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tokenizer> finish(std::shared_ptr<Model> model, const Json& config, const BpeTrainerOptions& options) {
  absl::StatusOr<Tokenizer> made = TokenizerFactory::assemble(std::move(model), config);
  if (!made.ok()) return made;
  std::vector<AddedToken> special;
  for (const std::string& token : options.special_tokens) {
    special.push_back({.content = token, .normalized = false, .special = true});
  }
  if (absl::Status status = made->add_tokens(special); !status.ok()) return status;
  return made;
}

}  // namespace

Tokenizer byte_level_pipeline() {
  const absl::StatusOr<Tokenizer> made = Tokenizer::parse(R"({
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
      "decoder": {"type": "ByteLevel"},
      "model": {"type": "BPE", "vocab": {}, "merges": []}})");
  if (!made.ok()) fail("byte_level_pipeline: ", std::string(made.status().message()));
  return *made;
}

absl::StatusOr<Tokenizer> train_bpe(const Tokenizer& pipeline, std::span<const std::string> texts,
                                    const BpeTrainerOptions& options) {
  if (absl::Status status = check(options); !status.ok()) return status;
  const Json config = TokenizerFactory::config(pipeline);
  const absl::StatusOr<Counts> counts = count_words(config, texts);
  if (!counts.ok()) return counts.status();
  BpeTrainer trainer(options, *counts);
  trainer.train();
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::create(trainer.vocabulary());
  if (!vocabulary.ok()) return vocabulary.status();
  BpeOptions model;
  model.unk_token = options.unk_token;
  model.continuing_subword_prefix = options.continuing_subword_prefix;
  model.end_of_word_suffix = options.end_of_word_suffix;
  absl::StatusOr<std::unique_ptr<Bpe>> bpe = Bpe::create(std::move(*vocabulary), trainer.merges(), std::move(model));
  if (!bpe.ok()) return bpe.status();
  return finish(std::move(*bpe), config, options);
}

absl::StatusOr<Tokenizer> train_word_piece(const Tokenizer& pipeline, std::span<const std::string> texts,
                                           const BpeTrainerOptions& given) {
  BpeTrainerOptions options = given;
  if (!options.continuing_subword_prefix) options.continuing_subword_prefix = "##";
  if (!options.unk_token) options.unk_token = "[UNK]";
  if (std::find(options.special_tokens.begin(), options.special_tokens.end(), *options.unk_token) ==
      options.special_tokens.end()) {
    options.special_tokens.push_back(*options.unk_token);
  }
  if (absl::Status status = check(options); !status.ok()) return status;
  const Json config = TokenizerFactory::config(pipeline);
  const absl::StatusOr<Counts> counts = count_words(config, texts);
  if (!counts.ok()) return counts.status();
  BpeTrainer trainer(options, *counts);
  trainer.train();
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::create(trainer.vocabulary());
  if (!vocabulary.ok()) return vocabulary.status();
  return finish(std::make_shared<WordPiece>(std::move(*vocabulary),
                                            WordPieceOptions{*options.unk_token, *options.continuing_subword_prefix}),
                config, options);
}

}  // namespace hearth::text
