// What the records of reductions share.
#pragma once

#include "core/op/grad_context.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Bit d: dimension d is reduced; all are if none is named. Throws Error if one is named twice.
unsigned reduced_mask(const char* op, const Dims& dims, int rank);

// The shape that is left; with keepdim with 1 where dimensions went away.
Shape reduced_shape(const Shape& in, unsigned mask, bool keepdim);

// Whether a reduced dimension has no elements.
bool reduces_nothing(const char* op, const Tensor& x, const Dims& dims);

// What was reduced, with 1 where dimensions went away.
Tensor with_ones(const Tensor& t, const Shape& in, const Dims& dims, bool keepdim, const char* op);

// The gradient of a reduction with ReduceAttrs, as with_ones() gives it.
Tensor spread(GradContext& g);

}  // namespace hearth
