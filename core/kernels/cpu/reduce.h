// CPU kernels of reductions.
#pragma once

#include "core/tensor/shape.h"

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void sum(OpCall&), mean(OpCall&), prod(OpCall&), amax(OpCall&), amin(OpCall&), any(OpCall&),
    all(OpCall&);                         // ReduceAttrs
void sum_to(OpCall&);                     // ShapeAttrs
void argmax(OpCall&), argmin(OpCall&);    // ArgAttrs
void max_dim(OpCall&), min_dim(OpCall&);  // ArgAttrs with a dimension: values and indices

}  // namespace hearth::cpu
