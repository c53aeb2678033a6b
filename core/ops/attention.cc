#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Each key head once for every query head of its group.
Tensor spread_heads(const Tensor& t, int64_t heads) {
  const int64_t own = t.size(-3);
  if (own == heads || heads == 1) return t;
  HEARTH_CHECK(heads % own == 0, "scaled_dot_product_attention: ", heads, " query heads cannot share ", own,
               " key heads");
  Shape expanded = t.shape();
  const int d = t.dim() - 2;
  expanded.insert(d, heads / own);
  Shape merged = t.shape();
  merged[t.dim() - 3] = heads;
  return reshape(expand(unsqueeze(t, d), expanded), merged);
}

Tensor with_rank(Tensor t, int rank) {
  while (t.dim() < rank) t = unsqueeze(t, 0);
  return t;
}

// Of operands of one rank.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  HEARTH_CHECK(q.size(-1) == k.size(-1), "scaled_dot_product_attention: q has head size ", q.size(-1), ", but k ",
               k.size(-1));
  HEARTH_CHECK(k.size(-2) == v.size(-2), "scaled_dot_product_attention: k has ", k.size(-2), " positions, but v ",
               v.size(-2));
  HEARTH_CHECK(!(o.mask && o.causal), "scaled_dot_product_attention: give a mask or causal, not both");
  const double scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  const Tensor keys = q.dim() > 2 ? spread_heads(k, q.size(-3)) : k,
               values = q.dim() > 2 ? spread_heads(v, q.size(-3)) : v;
  Tensor scores = matmul(q * scale, transpose(keys, -2, -1));
  const Scalar never = -std::numeric_limits<double>::infinity();
  if (o.causal) {
    scores = where(tril(ones({q.size(-2), k.size(-2)}, {.dtype = boolean, .device = q.device()})), scores, never);
  } else if (o.mask) {
    scores = o.mask->dtype() == DType::kBool ? where(*o.mask, scores, never) : scores + *o.mask;
  }
  Tensor weights = o.mask ? safe_softmax(scores, -1) : softmax(scores, -1);
  if (o.dropout > 0) weights = dropout(weights, o.dropout);
  return matmul(weights, values);
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  const CalledAs called("scaled_dot_product_attention");
  expect_defined("scaled_dot_product_attention", {q, k, v});
  HEARTH_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2,
               "scaled_dot_product_attention: q, k and v need at least 2 dimensions, but have shapes ", q.shape(), ", ",
               k.shape(), " and ", v.shape());
  const int rank = std::max({q.dim(), k.dim(), v.dim()});
  const DType t = q.dtype();
  const auto operand = [&](const Tensor& x) {
    return with_rank(k.dtype() == t && v.dtype() == t ? machinery::widened(x) : x, rank);
  };
  return machinery::cast(attend(operand(q), operand(k), operand(v), o), t);
}

}  // namespace hearth
