#include "text/generate/decoding.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace hearth::text {
namespace {

constexpr int64_t kNewTokens = 20;  // where the configuration says nothing, as transformers

template <class... A>
absl::Status refuse(const A&... a) {
  return absl::InvalidArgumentError(concat(a...));
}

absl::Status check_vocabulary(const GenerationConfig& c, int64_t vocabulary) {
  const auto check = [&](const char* name, std::span<const int32_t> ids) -> absl::Status {
    for (const int32_t id : ids) {
      if (id >= vocabulary)
        return refuse(name, ": there is no token ", id, "; the model has the ids 0 to ", vocabulary - 1);
    }
    return absl::OkStatus();
  };
  for (const auto& [name, ids] : {std::pair("forced_eos_token_id", &c.forced_eos_token_id),
                                  {"eos_token_id", &c.eos_token_id},
                                  {"suppress_tokens", &c.suppress_tokens},
                                  {"begin_suppress_tokens", &c.begin_suppress_tokens}}) {
    if (absl::Status s = check(name, *ids); !s.ok()) return s;
  }
  if (c.forced_bos_token_id) {
    if (absl::Status s = check("forced_bos_token_id", std::span(&*c.forced_bos_token_id, 1)); !s.ok()) return s;
  }
  for (const std::vector<int32_t>& word : c.bad_words_ids) {
    if (absl::Status s = check("bad_words_ids", word); !s.ok()) return s;
  }
  for (const SequenceBias& b : c.sequence_bias) {
    if (absl::Status s = check("sequence_bias", b.ids); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

const char* to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEos:
      return "eos";
    case FinishReason::kStopString:
      return "stop_string";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kTime:
      return "time";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "";
}

absl::StatusOr<DecodingPlan> DecodingPlan::make(const GenerationConfig& config, const ModelLimits& limits,
                                                const Tokenizer* tokenizer, bool skip_special_tokens) {
  if (absl::Status s = check_generation_config(config); !s.ok()) return s;
  if (absl::Status s = check_vocabulary(config, limits.vocabulary); !s.ok()) return s;
  if (!config.stop_strings.empty() && tokenizer == nullptr) return refuse("stop_strings need a tokenizer");
  GenerationConfig own = config;
  // A file may name an id many times.
  std::ranges::sort(own.eos_token_id);
  const auto repeated = std::ranges::unique(own.eos_token_id);
  own.eos_token_id.erase(repeated.begin(), repeated.end());
  Processors processors(own);
  return DecodingPlan(std::make_shared<const Parts>(
      Parts{std::move(own), limits, std::move(processors), std::make_shared<const StopStrings>(config.stop_strings),
            tokenizer != nullptr ? std::optional(*tokenizer) : std::nullopt, skip_special_tokens}));
}

absl::StatusOr<int64_t> DecodingPlan::most_tokens(std::span<const int32_t> prompt) const {
  const GenerationConfig& c = config();
  const auto length = static_cast<int64_t>(prompt.size());
  if (length == 0) return refuse("the prompt is empty: it needs a token, such as the one that begins texts");
  for (const int32_t id : prompt) {
    if (id < 0 || id >= limits().vocabulary)
      return refuse("the prompt has the id ", id, ", but the model has the ids 0 to ", limits().vocabulary - 1);
  }
  if (length >= limits().max_positions)
    return refuse("the prompt has ", length, " tokens, but the model takes at most ", limits().max_positions,
                  ", new ones included");
  if (!c.max_new_tokens && c.max_length && length >= *c.max_length)
    return refuse("the prompt has ", length, " tokens, but max_length is ", *c.max_length, ", new ones included");
  const int64_t wanted = c.max_new_tokens ? length + *c.max_new_tokens : c.max_length.value_or(length + kNewTokens);
  return std::min(wanted, limits().max_positions);
}

bool DecodingPlan::is_eos(int32_t id) const { return std::ranges::binary_search(config().eos_token_id, id); }

std::optional<TextPieces> DecodingPlan::text_after(std::span<const int32_t> prompt) const {
  const std::optional<Tokenizer>& tokenizer = parts_->tokenizer;
  if (!tokenizer) return std::nullopt;
  return TextPieces(*tokenizer, parts_->skip_special_tokens, parts_->stop_strings, prompt);
}

absl::StatusOr<Decoding> Decoding::begin(const DecodingPlan& plan, std::vector<int32_t> prompt, uint64_t number) {
  const absl::StatusOr<int64_t> most = plan.most_tokens(prompt);
  if (!most.ok()) return most.status();
  return Decoding(plan, std::move(prompt), *most, number);
}

Decoding::Decoding(const DecodingPlan& plan, std::vector<int32_t> prompt, int64_t most, uint64_t number)
    : plan_(plan),
      ids_(std::move(prompt)),
      prompt_(ids_.size()),
      most_(most),
      random_(plan.config().seed, ids_, number),
      text_(plan.text_after(ids_)) {}

absl::StatusOr<DecodedToken> Decoding::next(std::span<const float> logits, Scratch& scratch) {
  if (finished()) return absl::FailedPreconditionError("the text is finished");
  if (static_cast<int64_t>(logits.size()) != plan_.limits().vocabulary)
    return refuse("the row has ", logits.size(), " logits, but the vocabulary ", plan_.limits().vocabulary, " ids");
  const GenerationConfig& c = plan_.config();
  if (!c.remove_invalid_values) {
    if (absl::Status s = check_logits(logits); !s.ok()) return s;
  }
  std::span<const float> scores = logits;
  if (!plan_.processors().empty()) {
    scratch.scores.assign(logits.begin(), logits.end());
    plan_.processors().process(scratch.scores, {ids_, prompt_}, most_, scratch);
    scores = scratch.scores;
  }
  const absl::StatusOr<int32_t> id =
      c.do_sample ? draw_token(scores, random_.uniform(ids_.size() - prompt_), scratch) : best_token(scores);
  if (!id.ok()) return id.status();
  ids_.push_back(*id);
  DecodedToken token{.id = *id};
  if (plan_.is_eos(*id)) {
    reason_ = FinishReason::kEos;
  } else if (text_) {
    absl::StatusOr<std::string> text = text_->step(*id);
    if (!text.ok()) return text.status();
    token.text = *std::move(text);
    if (text_->stopped()) reason_ = FinishReason::kStopString;
  }
  if (!reason_ && static_cast<int64_t>(ids_.size()) >= most_) reason_ = FinishReason::kLength;
  if (reason_ && text_ && !text_->stopped()) {
    const absl::StatusOr<std::string> rest = text_->finish();
    if (!rest.ok()) return rest.status();
    token.text += *rest;
    // Bytes that are no character become one at the end, which may complete a stop string.
    if (text_->stopped()) reason_ = FinishReason::kStopString;
  }
  token.finished = finished();
  return token;
}

absl::StatusOr<std::string> Decoding::finish(FinishReason reason) {
  if (finished()) return std::string();
  reason_ = reason;
  return text_ ? text_->finish() : std::string();
}

}  // namespace hearth::text
