#include "text/generate/sampler.h"

#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/tensor/generator.h"

namespace hearth::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Best {
  float score = -kInfinity;
  int32_t id = 0;
};

absl::StatusOr<Best> find_best(std::span<const float> scores) {
  Best best;
  bool nan = false;
  for (size_t i = 0; i < scores.size(); ++i) {
    nan |= std::isnan(scores[i]);
    if (scores[i] > best.score) best = {scores[i], static_cast<int32_t>(i)};
  }
  if (nan || best.score == kInfinity)
    return absl::InvalidArgumentError(
        "a score is not finite after all penalties: a penalty, a bias or the temperature is too strong");
  if (best.score == -kInfinity)
    return absl::FailedPreconditionError("every token is excluded: there is none to go on with");
  return best;
}

}  // namespace

absl::Status check_logits(std::span<const float> logits) {
  bool bad = false;
  for (const float v : logits) bad |= !(v < kInfinity);
  if (!bad) return absl::OkStatus();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] < kInfinity))
      return absl::InternalError(
          concat("the model gives the logit ", std::isnan(logits[i]) ? "NaN" : "inf", " for token ", i));
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> best_token(std::span<const float> scores) {
  const absl::StatusOr<Best> best = find_best(scores);
  if (!best.ok()) return best.status();
  return best->id;
}

absl::StatusOr<int32_t> draw_token(std::span<const float> scores, double uniform, Scratch& scratch) {
  const absl::StatusOr<Best> best = find_best(scores);
  if (!best.ok()) return best.status();
  std::vector<Candidate>& possible = scratch.candidates;
  possible.clear();
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == -kInfinity) continue;
    const float weight = std::exp(scores[i] - best->score);
    if (weight == 0) continue;
    sum += weight;
    possible.push_back({0, weight, static_cast<int32_t>(i)});
  }
  const double wanted = uniform * sum;
  double below = 0;
  for (const Candidate& c : possible) {
    below += c.weight;
    if (below > wanted) return c.id;
  }
  return possible.back().id;  // by rounding alone
}

// The stream is what is left of the prompt's ids after each of them has gone through Philox.
TokenRandom::TokenRandom(uint64_t seed, std::span<const int32_t> prompt, uint64_t number)
    : seed_(seed), stream_(number) {
  for (const int32_t id : prompt) {
    const auto words = philox(seed, stream_, static_cast<uint64_t>(id));
    stream_ = uint64_t{words[0]} << 32 | words[1];
  }
}

double TokenRandom::uniform(uint64_t place) const {
  const auto words = philox(seed_, place, stream_);
  const uint64_t bits = uint64_t{words[0]} << 32 | words[1];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace hearth::text
