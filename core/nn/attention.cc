#include "core/nn/attention.h"

#include <limits>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth::nn {

MultiheadAttention::MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                                       const MultiheadAttentionOptions& options)
    : Module(parent, name),
      in_proj_weight(this, "in_proj_weight", empty({3 * embed, embed})),
      out_proj(this, "out_proj", embed, embed, {.bias = options.bias}),
      heads_(heads),
      options_(options) {
  HEARTH_CHECK(heads >= 1 && embed % heads == 0, "MultiheadAttention: an embedding of ", embed,
               " does not divide into ", heads, " heads");
  init::xavier_uniform_(in_proj_weight);
  if (options.bias) in_proj_bias.emplace(this, "in_proj_bias", zeros({3 * embed}));
  if (out_proj.bias) init::zeros_(*out_proj.bias);
}

Tensor MultiheadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const AttentionMasks& masks) const {
  const int64_t embed = in_proj_weight.shape()[1], size = embed / heads_;
  for (const Tensor* t : {&query, &key, &value}) {
    HEARTH_CHECK(t->dim() == 3 && t->size(-1) == embed, "MultiheadAttention: expected [.., .., ", embed,
                 "], but a shape is ", t->shape());
  }
  const auto heads_of = [&](const Tensor& x, int64_t part) {
    const Tensor w = slice(in_proj_weight, 0, part * embed, (part + 1) * embed);
    const Tensor y =
        in_proj_bias ? linear(x, w, slice(*in_proj_bias, 0, part * embed, (part + 1) * embed)) : linear(x, w);
    const Tensor batch_first = options_.batch_first ? y : transpose(y, 0, 1);
    return transpose(reshape(batch_first, {batch_first.shape()[0], batch_first.shape()[1], heads_, size}), 1,
                     2);  // [batch, heads, time, size]
  };
  const Tensor q = heads_of(query, 0), k = heads_of(key, 1), v = heads_of(value, 2);
  // All masks as one, added to the scores.
  std::optional<Tensor> mask;
  const auto join = [&](const Tensor& m) {
    const Tensor added = m.dtype() == DType::kBool ? where(m, Scalar(-std::numeric_limits<double>::infinity()),
                                                           zeros({}, {.dtype = q.dtype(), .device = q.device()}))
                                                   : m;
    mask = mask ? *mask + added : added;
  };
  if (masks.attention) join(*masks.attention);
  if (masks.padding) join(unsqueeze(unsqueeze(*masks.padding, 1), 1));
  if (masks.causal && mask) join(logical_not(tril(ones({q.size(-2), k.size(-2)}, {.dtype = boolean}))));
  Tensor y = scaled_dot_product_attention(
      q, k, v, {.mask = mask, .dropout = training() ? options_.dropout : 0, .causal = masks.causal && !mask});
  y = reshape(transpose(y, 1, 2), {y.shape()[0], y.shape()[2], embed});
  y = out_proj(y);
  return options_.batch_first ? y : transpose(y, 0, 1);
}

}  // namespace hearth::nn
