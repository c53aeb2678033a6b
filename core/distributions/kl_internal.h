// The rules of kl_divergence() that every program has.
#pragma once

#include <cmath>
#include <vector>

#include "core/distributions/kl.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"

namespace hearth::distributions::detail {

// Between distributions of one family.
void add_rules_of_one_family(std::vector<KlRule>& rules);
// Between distributions of two.
void add_rules_of_two_families(std::vector<KlRule>& rules);

// f16 and bf16 as f32.
inline Tensor wide(const Tensor& t) { return machinery::widened(t); }
// Infinite where the condition holds.
inline Tensor infinite_where(const Tensor& condition, const Tensor& x) { return where(condition, Scalar(INFINITY), x); }

template <class P, class Q, class F>
void rule(std::vector<KlRule>& rules, F f) {
  rules.push_back(kl_rule<P, Q>(f));
}

}  // namespace hearth::distributions::detail
