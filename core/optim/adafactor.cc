#include "core/optim/adafactor.h"

#include <algorithm>
#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/optim/composed_internal.h"

namespace hearth::optim {
namespace {

// The shape of a factor of the second moment: dimension d of the parameter's shape becomes 1.
template <int kFromEnd>
std::optional<Shape> factor(const Shape& parameter) {
  if (parameter.rank() < 2) return std::nullopt;
  Shape shape = parameter;
  shape[shape.rank() - kFromEnd] = 1;
  return shape;
}
std::optional<Shape> whole(const Shape& parameter) {
  return parameter.rank() < 2 ? std::optional(parameter) : std::nullopt;
}

// The root mean square of the elements.
double size_of(const Tensor& t) { return norm(t).item<double>() / std::sqrt(static_cast<double>(t.numel())); }

}  // namespace

void check_options(const char* name, const AdafactorOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.weight_decay >= 0, name, ": lr and weight_decay must not be negative, but are ", o.lr,
               " and ", o.weight_decay);
  HEARTH_CHECK(o.beta2_decay <= 0, name, ": beta2_decay must be at most 0, but is ", o.beta2_decay);
  HEARTH_CHECK(!o.eps1 || *o.eps1 >= 0, name, ": eps1 must not be negative, but is ", o.eps1.value_or(0));
  HEARTH_CHECK(o.eps2 >= 0, name, ": eps2 must not be negative, but is ", o.eps2);
  HEARTH_CHECK(o.d >= 1, name, ": d must be at least 1, but is ", o.d);
}

Adafactor::Adafactor(const Parameters& parameters, const AdafactorOptions& options) : Adafactor() {
  add_group(parameters, options);
}
std::vector<Adafactor::Column> Adafactor::columns(size_t, double) const {
  return {
      {"row_var", Use::kAlways, factor<1>}, {"col_var", Use::kAlways, factor<2>}, {"variance", Use::kAlways, whole}};
}
int64_t Adafactor::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
void Adafactor::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const AdafactorOptions& o = options(group);
  const auto t = static_cast<double>(phase);
  const double share = std::pow(t, o.beta2_decay), rate = std::min(o.lr, 1 / std::sqrt(t));
  composed_step<3>(name(), rows, [&](ComposedRow<3>& r) {
    const double eps1 = o.eps1.value_or(r.parameter.dtype() == f64 ? 0x1p-52 : 0x1p-23);
    if (r.parameter.numel() == 0) return r.parameter;
    const Tensor g = o.maximize ? -r.gradient : r.gradient;
    const double step = std::max(o.eps2, size_of(r.parameter)) * rate;
    const Tensor p = o.weight_decay != 0 ? r.parameter * (1 - o.lr * o.weight_decay) : r.parameter;
    auto& [row_var, col_var, variance] = r.states;
    const Tensor squares = square(g);
    Tensor estimate;
    if (g.dim() > 1) {
      row_var.lerp_(mean(squares, {-1}, true), share);
      col_var.lerp_(mean(squares, {-2}, true), share);
      estimate = row_var * col_var / clamp(mean(row_var, {-2}, true), eps1);
    } else {
      variance.lerp_(squares, share);
      estimate = variance;
    }
    const Tensor change = rsqrt(clamp(estimate, eps1 * eps1)) * g;
    return p - change * (step / std::max(1.0, size_of(change) / o.d));
  });
}

}  // namespace hearth::optim
