#include "core/ops/integrals.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// The areas between neighbours along d. Without places all are one apart.
Tensor areas(const char* op, const Tensor& given, const Tensor* places, int64_t d) {
  expect_dtypes(op, given, kNumberTypes | kComplexTypes);
  HEARTH_CHECK(given.dim() > 0, op, ": a 0-dim tensor has no dimension ", d);
  const Tensor y = is_differentiable(given.dtype()) ? machinery::widened(given) : given.to(default_dtype());
  const int w = wrap_dim(d, y.dim(), op);
  const auto neighbours = [](const Tensor& t, int64_t k) {
    const int64_t n = t.size(k);
    return std::pair(slice(t, k, 0, std::max<int64_t>(n - 1, 0)), slice(t, k, n > 0 ? 1 : 0, n));
  };
  const auto [left, right] = neighbours(y, w);
  const Tensor means = (left + right) * 0.5;
  if (!places) return means;
  expect_dtypes(op, *places, kNumberTypes | kComplexTypes);
  HEARTH_CHECK(places->dim() > 0, op, ": the places must not be 0-dim");
  const Tensor x = is_differentiable(places->dtype()) ? machinery::widened(*places) : places->to(default_dtype());
  const bool line = x.dim() == 1 && y.dim() > 1;
  const int64_t k = line ? 0 : x.dim() - (y.dim() - w);
  HEARTH_CHECK(k >= 0 && x.size(k) == y.size(w), op, ": places of shape ", x.shape(), " do not fit values of shape ",
               y.shape(), " along dimension ", w);
  const auto [before, after] = neighbours(x, k);
  Tensor steps = after - before;
  if (line) {
    Shape shape = Dims::filled(y.dim(), 1);
    shape[w] = steps.numel();
    steps = reshape(steps, shape);
  }
  return steps * means;
}

// The areas get more dimensions in front where the places have more.
int64_t from_end(const Tensor& y, int64_t d, const char* op) { return wrap_dim(d, y.dim(), op) - y.dim(); }

DType result_of(const Tensor& y, const Tensor* x) {
  const auto own = [](const Tensor& t) { return is_differentiable(t.dtype()) ? t.dtype() : default_dtype(); };
  return x ? promote(own(y), own(*x)) : own(y);
}

Tensor integral(const char* op, const Tensor& y, const Tensor* x, double dx, int64_t d, bool running) {
  const CalledAs called(op);
  if (running) expect_dtypes(op, y, kNumberTypes);
  Tensor parts = areas(op, y, x, d);
  if (!x) parts = parts * dx;
  const int64_t at = from_end(y, d, op);
  return machinery::cast(running ? cumsum(parts, at) : sum(parts, {at}), result_of(y, x));
}

}  // namespace

Tensor trapezoid(const Tensor& y, double dx, int64_t d) { return integral("trapezoid", y, nullptr, dx, d, false); }
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t d) { return integral("trapezoid", y, &x, 1, d, false); }
Tensor trapz(const Tensor& y, double dx, int64_t d) { return integral("trapz", y, nullptr, dx, d, false); }
Tensor trapz(const Tensor& y, const Tensor& x, int64_t d) { return integral("trapz", y, &x, 1, d, false); }
Tensor cumulative_trapezoid(const Tensor& y, double dx, int64_t d) {
  return integral("cumulative_trapezoid", y, nullptr, dx, d, true);
}
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t d) {
  return integral("cumulative_trapezoid", y, &x, 1, d, true);
}

}  // namespace hearth
