#include "text/tokenizer/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "text/tokenizer/byte_token.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFF;
constexpr double kUnknownPenalty = 10;

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
  // Of equal tokens the last one counts, as in find().
  const auto& all = u->vocabulary().tokens();
  for (auto it = all.rbegin(); it != all.rend(); ++it) u->tokens_.add(it->first, it->second);
  u->tokens_.build();
  return u;
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
  uint32_t node = StringSet::kRoot;
  for (uint32_t at = 0; at < n;) {
    const auto length = static_cast<uint32_t>(utf8_length(static_cast<unsigned char>(word[at])));
    const uint32_t end = at + length;
    for (uint32_t i = at; i < end; ++i) node = tokens_.step(node, static_cast<unsigned char>(word[i]));
    // All tokens end at a character's end. Those that begin early come first: of equal sums they stay.
    bool single = false;
    tokens_.each_ending(node, [&](uint32_t size, uint32_t id) {
      offer(end - size, end, scores_[id] + ends[end - size].score, id);
      single |= size == length;
    });
    if (!single) {
      if (!unk_id_) {
        return absl::InvalidArgumentError(
            concat("Unigram: \"", word.substr(at, length), "\" is not in the vocabulary, which has no unknown token"));
      }
      offer(at, end, unknown_score_ + ends[at].score, *unk_id_);
    }
    at = end;
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
