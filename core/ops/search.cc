#include "core/ops/search.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/search.h"
#include "core/op/attrs/search.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/index.h"

namespace hearth {
namespace {

void infer_searchsorted(OpCall& c) {
  const Shape &sorted = c.input(0).shape(), &values = c.input(1).shape();
  HEARTH_CHECK(c.input(0).dtype() == c.input(1).dtype(), c.op.name, ": the sorted numbers are ", c.input(0).dtype(),
               ", but the values ", c.input(1).dtype());
  HEARTH_CHECK(sorted.rank() >= 1, c.op.name, ": the sorted numbers must have a dimension, but are 0-dim");
  bool fits = sorted.rank() == 1 || sorted.rank() == values.rank();
  for (int d = 0; fits && sorted.rank() > 1 && d + 1 < sorted.rank(); ++d) fits = sorted[d] == values[d];
  HEARTH_CHECK(fits, c.op.name, ": the sorted numbers must be [n] or have the shape of the values but for the last ",
               "size, but the shapes are ", sorted, " and ", values);
  c.dtype = c.input(0).dtype();
  c.make(0, values, c.attrs_as<SearchsortedAttrs>().out_int32 ? DType::kI32 : DType::kI64);
}

// The numbers in the order that the sorter says.
Tensor in_order(const Tensor& sorted, const OptionalTensor& sorter) {
  if (!sorter) return sorted;
  HEARTH_CHECK(sorter->defined() && sorter->shape() == sorted.shape(), "searchsorted: the sorter must have the shape ",
               sorted.shape(), " of the sorted numbers", sorter->defined() ? ", but has " : ", but is undefined",
               sorter->defined() ? to_string(sorter->shape()) : "");
  return gather(sorted, -1, *sorter);
}

Tensor place_of(const Tensor& sorted, Scalar value, SearchsortedAttrs attrs) {
  HEARTH_CHECK(sorted.dim() == 1, "searchsorted: for a number the sorted numbers must be [n], but the shape is ",
               sorted.shape());
  const DType t = sorted.is_floating_point()          ? sorted.dtype()
                  : value.kind() == DTypeKind::kFloat ? DType::kF64
                                                      : DType::kI64;
  return run(kSearchsorted, {sorted.to(t), machinery::full({}, value, t, sorted.device())}, attrs);
}

}  // namespace

extern constinit const OpDef kSearchsorted = {
    .name = "searchsorted",
    .dtypes = kNumberTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<SearchsortedAttrs>,
    .infer = infer_searchsorted,
    .kernel = {cpu::searchsorted, cuda::searchsorted},
};
HEARTH_OP(kSearchsorted);

Tensor searchsorted(const Tensor& sorted, const Tensor& values, const SearchsortedOptions& options) {
  const CalledAs called("searchsorted");
  expect_defined("searchsorted", {sorted, values});
  return run(kSearchsorted, {in_order(sorted, options.sorter), values},
             SearchsortedAttrs{options.right, options.out_int32});
}
Tensor searchsorted(const Tensor& sorted, Scalar value, const SearchsortedOptions& options) {
  const CalledAs called("searchsorted");
  expect_defined("searchsorted", {sorted});
  return place_of(in_order(sorted, options.sorter), value, {options.right, options.out_int32});
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, const BucketizeOptions& options) {
  const CalledAs called("bucketize");
  expect_defined("bucketize", {x, boundaries});
  HEARTH_CHECK(boundaries.dim() == 1, "bucketize: the boundaries must be [n], but have the shape ", boundaries.shape());
  return run(kSearchsorted, {boundaries, x}, SearchsortedAttrs{options.right, options.out_int32});
}
Tensor bucketize(Scalar x, const Tensor& boundaries, const BucketizeOptions& options) {
  const CalledAs called("bucketize");
  expect_defined("bucketize", {boundaries});
  return place_of(boundaries, x, {options.right, options.out_int32});
}

}  // namespace hearth
