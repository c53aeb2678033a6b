#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "text/models/decoder_step_internal.h"

namespace hearth::text {

DecoderStep::DecoderStep(const char* model, const CausalLmInput& in, int64_t max_positions) : cache_(in.cache) {
  HEARTH_CHECK(in.ids.defined(), model, ": the ids are undefined");
  HEARTH_CHECK(in.ids.dim() == 2 && in.ids.size(1) >= 1, model,
               ": ids must be [batch, tokens] with at least one token, but are ", in.ids.shape());
  batch_ = in.ids.size(0);
  tokens_ = in.ids.size(1);
  past_ = cache_ ? cache_->length() : 0;
  HEARTH_CHECK(!cache_ || cache_->batch() == batch_, model, ": there are ids of ", batch_,
               " sequences, but the cache holds ", cache_ ? cache_->batch() : 0);
  const TensorOptions integers{.dtype = i64, .device = in.ids.device()};
  const int64_t all_tokens = past_ + tokens_;
  if (in.attention_mask.defined()) {
    HEARTH_CHECK(in.attention_mask.shape() == Shape({batch_, all_tokens}), model, ": the attention mask must be [",
                 batch_, ", ", all_tokens, "], one for each token in the cache and each new one, but is ",
                 in.attention_mask.shape());
    padding_ = in.attention_mask.dtype() == DType::kBool ? in.attention_mask : ne(in.attention_mask, 0);
  } else if (cache_ && cache_->attention_mask().defined()) {
    padding_ =
        cat({cache_->attention_mask(), ones({batch_, tokens_}, {.dtype = boolean, .device = in.ids.device()})}, 1);
  }
  if (padding_.defined() && all(padding_).item<bool>()) padding_ = Tensor();
  int64_t length = all_tokens;
  if (padding_.defined()) {
    const Tensor counted = clamp(cumsum(padding_.to(i64), 1) - 1, 0);
    positions_ = counted.narrow(1, past_, tokens_);
    length = positions_.numel() ? positions_.max().item<int64_t>() + 1 : 1;
  } else {
    positions_ = arange(past_, all_tokens, 1, integers).unsqueeze(0);
  }
  HEARTH_CHECK(length <= max_positions, model, ": a sequence of ", length, " tokens is longer than the model's ",
               max_positions, " positions");
}

const std::optional<Tensor>& DecoderStep::mask(const std::optional<int64_t>& window, int64_t first, int64_t keys) {
  const auto [at, fresh] = masks_.try_emplace(window);
  std::optional<Tensor>& mask = at->second;
  if (!fresh) return mask;
  if (padding_.defined()) mask = padding_.narrow(1, first, keys).unsqueeze(1).unsqueeze(1);
  if (past_ > 0 && tokens_ > 1) {
    const TensorOptions integers{.dtype = i64, .device = positions_.device()};
    const Tensor ahead =
        arange(first, first + keys, 1, integers) - arange(past_, past_ + tokens_, 1, integers).unsqueeze(1);
    Tensor seen = le(ahead, 0);
    if (window) seen = logical_and(seen, gt(ahead, -*window));
    mask = mask ? logical_and(*mask, seen) : seen;
  }
  return mask;
}

Tensor DecoderStep::attend(const Layer& layer, const Tensor& q, const Tensor& k, const Tensor& v) {
  AttentionOptions o{.dropout = layer.dropout, .scale = layer.scale};
  // From an empty cache the kernel counts as attention does; of one query all that the cache gives is seen.
  o.causal = past_ == 0 && tokens_ > 1;
  if (o.causal && layer.window && *layer.window < tokens_) o.window = *layer.window - 1;
  if (!cache_) {
    o.mask = mask(layer.window, 0, tokens_);
    return scaled_dot_product_attention(q, k, v, o);
  }
  const KvCache::Seen seen = cache_->append(layer.index, k, v);
  o.mask = mask(layer.window, seen.first, seen.keys.size(2));
  return scaled_dot_product_attention(q, seen.keys, seen.values, o);
}

void DecoderStep::finish() {
  if (!cache_) return;
  cache_->set_attention_mask(padding_);
  cache_->advance(tokens_);
}

}  // namespace hearth::text
