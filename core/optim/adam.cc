#include "core/optim/adam.h"

#include "core/kernels/optim.h"
#include "core/op/attrs/optim.h"
#include "core/op/run.h"

namespace hearth {

extern constinit const OpDef kAdamStep = {.name = "adam_step",
                                          .dtypes = kFloatTypes,
                                          .min_inputs = 5,
                                          .max_inputs = 255,
                                          .absent = 0b10000,
                                          .row = 5,
                                          .writes = 0b11101,
                                          .outputs = 0,
                                          .visible = 0,
                                          .internal = true,
                                          .attrs = &attrs_type<AdamAttrs>,
                                          .infer = optim::infer_update,
                                          .kernel = {cpu::adam_step, cuda::adam_step}};
HEARTH_OP(kAdamStep);

namespace optim {
namespace {

template <class O>
void check(const char* name, const O& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0, name,
               ": lr, eps and weight_decay must not be negative, but are ", o.lr, ", ", o.eps, " and ", o.weight_decay);
  HEARTH_CHECK(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, name, ": betas must be in [0, 1), but are ",
               o.beta1, " and ", o.beta2);
}

template <class O>
void run_step(const O& o, bool decoupled, int64_t number, std::span<const Operand> rows) {
  run_rows(kAdamStep, rows, AdamAttrs{o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, decoupled, o.maximize, number});
}

}  // namespace

void check_options(const char* name, const AdamOptions& o) { check(name, o); }
void check_options(const char* name, const AdamWOptions& o) { check(name, o); }

Adam::Adam(const Parameters& parameters, const AdamOptions& options) : Adam() { add_group(parameters, options); }
AdamW::AdamW(const Parameters& parameters, const AdamWOptions& options) : AdamW() { add_group(parameters, options); }

std::vector<Adam::Column> Adam::columns(size_t group, double) const {
  return {{"exp_avg", Use::kAlways},
          {"exp_avg_sq", Use::kAlways},
          {"max_exp_avg_sq", options(group).amsgrad ? Use::kUsed : Use::kNever}};
}
std::vector<AdamW::Column> AdamW::columns(size_t group, double) const {
  return {{"exp_avg", Use::kAlways},
          {"exp_avg_sq", Use::kAlways},
          {"max_exp_avg_sq", options(group).amsgrad ? Use::kUsed : Use::kNever}};
}

// The number of the step, from which the averages' corrections follow.
int64_t Adam::phase(size_t, const Slot& slot) const { return slot.steps + 1; }
int64_t AdamW::phase(size_t, const Slot& slot) const { return slot.steps + 1; }

void Adam::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  run_step(options(group), false, phase, rows);
}
void AdamW::update(size_t group, int64_t phase, std::span<const Operand> rows) const {
  run_step(options(group), true, phase, rows);
}

}  // namespace optim
}  // namespace hearth
