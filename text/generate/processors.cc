#include "text/generate/processors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

namespace hearth::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kBins = 256;

float& score_of(std::span<float> scores, int32_t id) { return scores[static_cast<size_t>(id)]; }

bool before(const Candidate& a, const Candidate& b) { return a.key < b.key || (a.key == b.key && a.id < b.id); }

// The largest score; -infinity if all tokens are excluded.
float highest(std::span<const float> scores) {
  float most = -kInfinity;
  for (const float s : scores) most = std::max(most, s);
  return most;
}

// The sum of exp(score - most).
double sum_of_exp(std::span<const float> scores, float most) {
  double sum = 0;
  for (const float s : scores) {
    if (s > -kInfinity) sum += std::exp(s - most);
  }
  return sum;
}

// Log-probabilities are score - shift.
float log_sum_of_exp(std::span<const float> scores) {
  const float most = highest(scores);
  return most == -kInfinity ? 0 : most + static_cast<float>(std::log(sum_of_exp(scores, most)));
}

// -sum p log p
double entropy_of(std::span<const float> scores, float shift) {
  double entropy = 0;
  for (const float s : scores) {
    const float p = std::exp(s - shift);
    if (p > 0) entropy -= static_cast<double>(p) * static_cast<double>(s - shift);
  }
  return entropy;
}

// Excludes tokens of less than this probability, but not the best.
void cut_below(std::span<float> scores, float probability) {
  const float most = highest(scores), shift = log_sum_of_exp(scores);
  for (float& s : scores) {
    if (s < most && s > -kInfinity && std::exp(s - shift) < probability) s = -kInfinity;
  }
}

bool ends_with(std::span<const int32_t> ids, std::span<const int32_t> end) {
  return ids.size() >= end.size() &&
         std::equal(end.begin(), end.end(), ids.end() - static_cast<std::ptrdiff_t>(end.size()));
}

}  // namespace

size_t select_mass(std::span<Candidate> candidates, double mass) {
  constexpr size_t kFew = 32;
  // What is before `low` is taken, with the weight `taken`; what is behind `high` is not needed.
  size_t low = 0, high = candidates.size();
  double taken = 0;
  const auto at = [&](size_t i) { return candidates.begin() + static_cast<std::ptrdiff_t>(i); };
  while (high - low > kFew) {
    const auto [least, most] = std::ranges::minmax(std::span(at(low), at(high)), {}, &Candidate::key);
    const float width = (most.key - least.key) / kBins;
    if (width > 0 && width < kInfinity) {
      // Bins of keys: the mass ends in one of them.
      const float first = least.key;
      const auto bin_of = [&](const Candidate& c) {
        return std::min(static_cast<size_t>((c.key - first) / width), kBins - 1);
      };
      std::array<double, kBins> weights{};
      for (size_t i = low; i < high; ++i) weights[bin_of(candidates[i])] += candidates[i].weight;
      size_t bin = 0;
      while (bin + 1 < kBins && taken + weights[bin] < mass) taken += weights[bin++];
      const auto below = std::partition(at(low), at(high), [&](const Candidate& c) { return bin_of(c) < bin; });
      const auto within = std::partition(below, at(high), [&](const Candidate& c) { return bin_of(c) == bin; });
      low = static_cast<size_t>(below - candidates.begin());
      high = static_cast<size_t>(within - candidates.begin());
    } else {
      // Keys too near or too far from each other for bins: one half, by id where keys are equal.
      const size_t middle = low + (high - low) / 2;
      std::nth_element(at(low), at(middle), at(high), before);
      double half = 0;
      for (size_t i = low; i < middle; ++i) half += candidates[i].weight;
      if (taken + half >= mass) {
        high = middle;
      } else {
        taken += half;
        low = middle;
      }
    }
  }
  std::sort(at(low), at(high), before);
  while (low < high && (taken < mass || low == 0)) taken += candidates[low++].weight;
  return low;
}

void penalize_repetition(std::span<float> scores, std::span<const int32_t> ids, float penalty, Scratch& scratch) {
  // All are read before one is written, so that a token that stands there twice is changed once.
  scratch.row.clear();
  for (const int32_t id : ids) {
    const float s = score_of(scores, id);
    scratch.row.push_back(s < 0 ? s * penalty : s / penalty);
  }
  for (size_t i = 0; i < ids.size(); ++i) score_of(scores, ids[i]) = scratch.row[i];
}

void penalize_occurrence(std::span<float> scores, std::span<const int32_t> ids, float frequency, float presence,
                         Scratch& scratch) {
  scratch.counts.resize(scores.size());
  for (const int32_t id : ids) ++scratch.counts[static_cast<size_t>(id)];
  for (const int32_t id : ids) {
    int32_t& count = scratch.counts[static_cast<size_t>(id)];
    if (count == 0) continue;
    score_of(scores, id) -= frequency * static_cast<float>(count) + presence;
    count = 0;
  }
}

void exclude_repeated_ngrams(std::span<float> scores, std::span<const int32_t> ids, int64_t n) {
  const auto size = static_cast<size_t>(n);
  if (ids.size() < size) return;
  const std::span<const int32_t> end = ids.last(size - 1);
  for (size_t i = 0; i + size <= ids.size(); ++i) {
    if (std::equal(end.begin(), end.end(), ids.begin() + static_cast<std::ptrdiff_t>(i)))
      score_of(scores, ids[i + size - 1]) = -kInfinity;
  }
}

void exclude(std::span<float> scores, std::span<const int32_t> tokens) {
  for (const int32_t id : tokens) score_of(scores, id) = -kInfinity;
}

void force(std::span<float> scores, std::span<const int32_t> tokens) {
  std::ranges::fill(scores, -kInfinity);
  for (const int32_t id : tokens) score_of(scores, id) = 0;
}

void remove_invalid_values(std::span<float> scores) {
  constexpr float kMost = std::numeric_limits<float>::max();
  for (float& s : scores) s = std::isnan(s) ? 0 : std::clamp(s, -kMost, kMost);
}

void raise(std::span<float> scores, std::span<const int32_t> tokens, double factor, int64_t steps) {
  // However many steps there are, the score stays finite.
  constexpr double kMost = std::numeric_limits<float>::max();
  const auto by = static_cast<float>(std::min(std::pow(factor, static_cast<double>(steps)) - 1, kMost));
  for (const int32_t id : tokens) {
    float& s = score_of(scores, id);
    if (std::isfinite(s)) s = std::min(s + std::abs(s) * by, std::numeric_limits<float>::max());
  }
}

void scale_temperature(std::span<float> scores, float temperature) {
  for (float& s : scores) s /= temperature;
}

void keep_top_k(std::span<float> scores, int64_t k, Scratch& scratch) {
  if (k >= static_cast<int64_t>(scores.size())) return;
  std::vector<float>& best = scratch.row;
  const auto count = static_cast<std::ptrdiff_t>(k);
  if (k <= 256) {
    best.resize(static_cast<size_t>(k));
    std::partial_sort_copy(scores.begin(), scores.end(), best.begin(), best.end(), std::greater<>());
  } else {
    best.assign(scores.begin(), scores.end());
    std::nth_element(best.begin(), best.begin() + count - 1, best.end(), std::greater<>());
  }
  const float least = best[static_cast<size_t>(k - 1)];
  for (float& s : scores) {
    if (s < least) s = -kInfinity;
  }
}

void keep_top_p(std::span<float> scores, double p, Scratch& scratch) {
  if (p >= 1) return;
  const float most = highest(scores);
  std::vector<float>& weights = scratch.row;
  weights.assign(scores.size(), 0);
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > -kInfinity) sum += weights[i] = std::exp(scores[i] - most);
  }
  // Tokens that would stay outside if all others had this little are outside: most of a large vocabulary.
  const double least = (1 - p) * sum / static_cast<double>(scores.size());
  scratch.candidates.clear();
  for (size_t i = 0; i < scores.size(); ++i) {
    if (weights[i] > 0 && static_cast<double>(weights[i]) >= least)
      scratch.candidates.push_back({-scores[i], weights[i], static_cast<int32_t>(i)});
    else scores[i] = -kInfinity;
  }
  const size_t kept = select_mass(scratch.candidates, p * sum);
  for (size_t i = kept; i < scratch.candidates.size(); ++i) score_of(scores, scratch.candidates[i].id) = -kInfinity;
}

void keep_min_p(std::span<float> scores, double p) {
  const float most = highest(scores);
  if (most == -kInfinity) return;
  const auto least = static_cast<float>(p);
  for (float& s : scores) {
    if (s > -kInfinity && std::exp(s - most) < least) s = -kInfinity;
  }
}

void keep_typical(std::span<float> scores, double mass, Scratch& scratch) {
  const float shift = log_sum_of_exp(scores);
  const auto entropy = static_cast<float>(entropy_of(scores, shift));
  const auto distance = [&](float s) { return std::abs(shift - s - entropy); };
  double sum = 0;
  scratch.candidates.clear();
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == -kInfinity) continue;
    const float weight = std::exp(scores[i] - shift);
    sum += weight;
    scratch.candidates.push_back({distance(scores[i]), weight, static_cast<int32_t>(i)});
  }
  if (scratch.candidates.empty()) return;
  const float farthest = scratch.candidates[select_mass(scratch.candidates, mass * sum) - 1].key;
  for (float& s : scores) {
    if (s > -kInfinity && distance(s) > farthest) s = -kInfinity;
  }
}

void cut_epsilon(std::span<float> scores, double epsilon) { cut_below(scores, static_cast<float>(epsilon)); }

void cut_eta(std::span<float> scores, double epsilon) {
  const double entropy = entropy_of(scores, log_sum_of_exp(scores));
  cut_below(scores, static_cast<float>(std::min(epsilon, std::sqrt(epsilon) * std::exp(-entropy))));
}

void log_softmax(std::span<float> scores) {
  const float most = highest(scores);
  if (most == -kInfinity) return;
  const auto log_sum = static_cast<float>(std::log(sum_of_exp(scores, most)));
  for (float& s : scores) s = s - most - log_sum;
}

SequenceBiases::SequenceBiases(std::span<const SequenceBias> biases) {
  std::map<std::vector<int32_t>, size_t> places;
  for (const SequenceBias& bias : biases) {
    const auto [place, added] = places.try_emplace(bias.ids, biases_.size());
    if (added) biases_.push_back(bias);
    else biases_[place->second].bias = bias.bias;
  }
}

void SequenceBiases::add(std::span<float> scores, std::span<const int32_t> ids, Scratch& scratch) const {
  // The biases of a token are added up before they are added to its score, which decides how it is rounded.
  scratch.sums.resize(scores.size());
  const auto applies = [&](const SequenceBias& b) { return ends_with(ids, std::span(b.ids).first(b.ids.size() - 1)); };
  for (const SequenceBias& b : biases_) {
    if (applies(b)) scratch.sums[static_cast<size_t>(b.ids.back())] += b.bias;
  }
  for (const SequenceBias& b : biases_) {
    float& sum = scratch.sums[static_cast<size_t>(b.ids.back())];
    if (sum != 0) score_of(scores, b.ids.back()) += sum;
    sum = 0;
  }
}

namespace {

// Words that are never written, as biases. One that is an end of the text alone is not one of them.
std::vector<SequenceBias> excluded(const GenerationConfig& c) {
  std::vector<SequenceBias> out;
  for (const std::vector<int32_t>& word : c.bad_words_ids) {
    const bool end = word.size() == 1 && std::ranges::find(c.eos_token_id, word[0]) != c.eos_token_id.end();
    if (!end) out.push_back({word, -kInfinity});
  }
  return out;
}

}  // namespace

Processors::Processors(const GenerationConfig& c) : config_(c), biases_(c.sequence_bias), bad_words_(excluded(c)) {
  const bool sampling = c.do_sample && (c.temperature != 1 || c.top_k > 0 || c.top_p < 1 || c.min_p ||
                                        c.typical_p < 1 || c.epsilon_cutoff > 0 || c.eta_cutoff > 0);
  empty_ = biases_.empty() && c.repetition_penalty == 1 && c.frequency_penalty == 0 && c.presence_penalty == 0 &&
           c.no_repeat_ngram_size == 0 && bad_words_.empty() && c.min_length == 0 &&
           c.min_new_tokens.value_or(0) == 0 && !c.forced_bos_token_id && c.forced_eos_token_id.empty() &&
           !c.remove_invalid_values && !c.exponential_decay_length_penalty && c.suppress_tokens.empty() &&
           c.begin_suppress_tokens.empty() && !c.renormalize_logits && !sampling;
}

void Processors::process(std::span<float> scores, const Tokens& tokens, int64_t most, Scratch& scratch) const {
  const GenerationConfig& c = config_;
  const std::span<const int32_t> ids = tokens.ids, fresh = ids.subspan(tokens.prompt);
  const auto length = static_cast<int64_t>(ids.size()), prompt = static_cast<int64_t>(tokens.prompt);
  if (!biases_.empty()) biases_.add(scores, ids, scratch);
  if (c.repetition_penalty != 1) penalize_repetition(scores, ids, static_cast<float>(c.repetition_penalty), scratch);
  if (c.frequency_penalty != 0 || c.presence_penalty != 0)
    penalize_occurrence(scores, fresh, static_cast<float>(c.frequency_penalty), static_cast<float>(c.presence_penalty),
                        scratch);
  if (c.no_repeat_ngram_size > 0) exclude_repeated_ngrams(scores, ids, c.no_repeat_ngram_size);
  if (!bad_words_.empty()) bad_words_.add(scores, ids, scratch);
  if (length < (c.min_new_tokens ? prompt + *c.min_new_tokens : c.min_length)) exclude(scores, c.eos_token_id);
  if (c.forced_bos_token_id && length == 1) force(scores, std::span(&*c.forced_bos_token_id, 1));
  if (!c.forced_eos_token_id.empty() && length == most - 1) force(scores, c.forced_eos_token_id);
  if (c.remove_invalid_values) remove_invalid_values(scores);
  if (const auto& decay = c.exponential_decay_length_penalty; decay && length > prompt + decay->first)
    raise(scores, c.eos_token_id, decay->second, length - prompt - decay->first);
  exclude(scores, c.suppress_tokens);
  // A forced first token does not count as the beginning.
  const int64_t begin = prompt > 1 || !c.forced_bos_token_id ? prompt : prompt + 1;
  if (length == begin) exclude(scores, c.begin_suppress_tokens);
  if (c.do_sample) sample(scores, scratch);
  if (c.renormalize_logits) log_softmax(scores);
}

void Processors::sample(std::span<float> scores, Scratch& scratch) const {
  const GenerationConfig& c = config_;
  if (c.temperature != 1) scale_temperature(scores, static_cast<float>(c.temperature));
  // What is not finite cannot be put in order. The choice of a token refuses it.
  if (!(std::ranges::all_of(scores, [](float s) { return s < kInfinity; }))) return;
  if (c.top_k > 0) keep_top_k(scores, c.top_k, scratch);
  if (c.top_p < 1) keep_top_p(scores, c.top_p, scratch);
  if (c.min_p) keep_min_p(scores, *c.min_p);
  if (c.typical_p < 1) keep_typical(scores, c.typical_p, scratch);
  if (c.epsilon_cutoff > 0) cut_epsilon(scores, c.epsilon_cutoff);
  if (c.eta_cutoff > 0) cut_eta(scores, c.eta_cutoff);
}

}  // namespace hearth::text
