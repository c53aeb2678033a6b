#include "text/metrics/perplexity.h"

#include <algorithm>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::text {
namespace {

constexpr int64_t kNotCounted = -100;

}  // namespace

Perplexity perplexity(const CausalLm& model, std::span<const int32_t> tokens, const PerplexityOptions& o) {
  HEARTH_CHECK(!model.module().training(), "perplexity: the model is in training mode; call eval() first");
  const int64_t context = o.context == 0 ? model.max_positions() : o.context;
  HEARTH_CHECK(context >= 1 && context <= model.max_positions(), "perplexity: the context must be from 1 to ",
               model.max_positions(), ", the model's positions, but is ", o.context);
  const int64_t stride = o.stride == 0 ? (context + 1) / 2 : o.stride;
  HEARTH_CHECK(stride >= 1 && stride <= context, "perplexity: the stride must be from 1 to the context, ", context,
               ", but is ", o.stride);
  HEARTH_CHECK(o.batch_tokens >= 1, "perplexity: batch_tokens must be at least 1, but is ", o.batch_tokens);

  Perplexity out;
  const auto last = static_cast<int64_t>(tokens.size()) - 1;  // of the targets
  if (last < 1) return out;
  const InferenceMode inference;
  const Device device = model.module().parameters().at(0).device();
  const int64_t length = std::min(context, last);
  const int64_t batch = std::max<int64_t>(o.batch_tokens / length, 1);
  // The last target of each window; all windows are of one length.
  std::vector<int64_t> ends;
  for (int64_t end = length; end < last; end += stride) ends.push_back(end);
  ends.push_back(last);
  int64_t counted = 0;  // targets so far
  for (size_t begin = 0; begin < ends.size(); begin += static_cast<size_t>(batch)) {
    const size_t stop = std::min(ends.size(), begin + static_cast<size_t>(batch));
    const auto rows = static_cast<int64_t>(stop - begin);
    std::vector<int64_t> ids, targets;
    ids.reserve(static_cast<size_t>(rows * length));
    targets.reserve(ids.capacity());
    for (size_t window = begin; window < stop; ++window) {
      for (int64_t at = ends[window] - length; at < ends[window]; ++at) {
        ids.push_back(tokens[static_cast<size_t>(at)]);
        targets.push_back(at + 1 > counted ? tokens[static_cast<size_t>(at + 1)] : kNotCounted);
      }
      counted = ends[window];
    }
    const Tensor logits = model.logits({.ids = from_values(ids, {rows, length}).to(device)});
    const Tensor losses = cross_entropy(logits.flatten(0, 1), from_values(targets, {rows * length}).to(device),
                                        {.ignore_index = kNotCounted, .reduction = Reduction::kNone});
    out.nll += losses.to(f64).sum().item<double>();
  }
  out.tokens = last;
  return out;
}

}  // namespace hearth::text
