// Where a structured kernel writes its result.
#pragma once

#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

// Output i of a call in the dtype that the kernel computes: the output itself, or, where that is of 16 bits, a tensor
// of the same strides that done() rounds into it.
class Result {
 public:
  Result(OpCall& call, int i, DType computed) : out_(call.out[i]), tensor_(out_) {
    if (out_.dtype() != computed)
      tensor_ = hearth::detail::empty_strided(out_.shape(), out_.strides(), computed, call.device, call.op.name);
  }

  const Tensor& tensor() const { return tensor_; }
  void done() {
    if (tensor_.impl() != out_.impl()) copy_tensor(out_, tensor_);
  }

 private:
  Tensor out_, tensor_;
};

}  // namespace hearth::cpu
