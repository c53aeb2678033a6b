#include "core/ops/embedding.h"

#include "core/autograd/function.h"
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/embedding.h"
#include "core/op/attrs/embedding.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check_padding(const OpCall& c, int64_t rows) {
  const auto& padding = c.attrs_as<EmbeddingAttrs>().padding;
  HEARTH_CHECK(!padding || (*padding >= 0 && *padding < rows), c.op.name, ": padding_idx ", padding.value_or(0),
               " is out of range for ", rows, " rows");
}

void infer_embedding(OpCall& c) {
  const Shape& weight = c.input(0).shape();
  HEARTH_CHECK(weight.rank() == 2, "embedding: the weight must have 2 dimensions, but its shape is ", weight);
  expect_dtype(c, 1, kIndexTypes);
  check_padding(c, weight[0]);
  Shape shape = c.input(1).shape();
  HEARTH_CHECK(shape.rank() < kMaxRank, "embedding: an index of ", shape.rank(), " dimensions is too many");
  shape.push_back(weight[1]);
  c.dtype = c.input(0).dtype();
  c.make(0, shape, c.dtype);
}

void infer_embedding_grad(OpCall& c) {
  const Shape &gradient = c.input(0).shape(), &index = c.input(1).shape();
  const int64_t rows = c.attrs_as<EmbeddingAttrs>().rows;
  expect_dtype(c, 1, kIndexTypes);
  Shape expected = index;
  expected.push_back(gradient.rank() ? gradient.back() : 0);
  HEARTH_CHECK(gradient == expected, "embedding_grad: the gradient has shape ", gradient, "; expected ", expected);
  HEARTH_CHECK(rows >= 0, "embedding_grad: the number of rows is ", rows);
  check_padding(c, rows);
  c.make(0, {rows, gradient.back()}, c.dtype);
}

EmbeddingAttrs with_rows(EmbeddingAttrs a, int64_t rows) {
  a.rows = rows;
  return a;
}

}  // namespace

extern constinit const OpDef kEmbeddingGrad = {
    .name = "embedding_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .internal = true,
    .attrs = &attrs_type<EmbeddingAttrs>,
    .infer = infer_embedding_grad,
    .save = {.input = {0, 1}},
    .kernel = {cpu::embedding_grad, cuda::embedding_grad},
    .compose =
        [](OpCall& c) {
          const auto& a = c.attrs_as<EmbeddingAttrs>();
          const Tensor index = reshape(c.input(1), {-1});
          Tensor rows = reshape(c.input(0), {index.numel(), c.input(0).size(-1)});
          if (a.padding) rows = where(unsqueeze(ne(index, *a.padding), 1), rows, Scalar(0.0));
          c.give(0, index_add(machinery::full(c.out[0].shape(), 0, c.dtype, c.device), 0, index, rows));
        },
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<EmbeddingAttrs>();
          const Tensor index = g.input(1), rows = run(kEmbedding, {g.grad(), index}, with_rows(a, 0));
          g.set(0, a.padding ? where(unsqueeze(ne(index, *a.padding), -1), rows, Scalar(0.0)) : rows);
        },
};
HEARTH_OP(kEmbeddingGrad);

extern constinit const OpDef kEmbedding = {
    .name = "embedding",
    .dtypes = kAllTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<EmbeddingAttrs>,
    .infer = infer_embedding,
    .save = {.input = {0, 1}},
    .kernel = {cpu::embedding, cuda::embedding},
    .compose =
        [](OpCall& c) { c.give(0, view(index_select(c.input(0), 0, reshape(c.input(1), {-1})), c.out[0].shape())); },
    .backward =
        [](GradContext& g) {
          g.set(0,
                run(kEmbeddingGrad, {g.grad(), g.input(1)}, with_rows(g.attrs<EmbeddingAttrs>(), g.input_shape(0)[0])));
        },
};
HEARTH_OP(kEmbedding);

namespace {

EmbeddingAttrs checked_attrs(const Tensor& weight, const Tensor& index, std::optional<int64_t> padding_idx) {
  expect_defined("embedding", {weight, index});
  HEARTH_CHECK(weight.dim() == 2, "embedding: the weight must have 2 dimensions, but its shape is ", weight.shape());
  EmbeddingAttrs a;
  if (padding_idx) {
    const int64_t rows = weight.shape()[0];
    HEARTH_CHECK(*padding_idx >= -rows && *padding_idx < rows, "embedding: padding_idx ", *padding_idx,
                 " is out of range for ", rows, " rows");
    a.padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  return a;
}

// How often the index names each of its rows, in the index's shape.
Tensor frequencies(const Tensor& index, int64_t rows, DType dtype) {
  const Tensor flat = reshape(index, {-1});
  const Tensor counts = index_add(machinery::full({rows}, 0, dtype, index.device()), 0, flat,
                                  machinery::full(flat.shape(), 1, dtype, index.device()));
  return view(index_select(counts, 0, flat), index.shape());
}

struct EmbeddingByFrequency : Function<EmbeddingByFrequency> {
  static constexpr const char* kName = "embedding_by_frequency";
  EmbeddingAttrs attrs;
  Tensor forward(ForwardContext& c, const Tensor& weight, const Tensor& index, const EmbeddingAttrs& a) {
    attrs = with_rows(a, weight.shape()[0]);
    c.save({index});
    return run(kEmbedding, {weight, index}, a);
  }
  void backward(BackwardContext& c) const {
    const Tensor index = c.saved(0), wide = machinery::widened(c.grad());
    const Tensor shared = wide / unsqueeze(frequencies(index, attrs.rows, wide.dtype()), -1);
    c.set(0, run(kEmbeddingGrad, {machinery::cast(shared, c.grad().dtype()), index}, attrs));
  }
};

void renormalise_rows(Tensor weight, const Tensor& index, double most, double p) {
  HEARTH_CHECK(most >= 0, "embedding: max_norm must not be negative, but is ", most);
  expect_dtypes("embedding", weight, kFloatTypes);
  HEARTH_CHECK(is_integral(index.dtype()), "embedding: indices must be integers, but are ", index.dtype());
  const NoGrad off;
  const Tensor flat = reshape(index.to(i64), {-1});
  const Tensor rows = index_select(weight, 0, flat), wide = machinery::widened(rows);
  if (rows.numel() == 0) return;
  const Tensor size = norm(wide, p, 1, true), large = gt(size, most);
  // The same small number as in PyTorch keeps the quotient finite.
  const Tensor scaled = where(large, wide * (most / (size + 1e-7)), wide);
  weight.index_put_({flat}, machinery::cast(scaled, rows.dtype()));
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<int64_t> padding_idx) {
  return run(kEmbedding, {weight, index}, checked_attrs(weight, index, padding_idx));
}

Tensor embedding(const Tensor& weight, const Tensor& index, const EmbeddingOptions& o) {
  const CalledAs called("embedding");
  const EmbeddingAttrs a = checked_attrs(weight, index, o.padding_idx);
  if (o.max_norm) renormalise_rows(weight, index, *o.max_norm, o.norm_type);
  return o.scale_grad_by_freq ? EmbeddingByFrequency::apply(weight, index, a) : run(kEmbedding, {weight, index}, a);
}

}  // namespace hearth
