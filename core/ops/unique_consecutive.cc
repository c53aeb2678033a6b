#include "core/ops/unique_consecutive.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Runs of the elements of x [n], or of the rows of x [n, width].
Unique runs(const Tensor& x) {
  const int64_t n = x.size(0);
  const Tensor apart = ne(slice(x, 0, 1, std::nullopt), slice(x, 0, 0, n ? n - 1 : 0));
  const Tensor differs = x.dim() == 1 ? apart : any(apart, 1);
  const Tensor first = machinery::full({n ? 1 : 0}, true, DType::kBool, x.device());
  const Tensor starts = cat({first, differs}, 0);
  const Tensor at = select(nonzero(starts), 1, 0), end = machinery::full({1}, n, DType::kI64, x.device());
  const Tensor ends = at.numel() ? cat({slice(at, 0, 1, std::nullopt), end}, 0) : at;
  return {at, cumsum(starts, 0) - 1, ends - at};
}

}  // namespace

Unique unique_consecutive(const Tensor& x) {
  const CalledAs called("unique_consecutive");
  expect_dtypes("unique_consecutive", x, kAllTypes);
  Unique u = runs(reshape(x.detach(), {x.numel()}));
  u.values = index_select(reshape(x.detach(), {x.numel()}), 0, u.values);
  u.inverse = view(u.inverse, x.shape());
  return u;
}

Unique unique_consecutive(const Tensor& x, int64_t d) {
  const CalledAs called("unique_consecutive");
  expect_dtypes("unique_consecutive", x, kAllTypes);
  HEARTH_CHECK(x.dim() > 0, "unique_consecutive: a 0-dim tensor has no dimension ", d);
  const int w = wrap_dim(d, x.dim(), "unique_consecutive");
  const int64_t n = x.shape()[w];
  Unique u = runs(reshape(movedim(x.detach(), w, 0), {n, n ? x.numel() / n : 0}));
  u.values = index_select(x.detach(), w, u.values);
  return u;
}

}  // namespace hearth
