#include "text/generate/generate.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/tensor/tensor.h"
#include "text/generate/beam.h"
#include "text/models/status_of_internal.h"

namespace hearth::text {
namespace {

using Clock = std::chrono::steady_clock;

// The same error with the place of the prompt in front, if there are several.
absl::Status of_prompt(size_t prompt, size_t prompts, const absl::Status& s) {
  if (s.ok() || prompts == 1) return s;
  const std::string why(s.message());
  return {s.code(), concat("prompt ", prompt, ": ", why)};
}

// What the loop steps: a text, or the beams of a prompt. It has rows of the batch that lie side by side.
class Strand {
 public:
  Strand() = default;
  virtual ~Strand() = default;
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;
  // How many rows it takes.
  virtual int64_t rows() const = 0;
  // Takes the logits of its rows; appends what goes on, with rows counted from its first.
  virtual absl::Status step(std::span<const float> logits, Scratch& scratch, std::vector<Continuation>& next) = 0;
  // Ends it.
  virtual absl::Status finish(FinishReason reason) = 0;
  // What it has made.
  virtual absl::Status collect(std::vector<GeneratedText>& out) = 0;
};

class TextStrand final : public Strand {
 public:
  TextStrand(Decoding decoding, size_t prompt, int64_t number, const GenerateOptions& options)
      : decoding_(std::move(decoding)), options_(options), number_(number) {
    text_.prompt = static_cast<int64_t>(prompt);
  }
  int64_t rows() const override { return decoding_.finished() ? 0 : 1; }
  absl::Status step(std::span<const float> logits, Scratch& scratch, std::vector<Continuation>& next) override {
    const absl::StatusOr<DecodedToken> token = decoding_.next(logits, scratch);
    if (!token.ok()) return token.status();
    text_.text += token->text;
    const bool on =
        !options_.on_token || options_.on_token({text_.prompt, number_, token->id, token->text, token->finished});
    if (!on) return end(FinishReason::kCancelled).status();
    if (!token->finished) next.push_back({0, token->id});
    return absl::OkStatus();
  }
  absl::Status finish(FinishReason reason) override {
    const absl::StatusOr<std::string> rest = end(reason);
    if (rest.ok() && options_.on_token) options_.on_token({text_.prompt, number_, std::nullopt, *rest, true});
    return rest.status();
  }
  absl::Status collect(std::vector<GeneratedText>& out) override {
    text_.ids.assign(decoding_.new_tokens().begin(), decoding_.new_tokens().end());
    text_.reason = decoding_.reason();
    out.push_back(std::move(text_));
    return absl::OkStatus();
  }

 private:
  // Gives what had been held back, which belongs to the text.
  absl::StatusOr<std::string> end(FinishReason reason) {
    absl::StatusOr<std::string> rest = decoding_.finish(reason);
    if (rest.ok()) text_.text += *rest;
    return rest;
  }
  Decoding decoding_;
  const GenerateOptions& options_;
  int64_t number_;
  GeneratedText text_;
};

class BeamStrand final : public Strand {
 public:
  BeamStrand(const DecodingPlan& plan, BeamSearch search, size_t prompt, std::span<const int32_t> ids)
      : plan_(plan), search_(std::move(search)), prompt_(prompt), ids_(ids) {}
  int64_t rows() const override { return search_.rows(); }
  absl::Status step(std::span<const float> logits, Scratch& scratch, std::vector<Continuation>& next) override {
    return search_.step(logits, scratch, next);
  }
  absl::Status finish(FinishReason reason) override {
    search_.finish(reason);
    return absl::OkStatus();
  }
  absl::Status collect(std::vector<GeneratedText>& out) override {
    for (const Hypothesis& h : search_.best()) {
      GeneratedText& text = out.emplace_back();
      text = {.prompt = static_cast<int64_t>(prompt_), .reason = h.reason, .score = h.score};
      text.ids.assign(h.ids.begin() + static_cast<std::ptrdiff_t>(ids_.size()), h.ids.end());
      std::optional<TextPieces> pieces = plan_.text_after(ids_);
      if (!pieces) continue;
      for (const int32_t id : text.ids) {
        if (plan_.is_eos(id)) break;
        const absl::StatusOr<std::string> piece = pieces->step(id);
        if (!piece.ok()) return piece.status();
        text.text += *piece;
      }
      const absl::StatusOr<std::string> rest = pieces->finish();
      if (!rest.ok()) return rest.status();
      text.text += *rest;
    }
    return absl::OkStatus();
  }

 private:
  const DecodingPlan& plan_;
  BeamSearch search_;
  size_t prompt_;
  std::span<const int32_t> ids_;
};

// Prompts side by side, padded on the left.
CausalLmInput batch_of(std::span<const std::vector<int32_t>> prompts, int32_t padding) {
  size_t longest = 0, shortest = prompts[0].size();
  for (const auto& p : prompts) {
    longest = std::max(longest, p.size());
    shortest = std::min(shortest, p.size());
  }
  const Shape shape{static_cast<int64_t>(prompts.size()), static_cast<int64_t>(longest)};
  CausalLmInput input{.ids = empty(shape, {.dtype = DType::kI64}), .last_only = true};
  auto* ids = input.ids.mutable_data<int64_t>();
  bool* mask = nullptr;
  if (shortest < longest) {
    input.attention_mask = empty(shape, {.dtype = DType::kBool});
    mask = input.attention_mask.mutable_data<bool>();
  }
  for (const auto& p : prompts) {
    const size_t before = longest - p.size();
    ids = std::copy(p.begin(), p.end(), std::fill_n(ids, before, padding));
    if (mask != nullptr) mask = std::fill_n(std::fill_n(mask, before, false), p.size(), true);
  }
  return input;
}

class Generation {
 public:
  Generation(const CausalLm& model, const GenerateOptions& options)
      : model_(model), options_(options), vocabulary_(model.vocabulary()) {}

  absl::StatusOr<std::vector<GeneratedText>> run(std::span<const std::vector<int32_t>> prompts,
                                                 const GenerationConfig& config) {
    const auto start = Clock::now();
    if (model_.module().training())
      return absl::FailedPreconditionError(
          "generate: the model is in training mode, where dropout changes what it says: call eval() first");
    const absl::StatusOr<DecodingPlan> plan =
        DecodingPlan::make(config, {.vocabulary = vocabulary_, .max_positions = model_.max_positions()},
                           options_.tokenizer, options_.skip_special_tokens);
    if (!plan.ok()) return plan.status();
    if (config.num_beams > 1 && options_.on_token)
      return absl::UnimplementedError(
          concat("num_beams is ", config.num_beams, ": a beam search has no tokens to show before its end"));
    if (absl::Status s = begin(*plan, prompts); !s.ok()) return s;
    if (prompts.empty()) return std::vector<GeneratedText>();

    const InferenceMode inference;
    const std::unique_ptr<KvCache> cache = model_.make_cache(static_cast<int64_t>(prompts.size()));
    const int32_t padding = config.pad_token_id.value_or(0);
    CausalLmInput input = batch_of(prompts, padding < vocabulary_ ? padding : 0);
    input.cache = cache.get();
    while (true) {
      if (options_.stop.stop_requested()) {
        if (absl::Status s = finish(FinishReason::kCancelled); !s.ok()) return s;
        break;
      }
      if (absl::Status s = step(model_.logits(input), prompts.size()); !s.ok()) return s;
      if (config.max_time && std::chrono::duration<double>(Clock::now() - start).count() > *config.max_time) {
        if (absl::Status s = finish(FinishReason::kTime); !s.ok()) return s;
      }
      if (next_.empty()) break;
      input = continued(*cache);
    }
    std::vector<GeneratedText> texts;
    for (const auto& strand : strands_) {
      if (absl::Status s = strand->collect(texts); !s.ok()) return s;
    }
    return texts;
  }

 private:
  // A strand and its first row.
  absl::Status begin(const DecodingPlan& plan, std::span<const std::vector<int32_t>> prompts) {
    const GenerationConfig& c = plan.config();
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (c.num_beams > 1) {
        absl::StatusOr<BeamSearch> search = BeamSearch::begin(plan, prompts[i]);
        if (!search.ok()) return of_prompt(i, prompts.size(), search.status());
        add(std::make_unique<BeamStrand>(plan, *std::move(search), i, prompts[i]), i, i);
        continue;
      }
      for (int64_t number = 0; number < c.num_return_sequences; ++number) {
        absl::StatusOr<Decoding> text = Decoding::begin(plan, prompts[i], static_cast<uint64_t>(number));
        if (!text.ok()) return of_prompt(i, prompts.size(), text.status());
        add(std::make_unique<TextStrand>(*std::move(text), i, number, options_), i, i);
      }
    }
    return absl::OkStatus();
  }
  void add(std::unique_ptr<Strand> strand, size_t prompt, size_t row) {
    strands_.push_back(std::move(strand));
    prompts_.push_back(prompt);
    first_rows_.push_back(static_cast<int64_t>(row));
  }

  // Every strand takes its rows; next_ becomes what goes on, with rows of the batch.
  absl::Status step(const Tensor& logits, size_t prompts) {
    const int64_t batch = batch_ < 0 ? static_cast<int64_t>(prompts) : batch_;
    HEARTH_CHECK(logits.dim() == 3 && logits.size(0) == batch && logits.size(1) == 1 && logits.size(2) == vocabulary_,
                 "generate: the model must give logits [", batch, ", 1, ", vocabulary_, "], but they are ",
                 logits.shape());
    const Tensor rows = logits.to(kCpu).to(DType::kF32).contiguous();
    const std::span<const float> all(rows.data<float>(), static_cast<size_t>(rows.numel()));
    next_.clear();
    for (size_t i = 0; i < strands_.size(); ++i) {
      Strand& strand = *strands_[i];
      const auto width = static_cast<size_t>(vocabulary_);
      const auto first = static_cast<size_t>(first_rows_[i]), count = static_cast<size_t>(strand.rows());
      if (count == 0) continue;
      const size_t before = next_.size();
      if (absl::Status s = strand.step(all.subspan(first * width, count * width), scratch_, next_); !s.ok())
        return of_prompt(prompts_[i], prompts, s);
      for (size_t k = before; k < next_.size(); ++k) next_[k].row += first_rows_[i];
      first_rows_[i] = static_cast<int64_t>(before);
    }
    return absl::OkStatus();
  }

  absl::Status finish(FinishReason reason) {
    next_.clear();
    for (const auto& strand : strands_) {
      if (strand->rows() == 0) continue;
      if (absl::Status s = strand->finish(reason); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  // The next step: rows that have ended leave the batch.
  CausalLmInput continued(KvCache& cache) {
    batch_ = static_cast<int64_t>(next_.size());
    Tensor rows = empty({batch_}, {.dtype = DType::kI64});
    CausalLmInput input{.ids = empty({batch_, 1}, {.dtype = DType::kI64}), .cache = &cache, .last_only = true};
    auto* row = rows.mutable_data<int64_t>();
    auto* id = input.ids.mutable_data<int64_t>();
    for (const Continuation& c : next_) {
      *row++ = c.row;
      *id++ = c.token;
    }
    cache.reorder(rows);
    return input;
  }

  const CausalLm& model_;
  const GenerateOptions& options_;
  int64_t vocabulary_;
  int64_t batch_ = -1;  // the rows of the last step; before the first there is one for each prompt
  std::vector<std::unique_ptr<Strand>> strands_;
  std::vector<size_t> prompts_;      // of each strand
  std::vector<int64_t> first_rows_;  // of each strand
  std::vector<Continuation> next_;
  Scratch scratch_;
};

}  // namespace

absl::StatusOr<std::vector<GeneratedText>> generate(const CausalLm& model,
                                                    std::span<const std::vector<int32_t>> prompts,
                                                    const GenerationConfig& config, const GenerateOptions& options) {
  try {
    return Generation(model, options).run(prompts, config);
  } catch (const Error& e) {
    return status_of(e);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("generate: out of memory");
  }
}

absl::StatusOr<std::vector<GeneratedText>> generate(const CausalLm& model, const std::vector<int32_t>& prompt,
                                                    const GenerationConfig& config, const GenerateOptions& options) {
  return generate(model, std::span(&prompt, 1), config, options);
}

}  // namespace hearth::text
