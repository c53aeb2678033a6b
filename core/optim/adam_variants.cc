#include "core/optim/adam_variants.h"

#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/optim/composed_internal.h"

namespace hearth::optim {
namespace {

template <class O>
void check(const char* name, const O& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0, name,
               ": lr, eps and weight_decay must not be negative, but are ", o.lr, ", ", o.eps, " and ", o.weight_decay);
  HEARTH_CHECK(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, name, ": betas must be in [0, 1), but are ",
               o.beta1, " and ", o.beta2);
}

// 1 - beta^t.
double correction(double beta, int64_t t) { return 1 - std::pow(beta, static_cast<double>(t)); }

// The momentum of step t, from 1 on.
double nesterov(const NAdamOptions& o, int64_t t) {
  return o.beta1 * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * o.momentum_decay));
}

// Those of the steps up to t, multiplied, as far as 1 minus the product tells them: of a few hundred at beta1 0.9.
double momenta(const NAdamOptions& o, int64_t t) {
  double product = 1;
  for (int64_t i = 1; i <= t && product > 0x1p-54; ++i) product *= nesterov(o, i);
  return product;
}

}  // namespace

void check_options(const char* name, const AdamaxOptions& o) { check(name, o); }
void check_options(const char* name, const NAdamOptions& o) {
  check(name, o);
  HEARTH_CHECK(o.momentum_decay >= 0, name, ": momentum_decay must not be negative, but is ", o.momentum_decay);
}
void check_options(const char* name, const RAdamOptions& o) { check(name, o); }

Adamax::Adamax(const Parameters& parameters, const AdamaxOptions& options) : Adamax() {
  add_group(parameters, options);
}
std::vector<Adamax::Column> Adamax::columns(size_t, double) const {
  return {{"exp_avg", Use::kAlways}, {"exp_inf", Use::kAlways}};
}
int64_t Adamax::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
void Adamax::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const AdamaxOptions& o = options(group);
  composed_step<2>(name(), rows, [&](ComposedRow<2>& r) {
    const Tensor g = step_gradient(r.gradient, r.parameter, o, true);
    auto& [average, largest] = r.states;
    average.lerp_(g, 1 - o.beta1);
    largest.copy_(maximum(largest * o.beta2, abs(g) + o.eps));
    return r.parameter.addcdiv(average, largest, -o.lr / correction(o.beta1, phase));
  });
}

NAdam::NAdam(const Parameters& parameters, const NAdamOptions& options) : NAdam() { add_group(parameters, options); }
std::vector<NAdam::Column> NAdam::columns(size_t, double) const {
  return {{"exp_avg", Use::kAlways}, {"exp_avg_sq", Use::kAlways}};
}
int64_t NAdam::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
void NAdam::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const NAdamOptions& o = options(group);
  const double product = momenta(o, phase);
  const double now = nesterov(o, phase), next = nesterov(o, phase + 1);
  composed_step<2>(name(), rows, [&](ComposedRow<2>& r) {
    const Tensor g = step_gradient(r.gradient, r.parameter, o, !o.decoupled_weight_decay);
    Tensor p = o.decoupled_weight_decay ? r.parameter * (1 - o.lr * o.weight_decay) : r.parameter;
    auto& [average, squares] = r.states;
    average.lerp_(g, 1 - o.beta1);
    squares.mul_(o.beta2).addcmul_(g, g, 1 - o.beta2);
    const Tensor size = sqrt(squares / correction(o.beta2, phase)) + o.eps;
    p = p.addcdiv(g, size, -o.lr * (1 - now) / (1 - product));
    return p.addcdiv(average, size, -o.lr * next / (1 - product * next));
  });
}

RAdam::RAdam(const Parameters& parameters, const RAdamOptions& options) : RAdam() { add_group(parameters, options); }
std::vector<RAdam::Column> RAdam::columns(size_t, double) const {
  return {{"exp_avg", Use::kAlways}, {"exp_avg_sq", Use::kAlways}};
}
int64_t RAdam::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
void RAdam::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const RAdamOptions& o = options(group);
  const double rest = correction(o.beta2, phase), whole = 2 / (1 - o.beta2) - 1;
  const double length = whole - 2 * static_cast<double>(phase) * (1 - rest) / rest;
  const double rate = o.lr / correction(o.beta1, phase);
  composed_step<2>(name(), rows, [&](ComposedRow<2>& r) {
    const Tensor g = step_gradient(r.gradient, r.parameter, o, !o.decoupled_weight_decay);
    const Tensor p = o.decoupled_weight_decay ? r.parameter * (1 - o.lr * o.weight_decay) : r.parameter;
    auto& [average, squares] = r.states;
    average.lerp_(g, 1 - o.beta1);
    squares.mul_(o.beta2).addcmul_(g, g, 1 - o.beta2);
    if (length <= 5) return p - average * rate;
    const double rectified = std::sqrt((length - 4) * (length - 2) * whole / ((whole - 4) * (whole - 2) * length));
    return p.addcdiv(average, sqrt(squares) + o.eps, -rate * rectified * std::sqrt(rest));
  });
}

}  // namespace hearth::optim
