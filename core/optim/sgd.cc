#include "core/optim/sgd.h"

#include "core/kernels/optim.h"
#include "core/op/attrs/optim.h"
#include "core/op/run.h"

namespace hearth {

extern constinit const OpDef kSgdStep = {.name = "sgd_step",
                                         .dtypes = kFloatTypes,
                                         .min_inputs = 3,
                                         .max_inputs = 255,
                                         .absent = 0b100,
                                         .row = 3,
                                         .writes = 0b101,
                                         .outputs = 0,
                                         .visible = 0,
                                         .internal = true,
                                         .attrs = &attrs_type<SgdAttrs>,
                                         .infer = optim::infer_update,
                                         .kernel = {cpu::sgd_step, cuda::sgd_step}};
HEARTH_OP(kSgdStep);

namespace optim {

void check_options(const char* name, const SGDOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.momentum >= 0 && o.weight_decay >= 0, name,
               ": lr, momentum and weight_decay must not be negative, but are ", o.lr, ", ", o.momentum, " and ",
               o.weight_decay);
  HEARTH_CHECK(!o.nesterov || (o.momentum > 0 && o.dampening == 0), name,
               ": Nesterov momentum needs a momentum and no dampening");
}

SGD::SGD(const Parameters& parameters, const SGDOptions& options) : SGD() { add_group(parameters, options); }

std::vector<SGD::Column> SGD::columns(size_t, double momentum) const {
  return {{"momentum_buffer", momentum != 0 ? Use::kUsed : Use::kKept}};
}

// 1 where the buffer takes its first gradient.
int64_t SGD::phase(size_t group, const Slot& slot) const { return momentum(group) != 0 && !slot.states[0].defined(); }

void SGD::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  const SGDOptions& o = options(group);
  run_rows(kSgdStep, rows, SgdAttrs{o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov, o.maximize, phase == 1});
}

}  // namespace optim
}  // namespace hearth
