#include "text/models/kv_cache.h"

#include <algorithm>
#include <span>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/view.h"

namespace hearth::text {

KvCache::KvCache(const KvCacheOptions& o) : batch_(o.batch) {
  HEARTH_CHECK(!o.windows.empty(), "KvCache: there must be at least one layer");
  HEARTH_CHECK(o.batch >= 0 && o.heads >= 1 && o.head_dim >= 1 && o.capacity >= 1,
               "KvCache: the batch must be at least 0, heads, head_dim and capacity at least 1, but they are ", o.batch,
               ", ", o.heads, ", ", o.head_dim, " and ", o.capacity);
  const InferenceMode inference;
  for (const std::optional<int64_t>& window : o.windows) {
    HEARTH_CHECK(!window || *window >= 1, "KvCache: a window must be at least 1, but is ", window.value_or(0));
    const Shape shape{o.batch, o.heads, o.capacity, o.head_dim};
    const TensorOptions like{.dtype = o.dtype, .device = o.device};
    layers_.push_back({empty(shape, like), empty(shape, like), 0, window});
  }
}

int64_t KvCache::capacity(int64_t layer) const {
  HEARTH_CHECK(layer >= 0 && layer < layers(), "KvCache: there is no layer ", layer, " of ", layers());
  return layers_[static_cast<size_t>(layer)].keys.size(2);
}

// Of a layer with a window only window - 1 positions are still seen by what comes; they move to the front where that is
// at most half of what there is, so that each position is moved once on average.
void KvCache::make_room(Layer& layer, int64_t tokens) {
  const int64_t capacity = layer.keys.size(2), held = length_ - layer.first;
  if (held + tokens <= capacity) return;
  const int64_t keep = layer.window ? std::min(held, *layer.window - 1) : held;
  const bool grow = keep + tokens > capacity || 2 * keep > held;
  int64_t size = capacity;
  while (grow && (size < keep + tokens || size == capacity)) size *= 2;
  for (Tensor* t : {&layer.keys, &layer.values}) {
    const Tensor kept = t->narrow(2, held - keep, keep);
    if (grow) {
      Tensor larger = t->new_empty({t->size(0), t->size(1), size, t->size(3)});
      larger.narrow(2, 0, keep).copy_(kept);
      *t = larger;
    } else {
      t->narrow(2, 0, keep).copy_(kept);
    }
  }
  layer.first = length_ - keep;
}

KvCache::Seen KvCache::append(int64_t index, const Tensor& keys, const Tensor& values) {
  HEARTH_CHECK(index >= 0 && index < layers(), "KvCache: there is no layer ", index, " of ", layers());
  Layer& layer = layers_[static_cast<size_t>(index)];
  const Shape& own = layer.keys.shape();
  for (const Tensor* t : {&keys, &values}) {
    HEARTH_CHECK(t->dim() == 4 && t->size(0) == batch_ && t->size(1) == own[1] && t->size(3) == own[3] &&
                     t->size(2) == keys.size(2),
                 "KvCache: keys and values of ", batch_, " sequences must be [", batch_, ", ", own[1], ", tokens, ",
                 own[3], "], but are ", keys.shape(), " and ", values.shape());
    HEARTH_CHECK(t->dtype() == layer.keys.dtype(), "KvCache: keys and values must be ", layer.keys.dtype(),
                 ", but are ", keys.dtype(), " and ", values.dtype());
  }
  const InferenceMode inference;
  const int64_t tokens = keys.size(2);
  make_room(layer, tokens);
  const int64_t at = length_ - layer.first;
  layer.keys.narrow(2, at, tokens).copy_(keys);
  layer.values.narrow(2, at, tokens).copy_(values);
  const int64_t first = layer.window ? std::max(layer.first, length_ - (*layer.window - 1)) : layer.first;
  const int64_t seen = length_ + tokens - first;
  return {layer.keys.narrow(2, first - layer.first, seen), layer.values.narrow(2, first - layer.first, seen), first};
}

void KvCache::advance(int64_t tokens) {
  HEARTH_CHECK(tokens >= 0, "KvCache: cannot advance by ", tokens, " positions");
  length_ += tokens;
}

void KvCache::reorder(const Tensor& rows) {
  HEARTH_CHECK(rows.defined() && rows.dim() == 1 && rows.dtype() == DType::kI64,
               "KvCache::reorder: the rows must be i64 [new batch], but are ", rows.dtype(), " ", rows.shape());
  const auto order = rows.to_vector<int64_t>();
  bool same = static_cast<int64_t>(order.size()) == batch_;
  for (size_t i = 0; i < order.size(); ++i) {
    HEARTH_CHECK(order[i] >= 0 && order[i] < batch_, "KvCache::reorder: there is no row ", order[i], " of ", batch_);
    same &= order[i] == static_cast<int64_t>(i);
  }
  if (same) return;
  const InferenceMode inference;
  const auto count = static_cast<int64_t>(order.size());
  const Tensor index = rows.to(layers_[0].keys.device());
  for (Layer& layer : layers_) {
    const int64_t held = length_ - layer.first;
    for (Tensor* t : {&layer.keys, &layer.values}) {
      Tensor taken = t->new_empty({count, t->size(1), t->size(2), t->size(3)});
      taken.narrow(2, 0, held).copy_(index_select(t->narrow(2, 0, held), 0, index));
      *t = taken;
    }
  }
  if (mask_.defined()) mask_ = index_select(mask_, 0, rows.to(mask_.device()));
  batch_ = count;
}

void KvCache::clear() {
  for (Layer& layer : layers_) layer.first = 0;
  mask_ = Tensor();
  length_ = 0;
}

}  // namespace hearth::text
