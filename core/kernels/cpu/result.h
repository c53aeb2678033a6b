// Where a structured kernel writes its result.
#pragma once

#include <utility>

#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

// Output i of a call, in memory the kernel can write: the output itself, or, for an output bound by the caller with
// another dtype or other strides, a tensor of our own that is copied into it when done() is called.
class Result {
 public:
  Result(OpCall& call, int i, DType dtype, const Strides& strides) : call_(call), i_(i), tensor_(call.out[i]) {
    if (tensor_.dtype() == dtype && (tensor_.strides() == strides || !call.bound)) return;
    tensor_ = hearth::detail::empty_strided(tensor_.shape(), strides, dtype, call.device, call.op.name);
    copied_ = true;
  }
  Result(OpCall& call, int i, DType dtype) : Result(call, i, dtype, Layout(call.out[i].shape()).strides) {}

  const Tensor& tensor() const { return tensor_; }
  void done() {
    if (copied_) copy_tensor(call_.out[i_], tensor_);
  }

 private:
  OpCall& call_;
  int i_;
  Tensor tensor_;
  bool copied_ = false;
};

}  // namespace hearth::cpu
