#pragma once

#include <span>

#include "core/op/attrs.h"

namespace hearth {

enum class Distribution : uint8_t { kUniform, kNormal, kBernoulli, kInteger };
inline constexpr const char* kDistributionNames[] = {"uniform", "normal", "bernoulli", "integer"};
constexpr std::span<const char* const> enum_names(Distribution) { return kDistributionNames; }

struct RandomAttrs {
  Distribution distribution = Distribution::kUniform;
  double a = 0, b = 1;        // [a, b); mean and standard deviation; probability of 1
  int64_t low = 0, high = 1;  // integers in [low, high)
  static constexpr auto fields() {
    return std::make_tuple(field("distribution", &RandomAttrs::distribution), field("a", &RandomAttrs::a),
                           field("b", &RandomAttrs::b), field("low", &RandomAttrs::low),
                           field("high", &RandomAttrs::high));
  }
  bool operator==(const RandomAttrs&) const = default;
};

struct DropoutAttrs {
  double p = 0.5;  // of zeros; below 1
  static constexpr auto fields() { return std::make_tuple(field("p", &DropoutAttrs::p)); }
  bool operator==(const DropoutAttrs&) const = default;
};

}  // namespace hearth
