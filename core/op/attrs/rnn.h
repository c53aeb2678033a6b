#pragma once

#include <span>

#include "core/op/attrs.h"

namespace hearth {

/// What an Elman network (`rnn`) applies to its sums.
enum class RnnNonlinearity : uint8_t { kTanh, kRelu };
inline constexpr const char* kRnnNonlinearityNames[] = {"tanh", "relu"};
constexpr std::span<const char* const> enum_names(RnnNonlinearity) { return kRnnNonlinearityNames; }

/// Of `lstm` and `gru`.
struct RecurrentAttrs {
  bool reverse = false;  // from the last time step to the first
  static constexpr auto fields() { return std::make_tuple(field("reverse", &RecurrentAttrs::reverse)); }
  bool operator==(const RecurrentAttrs&) const = default;
};

/// Of `rnn`.
struct RnnAttrs {
  bool reverse = false;
  RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh;
  static constexpr auto fields() {
    return std::make_tuple(field("reverse", &RnnAttrs::reverse), field("nonlinearity", &RnnAttrs::nonlinearity));
  }
  bool operator==(const RnnAttrs&) const = default;
};

/// Of the gradients of all three.
struct RecurrentGradAttrs {
  bool reverse = false;
  RnnNonlinearity nonlinearity = RnnNonlinearity::kTanh;  // rnn only
  // The parts that output 3 consists of: gradients of weight_hh, bias_hh and weight_hr, one behind the other.
  bool weight = true, bias = true, projection = true;
  static constexpr auto fields() {
    return std::make_tuple(field("reverse", &RecurrentGradAttrs::reverse),
                           field("nonlinearity", &RecurrentGradAttrs::nonlinearity),
                           field("weight", &RecurrentGradAttrs::weight), field("bias", &RecurrentGradAttrs::bias),
                           field("projection", &RecurrentGradAttrs::projection));
  }
  bool operator==(const RecurrentGradAttrs&) const = default;
};

}  // namespace hearth
