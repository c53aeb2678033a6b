#include "core/nn/attention.h"

#include <limits>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"

namespace hearth::nn {

namespace {

int64_t checked_embed(int64_t embed, int64_t heads, const MultiheadAttentionOptions& o) {
  HEARTH_CHECK(embed >= 1 && heads >= 1 && embed % heads == 0, "MultiheadAttention: an embedding of ", embed,
               " does not divide into ", heads, " heads");
  HEARTH_CHECK(o.dropout >= 0 && o.dropout <= 1, "MultiheadAttention: dropout must be from 0 to 1, but is ", o.dropout);
  return embed;
}

// A mask for scores [batch, heads, time, keys], from one for each head of each example, or from one that broadcasts.
Tensor spread(const Tensor& m, int64_t batch, int64_t heads, int64_t time, int64_t keys) {
  const Shape scores{batch, heads, time, keys};
  const bool each = m.dim() == 3 && m.size(0) == batch * heads;
  Tensor out = each ? reshape(m, {batch, heads, m.size(1), m.size(2)}) : m;
  bool fits = out.dim() >= 1 && out.dim() <= 4;
  for (int d = 1; fits && d <= out.dim(); ++d) fits = out.size(-d) == 1 || out.size(-d) == scores[4 - d];
  HEARTH_CHECK(fits, "MultiheadAttention: an attention mask of shape ", m.shape(), " fits neither ", Shape{time, keys},
               " nor ", Shape{batch * heads, time, keys}, " (batch * heads, time, keys)");
  return out;
}

// A mask that leaves out what either leaves out and adds what both add.
Tensor joined(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kBool && b.dtype() == DType::kBool) return logical_or(a, b);
  const Scalar never = -std::numeric_limits<double>::infinity();
  if (a.dtype() == DType::kBool) return where(a, never, b);
  if (b.dtype() == DType::kBool) return where(b, never, a);
  return a + b;
}

}  // namespace

MultiheadAttention::MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                                       const MultiheadAttentionOptions& options)
    : Module(parent, name),
      in_proj_weight(this, "in_proj_weight", empty({3 * checked_embed(embed, heads, options), embed})),
      out_proj(this, "out_proj", embed, embed, {.bias = options.bias}),
      heads_(heads),
      options_(options) {
  if (options.bias) in_proj_bias.emplace(this, "in_proj_bias", empty({3 * embed}));
  reset_parameters();
}

void MultiheadAttention::reset_parameters() {
  init::xavier_uniform_(in_proj_weight);
  if (in_proj_bias) init::zeros_(*in_proj_bias);
  if (out_proj.bias) init::zeros_(*out_proj.bias);
}

Tensor MultiheadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const AttentionMasks& masks) const {
  const CalledAs called("MultiheadAttention");
  const int64_t embed = in_proj_weight.shape()[1], size = embed / heads_;
  const int rank = query.dim();
  for (const Tensor* t : {&query, &key, &value}) {
    HEARTH_CHECK((rank == 2 || rank == 3) && t->dim() == rank && t->size(-1) == embed,
                 "MultiheadAttention: expected query, key and value of ",
                 options_.batch_first ? "[batch, time, " : "[time, batch, ", embed, "] or [time, ", embed,
                 "], but the shapes are ", query.shape(), ", ", key.shape(), " and ", value.shape());
  }
  const bool batched = rank == 3;
  const auto batch_first = [&](const Tensor& t) {
    return !batched ? unsqueeze(t, 0) : options_.batch_first ? t : transpose(t, 0, 1);
  };
  const auto heads_of = [&](const Tensor& x, int64_t part) {
    const Tensor w = slice(in_proj_weight, 0, part * embed, (part + 1) * embed);
    const Tensor y = batch_first(in_proj_bias ? linear(x, w, slice(*in_proj_bias, 0, part * embed, (part + 1) * embed))
                                              : linear(x, w));
    return transpose(reshape(y, {y.shape()[0], y.shape()[1], heads_, size}), 1, 2);  // [batch, heads, time, size]
  };
  const Tensor q = heads_of(query, 0), k = heads_of(key, 1), v = heads_of(value, 2);
  const int64_t batch = q.size(0), time = q.size(-2), keys = k.size(-2);
  HEARTH_CHECK(
      k.size(0) == batch && v.size(0) == batch && v.size(-2) == keys,
      "MultiheadAttention: query, key and value must have the same batch, and key and value as many positions, "
      "but the shapes are ",
      query.shape(), ", ", key.shape(), " and ", value.shape());
  // Both masks as one: bool, true where a key is left out, as long as neither is added to the scores.
  std::optional<Tensor> mask =
      masks.attention ? std::optional(spread(*masks.attention, batch, heads_, time, keys)) : std::nullopt;
  if (masks.padding) {
    const Shape expected = batched ? Shape{batch, keys} : Shape{keys};
    HEARTH_CHECK(masks.padding->shape() == expected, "MultiheadAttention: the padding mask has shape ",
                 masks.padding->shape(), "; expected ", expected, batched ? " (batch, keys)" : " (keys)");
    const Tensor padding = reshape(*masks.padding, {batch, 1, 1, keys});
    mask = mask ? joined(*mask, padding) : padding;
  }
  // Scaled dot product attention's bool masks are true where a key may be attended to.
  if (mask && mask->dtype() == DType::kBool) mask = logical_not(*mask);
  Tensor y = scaled_dot_product_attention(
      q, k, v, {.mask = mask, .dropout = training() ? options_.dropout : 0, .causal = masks.causal});
  y = out_proj(reshape(transpose(y, 1, 2), {batch, time, embed}));
  return !batched ? squeeze(y, 0) : options_.batch_first ? y : transpose(y, 0, 1);
}

}  // namespace hearth::nn
