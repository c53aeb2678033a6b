// A stable order of many keys, on a GPU.
#pragma once

#include "core/op/op_call.h"

namespace hearth::cuda {

// The places of n keys in rising order; equal keys keep theirs. keys: u64 bit patterns in i64, of which the lowest
// `bits` count. Where n keys lie in groups of `group` that stay together in their order, `group` is below n. Returns
// i64 [n].
Tensor stable_order(const OpCall& c, const Tensor& keys, int bits, int64_t group);

// How many bits the numbers below n take.
int bits_below(int64_t n);

}  // namespace hearth::cuda
