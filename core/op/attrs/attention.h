#pragma once

#include <optional>

#include "core/op/attrs.h"

namespace hearth {

struct AttentionAttrs {
  std::optional<double> scale;  // 1 / sqrt(head size) where none is given
  bool causal = false;
  std::optional<int64_t> window;
  double dropout = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("scale", &AttentionAttrs::scale), field("causal", &AttentionAttrs::causal),
                           field("window", &AttentionAttrs::window), field("dropout", &AttentionAttrs::dropout));
  }
  bool operator==(const AttentionAttrs&) const = default;
};

// Which gradients are wanted. The others come out with no elements.
struct AttentionGradAttrs : AttentionAttrs {
  bool dq = true, dk = true, dv = true, dmask = false;
  static constexpr auto fields() {
    return std::tuple_cat(
        AttentionAttrs::fields(),
        std::make_tuple(field("dq", &AttentionGradAttrs::dq), field("dk", &AttentionGradAttrs::dk),
                        field("dv", &AttentionGradAttrs::dv), field("dmask", &AttentionGradAttrs::dmask)));
  }
  bool operator==(const AttentionGradAttrs&) const = default;
};

}  // namespace hearth
