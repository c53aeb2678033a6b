#include "core/ops/likelihood_loss.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/loss_internal.h"
#include "core/ops/math.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// -(t log p + (1 - t) log(1 - p)). Next to 0 and 1 logarithms are at least -100, and the slope is (p - t) / 1e-12, as
// PyTorch has it: that of the logarithm would be infinite, and NaN in a product with 0.
Tensor bounded_cross_entropy(const Tensor& p, const Tensor& t) {
  constexpr double kLeast = 1e-12;
  const Tensor fixed = p.detach(), edge = fixed * (1 - fixed) < kLeast, inner = where(edge, 0.5, p);
  const Tensor slope = (square(p) * 0.5 - t.detach() * p) / kLeast;
  const Tensor outside = -(t * maximum(log(fixed), -100.0) + (1 - t) * maximum(log1p(-fixed), -100.0));
  return where(edge, outside + (slope - slope.detach()), -(t * log(inner) + (1 - t) * log1p(-inner)));
}

// x log x; 0 at 0.
Tensor x_log_x(const Tensor& x) { return where(x == 0, 0.0, x * log(where(x == 0, 1.0, x))); }

}  // namespace

Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, const std::optional<Tensor>& weight,
                            Reduction reduction) {
  check_same_shape("binary_cross_entropy", p, target);
  const auto loss = [&](const Tensor& a, const Tensor& t) {
    Tensor l = bounded_cross_entropy(a, t);
    if (weight) l = l * *weight;
    return reduced_loss(l, reduction);
  };
  return loss_in_f32(loss, p, target);
}

Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& o) {
  check_same_shape("kl_div", x, target);
  HEARTH_CHECK(!o.batch_mean || x.dim() > 0, "kl_div: the mean over a batch needs a dimension");
  const auto loss = [&](const Tensor& a, const Tensor& t) {
    const Tensor l = o.log_target ? exp(t) * (t - a) : x_log_x(t) - t * a;
    return o.batch_mean ? sum(l) / static_cast<double>(a.size(0)) : reduced_loss(l, o.reduction);
  };
  return loss_in_f32(loss, x, target);
}

Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, const PoissonNllOptions& o) {
  expect_defined("poisson_nll_loss", {x, target});
  const auto loss = [&](const Tensor& a, const Tensor& t) {
    Tensor l = o.log_input ? exp(a) - t * a : a - t * log(a + o.eps);
    if (o.full) {
      const Tensor large = t > 1, n = where(large, t, 1.0);
      l = l + where(large, n * log(n) - n + log(n * (2 * std::numbers::pi)) * 0.5, 0.0);
    }
    return reduced_loss(l, o.reduction);
  };
  return loss_in_f32(loss, x, target);
}

Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& variance, const GaussianNllOptions& o) {
  expect_defined("gaussian_nll_loss", {x, target, variance});
  HEARTH_CHECK(o.eps > 0, "gaussian_nll_loss: eps must be above 0, but is ", o.eps);
  Shape one = x.shape();
  if (one.rank() > 0) one[one.rank() - 1] = 1;
  Tensor v = variance;
  if (v.shape() != x.shape() && v.shape() != one) {
    Shape without = x.shape();
    if (without.rank() > 0) without.erase(without.rank() - 1);
    HEARTH_CHECK(x.dim() > 0 && v.shape() == without, "gaussian_nll_loss: the variance has shape ", v.shape(),
                 ", which does not fit an input of shape ", x.shape());
    v = v.unsqueeze(-1);
  }
  const auto loss = [&](const Tensor& a, const Tensor& t, const Tensor& w) {
    // The bound changes the value and not the gradient.
    const Tensor fixed = w.detach();
    const Tensor bounded =
        where(fixed < 0, std::numeric_limits<double>::quiet_NaN(), maximum(fixed, o.eps)) + (w - fixed);
    Tensor l = (log(bounded) + square(a - t) / bounded) * 0.5;
    if (o.full) l = l + 0.5 * std::log(2 * std::numbers::pi);
    return reduced_loss(l, o.reduction);
  };
  return loss_in_f32(loss, x, target, v);
}

}  // namespace hearth
