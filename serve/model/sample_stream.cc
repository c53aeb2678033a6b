#include "serve/model/sample_stream.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/view.h"
#include "serve/model/signature.h"

namespace hearth::serve {
namespace {

// A minute and more at the rates that models have.
constexpr int64_t kMaxStep = int64_t{1} << 22;

// The number of an entry; 0 if there is none, -1 if it is no number from 1 on.
int64_t number(const std::map<std::string, std::string>& entries, const char* name) {
  const auto at = entries.find(name);
  int64_t value = 0;
  if (at == entries.end()) return 0;
  return absl::SimpleAtoi(at->second, &value) && value >= 1 && value <= kMaxStep ? value : -1;
}

const Decoder* decoder_of(const graph::Signature& s) {
  const auto type = s.preprocess_input.find("type");
  if (type == s.preprocess_input.end()) return nullptr;
  for (const Decoder* d : decoders()) {
    if (type->second == d->type && d->resampler) return d;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<SampleStream::Plan> SampleStream::plan_of(const graph::Signature& s) {
  const auto wrong = [](const std::string& what) {
    return absl::InternalError(concat("the model's signature cannot be used for streams: ", what));
  };
  Plan plan{.rate = number(s.preprocess_input, "sample_rate"), .state = {}};
  if (plan.rate < 1) return absl::UnimplementedError("the model names no sample rate, so that it cannot hear streams");
  const int64_t samples = number(s.metadata, "stream_samples"), hop = number(s.metadata, "stream_hop"),
                window = number(s.metadata, "window_samples");
  plan.steps = samples != 0;
  if (!plan.steps) {
    plan.samples = window != 0 ? window : 10 * plan.rate;
    plan.hop = std::max<int64_t>(plan.rate / 2, 1);
    if (plan.samples < 1) return wrong("window_samples");
    return plan;
  }
  plan.samples = samples;
  plan.hop = hop;
  if (samples < 1 || hop < 1 || hop > samples) return wrong("stream_samples and stream_hop");
  const auto state = s.metadata.find("stream_state");
  if (state == s.metadata.end()) return plan;
  for (const absl::string_view entry : absl::StrSplit(state->second, ',')) {
    const std::pair<std::string, std::string> names = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    const auto in = s.input_index(names.first), out = s.output_index(names.second);
    if (!in || !out || s.inputs[*in].bytes || s.outputs[*out].bytes)
      return wrong(concat("stream_state \"", state->second, "\""));
    plan.state.emplace_back(*in, *out);
  }
  return plan;
}

absl::StatusOr<std::unique_ptr<SampleStream>> SampleStream::open(const Servable& model, int64_t rate) {
  const graph::Signature& s = model.signature();
  const Decoder* decoder = decoder_of(s);
  const auto channels = s.preprocess_input.find("channels");
  if (!decoder || channels == s.preprocess_input.end() || channels->second != "1") {
    return absl::UnimplementedError(
        "the model takes no streams: its signature's preprocess_input is not sound of one channel, or this program has "
        "no decoder for it");
  }
  auto plan = plan_of(s);
  if (!plan.ok()) return plan.status();
  if (rate == 0) rate = plan->rate;
  auto resampler = decoder->resampler(rate, plan->rate);
  if (!resampler.ok()) return resampler.status();
  return std::unique_ptr<SampleStream>(new SampleStream(model, *std::move(plan), rate, *std::move(resampler)));
}

SampleStream::SampleStream(const Servable& model, Plan plan, int64_t rate, std::unique_ptr<Resampler> resampler)
    : model_(model),
      plan_(std::move(plan)),
      rate_(rate),
      resampler_(std::move(resampler)),
      waiting_(zeros({1, 0})),
      text_(is_ctc(model.signature()) ? std::make_unique<CtcText>(model.signature()) : nullptr) {}

double SampleStream::seconds() const { return static_cast<double>(heard_) / static_cast<double>(rate_); }

int64_t SampleStream::bytes() const {
  size_t all = waiting_.nbytes() + (text_ ? text_->text().capacity() : 0);
  for (const Tensor& t : state_) all += t.nbytes();
  return resampler_->bytes() + static_cast<int64_t>(all);
}

// The samples of the steps that are complete, which then wait no longer; undefined if there are none.
Tensor SampleStream::next_steps() {
  const int64_t n = waiting_.size(1);
  if (n < plan_.samples) return {};
  const int64_t steps = 1 + (n - plan_.samples) / plan_.hop;
  const Tensor all = waiting_;
  waiting_ = all.slice(1, steps * plan_.hop, n).clone();
  return all.slice(1, 0, (steps - 1) * plan_.hop + plan_.samples).contiguous();
}

// The last window, if it is time for an answer.
Tensor SampleStream::next_window(bool last) {
  const int64_t n = waiting_.size(1);
  waiting_ = waiting_.slice(1, std::max<int64_t>(n - plan_.samples, 0), n).clone();
  if (fresh_ == 0 || (fresh_ < plan_.hop && !last)) return {};
  fresh_ = 0;
  return waiting_;
}

absl::StatusOr<std::vector<Value>> SampleStream::feed(const Tensor& samples, bool last) {
  heard_ += samples.size(1);
  auto fresh = resampler_->feed(samples, last);
  if (!fresh.ok()) return fresh.status();
  fresh_ += fresh->size(1);
  waiting_ = cat({waiting_, *fresh}, 1);
  const Tensor now = plan_.steps ? next_steps() : next_window(last);
  if (!now.defined()) return std::vector<Value>();
  const Tensor example[] = {now};
  auto preprocessed = model_.preprocess(example);
  if (!preprocessed.ok()) return preprocessed.status();
  std::vector<Value> inputs(preprocessed->begin(), preprocessed->end());
  for (size_t i = 0; i < state_.size(); ++i) inputs.at(plan_.state[i].first) = state_[i];
  if (const absl::Status fit = check_inputs(model_.signature(), inputs); !fit.ok())
    return absl::InternalError(concat("the model's stream does not match its inputs: ", std::string(fit.message())));
  return inputs;
}

absl::Status SampleStream::take(std::span<const Value> outputs) {
  state_.clear();
  // A copy: the outputs may be parts of those of a large batch.
  for (const auto& [in, out] : plan_.state) state_.push_back(outputs[out].tensor().clone());
  if (!text_) return absl::OkStatus();
  if (outputs[0].is_bytes()) return absl::FailedPreconditionError("the model's first output is no scores");
  if (!plan_.steps) text_->reset();
  return text_->add(outputs[0].tensor());
}

}  // namespace hearth::serve
