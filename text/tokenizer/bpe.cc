#include "text/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "core/base/error.h"
#include "text/tokenizer/byte_token.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

// Up to so many symbols the lowest rank is looked for in an array, which is faster than a heap.
constexpr size_t kFew = 28;
// Longer words are cut where they can be.
constexpr size_t kLongWord = 64;

// The bytes that a token of a byte-level vocabulary stands for; nothing if a character of it stands for none.
std::optional<std::string> raw_bytes(std::string_view token) {
  std::string out;
  const char* p = token.data();
  while (p < token.data() + token.size()) {
    const int byte = char_to_byte(next_char(p));
    if (byte < 0) return std::nullopt;
    out += static_cast<char>(byte);
  }
  return out;
}

uint64_t neighbours(char32_t a, char32_t b) { return static_cast<uint64_t>(a) << 32 | b; }

}  // namespace

absl::StatusOr<std::unique_ptr<Bpe>> Bpe::create(Vocabulary vocabulary, const std::vector<Merge>& merges,
                                                 BpeOptions options, const std::vector<uint32_t>& ranks) {
  if (options.dropout && !(*options.dropout >= 0 && *options.dropout <= 1)) {
    return absl::InvalidArgumentError(concat("BPE: dropout is ", *options.dropout, ", not in [0, 1]"));
  }
  std::unique_ptr<Bpe> bpe(new Bpe(std::move(vocabulary), std::move(options)));
  if (absl::Status status = bpe->set_merges(merges, ranks); !status.ok()) return status;
  bpe->byte_ids_.fill(kNone);
  if (bpe->options_.byte_fallback) {
    for (unsigned b = 0; b < 256; ++b) {
      if (const auto id = bpe->vocabulary().find(byte_token(b))) bpe->byte_ids_[b] = *id;
    }
  }
  bpe->find_cuts();
  return bpe;
}

absl::Status Bpe::set_merges(const std::vector<Merge>& merges, const std::vector<uint32_t>& ranks) {
  const size_t capacity = std::bit_ceil(std::max<size_t>(16, merges.size() * 2));
  slots_.assign(capacity, {~uint64_t{0}, {kNone, kNone}});
  mask_ = capacity - 1;
  const size_t prefix = options_.continuing_subword_prefix ? options_.continuing_subword_prefix->size() : 0;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string& left = merges[rank].first;
    const std::string& right = merges[rank].second;
    const auto missing = [&](std::string_view token) {
      return absl::InvalidArgumentError(
          concat("BPE: merge ", rank, " (\"", left, "\", \"", right, "\"): \"", token, "\" is not in the vocabulary"));
    };
    const auto a = vocabulary().find(left), b = vocabulary().find(right);
    if (!a) return missing(left);
    if (!b) return missing(right);
    if (right.size() < prefix) {
      return absl::InvalidArgumentError(
          concat("BPE: merge ", rank, ": \"", right, "\" is shorter than the continuing_subword_prefix"));
    }
    const std::string joined = left + right.substr(prefix);
    const auto id = vocabulary().find(joined);
    if (!id) return missing(joined);
    const uint64_t pair = static_cast<uint64_t>(*a) << 32 | *b;
    size_t i = slot_of(pair);
    while (slots_[i].joined.rank != kNone && slots_[i].pair != pair) i = (i + 1) & mask_;
    // Of a pair that stands twice the later rank counts, as in `tokenizers`.
    slots_[i] = {pair, {ranks.empty() ? static_cast<uint32_t>(rank) : ranks[rank], *id}};
  }
  return absl::OkStatus();
}

std::vector<Merge> Bpe::merges() const {
  std::vector<std::pair<uint32_t, uint64_t>> ranked;
  for (const Slot& slot : slots_) {
    if (slot.joined.rank != kNone) ranked.emplace_back(slot.joined.rank, slot.pair);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<Merge> out;
  out.reserve(ranked.size());
  for (const auto& [rank, pair] : ranked) {
    out.emplace_back(*vocabulary().token(static_cast<uint32_t>(pair >> 32)),
                     *vocabulary().token(static_cast<uint32_t>(pair)));
  }
  return out;
}

// Between two characters that are tokens, and that no token has side by side, nothing is ever merged.
void Bpe::find_cuts() {
  if (options_.continuing_subword_prefix || options_.end_of_word_suffix) return;
  const auto unk = options_.unk_token ? vocabulary().find(*options_.unk_token) : std::nullopt;
  const auto stands_for_others = [&](uint32_t id) {
    return (unk && id == *unk) || std::find(byte_ids_.begin(), byte_ids_.end(), id) != byte_ids_.end();
  };
  std::vector<uint32_t> parts;
  for (const Slot& slot : slots_) {
    if (slot.joined.rank == kNone) continue;
    if (unk || options_.byte_fallback) {
      if (stands_for_others(static_cast<uint32_t>(slot.pair >> 32)) ||
          stands_for_others(static_cast<uint32_t>(slot.pair)))
        return;
    }
    const std::string& token = *vocabulary().token(slot.joined.id);
    const char* p = token.data();
    const char* const end = p + token.size();
    char32_t last = next_char(p);
    while (p < end) {
      const char32_t c = next_char(p);
      inside_.insert(neighbours(last, c));
      last = c;
    }
  }
  for (const auto& [token, id] : vocabulary().tokens()) {
    if (token.empty() || static_cast<size_t>(utf8_length(static_cast<unsigned char>(token[0]))) != token.size())
      continue;
    const char* p = token.data();
    known_.insert(next_char(p));
  }
  cuts_ = true;
}

bool Bpe::take_bytes() {
  if (options_.continuing_subword_prefix || options_.end_of_word_suffix) return false;
  std::array<uint32_t, 256> ids{};
  for (unsigned b = 0; b < 256; ++b) {
    std::string c;
    append_utf8(c, byte_to_char(static_cast<uint8_t>(b)));
    const auto id = vocabulary().find(c);
    if (!id) return false;
    ids[b] = *id;
  }
  if (options_.ignore_merges) {
    std::vector<std::pair<std::string, int64_t>> raw;
    for (const auto& [token, id] : vocabulary().tokens()) {
      if (auto bytes = raw_bytes(token); bytes && !bytes->empty()) raw.emplace_back(std::move(*bytes), id);
    }
    auto made = Vocabulary::create(std::move(raw));
    if (!made.ok()) return false;
    raw_ = std::move(*made);
  }
  inside_bytes_.assign(65536, false);
  for (const uint64_t pair : inside_) {
    const int a = char_to_byte(static_cast<char32_t>(pair >> 32)), b = char_to_byte(static_cast<char32_t>(pair));
    if (a >= 0 && b >= 0) inside_bytes_[static_cast<size_t>(a << 8 | b)] = true;
  }
  inside_.clear();
  known_.clear();
  byte_ids_ = ids;
  bytes_ = true;
  return true;
}

absl::Status Bpe::tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const {
  if (options_.dropout.value_or(0) > 0) return merge_word(word, random, out);
  const auto take_whole = [&](std::vector<ModelToken>& to) {
    const auto id = options_.ignore_merges ? (bytes_ ? raw_ : vocabulary()).find(word) : std::nullopt;
    if (id) to.push_back({*id, 0, static_cast<uint32_t>(word.size())});
    return id.has_value();
  };
  if (word.size() <= kLongWord || !cuts_) {
    return cached(word, out, [&](std::vector<ModelToken>& to) {
      return take_whole(to) ? absl::OkStatus() : merge_word(word, random, to);
    });
  }
  if (take_whole(out)) return absl::OkStatus();
  const size_t first = out.size();
  size_t begin = 0;
  if (bytes_) {
    for (size_t i = 1; i < word.size(); ++i) {
      const auto pair =
          static_cast<size_t>(static_cast<unsigned char>(word[i - 1]) << 8 | static_cast<unsigned char>(word[i]));
      if (inside_bytes_[pair]) continue;
      if (absl::Status s = segment(word.substr(begin, i - begin), first, random, out); !s.ok()) return s;
      begin = i;
    }
  } else {
    const char* p = word.data();
    const char* const end = p + word.size();
    char32_t last = next_char(p);
    bool last_known = known_.contains(last);
    while (p < end) {
      const char* const at = p;
      const char32_t c = next_char(p);
      const bool known = known_.contains(c);
      if (last_known && known && !inside_.contains(neighbours(last, c))) {
        const auto i = static_cast<size_t>(at - word.data());
        if (absl::Status s = segment(word.substr(begin, i - begin), first, random, out); !s.ok()) return s;
        begin = i;
      }
      last = c;
      last_known = known;
    }
  }
  return segment(word.substr(begin), first, random, out);
}

// The tokens of a part of a word whose tokens begin at `first`. Positions go on where the last token ended: characters
// that no token stands for do not count, as in `tokenizers`.
absl::Status Bpe::segment(std::string_view part, size_t first, Random& random, std::vector<ModelToken>& out) const {
  const size_t from = out.size();
  const uint32_t begin = from > first ? out.back().end : 0;
  // As a word of its own it may be a token that merges do not make.
  constexpr uint64_t kPart = 0x9E3779B97F4A7C15;
  absl::Status status = cached(
      part, out, [&](std::vector<ModelToken>& to) { return merge_word(part, random, to); },
      options_.ignore_merges ? kPart : 0);
  for (size_t i = from; i < out.size(); ++i) {
    out[i].begin += begin;
    out[i].end += begin;
  }
  return status;
}

absl::Status Bpe::merge_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const {
  const size_t from = out.size();
  if (absl::Status status = symbols(word, out); !status.ok()) return status;
  if (options_.dropout.value_or(0) == 0 && out.size() - from <= kFew) {
    merge_few(out, from);
  } else {
    merge_many(out, from, random);
  }
  return absl::OkStatus();
}

// The tokens of single characters. The order in which unknown ones come among bytes is that of `tokenizers`.
absl::Status Bpe::symbols(std::string_view word, std::vector<ModelToken>& out) const {
  uint32_t at = 0;
  const auto add = [&](uint32_t id, size_t length) {
    out.push_back({id, at, at + static_cast<uint32_t>(length)});
    at += static_cast<uint32_t>(length);
  };
  if (bytes_) {
    for (const char c : word) add(byte_ids_[static_cast<unsigned char>(c)], 1);
    return absl::OkStatus();
  }
  std::optional<std::pair<uint32_t, size_t>> unknown;  // its id and length
  const auto flush = [&] {
    if (unknown) add(unknown->first, unknown->second);
    unknown.reset();
  };
  const char* const end = word.data() + word.size();
  std::string symbol;
  for (const char* p = word.data(); p < end;) {
    const char* const begin = p;
    p += utf8_length(static_cast<unsigned char>(*p));
    const auto length = static_cast<size_t>(p - begin);
    std::string_view s(begin, length);
    const bool prefixed = begin != word.data() && options_.continuing_subword_prefix;
    const bool suffixed = p == end && options_.end_of_word_suffix;
    if (prefixed || suffixed) {
      symbol.clear();
      if (prefixed) symbol += *options_.continuing_subword_prefix;
      symbol += s;
      if (suffixed) symbol += *options_.end_of_word_suffix;
      s = symbol;
    }
    if (const auto id = vocabulary().find(s)) {
      flush();
      add(*id, length);
      continue;
    }
    if (options_.byte_fallback) {
      const bool all =
          std::all_of(s.begin(), s.end(), [&](char c) { return byte_ids_[static_cast<unsigned char>(c)] != kNone; });
      if (all) {
        for (const char c : s) add(byte_ids_[static_cast<unsigned char>(c)], 1);
        continue;
      }
    }
    if (!options_.unk_token) continue;
    const auto id = vocabulary().find(*options_.unk_token);
    if (!id) {
      return absl::InvalidArgumentError(
          concat("BPE: the unknown token \"", *options_.unk_token, "\" is not in the vocabulary"));
    }
    if (unknown && options_.fuse_unk) {
      unknown->second += length;
    } else {
      flush();
      unknown.emplace(*id, length);
    }
  }
  flush();
  return absl::OkStatus();
}

void Bpe::merge_few(std::vector<ModelToken>& out, size_t from) const {
  ModelToken* const t = out.data() + from;
  size_t n = out.size() - from;
  std::array<Joined, kFew> next;  // of symbols i and i + 1
  for (size_t i = 0; i + 1 < n; ++i) next[i] = join(t[i].id, t[i + 1].id);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (next[i].rank < next[best].rank) best = i;
    }
    if (next[best].rank == kNone) break;
    t[best] = {next[best].id, t[best].begin, t[best + 1].end};
    for (size_t i = best + 1; i + 1 < n; ++i) {
      t[i] = t[i + 1];
      next[i] = next[i + 1];
    }
    --n;
    if (best + 1 < n) next[best] = join(t[best].id, t[best + 1].id);
    if (best > 0) next[best - 1] = join(t[best - 1].id, t[best].id);
  }
  out.resize(from + n);
}

struct Bpe::Heap {
  struct Entry {
    uint32_t rank, at, id;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const { return a.rank != b.rank ? a.rank > b.rank : a.at > b.at; }
  };
  std::priority_queue<Entry, std::vector<Entry>, Later> queue;
};

void Bpe::merge_many(std::vector<ModelToken>& out, size_t from, Random& random) const {
  ModelToken* const t = out.data() + from;
  const auto n = static_cast<uint32_t>(out.size() - from);
  if (n < 2) return;
  const float dropout = options_.dropout.value_or(0);
  struct Link {
    uint32_t before, after;
  };
  std::vector<Link> links(n);
  std::vector<Heap::Entry> pairs, skipped;
  for (uint32_t i = 0; i < n; ++i) {
    links[i] = {i == 0 ? kNone : i - 1, i + 1 == n ? kNone : i + 1};
    if (i + 1 == n) break;
    const Joined joined = join(t[i].id, t[i + 1].id);
    if (joined.rank != kNone) pairs.push_back({joined.rank, i, joined.id});
  }
  Heap heap{decltype(Heap::queue)(Heap::Later(), std::move(pairs))};
  constexpr uint32_t kGone = kNone;  // as an id
  while (!heap.queue.empty()) {
    const Heap::Entry top = heap.queue.top();
    heap.queue.pop();
    if (dropout > 0) {
      if (random.uniform() < dropout) {
        skipped.push_back(top);
        continue;
      }
      for (const Heap::Entry& e : skipped) heap.queue.push(e);
      skipped.clear();
    }
    const uint32_t left = top.at;
    const uint32_t right = links[left].after;
    if (t[left].id == kGone || right == kNone) continue;
    const Joined joined = join(t[left].id, t[right].id);
    if (joined.rank == kNone || joined.id != top.id) continue;  // One of the two has been merged meanwhile.
    t[left] = {top.id, t[left].begin, t[right].end};
    t[right].id = kGone;
    const uint32_t after = links[right].after;
    links[left].after = after;
    if (after != kNone) {
      links[after].before = left;
      const Joined j = join(top.id, t[after].id);
      if (j.rank != kNone) heap.queue.push({j.rank, left, j.id});
    }
    if (const uint32_t before = links[left].before; before != kNone) {
      const Joined j = join(t[before].id, top.id);
      if (j.rank != kNone) heap.queue.push({j.rank, before, j.id});
    }
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i != kNone; i = links[i].after) t[kept++] = t[i];
  out.resize(from + kept);
}

}  // namespace hearth::text
