// A copy as a step of another CPU kernel.
#pragma once

namespace hearth {
class Tensor;
}

namespace hearth::cpu {

// `from` into `to`, of one shape; elements are cast to to's dtype.
void copy_tensor(const Tensor& to, const Tensor& from);

// The tensor itself if it is row-major, else a copy.
Tensor row_major(const Tensor& t);

}  // namespace hearth::cpu
