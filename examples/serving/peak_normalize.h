// An op of one's own: a record that HEARTH_OP lists, so that traced graphs hold it and a server finds it by name.
#pragma once

#include "core/tensor/tensor.h"

namespace example {

// Each row of x, f32 [n, k], divided by its largest absolute value; rows of zeros stay.
hearth::Tensor peak_normalize(const hearth::Tensor& x);

}  // namespace example
