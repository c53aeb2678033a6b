// Images as the structured kernels take them: N, H, W, C without gaps.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::cpu {

// The tensor itself if it lies so (sizes of 1 may have any stride), else a copy. Rank 4.
Tensor channels_last(const Tensor& t);
// The same in another dtype.
Tensor channels_last(const Tensor& t, DType dtype);

}  // namespace hearth::cpu
