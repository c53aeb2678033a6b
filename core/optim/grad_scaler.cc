#include "core/optim/grad_scaler.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/optim/gradients_internal.h"

namespace hearth::optim {

GradScaler::GradScaler(const GradScalerOptions& o) : options_(o), scale_(o.init_scale) {
  HEARTH_CHECK(o.init_scale > 0 && std::isfinite(o.init_scale), "GradScaler: init_scale must be above 0, but is ",
               o.init_scale);
  HEARTH_CHECK(o.growth_factor > 1 && std::isfinite(o.growth_factor),
               "GradScaler: growth_factor must be above 1, but is ", o.growth_factor);
  HEARTH_CHECK(o.backoff_factor > 0 && o.backoff_factor < 1,
               "GradScaler: backoff_factor must be between 0 and 1, but is ", o.backoff_factor);
  HEARTH_CHECK(o.growth_interval >= 1, "GradScaler: growth_interval must be at least 1, but is ", o.growth_interval);
}

Tensor GradScaler::scale(const Tensor& loss) const {
  if (!options_.enabled) return loss;
  HEARTH_CHECK(loss.defined(), "GradScaler: the loss is undefined");
  // In f32 at least: the scale is above what f16 holds.
  return (is_floating_point(loss.dtype()) && loss.itemsize() < 4 ? loss.to(f32) : loss) * scale_;
}

void GradScaler::unscale_(Optimizer& optimizer) {
  if (!options_.enabled) return;
  if (const auto it = found_.find(&optimizer); it != found_.end()) {
    HEARTH_CHECK(!it->second.stepped, "GradScaler: unscale_() after step(); call update() first");
    fail("GradScaler: unscale_() was called for this optimizer already since the last update()");
  }
  const NoGrad off;
  std::vector<Tensor> parameters;
  for (size_t g = 0; g < optimizer.groups(); ++g) {
    for (size_t i = 0; i < optimizer.parameters(g).size(); ++i) {
      const Tensor& p = optimizer.parameters(g)[i];
      HEARTH_CHECK(!p.grad().defined() || p.grad().dtype() != f16, "GradScaler: the gradient of \"",
                   optimizer.names(g)[i], "\" is f16; keep parameters in f32, and compute under Autocast(f16)");
      parameters.push_back(p);
    }
  }
  own_gradients(parameters);
  const double largest = grad_norm(parameters, std::numeric_limits<double>::infinity(), options_.reduce).item<double>();
  found_[&optimizer] = {.overflow = !std::isfinite(largest)};
  if (!parameters.empty())
    scale_gradients(parameters, full({}, 1 / scale_, {.dtype = f32, .device = parameters[0].device()}));
}

bool GradScaler::step(Optimizer& optimizer) {
  if (!options_.enabled) {
    optimizer.step();
    return true;
  }
  if (!found_.contains(&optimizer)) unscale_(optimizer);
  Found& found = found_[&optimizer];
  HEARTH_CHECK(!found.stepped, "GradScaler: step() was called for this optimizer already since the last update()");
  found.stepped = true;
  if (found.overflow) return false;
  optimizer.step();
  return true;
}

void GradScaler::update(std::optional<double> scale) {
  if (!options_.enabled) return;
  if (scale) {
    HEARTH_CHECK(*scale > 0 && std::isfinite(*scale), "GradScaler: the scale must be above 0, but is ", *scale);
    scale_ = *scale;
  } else {
    HEARTH_CHECK(!found_.empty(), "GradScaler: update() without a step() before");
    bool overflow = false;
    for (const auto& [optimizer, found] : found_) overflow |= found.overflow;
    if (overflow) {
      scale_ *= options_.backoff_factor;
      tracker_ = 0;
    } else if (++tracker_ == options_.growth_interval) {
      // Beyond what f32 holds no gradient could be scaled back.
      if (const double grown = scale_ * options_.growth_factor; grown <= std::numeric_limits<float>::max())
        scale_ = grown;
      tracker_ = 0;
    }
  }
  found_.clear();
}

std::map<std::string, Tensor> GradScaler::state_dict() const {
  return {{"scale", full({}, scale_, {.dtype = f64})}, {"growth_tracker", full({}, tracker_, {.dtype = i64})}};
}

void GradScaler::load_state_dict(const std::map<std::string, Tensor>& state) {
  for (const auto& [name, t] : state) {
    HEARTH_CHECK(name == "scale" || name == "growth_tracker", "GradScaler: unexpected entry \"", name, "\"");
    HEARTH_CHECK(t.defined() && t.numel() == 1, "GradScaler: \"", name, "\" must be one number");
  }
  for (const char* name : {"scale", "growth_tracker"})
    HEARTH_CHECK(state.contains(name), "GradScaler: the entry \"", name, "\" is missing");
  const double scale = state.at("scale").item<double>();
  const auto tracker = state.at("growth_tracker").item<int64_t>();
  HEARTH_CHECK(scale > 0 && std::isfinite(scale), "GradScaler: the scale must be above 0, but is ", scale);
  HEARTH_CHECK(tracker >= 0 && tracker < options_.growth_interval, "GradScaler: growth_tracker must be from 0 to ",
               options_.growth_interval - 1, ", but is ", tracker);
  scale_ = scale;
  tracker_ = tracker;
}

}  // namespace hearth::optim
