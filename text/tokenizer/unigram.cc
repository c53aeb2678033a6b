#include "text/tokenizer/unigram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFF;
constexpr double kUnknownPenalty = 10;

std::string byte_token(unsigned byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Unigram>> Unigram::create(std::vector<ScoredPiece> pieces,
                                                         std::optional<uint64_t> unk_id, bool byte_fallback) {
  if (unk_id && *unk_id >= pieces.size()) {
    return absl::InvalidArgumentError(
        concat("Unigram: unk_id is ", *unk_id, ", but the vocabulary has ", pieces.size(), " tokens"));
  }
  std::vector<std::string> tokens;
  std::vector<double> scores;
  double lowest = std::numeric_limits<double>::infinity();
  for (auto& [token, score] : pieces) {
    if (!std::isfinite(score))
      return absl::InvalidArgumentError(concat("Unigram: the score of \"", token, "\" is not finite"));
    lowest = std::min(lowest, score);
    scores.push_back(score);
    tokens.push_back(std::move(token));
  }
  std::unique_ptr<Unigram> u(new Unigram(Vocabulary::from_list(std::move(tokens))));
  u->scores_ = std::move(scores);
  u->unknown_score_ = lowest - kUnknownPenalty;
  if (unk_id) u->unk_id_ = static_cast<uint32_t>(*unk_id);
  u->byte_fallback_ = byte_fallback;
  u->build_trie();
  return u;
}

void Unigram::build_trie() {
  // First as a plain map, then as the table whose size is known.
  absl::flat_hash_map<uint64_t, uint32_t> edges;
  token_of_.assign(1, kNone);
  for (const auto& [token, id] : vocabulary().tokens()) {
    uint32_t node = 0;
    for (const char c : token) {
      const uint64_t key = static_cast<uint64_t>(node) << 8 | static_cast<unsigned char>(c);
      const auto [it, fresh] = edges.try_emplace(key, static_cast<uint32_t>(token_of_.size()));
      if (fresh) token_of_.push_back(kNone);
      node = it->second;
    }
    if (!token.empty()) token_of_[node] = *vocabulary().find(token);
  }
  const size_t capacity = std::bit_ceil(std::max<size_t>(16, edges.size() * 2));
  edges_.assign(capacity, {~uint64_t{0}, 0});
  mask_ = capacity - 1;
  for (const auto& [key, node] : edges) {
    size_t i = slot_of(key);
    while (edges_[i].node != 0) i = (i + 1) & mask_;
    edges_[i] = {key, node};
  }
}

absl::Status Unigram::tokenize_word(std::string_view word, Random& /*random*/, std::vector<ModelToken>& out) const {
  return cached(word, out, [&](std::vector<ModelToken>& to) { return best_path(word, to); });
}

absl::Status Unigram::best_path(std::string_view word, std::vector<ModelToken>& out) const {
  struct End {
    double score = 0;
    uint32_t begin = kNone;
    uint32_t id = 0;
  };
  struct Stretch {
    uint32_t begin, end;
  };
  const auto n = static_cast<uint32_t>(word.size());
  std::vector<End> ends(n + 1);
  const auto offer = [&](uint32_t begin, uint32_t end, double score, uint32_t id) {
    End& e = ends[end];
    if (e.begin == kNone || score > e.score) e = {score, begin, id};
  };
  for (uint32_t at = 0; at < n;) {
    const double so_far = ends[at].score;
    const auto length = static_cast<uint32_t>(utf8_length(static_cast<unsigned char>(word[at])));
    bool single = false;
    uint32_t node = 0;
    for (uint32_t i = at; i < n && (node = child(node, static_cast<unsigned char>(word[i]))) != 0; ++i) {
      const uint32_t id = token_of_[node];
      if (id == kNone) continue;
      offer(at, i + 1, scores_[id] + so_far, id);
      single |= i + 1 - at == length;
    }
    if (!single) {
      if (!unk_id_) {
        return absl::InvalidArgumentError(
            concat("Unigram: \"", word.substr(at, length), "\" is not in the vocabulary, which has no unknown token"));
      }
      offer(at, at + length, unknown_score_ + so_far, *unk_id_);
    }
    at += length;
  }
  // Backwards; neighbouring unknown characters are one piece.
  std::vector<Stretch> path;
  bool last_unknown = false;
  for (uint32_t end = n; end > 0; end = ends[end].begin) {
    const bool unknown = unk_id_ && ends[end].id == *unk_id_;
    if (unknown && last_unknown) {
      path.back().begin = ends[end].begin;
    } else {
      path.push_back({ends[end].begin, end});
    }
    last_unknown = unknown;
  }
  for (auto it = path.rbegin(); it != path.rend(); ++it) {
    if (absl::Status status = emit(word, it->begin, it->end, out); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Unigram::emit(std::string_view word, uint32_t begin, uint32_t end, std::vector<ModelToken>& out) const {
  const std::string_view text = word.substr(begin, end - begin);
  if (const auto id = vocabulary().find(text)) {
    out.push_back({*id, begin, end});
    return absl::OkStatus();
  }
  if (byte_fallback_) {
    const size_t before = out.size();
    for (const char c : text) {
      const auto id = vocabulary().find(byte_token(static_cast<unsigned char>(c)));
      if (!id) {
        out.resize(before);
        break;
      }
      out.push_back({*id, begin, end});
    }
    if (out.size() > before) return absl::OkStatus();
  }
  out.push_back({*unk_id_, begin, end});
  return absl::OkStatus();
}

}  // namespace hearth::text
