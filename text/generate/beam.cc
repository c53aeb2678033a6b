#include "text/generate/beam.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/error.h"

namespace hearth::text {

absl::StatusOr<BeamSearch> BeamSearch::begin(const DecodingPlan& plan, std::vector<int32_t> prompt) {
  const absl::StatusOr<int64_t> most = plan.most_tokens(prompt);
  if (!most.ok()) return most.status();
  return BeamSearch(plan, std::move(prompt), *most);
}

BeamSearch::BeamSearch(const DecodingPlan& plan, std::vector<int32_t> prompt, int64_t most)
    : plan_(plan),
      prompt_(prompt.size()),
      most_(most),
      length_(static_cast<int64_t>(prompt.size())),
      beams_(static_cast<size_t>(plan.config().num_beams)),
      // At least num_beams of them do not end the text.
      candidates_(std::max<size_t>(2, 1 + plan.config().eos_token_id.size()) * beams_) {
  std::optional<TextPieces> text;
  if (plan.has_stop_strings()) text = plan.text_after(prompt);
  running_.push_back({std::move(prompt), 0, std::move(text)});
}

// The best candidates of all rows, the best first.
absl::Status BeamSearch::choose(std::span<const float> logits, Scratch& scratch, std::vector<Choice>& choices) const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto vocabulary = static_cast<size_t>(plan_.limits().vocabulary);
  const auto worse = [](const Choice& a, const Choice& b) { return better(a, b); };  // a heap with the worst on top
  for (size_t row = 0; row < running_.size(); ++row) {
    const std::span<const float> from = logits.subspan(row * vocabulary, vocabulary);
    if (absl::Status s = check_logits(from); !s.ok()) return s;
    scratch.scores.assign(from.begin(), from.end());
    log_softmax(scratch.scores);
    plan_.processors().process(scratch.scores, {running_[row].ids, prompt_}, most_, scratch);
    for (size_t i = 0; i < vocabulary; ++i) {
      const Choice c{scratch.scores[i] + running_[row].score, static_cast<int64_t>(row), static_cast<int32_t>(i)};
      if (c.score == -kInfinity) continue;
      if (!(c.score < kInfinity))
        return absl::InvalidArgumentError(
            "a score is not finite after all penalties: a penalty or a bias is too strong");
      if (choices.size() < candidates_) {
        choices.push_back(c);
        std::ranges::push_heap(choices, worse);
      } else if (better(c, choices.front())) {
        std::ranges::pop_heap(choices, worse);
        choices.back() = c;
        std::ranges::push_heap(choices, worse);
      }
    }
  }
  std::ranges::sort_heap(choices, worse);
  return absl::OkStatus();
}

// Puts the token behind the beam; says whether and why the text ends with it.
absl::StatusOr<std::optional<FinishReason>> BeamSearch::extend(Beam& beam, const Choice& choice) const {
  beam.ids.push_back(choice.token);
  beam.score = choice.score;
  if (plan_.is_eos(choice.token)) return FinishReason::kEos;
  if (beam.text) {
    if (const auto text = beam.text->step(choice.token); !text.ok()) return text.status();
    if (beam.text->stopped()) return FinishReason::kStopString;
  }
  if (static_cast<int64_t>(beam.ids.size()) >= most_) return FinishReason::kLength;
  return std::nullopt;
}

double BeamSearch::penalised(float score, int64_t length) const {
  return static_cast<double>(score) / std::pow(static_cast<double>(length), plan_.config().length_penalty);
}

void BeamSearch::add(Hypothesis hypothesis) {
  const auto place =
      std::ranges::find_if(found_, [&](const Hypothesis& other) { return hypothesis.score > other.score; });
  found_.insert(place, std::move(hypothesis));
  if (found_.size() > beams_) found_.pop_back();
}

bool BeamSearch::can_improve(float best_running) const {
  if (found_.size() < beams_) return true;
  const GenerationConfig& c = plan_.config();
  if (c.early_stopping == EarlyStopping::kFirst) return false;
  // The longer a text, the better its score for a penalty above 0: at best it becomes as long as it may.
  const bool longest = c.early_stopping == EarlyStopping::kNever && c.length_penalty > 0;
  return penalised(best_running, (longest ? most_ : length_) - static_cast<int64_t>(prompt_)) > found_.back().score;
}

absl::Status BeamSearch::step(std::span<const float> logits, Scratch& scratch, std::vector<Continuation>& next) {
  const auto wanted = running_.size() * static_cast<size_t>(plan_.limits().vocabulary);
  if (finished() || logits.size() != wanted)
    return absl::InvalidArgumentError(
        concat("a step of this beam search takes ", wanted, " logits, not ", logits.size()));
  std::vector<Choice> choices;
  choices.reserve(std::min(candidates_, wanted));
  if (absl::Status s = choose(logits, scratch, choices); !s.ok()) return s;
  if (choices.empty() && found_.empty())
    return absl::FailedPreconditionError("every token is excluded: there is none to go on with");
  ++length_;
  std::vector<Beam> running;
  std::vector<Continuation> continued;
  for (size_t i = 0; i < choices.size() && (i < beams_ || running.size() < beams_); ++i) {
    const Choice& choice = choices[i];
    Beam beam = running_[static_cast<size_t>(choice.row)];
    const absl::StatusOr<std::optional<FinishReason>> reason = extend(beam, choice);
    if (!reason.ok()) return reason.status();
    if (const std::optional<FinishReason> why = *reason) {
      if (i < beams_) add({std::move(beam.ids), penalised(beam.score, length_ - static_cast<int64_t>(prompt_)), *why});
    } else if (running.size() < beams_) {
      running.push_back(std::move(beam));
      continued.push_back({choice.row, choice.token});
    }
  }
  running_ = std::move(running);
  if (!running_.empty() && !can_improve(running_.front().score)) running_.clear();
  if (!running_.empty()) next.insert(next.end(), continued.begin(), continued.end());
  return absl::OkStatus();
}

void BeamSearch::finish(FinishReason reason) {
  for (Beam& beam : std::exchange(running_, {})) {
    const auto length = std::max<int64_t>(1, static_cast<int64_t>(beam.ids.size() - prompt_));
    const double score = penalised(beam.score, length);
    add({std::move(beam.ids), score, reason});
  }
}

std::vector<Hypothesis> BeamSearch::best() const {
  const auto count = std::min(found_.size(), static_cast<size_t>(plan_.config().num_return_sequences));
  return {found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace hearth::text
