#include "core/ops/covariance.h"

#include <optional>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Checks one of the two kinds of weights.
void check_weights(const char* what, const Tensor& w, const Tensor& lines) {
  HEARTH_CHECK(w.dim() == 1 && w.size(0) == lines.size(1), "cov: ", what, " must have the shape [", lines.size(1),
               "] of the observations, but have ", w.shape());
  const bool known = !w.device().is_meta() && !tracing() && w.numel() > 0;
  HEARTH_CHECK(!known || !lt(w, 0).any().item<bool>(), "cov: ", what, " must not be negative");
}

}  // namespace

Tensor cov(const Tensor& x, int64_t correction, const OptionalTensor& frequencies, const OptionalTensor& weights) {
  const CalledAs called("cov");
  expect_dtypes("cov", x, kAllTypes);
  HEARTH_CHECK(x.dim() <= 2, "cov: x must have at most 2 dimensions, but its shape is ", x.shape());
  const Tensor wide = is_floating_point(x.dtype()) ? machinery::widened(x) : x.to(default_dtype());
  const Tensor lines = x.dim() == 2 ? wide : reshape(wide, {1, -1});
  const DType t = lines.dtype();
  std::optional<Tensor> weight;
  if (frequencies) {
    HEARTH_CHECK(is_integral(frequencies->dtype()), "cov: frequencies must be integers, but are ",
                 frequencies->dtype());
    check_weights("frequencies", *frequencies, lines);
    weight = frequencies->to(t);
  }
  if (weights) {
    HEARTH_CHECK(is_floating_point(weights->dtype()), "cov: weights must be floating-point, but are ",
                 weights->dtype());
    check_weights("weights", *weights, lines);
    weight = weight ? *weight * weights->to(t) : weights->to(t);
  }
  const auto n = static_cast<double>(lines.size(1)), lost = static_cast<double>(correction);
  Tensor centred, scaled, norm;
  if (weight) {
    const Tensor total = sum(*weight);
    centred = lines - sum(lines * *weight, {1}, true) / total;
    scaled = centred * *weight;
    norm = weights ? total - lost * sum(*weight * weights->to(t)) / total : total - lost;
  } else {
    centred = lines - mean(lines, {1}, true);
    scaled = centred;
    norm = machinery::full({}, n - lost, t, lines.device());
  }
  // As in NumPy and PyTorch nothing is divided by less than nothing.
  Tensor out = matmul(scaled, centred.t()) / clamp(norm, 0);
  if (lines.size(0) == 1) out = reshape(out, Shape{});
  return is_half(x.dtype()) ? rounded(out, x.dtype()) : out;
}

Tensor corrcoef(const Tensor& x) {
  const CalledAs called("corrcoef");
  expect_dtypes("corrcoef", x, kAllTypes);
  if (is_half(x.dtype())) return rounded(corrcoef(machinery::widened(x)), x.dtype());
  const Tensor c = cov(x);
  if (c.dim() == 0) return c / c;
  const Tensor deviation = sqrt(c.diagonal());
  return clamp(c / unsqueeze(deviation, 1) / unsqueeze(deviation, 0), -1, 1);
}

}  // namespace hearth
