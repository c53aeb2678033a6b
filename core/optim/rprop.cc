#include "core/optim/rprop.h"

#include <algorithm>
#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/optim/composed_internal.h"

namespace hearth::optim {

void check_options(const char* name, const RpropOptions& o) {
  HEARTH_CHECK(o.lr >= 0, name, ": lr must not be negative, but is ", o.lr);
  HEARTH_CHECK(o.eta_minus > 0 && o.eta_minus < 1 && o.eta_plus > 1, name,
               ": eta_minus must be in (0, 1) and eta_plus above 1, but they are ", o.eta_minus, " and ", o.eta_plus);
  HEARTH_CHECK(o.min_step >= 0 && o.max_step >= o.min_step, name,
               ": min_step must not be negative, and max_step not below it, but they are ", o.min_step, " and ",
               o.max_step);
}
void check_options(const char* name, const AsgdOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.lambd >= 0 && o.weight_decay >= 0, name,
               ": lr, lambd and weight_decay must not be negative, but are ", o.lr, ", ", o.lambd, " and ",
               o.weight_decay);
  HEARTH_CHECK(!std::isnan(o.alpha) && !std::isnan(o.t0), name, ": alpha and t0 must be numbers");
}

Rprop::Rprop(const Parameters& parameters, const RpropOptions& options) : Rprop() { add_group(parameters, options); }
std::vector<Rprop::Column> Rprop::columns(size_t, double) const {
  return {{"prev", Use::kAlways}, {"step_size", Use::kAlways}};
}
int64_t Rprop::phase(size_t, const Slot& slot) const { return slot.steps == 0; }
void Rprop::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const RpropOptions& o = options(group);
  composed_step<2>(name(), rows, [&](ComposedRow<2>& r) {
    Tensor g = o.maximize ? -r.gradient : r.gradient;
    auto& [previous, size] = r.states;
    if (phase == 1) size.fill_(o.lr);
    const Tensor agreement = g * previous;
    const Tensor turned = agreement < 0;
    size.copy_(clamp(where(agreement > 0, size * o.eta_plus, where(turned, size * o.eta_minus, size)), o.min_step,
                     o.max_step));
    g = where(turned, 0.0, g);
    previous.copy_(g);
    return r.parameter - sign(g) * size;
  });
}

ASGD::ASGD(const Parameters& parameters, const AsgdOptions& options) : ASGD() { add_group(parameters, options); }
std::vector<ASGD::Column> ASGD::columns(size_t, double) const { return {{"ax", Use::kAlways}}; }
int64_t ASGD::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
void ASGD::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const AsgdOptions& o = options(group);
  const auto before = static_cast<double>(phase - 1);
  const double rate = o.lr / std::pow(1 + o.lambd * o.lr * before, o.alpha);
  const double share = 1 / std::max(1.0, before - o.t0);
  composed_step<1>(name(), rows, [&](ComposedRow<1>& r) {
    const Tensor g = step_gradient(r.gradient, r.parameter, o, true);
    const Tensor p = r.parameter * (1 - o.lambd * rate) - g * rate;
    r.states[0].lerp_(p, share);
    return p;
  });
}

}  // namespace hearth::optim
