#include "core/ops/sort.h"

#include <utility>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/sort.h"
#include "core/op/attrs/sort.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/index.h"

namespace hearth {
namespace {

void infer_sort(OpCall& c) {
  const Tensor& x = c.input(0);
  wrap_dim(c.attrs_as<SortAttrs>().dim, x.dim(), "sort");
  c.make(0, x.shape(), x.dtype());
  c.make(1, x.shape(), DType::kI64);
}

void infer_topk(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto& a = c.attrs_as<TopkAttrs>();
  const int d = wrap_dim(a.dim, x.dim(), "topk");
  const int64_t size = x.dim() == 0 ? 1 : x.shape()[d];
  HEARTH_CHECK(a.k >= 0 && a.k <= size, "topk: k must be from 0 to ", size, ", the size of dimension ", d, " of shape ",
               x.shape(), ", but is ", a.k);
  Shape shape = x.shape();
  if (x.dim() > 0) shape[d] = a.k;
  else if (a.k == 0) shape = {0};
  c.make(0, shape, x.dtype());
  c.make(1, shape, DType::kI64);
}

// Each element's gradient goes to where it stood.
void to_places(GradContext& g, int64_t dim) {
  if (!g.has_grad(0)) return;
  const Shape& x = g.input_shape(0);
  const Tensor zero = machinery::full(x, 0, g.grad().dtype(), g.grad().device());
  if (x.rank() == 0) return g.set(0, g.grad().numel() == 0 ? zero : g.grad());
  g.set(0, scatter_add(zero, wrap_dim(dim, x.rank(), "sort"), g.output(1), g.grad()));
}

Sorted sorted(std::array<Tensor, kMaxOutputs> r) { return {std::move(r[0]), std::move(r[1])}; }

}  // namespace

extern constinit const OpDef kSort = {
    .name = "sort",
    .dtypes = kAllTypes,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<SortAttrs>,
    .infer = infer_sort,
    .save = {.outputs = 0b10},
    .kernel = {cpu::sort, cuda::sort},
    .backward = [](GradContext& g) { to_places(g, g.attrs<SortAttrs>().dim); },
};
HEARTH_OP(kSort);

extern constinit const OpDef kTopk = {
    .name = "topk",
    .dtypes = kAllTypes,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<TopkAttrs>,
    .infer = infer_topk,
    .save = {.outputs = 0b10},
    .kernel = {cpu::topk, cuda::topk},
    .backward = [](GradContext& g) { to_places(g, g.attrs<TopkAttrs>().dim); },
};
HEARTH_OP(kTopk);

Sorted sort(const Tensor& x, int64_t d, bool descending) {
  const CalledAs called("sort");
  return sorted(run_all(kSort, {x}, SortAttrs{d, descending}));
}
Tensor argsort(const Tensor& x, int64_t d, bool descending) {
  const CalledAs called("argsort");
  return std::move(run_all(kSort, {x}, SortAttrs{d, descending})[1]);
}
Sorted topk(const Tensor& x, int64_t k, int64_t d, bool largest) {
  const CalledAs called("topk");
  return sorted(run_all(kTopk, {x}, TopkAttrs{k, d, largest}));
}

Sorted Tensor::sort(int64_t d, bool descending) const { return hearth::sort(*this, d, descending); }
Tensor Tensor::argsort(int64_t d, bool descending) const { return hearth::argsort(*this, d, descending); }
Sorted Tensor::topk(int64_t k, int64_t d, bool largest) const { return hearth::topk(*this, k, d, largest); }

}  // namespace hearth
