#include <algorithm>
#include <numeric>
#include <optional>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "text/models/encoder_texts_internal.h"

namespace hearth::text {
namespace {

std::string called(const TextName& name, size_t i) { return name ? name(i) : concat("text ", i); }

}  // namespace

absl::StatusOr<EncoderTokenizer> EncoderTokenizer::make(Tokenizer tokenizer, int64_t max_tokens) {
  absl::Status s = tokenizer.set_padding(std::nullopt);
  Tokenizer whole = tokenizer;
  s.Update(whole.set_truncation(std::nullopt));
  // Texts are alone: there is no second one that could be cut.
  std::optional<Truncation> cut = tokenizer.truncation();
  if (cut && cut->strategy == TruncationStrategy::kOnlySecond) {
    cut->strategy = TruncationStrategy::kLongestFirst;
    s.Update(tokenizer.set_truncation(cut));
  }
  s.Update(tokenizer.truncate_at(static_cast<size_t>(max_tokens)));
  if (!s.ok()) return s;
  return EncoderTokenizer(std::move(tokenizer), std::move(whole), max_tokens);
}

absl::StatusOr<std::vector<std::vector<int32_t>>> EncoderTokenizer::tokens(std::span<const std::string> texts,
                                                                           TooLong too_long,
                                                                           const TextName& name) const {
  const Tokenizer& tokenizer = too_long == TooLong::kCut ? cutting_ : whole_;
  const EncodeOptions options{.overflowing = false};
  auto ids = tokenizer.encode_ids_batch(texts, options);
  if (!ids.ok()) {
    // The batch calls a text by its index.
    for (size_t i = 0; name && i < texts.size(); ++i) {
      const absl::Status s = tokenizer.encode_ids(texts[i], options).status();
      if (!s.ok()) return absl::Status(s.code(), concat(name(i), ": ", std::string(s.message())));
    }
    return ids;
  }
  for (size_t i = 0; too_long == TooLong::kRefuse && i < ids->size(); ++i) {
    const size_t count = (*ids)[i].size();
    if (static_cast<int64_t>(count) > max_tokens_)
      return absl::InvalidArgumentError(
          concat(called(name, i), " has ", count, " tokens, but the model takes at most ", max_tokens_));
  }
  return ids;
}

absl::StatusOr<Tensor> run_by_length(const BertModel& model, std::span<const std::vector<int32_t>> ids, int64_t width,
                                     int64_t batch_tokens, const TextName& name,
                                     absl::FunctionRef<Tensor(const BertInput&)> run) {
  HEARTH_CHECK(batch_tokens >= 1, "batch_tokens must be at least 1, but is ", batch_tokens);
  const int64_t known = model.config().vocab_size;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (static_cast<int64_t>(ids[i].size()) > model.max_positions())
      return absl::InvalidArgumentError(concat(called(name, i), " has ", ids[i].size(),
                                               " tokens, but the model takes at most ", model.max_positions()));
    // A tokenizer may have tokens that were added after the training.
    for (const int32_t id : ids[i]) {
      if (id < 0 || id >= known)
        return absl::InvalidArgumentError(
            concat(called(name, i), ": it has the id ", id, ", but the model has the ids 0 to ", known - 1));
    }
  }
  const InferenceMode inference;
  std::vector<size_t> order(ids.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ids[a].size() > ids[b].size(); });
  Tensor out = empty({static_cast<int64_t>(ids.size()), width}, {.dtype = f32});
  const auto pad = model.config().special.pad.value_or(0);
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    const int64_t length = std::max<int64_t>(static_cast<int64_t>(ids[order[begin]].size()), 1);
    end = std::min(order.size(), begin + static_cast<size_t>(std::max<int64_t>(batch_tokens / length, 1)));
    const auto rows = static_cast<int64_t>(end - begin);
    std::vector<int64_t> flat(static_cast<size_t>(rows * length), pad), places;
    std::vector<uint8_t> mask(flat.size(), 0);
    for (size_t i = begin; i < end; ++i) {
      const std::vector<int32_t>& one = ids[order[i]];
      std::copy(one.begin(), one.end(), flat.begin() + static_cast<int64_t>(i - begin) * length);
      std::fill_n(mask.begin() + static_cast<int64_t>(i - begin) * length, one.size(), 1);
      places.push_back(static_cast<int64_t>(order[i]));
    }
    const Device device = model.base().embeddings.word_embeddings.weight.device();
    const Tensor batch = run({.ids = from_values(flat, {rows, length}).to(device),
                              .attention_mask = from_values(mask, {rows, length}).to(boolean).to(device)});
    out = index_copy(out, 0, tensor(places), batch.to(f32).cpu());
  }
  return out;
}

}  // namespace hearth::text
