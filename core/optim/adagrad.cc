#include "core/optim/adagrad.h"

#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/optim/composed_internal.h"

namespace hearth::optim {

void check_options(const char* name, const AdagradOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0 && o.lr_decay >= 0 && o.initial_accumulator_value >= 0,
               name, ": lr, eps, weight_decay, lr_decay and initial_accumulator_value must not be negative, but are ",
               o.lr, ", ", o.eps, ", ", o.weight_decay, ", ", o.lr_decay, " and ", o.initial_accumulator_value);
}
void check_options(const char* name, const AdadeltaOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0, name,
               ": lr, eps and weight_decay must not be negative, but are ", o.lr, ", ", o.eps, " and ", o.weight_decay);
  HEARTH_CHECK(o.rho >= 0 && o.rho <= 1, name, ": rho must be in [0, 1], but is ", o.rho);
}

Adagrad::Adagrad(const Parameters& parameters, const AdagradOptions& options) : Adagrad() {
  add_group(parameters, options);
}
std::vector<Adagrad::Column> Adagrad::columns(size_t, double) const { return {{"sum", Use::kAlways}}; }
int64_t Adagrad::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
void Adagrad::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const AdagradOptions& o = options(group);
  const double rate = o.lr / (1 + static_cast<double>(phase - 1) * o.lr_decay);
  composed_step<1>(name(), rows, [&](ComposedRow<1>& r) {
    const Tensor g = step_gradient(r.gradient, r.parameter, o, true);
    Tensor& sum = r.states[0];
    if (phase == 1) sum.fill_(o.initial_accumulator_value);
    sum.addcmul_(g, g);
    return r.parameter.addcdiv(g, sqrt(sum) + o.eps, -rate);
  });
}

Adadelta::Adadelta(const Parameters& parameters, const AdadeltaOptions& options) : Adadelta() {
  add_group(parameters, options);
}
std::vector<Adadelta::Column> Adadelta::columns(size_t, double) const {
  return {{"square_avg", Use::kAlways}, {"acc_delta", Use::kAlways}};
}
int64_t Adadelta::phase(size_t, const Slot&) const { return 0; }
void Adadelta::update(size_t group, int64_t, std::span<const Operand> rows) const {
  const AdadeltaOptions& o = options(group);
  composed_step<2>(name(), rows, [&](ComposedRow<2>& r) {
    const Tensor g = step_gradient(r.gradient, r.parameter, o, true);
    auto& [squares, deltas] = r.states;
    squares.mul_(o.rho).addcmul_(g, g, 1 - o.rho);
    const Tensor delta = sqrt(deltas + o.eps) / sqrt(squares + o.eps) * g;
    deltas.mul_(o.rho).addcmul_(delta, delta, 1 - o.rho);
    return r.parameter - delta * o.lr;
  });
}

}  // namespace hearth::optim
