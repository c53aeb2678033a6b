#include "core/ops/activation_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"

namespace hearth {
namespace {

// f(x), computed in f32 at least and rounded once.
template <class F>
Tensor of_floats(const char* op, const Tensor& x, F f) {
  expect_dtypes(op, x, kFloatTypes);
  return machinery::cast(f(machinery::widened(x)), x.dtype());
}

// The same, and of integers f32.
template <class F>
Tensor of_numbers(const char* op, const Tensor& x, F f) {
  expect_dtypes(op, x, kAllTypes);
  return x.is_floating_point() ? of_floats(op, x, f) : f(x.to(f32));
}

// A number as x can hold it: of integers whole, cut off as PyTorch does.
Scalar number_for(const Tensor& x, double v) {
  if (x.is_floating_point()) return v;
  return static_cast<int64_t>(std::clamp(v, -0x1p62, 0x1p62));
}

// rrelu's slopes where x is not positive, else 1.
Tensor slopes(const char* op, const Tensor& x, double lower, double upper, bool training, Generator* generator) {
  HEARTH_CHECK(lower <= upper, op, ": lower ", lower, " is above upper ", upper);
  const TensorOptions like{.dtype = compute_type(x.dtype()), .device = x.device()};
  const Tensor positive = gt(x.detach(), 0);
  if (!training) return where(positive, ones({}, like), Scalar((lower + upper) / 2));
  Tensor drawn = empty(x.shape(), like);
  drawn.uniform_(lower, upper, generator);
  return where(positive, Scalar(1.0), drawn);
}

// -log(-log(u)) for uniform u: at most 17 of f32, 38 of f64, so that no noise is infinite.
Tensor gumbel_noise(const Tensor& like, Generator* generator) {
  Tensor u = empty(like.shape(), {.dtype = like.dtype(), .device = like.device()});
  u.uniform_(0, 1, generator);
  const double least = like.dtype() == f64 ? std::numeric_limits<double>::epsilon() / 4 : 0x1p-25;
  return neg(log(neg(log1p(neg(clamp(u, least))))));
}

}  // namespace

Tensor celu(const Tensor& x, double alpha) {
  const CalledAs called("celu");
  HEARTH_CHECK(alpha != 0 && !std::isnan(alpha), "celu: alpha must not be ", alpha);
  return of_floats("celu", x, [&](const Tensor& t) {
    const Tensor positive = gt(t, 0), low = where(positive, Scalar(0.0), t);
    return where(positive, t, expm1(low / alpha) * alpha);
  });
}

Tensor softsign(const Tensor& x) {
  const CalledAs called("softsign");
  return of_numbers("softsign", x, [](const Tensor& t) { return t / (abs(t) + 1); });
}

Tensor softshrink(const Tensor& x, double lambda) {
  const CalledAs called("softshrink");
  HEARTH_CHECK(lambda >= 0, "softshrink: lambda must not be negative, but is ", lambda);
  return of_floats("softshrink", x,
                   [&](const Tensor& t) { return where(le(abs(t), lambda), Scalar(0.0), t - sign(t) * lambda); });
}

Tensor hardshrink(const Tensor& x, double lambda) {
  const CalledAs called("hardshrink");
  return of_floats("hardshrink", x,
                   [&](const Tensor& t) { return where(logical_and(ge(t, -lambda), le(t, lambda)), Scalar(0.0), t); });
}

Tensor tanhshrink(const Tensor& x) {
  const CalledAs called("tanhshrink");
  return of_numbers("tanhshrink", x, [](const Tensor& t) { return t - tanh(t); });
}

Tensor threshold(const Tensor& x, double threshold, double value) {
  const CalledAs called("threshold");
  expect_dtypes("threshold", x, kNumberTypes);
  return where(le(x, number_for(x, threshold)), number_for(x, value), x);
}

Tensor rrelu(const Tensor& x, double lower, double upper, bool training, Generator* generator) {
  const CalledAs called("rrelu");
  return of_floats("rrelu", x,
                   [&](const Tensor& t) { return t * slopes("rrelu", t, lower, upper, training, generator); });
}

Tensor softmin(const Tensor& x, int64_t d) {
  const CalledAs called("softmin");
  expect_dtypes("softmin", x, kFloatTypes);
  return softmax(neg(x), d);
}

Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxOptions& options) {
  const CalledAs called("gumbel_softmax");
  HEARTH_CHECK(options.tau > 0, "gumbel_softmax: tau must be above 0, but is ", options.tau);
  return of_floats("gumbel_softmax", logits, [&](const Tensor& t) {
    const Tensor soft = softmax((t + gumbel_noise(t, options.generator)) / options.tau, options.dim);
    if (!options.hard) return soft;
    const Tensor fixed = soft.detach();
    // Exactly 0 and 1: what is added is 0 but for its gradient.
    if (t.dim() == 0) return ones_like(fixed) + (soft - fixed);
    return scatter(zeros_like(fixed), options.dim, argmax(fixed, options.dim, true), 1.0) + (soft - fixed);
  });
}

Tensor& elu_(Tensor& x, double alpha) {
  const CalledAs called("elu_");
  expect_dtypes("elu_", x, kFloatTypes);
  run_into(kElu, x, {x, alpha});
  return x;
}
Tensor& leaky_relu_(Tensor& x, double negative_slope) {
  const CalledAs called("leaky_relu_");
  expect_dtypes("leaky_relu_", x, kFloatTypes);
  run_into(kLeakyRelu, x, {x, negative_slope});
  return x;
}
Tensor& hardtanh_(Tensor& x, double min, double max) {
  const CalledAs called("hardtanh_");
  expect_dtypes("hardtanh_", x, kNumberTypes);
  HEARTH_CHECK(min <= max, "hardtanh_: min ", min, " is above max ", max);
  run_into(kHardtanh, x, {x, number_for(x, min), number_for(x, max)});
  return x;
}
Tensor& threshold_(Tensor& x, double threshold, double value) {
  const CalledAs called("threshold_");
  expect_dtypes("threshold_", x, kNumberTypes);
  return x.masked_fill_(le(x.detach(), number_for(x, threshold)), number_for(x, value));
}
Tensor& rrelu_(Tensor& x, double lower, double upper, bool training, Generator* generator) {
  const CalledAs called("rrelu_");
  expect_dtypes("rrelu_", x, kFloatTypes);
  return x.mul_(slopes("rrelu_", x, lower, upper, training, generator));
}

}  // namespace hearth
