#include "core/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/attention.h"
#include "core/op/attrs/attention.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "core/tensor/generator.h"

namespace hearth {
namespace {

int64_t heads_of(const Shape& s) { return s.rank() >= 3 ? s[s.rank() - 3] : 1; }
Shape without_last(const Shape& s, int n) { return std::span(s.data(), s.size() - static_cast<size_t>(n)); }

// The result's heads: q's, or those that q's only one meets.
int64_t result_heads(const char* op, const Shape& q, const Shape& k, const Shape& v, const Shape* mask) {
  const int64_t of_q = heads_of(q), of_k = heads_of(k), of_v = heads_of(v), of_mask = mask ? heads_of(*mask) : 1;
  int64_t heads = of_q;
  for (int64_t other : {of_k, of_v, of_mask}) heads = heads == 1 ? other : heads;
  for (int64_t own : {of_k, of_v}) {
    HEARTH_CHECK(own == heads || own == 1 || (of_q == heads && own > 0 && heads % own == 0), op, ": ", heads,
                 " query heads cannot share ", own, " key heads");
  }
  HEARTH_CHECK(of_mask == heads || of_mask == 1, op, ": the mask has ", of_mask, " heads, but there are ", heads,
               " query heads");
  return heads;
}

// The leading dimensions of the result, heads last.
Shape result_lead(const char* op, const Shape& q, const Shape& k, const Shape& v, const Shape* mask) {
  Shape lead;
  int rank = 0;
  for (const Shape* s : {&q, &k, &v, mask}) {
    if (!s) continue;
    rank = std::max(rank, s->rank());
    if (s->rank() > 3) lead = broadcast_shapes(lead, without_last(*s, 3), op);
  }
  if (rank >= 3) lead.push_back(result_heads(op, q, k, v, mask));
  return lead;
}

// Strides of a result whose rows lie in memory in the order of `like`'s.
Strides strides_like(const Shape& shape, const Tensor& like) {
  const int rank = shape.rank();
  const Strides& given = like.strides();
  bool fits = shape.numel() > 0 && like.dim() == rank && (given.back() == 1 || like.shape().back() == 1);
  int order[kMaxRank];
  for (int d = 0; fits && d < rank - 1; ++d) {
    fits = like.shape()[d] == shape[d] && (shape[d] == 1 || given[d] > 0);
    order[d] = d;
  }
  if (!fits) return contiguous_strides(shape);
  std::stable_sort(order, order + rank - 1, [&](int a, int b) { return given[a] > given[b]; });
  Strides strides = Dims::filled(rank, 1);
  int64_t step = shape.back();
  for (int i = rank - 1; i-- > 0;) {
    strides[order[i]] = step;
    step *= shape[order[i]];
  }
  return strides;
}

void check_attrs(const OpCall& c, const AttentionAttrs& a) {
  HEARTH_CHECK(a.dropout >= 0 && a.dropout <= 1, c.op.name, ": the dropout must be from 0 to 1, but is ", a.dropout);
  HEARTH_CHECK(!a.window || *a.window >= 0, c.op.name, ": the window must be at least 0, but is ", *a.window);
}

void infer_attention(OpCall& c) {
  const auto& a = c.attrs_as<AttentionAttrs>();
  check_attrs(c, a);
  const Tensor &q = c.input(0), &k = c.input(1), &v = c.input(2);
  HEARTH_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2, c.op.name,
               ": q, k and v need at least 2 dimensions, but have shapes ", q.shape(), ", ", k.shape(), " and ",
               v.shape());
  HEARTH_CHECK(k.dtype() == q.dtype() && v.dtype() == q.dtype(), c.op.name,
               ": q, k and v must have one dtype, but are ", q.dtype(), ", ", k.dtype(), " and ", v.dtype());
  HEARTH_CHECK(q.size(-1) == k.size(-1), c.op.name, ": q has head size ", q.size(-1), ", but k ", k.size(-1));
  HEARTH_CHECK(k.size(-2) == v.size(-2), c.op.name, ": k has ", k.size(-2), " positions, but v ", v.size(-2));
  const int64_t m = q.size(-2), n = k.size(-2);
  if (c.is_tensor(3)) {
    const Tensor& mask = c.input(3);
    HEARTH_CHECK(mask.dtype() == DType::kBool || mask.is_floating_point(), c.op.name,
                 ": the mask must be bool or floating-point, but is ", mask.dtype());
    const bool fits = (mask.dim() < 1 || mask.size(-1) == n || mask.size(-1) == 1) &&
                      (mask.dim() < 2 || mask.size(-2) == m || mask.size(-2) == 1);
    HEARTH_CHECK(fits, c.op.name, ": a mask of shape ", mask.shape(), " does not fit ", m, " queries and ", n, " keys");
  }
  Shape shape = result_lead(c.op.name, q.shape(), k.shape(), v.shape(), c.is_tensor(3) ? &c.input(3).shape() : nullptr);
  shape.push_back(m);
  const Shape rows = shape;
  shape.push_back(v.size(-1));
  const Strides strides = strides_like(shape, q);
  const DType computed = c.dtype == DType::kF64 ? f64 : f32;
  c.make(0, shape, strides, c.dtype);
  c.make(1, rows, computed);
  c.make(2, {a.dropout > 0 ? 2 : 0}, i64);
  if (computed == c.dtype) c.out[3] = detail::alias(c.out[0], c.out[0].layout(), true);
  else c.make(3, shape, strides, computed);
}

// k's and v's gradients come for each of their heads if these are equally many, else for each head of the result.
Shape gradient_shape(const Shape& result, const Shape& own, const Shape& other) {
  Shape shape = result;
  if (result.rank() >= 3 && heads_of(own) == heads_of(other)) shape[result.rank() - 3] = heads_of(own);
  shape[result.rank() - 2] = own[own.rank() - 2];
  shape[result.rank() - 1] = own.back();
  return shape;
}

void infer_attention_grad(OpCall& c) {
  const auto& a = c.attrs_as<AttentionGradAttrs>();
  const Tensor &q = c.input(1), &k = c.input(2), &v = c.input(3);
  Shape dq = c.input(0).shape();
  dq[dq.rank() - 1] = q.size(-1);
  const auto make = [&](int i, bool wanted, const Shape& shape, const Tensor& like) {
    if (wanted) c.make(i, shape, strides_like(shape, like), like.dtype());
    else c.make(i, {0}, like.dtype());
  };
  make(0, a.dq, dq, q);
  make(1, a.dk, gradient_shape(c.input(0).shape(), k.shape(), v.shape()), k);
  make(2, a.dv, gradient_shape(c.input(0).shape(), v.shape(), k.shape()), v);
  if (a.dmask) c.make(3, c.input(6).shape(), c.input(6).dtype());
  else c.make(3, {0}, c.dtype);
}

// ---- the gradient as a function of ops, whose own gradient follows

// Each key head once for every head of its group.
Tensor spread_heads(const Tensor& t, int64_t heads) {
  const int64_t own = heads_of(t.shape());
  if (own == heads || own == 1) return t;
  const int d = t.dim() - 2;
  Shape expanded = t.shape(), merged = t.shape();
  expanded.insert(d, heads / own);
  merged[t.dim() - 3] = heads;
  return reshape(expand(unsqueeze(t, d), expanded), merged);
}

// What spread_heads() spread, summed over each group: t [..., heads, m, n] for an operand of `own` heads.
Tensor join_heads(const Tensor& t, int64_t own) {
  const int64_t heads = heads_of(t.shape());
  if (own == heads || own == 1) return t;
  Shape split = t.shape();
  const int d = t.dim() - 2;
  split[d - 1] = own;
  split.insert(d, heads / own);
  return sum(reshape(t, split), {d});
}

Tensor hide_unseen(const Tensor& scores, const AttentionAttrs& a) {
  if (!a.causal && !a.window) return scores;
  const TensorOptions integers{.dtype = i64, .device = scores.device()};
  const Tensor ahead = arange(0, scores.size(-1), 1, integers) - unsqueeze(arange(0, scores.size(-2), 1, integers), 1);
  Tensor seen = a.causal ? le(ahead, 0) : le(ahead, *a.window);
  if (a.window) seen = logical_and(seen, ge(ahead, -*a.window));
  return where(seen, scores, Scalar(-std::numeric_limits<double>::infinity()));
}

// The dropout's factors for all weights, as the kernel drew them.
Tensor dropout_factors(const Tensor& state, const Shape& shape, double dropout, DType dtype) {
  Generator generator;
  if (!state.device().is_meta()) {
    const auto words = state.to_vector<int64_t>();
    generator.set_state({static_cast<uint64_t>(words[0]), static_cast<uint64_t>(words[1])});
  }
  const GeneratorGuard source(generator);
  Tensor keep = empty(shape, {.dtype = f32, .device = state.device()});
  keep.bernoulli_(1 - dropout);
  return machinery::cast(keep, dtype) * (dropout < 1 ? 1 / (1 - dropout) : 0.0);
}

void composed_backward(GradContext& g) {
  g.widen();
  const auto& a = g.attrs<AttentionAttrs>();
  const Tensor q = g.input(0), dy = g.grad();
  const int64_t heads = heads_of(dy.shape());
  const Tensor keys = spread_heads(g.input(1), heads), values = spread_heads(g.input(2), heads);
  const double scale = a.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  const Scalar never = -std::numeric_limits<double>::infinity();
  const Tensor scaled = q * scale;
  Tensor scores = matmul(scaled, transpose(keys, -2, -1));
  bool safe = a.window.has_value();
  if (g.is_tensor(3)) {
    const Tensor mask = g.input(3);
    scores = mask.dtype() == DType::kBool ? where(mask, scores, never) : scores + machinery::cast(mask, scores.dtype());
    safe = true;
  }
  scores = hide_unseen(scores, a);
  const Tensor weights = safe ? safe_softmax(scores, -1) : softmax(scores, -1);
  Tensor dropped = weights, dweights = matmul(dy, transpose(values, -2, -1));
  if (a.dropout > 0) {
    // The kernel counts the weights of every element of the result's leading dimensions.
    Shape shape = dy.shape();
    shape[shape.rank() - 1] = keys.size(-2);
    const Tensor factors = dropout_factors(g.output(2), shape, a.dropout, weights.dtype());
    dropped = weights * factors;
    dweights = dweights * factors;
  }
  const Tensor dscores = weights * (dweights - sum(weights * dweights, {-1}, true));
  if (g.needs(0)) g.set(0, matmul(dscores, keys) * scale);
  if (g.needs(1)) g.set(1, join_heads(matmul(transpose(dscores, -2, -1), scaled), heads_of(g.input_shape(1))));
  if (g.needs(2)) g.set(2, join_heads(matmul(transpose(dropped, -2, -1), dy), heads_of(g.input_shape(2))));
  if (g.needs(3)) g.set(3, dscores);
}

void attention_backward(GradContext& g);

}  // namespace

extern constinit const OpDef kAttentionGrad = {
    .name = "attention_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 8,
    .max_inputs = 8,
    .absent = 0b11000000,
    .outputs = 4,
    .visible = 4,
    .internal = true,
    .attrs = &attrs_type<AttentionGradAttrs>,
    .infer = infer_attention_grad,
    .kernel = {cpu::attention_grad, cuda::attention_grad},
};
HEARTH_OP(kAttentionGrad);

extern constinit const OpDef kAttention = {
    .name = "attention",
    .kind = OpKind::kRandom,  // where there is dropout
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 4,
    .max_inputs = 4,
    .absent = 0b1000,
    .outputs = 4,
    .visible = 1,
    .attrs = &attrs_type<AttentionAttrs>,
    .infer = infer_attention,
    .save = {.input = {kAnyGradient, kAnyGradient, kAnyGradient, kAnyGradient}, .outputs = 0b1110},
    .kernel = {cpu::attention, cuda::attention},
    .backward = attention_backward,
};
HEARTH_OP(kAttention);

namespace {

void attention_backward(GradContext& g) {
  if (GradMode::enabled()) return composed_backward(g);
  const auto& a = g.attrs<AttentionAttrs>();
  const Shape& result = g.grad().shape();
  Shape of_q = result;
  of_q[of_q.rank() - 1] = g.input_shape(0).back();
  // Gradients that are summed afterwards are summed in f32.
  if (!(of_q == g.input_shape(0)) ||
      !(gradient_shape(result, g.input_shape(1), g.input_shape(2)) == g.input_shape(1)) ||
      !(gradient_shape(result, g.input_shape(2), g.input_shape(1)) == g.input_shape(2))) {
    g.widen();
  }
  const std::optional<Tensor> mask = g.is_tensor(3) ? std::optional(g.input(3)) : std::nullopt,
                              state = a.dropout > 0 ? std::optional(g.output(2)) : std::nullopt;
  const auto d =
      run_all(kAttentionGrad, {g.grad(), g.input(0), g.input(1), g.input(2), g.output(3), g.output(1), mask, state},
              AttentionGradAttrs{a, g.needs(0), g.needs(1), g.needs(2), g.needs(3)});
  if (g.needs(0)) g.set(0, d[0]);
  if (g.needs(1)) g.set(1, join_heads(d[1], heads_of(g.input_shape(1))));
  if (g.needs(2)) g.set(2, join_heads(d[2], heads_of(g.input_shape(2))));
  if (g.needs(3)) g.set(3, d[3]);
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  const CalledAs called("scaled_dot_product_attention");
  expect_defined("scaled_dot_product_attention", {q, k, v});
  if (o.mask) expect_defined("scaled_dot_product_attention", {*o.mask});
  const DType t = promote(promote(q.dtype(), k.dtype()), v.dtype());
  const auto operand = [&](const Tensor& x) { return x.dtype() == t ? x : machinery::cast(x, t); };
  const Tensor y = run(kAttention, {operand(q), operand(k), operand(v), o.mask},
                       AttentionAttrs{o.scale, o.causal, o.window, o.dropout});
  return t == q.dtype() ? y : machinery::cast(y, q.dtype());
}

}  // namespace hearth
