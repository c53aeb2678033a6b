#include "core/ops/join.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/index.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_cat(OpCall& c) {
  const Tensor* first = nullptr;
  for (int i = 0; i < c.inputs() && !first; ++i) {
    if (c.input(i).dim() != 1 || c.input(i).numel() > 0) first = &c.input(i);
  }
  if (!first) first = &c.input(0);
  HEARTH_CHECK(first->dim() > 0, "cat: 0-dim tensors cannot be joined; use stack");
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, first->dim(), "cat");
  Shape shape = first->shape();
  shape[d] = 0;
  expect_same_dtype(c);
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor& x = c.input(i);
    if (x.dim() == 1 && x.numel() == 0 && first->dim() != 1) continue;
    HEARTH_CHECK(x.dim() == first->dim(), "cat: operand ", i, " has shape ", x.shape(), ", but operand 0 has ",
                 first->shape());
    for (int k = 0; k < x.dim(); ++k) {
      HEARTH_CHECK(k == d || x.shape()[k] == shape[k], "cat: sizes differ in dimension ", k, ": operand ", i,
                   " has shape ", x.shape(), ", another ", first->shape());
    }
    HEARTH_CHECK(!__builtin_add_overflow(shape[d], x.shape()[d], &shape[d]), "cat: the sizes in dimension ", d,
                 " add up to more than 63 bits");
  }
  c.make(
      0, shape,
      strides_for(
          Layout(shape, first->layout().channels_last() ? channels_last_strides(shape) : contiguous_strides(shape), 0),
          MemoryFormat::kPreserve),
      c.dtype);
}

}  // namespace

extern constinit const OpDef kCat = {
    .name = "cat",
    .dtypes = kAllTypes | kComplexTypes,
    .min_inputs = 1,
    .max_inputs = 255,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer_cat,
    .kernel = {cpu::cat, cuda::cat},
    .backward =
        [](GradContext& g) {
          const int d = wrap_dim(g.attrs<DimAttrs>().dim, g.grad().dim(), "cat");
          int64_t at = 0;
          for (int i = 0; i < g.inputs(); ++i) {
            if (g.input_shape(i).rank() != g.grad().dim()) continue;
            const int64_t n = g.input_shape(i)[d];
            if (g.needs(i)) g.set(i, slice(g.grad(), d, at, at + n));
            at += n;
          }
        },
};
HEARTH_OP(kCat);

namespace {
std::vector<Operand> promoted(std::span<const Tensor> tensors, std::vector<Tensor>& cast, const char* op) {
  HEARTH_CHECK(!tensors.empty(), op, ": there are no tensors");
  for (size_t i = 0; i < tensors.size(); ++i)
    HEARTH_CHECK(tensors[i].defined(), op, ": operand ", i, " is an undefined tensor");
  DType t = tensors[0].dtype();
  for (const Tensor& x : tensors) t = promote(t, x.dtype());
  cast.reserve(tensors.size());
  for (const Tensor& x : tensors) cast.push_back(x.to(t));
  return {cast.begin(), cast.end()};
}
}  // namespace

Tensor cat(std::span<const Tensor> tensors, int64_t d) {
  std::vector<Tensor> cast;
  return run(kCat, promoted(tensors, cast, "cat"), DimAttrs{d});
}
Tensor cat(std::initializer_list<Tensor> tensors, int64_t d) {
  return cat(std::span<const Tensor>(tensors.begin(), tensors.size()), d);
}
Tensor stack(std::span<const Tensor> tensors, int64_t d) {
  const CalledAs called("stack");
  HEARTH_CHECK(!tensors.empty(), "stack: there are no tensors");
  std::vector<Tensor> rows;
  for (size_t i = 0; i < tensors.size(); ++i)
    HEARTH_CHECK(tensors[i].defined(), "stack: operand ", i, " is an undefined tensor");
  for (const Tensor& x : tensors) {
    HEARTH_CHECK(x.shape() == tensors[0].shape(), "stack: shapes differ: ", tensors[0].shape(), " and ", x.shape());
    rows.push_back(unsqueeze(x, d));
  }
  return cat(rows, wrap_dim(d, tensors[0].dim() + 1, "stack"));
}
Tensor stack(std::initializer_list<Tensor> tensors, int64_t d) {
  const CalledAs called("stack");
  return stack(std::span<const Tensor>(tensors.begin(), tensors.size()), d);
}

}  // namespace hearth
