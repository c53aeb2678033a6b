#include "core/optim/ema.h"

#include <utility>

#include "core/base/error.h"
#include "core/optim/swa.h"

namespace hearth::optim {

EMA::EMA(std::vector<Tensor> tensors, double decay) : held_(std::move(tensors)) {
  HEARTH_CHECK(decay >= 0 && decay <= 1, "EMA: the decay must be from 0 to 1, but is ", decay);
  rule_ = get_ema_multi_avg_fn(decay);
}

// As the values that it begins with were the first.
void EMA::update() { held_.update(rule_, 1); }

}  // namespace hearth::optim
