#pragma once

#include "core/op/attrs.h"

namespace hearth {

// One step of an optimizer; each uses the fields that it has a meaning for.
struct SgdAttrs {
  double lr = 0, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false, first = false;
  static constexpr auto fields() {
    return std::make_tuple(field("lr", &SgdAttrs::lr), field("momentum", &SgdAttrs::momentum),
                           field("dampening", &SgdAttrs::dampening), field("weight_decay", &SgdAttrs::weight_decay),
                           field("nesterov", &SgdAttrs::nesterov), field("maximize", &SgdAttrs::maximize),
                           field("first", &SgdAttrs::first));
  }
  bool operator==(const SgdAttrs&) const = default;
};

struct AdamAttrs {
  double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false, maximize = false;
  int64_t step = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("lr", &AdamAttrs::lr), field("beta1", &AdamAttrs::beta1),
                           field("beta2", &AdamAttrs::beta2), field("eps", &AdamAttrs::eps),
                           field("weight_decay", &AdamAttrs::weight_decay), field("decoupled", &AdamAttrs::decoupled),
                           field("maximize", &AdamAttrs::maximize), field("step", &AdamAttrs::step));
  }
  bool operator==(const AdamAttrs&) const = default;
};

struct RmspropAttrs {
  double lr = 0, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0;
  bool centered = false, maximize = false;
  static constexpr auto fields() {
    return std::make_tuple(field("lr", &RmspropAttrs::lr), field("alpha", &RmspropAttrs::alpha),
                           field("eps", &RmspropAttrs::eps), field("weight_decay", &RmspropAttrs::weight_decay),
                           field("momentum", &RmspropAttrs::momentum), field("centered", &RmspropAttrs::centered),
                           field("maximize", &RmspropAttrs::maximize));
  }
  bool operator==(const RmspropAttrs&) const = default;
};

/// A sum of p-th powers; of p = infinity the largest absolute value.
struct PowerSumAttrs {
  double p = 2;
  static constexpr auto fields() { return std::make_tuple(field("p", &PowerSumAttrs::p)); }
  bool operator==(const PowerSumAttrs&) const = default;
};

}  // namespace hearth
