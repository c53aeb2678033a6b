#include "core/optim/rmsprop.h"

#include "core/kernels/optim.h"
#include "core/op/attrs/optim.h"
#include "core/op/run.h"

namespace hearth {

extern constinit const OpDef kRmspropStep = {.name = "rmsprop_step",
                                             .dtypes = kFloatTypes,
                                             .min_inputs = 5,
                                             .max_inputs = 255,
                                             .absent = 0b11000,
                                             .row = 5,
                                             .writes = 0b11101,
                                             .outputs = 0,
                                             .visible = 0,
                                             .internal = true,
                                             .attrs = &attrs_type<RmspropAttrs>,
                                             .infer = optim::infer_update,
                                             .kernel = {cpu::rmsprop_step, cuda::rmsprop_step}};
HEARTH_OP(kRmspropStep);

namespace optim {

void check_options(const char* name, const RMSpropOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0 && o.momentum >= 0, name,
               ": lr, eps, weight_decay and momentum must not be negative, but are ", o.lr, ", ", o.eps, ", ",
               o.weight_decay, " and ", o.momentum);
  HEARTH_CHECK(o.alpha >= 0 && o.alpha <= 1, name, ": alpha must be in [0, 1], but is ", o.alpha);
}

RMSprop::RMSprop(const Parameters& parameters, const RMSpropOptions& options) : RMSprop() {
  add_group(parameters, options);
}

std::vector<RMSprop::Column> RMSprop::columns(size_t group, double momentum) const {
  return {{"square_avg", Use::kAlways},
          {"momentum_buffer", momentum > 0 ? Use::kUsed : Use::kKept},
          {"grad_avg", options(group).centered ? Use::kUsed : Use::kNever}};
}

int64_t RMSprop::phase(size_t, const Slot&) const { return 0; }

void RMSprop::update(size_t group, int64_t, std::span<const Operand> rows) const {
  const RMSpropOptions& o = options(group);
  run_rows(kRmspropStep, rows, RmspropAttrs{o.lr, o.alpha, o.eps, o.weight_decay, o.momentum, o.centered, o.maximize});
}

}  // namespace optim
}  // namespace hearth
