#include "core/distributions/constraint.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/linalg_decompositions.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::distributions::constraints {
namespace {

// How far sums of n numbers of a dtype are off by rounding.
double rounding(DType t, int64_t n) {
  const double eps = t == DType::kF16 ? 0x1p-10 : t == DType::kBF16 ? 0x1p-7 : t == DType::kF64 ? 0x1p-52 : 0x1p-23;
  return std::max(1e-6, eps * static_cast<double>(n));
}

Tensor whole(const Tensor& x) { return eq(floor(x), x); }

}  // namespace

Constraint real() {
  return {"a real number", [](const Tensor& x) { return logical_not(isnan(x)); }};
}
Constraint real_vector() { return independent(real(), 1); }
Constraint positive() {
  return {"above 0", [](const Tensor& x) { return gt(x, 0); }};
}
Constraint nonnegative() {
  return {"at least 0", [](const Tensor& x) { return ge(x, 0); }};
}
Constraint greater_than(double low) {
  return {concat("above ", low), [=](const Tensor& x) { return gt(x, low); }};
}
Constraint unit_interval() {
  return {"from 0 to 1", [](const Tensor& x) { return logical_and(ge(x, 0), le(x, 1)); }};
}
Constraint interval(const Tensor& low, const Tensor& high) {
  return {"between its ends", [=](const Tensor& x) { return logical_and(ge(x, low), le(x, high)); }};
}
Constraint boolean() {
  return {"0 or 1", [](const Tensor& x) { return logical_or(eq(x, 0), eq(x, 1)); }, 0, true};
}
Constraint nonnegative_integer() {
  return {"a whole number of at least 0", [](const Tensor& x) { return logical_and(ge(x, 0), whole(x)); }, 0, true};
}
Constraint integer_interval(double low, const Tensor& high) {
  const std::string end =
      high.dim() == 0 && high.device().is_cpu() ? concat(high.item<double>()) : std::string("the largest");
  return {concat("a whole number from ", low, " to ", end),
          [=](const Tensor& x) { return logical_and(logical_and(ge(x, low), le(x, high)), whole(x)); }, 0, true};
}
Constraint one_hot() {
  return {"one-hot",
          [](const Tensor& x) { return logical_and(boolean().check(x).all(-1), eq(machinery::widened(x).sum(-1), 1)); },
          1, true};
}
Constraint simplex() {
  return {"numbers of at least 0 whose sum is 1",
          [](const Tensor& x) {
            const Tensor off = abs(machinery::widened(x).sum(-1) - 1);
            return logical_and(ge(x, 0).all(-1), lt(off, rounding(x.dtype(), x.size(-1))));
          },
          1};
}
Constraint multinomial(int64_t upper_bound) {
  return {concat("counts whose sum is ", upper_bound),
          [=](const Tensor& x) {
            return logical_and(nonnegative_integer().check(x).all(-1), eq(machinery::widened(x).sum(-1), upper_bound));
          },
          1, true};
}
Constraint lower_cholesky() {
  return {"a lower triangle with a positive diagonal",
          [](const Tensor& x) {
            return logical_and(eq(tril(x), x).all(-1).all(-1), gt(diagonal(x, 0, -2, -1), 0).all(-1));
          },
          2};
}
Constraint positive_definite() {
  return {"symmetric and positive-definite",
          [](const Tensor& x) {
            const Tensor symmetric = isclose(x, transpose(x, -2, -1), 1e-5, 1e-6).all(-1).all(-1);
            return logical_and(symmetric, eq(linalg::cholesky_ex(x).info, 0));
          },
          2};
}
Constraint independent(const Constraint& base, int dims) {
  return {base.what(),
          [=](const Tensor& x) {
            Tensor holds = base.check(x);
            for (int i = 0; i < dims; ++i) holds = holds.all(-1);
            return holds;
          },
          base.event_dim() + dims, base.is_discrete()};
}

}  // namespace hearth::distributions::constraints
