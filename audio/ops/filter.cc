#include "audio/ops/filter.h"

#include <vector>

#include "audio/kernels/filter.h"
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

void infer_lfilter(OpCall& c) {
  const Tensor& x = c.input(0);
  HEARTH_CHECK(x.dim() >= 1, "lfilter: expected signals [..., time], but the tensor is 0-dim");
  for (int i : {1, 2}) {
    expect_dtype(c, i, kFloatTypes);
    HEARTH_CHECK(c.input(i).dim() == 2 && c.input(i).shape() == c.input(1).shape() && c.input(i).size(1) >= 1,
                 "lfilter: a and b must both have the shape [filters, order + 1], but have ", c.input(1).shape(),
                 " and ", c.input(2).shape());
  }
  const int64_t filters = c.input(1).size(0);
  HEARTH_CHECK(filters == 1 || (x.dim() >= 2 && x.size(-2) == filters), "lfilter: ", filters,
               " filters need signals [..., ", filters, ", time], but these have shape ", x.shape());
  Shape end = x.shape();
  end[x.dim() - 1] = c.input(1).size(1) - 1;
  if (c.is_tensor(3)) {
    expect_dtype(c, 3, DTypeSet{f64});
    HEARTH_CHECK(c.input(3).shape() == end, "lfilter: the state has shape ", c.input(3).shape(), "; expected ", end);
  }
  c.make(0, x.shape(), c.dtype);
  c.make(1, end, f64);
}

// For each k up to the order the products of u and of v, k samples earlier, summed over all but the filters:
// [filters, order + 1].
Tensor correlations(const Tensor& u, const Tensor& v, int64_t filters, int64_t order) {
  Dims around;
  for (int d = 0; d < u.dim(); ++d) {
    if (filters == 1 || d != u.dim() - 2) around.push_back(d);
  }
  const int64_t n = u.size(-1);
  std::vector<Tensor> sums;
  for (int64_t k = 0; k <= order; ++k) {
    const int64_t from = std::min(k, n);
    sums.push_back(reshape(sum(slice(u, -1, from, n) * slice(v, -1, 0, n - from), around), {filters}));
  }
  return stack(sums, 1);
}

// The filter applied from the end of the signal to its beginning, which is what its gradient is.
Tensor backwards(const Tensor& x, const Tensor& a, const Tensor& b) {
  return flip(run_all(kLfilter, {flip(x, {-1}), a, b, std::nullopt})[0], {-1});
}

void lfilter_backward(GradContext& g) {
  HEARTH_CHECK(!g.is_tensor(3) && !g.has_grad(1),
               "lfilter: no gradient passes through the state between the parts of a signal");
  g.widen();
  const Tensor a = g.input(1), b = g.input(2);
  if (g.needs(0)) g.set(0, backwards(g.grad(), a, b));
  if (!g.needs(1) && !g.needs(2)) return;
  const int64_t filters = a.size(0), order = a.size(1) - 1;
  const Tensor one = cat({full_like(slice(a, 1, 0, 1), 1), zeros_like(slice(a, 1, 1, {}))}, 1);
  const Tensor u = backwards(g.grad(), a, one);
  if (g.needs(2)) g.set(2, correlations(u, g.input(0), filters, order));
  if (g.needs(1)) {
    const Tensor all = correlations(u, g.output(0), filters, order);
    // a[0] is 1 and no variable of the record.
    g.set(1, cat({zeros_like(slice(all, 1, 0, 1)), -slice(all, 1, 1, {})}, 1));
  }
}

// Coefficients [filters, order + 1] with a[:, 0] = 1.
struct Coefficients {
  Coefficients(const char* op, const Tensor& a_coeffs, const Tensor& b_coeffs) {
    expect_defined(op, {a_coeffs, b_coeffs});
    HEARTH_CHECK(
        a_coeffs.shape() == b_coeffs.shape() && (a_coeffs.dim() == 1 || a_coeffs.dim() == 2) && a_coeffs.size(-1) >= 1,
        op, ": a and b must both be [order + 1] or [filters, order + 1], but have shapes ", a_coeffs.shape(), " and ",
        b_coeffs.shape());
    expect_dtypes(op, a_coeffs, kFloatTypes);
    expect_dtypes(op, b_coeffs, kFloatTypes);
    const Tensor all = reshape(a_coeffs, {-1, a_coeffs.size(-1)}), first = slice(all, 1, 0, 1);
    a = all / first;
    b = reshape(b_coeffs, {-1, b_coeffs.size(-1)}) / first;
  }
  Tensor a, b;
};

}  // namespace

extern constinit const OpDef kLfilter = {
    .name = "audio::lfilter",
    .dtypes = kFloatTypes,
    .min_inputs = 4,
    .max_inputs = 4,
    .absent = 0b1000,
    .outputs = 2,
    .visible = 2,
    .infer = infer_lfilter,
    .save = {.input = {0b100, kAnyGradient, kAnyGradient}, .outputs = 0b1},
    .kernel = {cpu::lfilter, cuda::lfilter},
    .backward = lfilter_backward,
};
HEARTH_OP(kLfilter);

Tensor lfilter(const Tensor& x, const Tensor& a, const Tensor& b, bool clamp, bool batching) {
  const CalledAs called("lfilter");
  expect_defined("lfilter", {x});
  const Coefficients k("lfilter", a, b);
  Tensor in = x;
  if (a.dim() == 2 && !batching) {
    HEARTH_CHECK(x.dim() >= 1, "lfilter: expected signals [..., time], but the tensor is 0-dim");
    Shape shape = x.shape();
    shape.insert(x.dim() - 1, a.size(0));
    in = expand(unsqueeze(x, -2), shape);
  }
  HEARTH_CHECK(a.dim() == 1 || (in.dim() >= 2 && in.size(-2) == a.size(0)), "lfilter: ", a.dim() == 2 ? a.size(0) : 1,
               " filters need signals [..., filters, time], but these have shape ", x.shape());
  const Tensor y = run_all(kLfilter, {in, k.a, k.b, std::nullopt})[0];
  return clamp ? hearth::clamp(y, Scalar(-1), Scalar(1)) : y;
}

Tensor filtfilt(const Tensor& x, const Tensor& a, const Tensor& b, bool clamp) {
  const CalledAs called("filtfilt");
  const Tensor forth = lfilter(x, a, b, false);
  return flip(lfilter(flip(forth, {-1}), a, b, clamp), {-1});
}

Tensor preemphasis(const Tensor& x, double coeff) {
  const CalledAs called("preemphasis");
  expect_defined("preemphasis", {x});
  expect_dtypes("preemphasis", x, kFloatTypes);
  HEARTH_CHECK(x.dim() >= 1, "preemphasis: expected signals [..., time], but the tensor is 0-dim");
  const int64_t n = x.size(-1);
  if (n < 2) return x.clone();
  return cat({slice(x, -1, 0, 1), slice(x, -1, 1, n) - slice(x, -1, 0, n - 1) * coeff}, -1);
}

Tensor deemphasis(const Tensor& x, double coeff, bool clamp) {
  const CalledAs called("deemphasis");
  expect_defined("deemphasis", {x});
  const TensorOptions f{.dtype = f64, .device = x.device()};
  return lfilter(x, from_values<double>({1, -coeff}, {2}, f), from_values<double>({1, 0}, {2}, f), clamp);
}

FilterStream::FilterStream(const Tensor& a_coeffs, const Tensor& b_coeffs) {
  const NoGrad off;
  const Coefficients k("FilterStream", a_coeffs, b_coeffs);
  a_ = k.a;
  b_ = k.b;
}

Tensor FilterStream::operator()(const Tensor& x) {
  const NoGrad off;
  const CalledAs called("FilterStream");
  auto results = run_all(kLfilter, {x, a_, b_, state_});
  state_ = std::move(results[1]);
  return std::move(results[0]);
}

}  // namespace hearth::audio
