#include "core/nn/attention.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/join.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth::nn {

namespace {

int64_t checked_embed(int64_t embed, int64_t heads, const MultiheadAttentionOptions& o) {
  HEARTH_CHECK(embed >= 1 && heads >= 1 && embed % heads == 0, "MultiheadAttention: an embedding of ", embed,
               " does not divide into ", heads, " heads");
  HEARTH_CHECK(o.kdim.value_or(1) >= 1 && o.vdim.value_or(1) >= 1,
               "MultiheadAttention: kdim and vdim must be at least 1, but are ", o.kdim.value_or(embed), " and ",
               o.vdim.value_or(embed));
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

void check_mask(const char* name, const std::optional<Tensor>& m) {
  if (!m) return;
  HEARTH_CHECK(m->defined(), "MultiheadAttention: the ", name, " mask is undefined");
  HEARTH_CHECK(m->dtype() == DType::kBool || m->is_floating_point(), "MultiheadAttention: the ", name,
               " mask must be bool or floating-point, but is ", m->dtype());
}

// A mask that leaves out what either leaves out and adds what both add.
Tensor joined(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kBool && b.dtype() == DType::kBool) return logical_or(a, b);
  const Scalar never = -std::numeric_limits<double>::infinity();
  if (a.dtype() == DType::kBool) return where(a, never, b);
  if (b.dtype() == DType::kBool) return where(b, never, a);
  return a + b;
}

// Whether queries, keys and values have as many features, so that their projections are one matrix.
bool one_matrix(int64_t embed, const MultiheadAttentionOptions& o) {
  return o.kdim.value_or(embed) == embed && o.vdim.value_or(embed) == embed;
}

// True where a query sees a later key.
Tensor later(int64_t time, int64_t keys, Device device) {
  return gt(arange(keys, {.device = device}), unsqueeze(arange(time, {.device = device}), 1));
}

// A mask of all keys, with places for `more` behind them, which every query sees.
Tensor lengthened(const Tensor& mask, int64_t keys, int64_t more) {
  Shape all = mask.shape();
  all[all.rank() - 1] = keys;
  const Tensor each = expand(mask, all);
  all[all.rank() - 1] = more;
  return cat({each, zeros(all, {.dtype = mask.dtype(), .device = mask.device()})}, -1);
}

}  // namespace

MultiheadAttention::MultiheadAttention(ModuleBase* parent, const char* name, int64_t embed, int64_t heads,
                                       const MultiheadAttentionOptions& options)
    : Module(parent, name),
      in_proj_weight(this, "in_proj_weight",
                     one_matrix(checked_embed(embed, heads, options), options) ? empty({3 * embed, embed}) : Tensor()),
      out_proj(this, "out_proj", embed, embed, {.bias = options.bias}),
      embed_(embed),
      heads_(heads),
      options_(options) {
  if (!one_matrix(embed, options)) {
    q_proj_weight.emplace(this, "q_proj_weight", empty({embed, embed}));
    k_proj_weight.emplace(this, "k_proj_weight", empty({embed, options.kdim.value_or(embed)}));
    v_proj_weight.emplace(this, "v_proj_weight", empty({embed, options.vdim.value_or(embed)}));
  }
  if (options.bias) in_proj_bias.emplace(this, "in_proj_bias", empty({3 * embed}));
  if (options.add_bias_kv) {
    bias_k.emplace(this, "bias_k", empty({1, 1, embed}));
    bias_v.emplace(this, "bias_v", empty({1, 1, embed}));
  }
  reset_parameters();
}

void MultiheadAttention::reset_parameters() {
  if (in_proj_weight.defined()) init::xavier_uniform_(in_proj_weight);
  for (std::optional<Parameter>* p : {&q_proj_weight, &k_proj_weight, &v_proj_weight}) {
    if (*p) init::xavier_uniform_(**p);
  }
  for (std::optional<Parameter>* p : {&bias_k, &bias_v}) {
    if (*p) init::xavier_normal_(**p);
  }
  if (in_proj_bias) init::zeros_(*in_proj_bias);
  if (out_proj.bias && out_proj.bias->defined()) init::zeros_(*out_proj.bias);
}

void MultiheadAttention::check(const Tensor& query, const Tensor& key, const Tensor& value) const {
  const auto expect = [&](const char* name, const Tensor& t, int64_t features) {
    const std::string batched = concat(options_.batch_first ? "[batch, time, " : "[time, batch, ", features, "]"),
                      alone = concat("[time, ", features, "]");
    const bool first = &t == &query, fits = first ? t.dim() == 2 || t.dim() == 3 : t.dim() == query.dim();
    HEARTH_CHECK(fits && t.size(-1) == features, "MultiheadAttention: ", name, " must be ",
                 first              ? concat(batched, " or ", alone)
                 : query.dim() == 3 ? batched
                                    : alone,
                 ", but its shape is ", t.shape());
  };
  expect("query", query, embed_);
  expect("key", key, options_.kdim.value_or(embed_));
  expect("value", value, options_.vdim.value_or(embed_));
}

// The part-th projection, of heads: [batch, heads, time, size].
Tensor MultiheadAttention::projected(const Tensor& x, int64_t part, bool batched) const {
  const int64_t from = part * embed_, to = from + embed_;
  const std::optional<Parameter>* const all[] = {&q_proj_weight, &k_proj_weight, &v_proj_weight};
  const std::optional<Parameter>& apart = *all[part];
  const Tensor w = apart ? Tensor(*apart) : slice(in_proj_weight, 0, from, to);
  const Tensor y = in_proj_bias ? linear(x, w, slice(*in_proj_bias, 0, from, to)) : linear(x, w);
  const Tensor z = !batched ? unsqueeze(y, 0) : options_.batch_first ? y : transpose(y, 0, 1);
  return transpose(reshape(z, {z.shape()[0], z.shape()[1], heads_, embed_ / heads_}), 1, 2);
}

MultiheadAttention::Heads MultiheadAttention::heads(const Tensor& query, const Tensor& key, const Tensor& value,
                                                    const AttentionMasks& masks) const {
  check(query, key, value);
  check_mask("attention", masks.attention);
  check_mask("padding", masks.padding);
  const bool batched = query.dim() == 3;
  Heads h{projected(query, 0, batched),
          projected(key, 1, batched),
          projected(value, 2, batched),
          std::nullopt,
          masks.causal,
          batched};
  const int64_t batch = h.q.size(0), time = h.q.size(-2), keys = h.k.size(-2);
  HEARTH_CHECK(
      h.k.size(0) == batch && h.v.size(0) == batch && h.v.size(-2) == keys,
      "MultiheadAttention: query, key and value must have the same batch, and key and value as many positions, "
      "but the shapes are ",
      query.shape(), ", ", key.shape(), " and ", value.shape());
  // Both masks as one: bool, true where a key is left out, as long as neither is added to the scores.
  std::optional<Tensor>& mask = h.mask;
  if (masks.attention) mask = spread(*masks.attention, batch, heads_, time, keys);
  if (masks.padding) {
    const Shape expected = batched ? Shape{batch, keys} : Shape{keys};
    HEARTH_CHECK(masks.padding->shape() == expected, "MultiheadAttention: the padding mask has shape ",
                 masks.padding->shape(), "; expected ", expected, batched ? " (batch, keys)" : " (keys)");
    const Tensor padding = reshape(*masks.padding, {batch, 1, 1, keys});
    mask = mask ? joined(*mask, padding) : padding;
  }
  const int64_t more = (bias_k ? 1 : 0) + (options_.add_zero_attn ? 1 : 0);
  if (more > 0) {
    const Shape one{batch, heads_, 1, embed_ / heads_};
    const auto add = [&](Tensor& t, const std::optional<Parameter>& bias) {
      std::vector<Tensor> parts{t};
      if (bias) parts.push_back(expand(reshape(bias->to(t.dtype()), {1, heads_, 1, one[3]}), one));
      if (options_.add_zero_attn) parts.push_back(zeros(one, {.dtype = t.dtype(), .device = t.device()}));
      t = cat(parts, 2);
    };
    add(h.k, bias_k);
    add(h.v, bias_v);
    // What is added stands behind the keys, where `causal` would leave it out.
    if (std::exchange(h.causal, false)) {
      const Tensor future = later(time, keys, query.device());
      mask = mask ? joined(*mask, future) : future;
    }
    if (mask) mask = lengthened(*mask, keys, more);
  }
  // Scaled dot product attention's bool masks are true where a key may be attended to.
  if (mask && mask->dtype() == DType::kBool) mask = logical_not(*mask);
  return h;
}

// [batch, heads, time, size], projected and in the shape of the query.
Tensor MultiheadAttention::result(const Tensor& heads, bool batched) const {
  const Tensor y = out_proj(reshape(transpose(heads, 1, 2), {heads.size(0), heads.size(2), embed_}));
  return !batched ? squeeze(y, 0) : options_.batch_first ? y : transpose(y, 0, 1);
}

Tensor MultiheadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const AttentionMasks& masks) const {
  const CalledAs called("MultiheadAttention");
  const Heads h = heads(query, key, value, masks);
  return result(scaled_dot_product_attention(
                    h.q, h.k, h.v, {.mask = h.mask, .dropout = training() ? options_.dropout : 0, .causal = h.causal}),
                h.batched);
}

AttentionResult MultiheadAttention::with_weights(const Tensor& query, const Tensor& key, const Tensor& value,
                                                 const AttentionMasks& masks, bool average) const {
  const ModuleScope scope(*this);
  const detail::ComputedScope computed(const_cast<MultiheadAttention&>(*this));
  const CalledAs called("MultiheadAttention");
  const Heads h = heads(query, key, value, masks);
  // 16 bits are computed in f32 and rounded once, as by scaled dot product attention.
  const DType dtype = h.q.dtype(), wide = compute_type(dtype);
  const double scale = 1 / std::sqrt(static_cast<double>(h.q.size(-1)));
  Tensor scores = matmul(h.q.to(wide) * scale, transpose(h.k.to(wide), -2, -1));
  const Scalar never = -std::numeric_limits<double>::infinity();
  if (h.mask) scores = h.mask->dtype() == DType::kBool ? where(*h.mask, scores, never) : scores + h.mask->to(wide);
  if (h.causal) scores = where(later(scores.size(-2), scores.size(-1), scores.device()), never, scores);
  const Tensor weights = dropout(safe_softmax(scores, -1), options_.dropout, training());
  const Tensor output = result(matmul(weights, h.v.to(wide)).to(dtype), h.batched);
  const Tensor shown = (average ? mean(weights, 1) : weights).to(dtype);
  return {output, h.batched ? shown : squeeze(shown, 0)};
}

}  // namespace hearth::nn
