#include "core/ops/difference.h"

#include <algorithm>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// One place along d for a 0-dim tensor, else the tensor.
Tensor placed(const char* name, const Tensor& t, const Tensor& x, int d) {
  HEARTH_CHECK(t.defined(), "diff: ", name, " is an undefined tensor");
  if (t.dim() == 0) {
    Shape shape = x.shape();
    shape[d] = 1;
    return expand(t, shape);
  }
  HEARTH_CHECK(t.dim() == x.dim(), "diff: ", name, " must have the shape of the tensor, ", x.shape(),
               ", but for dimension ", d, "; its shape is ", t.shape());
  return t;
}

}  // namespace

Tensor diff(const Tensor& x, const DiffOptions& options) {
  const CalledAs called("diff");
  expect_defined("diff", {x});
  HEARTH_CHECK(x.dim() >= 1, "diff: expected at least 1 dimension, but the tensor is 0-dim");
  HEARTH_CHECK(options.n >= 0, "diff: n must not be negative, but is ", options.n);
  const int d = wrap_dim(options.dim, x.dim(), "diff");
  std::vector<Tensor> joined;
  if (options.prepend) joined.push_back(placed("prepend", *options.prepend, x, d));
  joined.push_back(x);
  if (options.append) joined.push_back(placed("append", *options.append, x, d));
  if (options.n == 0) return x.clone();
  Tensor y = joined.size() > 1 ? cat(joined, d) : x;
  for (int64_t left = std::min(options.n, y.size(d)); left > 0; --left) {
    const Tensor next = slice(y, d, 1, std::nullopt), here = slice(y, d, 0, std::max<int64_t>(y.size(d) - 1, 0));
    y = y.dtype() == DType::kBool ? logical_xor(next, here) : next - here;
  }
  return y.is(x) ? x.clone() : y;
}

std::vector<Tensor> gradient(const Tensor& x, double spacing, const Dims& dims) {
  const CalledAs called("gradient");
  expect_dtypes("gradient", x, kFloatTypes);
  HEARTH_CHECK(spacing != 0 && std::isfinite(spacing), "gradient: the spacing must be a number other than 0, but is ",
               spacing);
  std::vector<Tensor> out;
  for (int i = 0; i < (dims.empty() ? x.dim() : dims.rank()); ++i) {
    const int d = dims.empty() ? i : wrap_dim(dims[i], x.dim(), "gradient");
    const int64_t n = x.shape()[d];
    HEARTH_CHECK(n >= 2, "gradient: dimension ", d, " of the shape ", x.shape(), " has fewer than 2 places");
    const auto step = [&](int64_t from, int64_t to, int64_t length) {
      const double distance = spacing * static_cast<double>(to - from);
      return (narrow(x, d, to, length) - narrow(x, d, from, length)) / distance;
    };
    out.push_back(n == 2 ? cat({step(0, 1, 1), step(0, 1, 1)}, d)
                         : cat({step(0, 1, 1), step(0, 2, n - 2), step(n - 2, n - 1, 1)}, d));
  }
  return out;
}

}  // namespace hearth
