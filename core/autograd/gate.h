// A gate: tensors pass it together, and their gradients are seen together.
#pragma once

#include <functional>
#include <span>

#include "core/tensor/tensor.h"

namespace hearth::autograd {

/// Gets the gradients of all tensors that passed a gate, undefined where none came or the tensor wants none, and may
/// replace them by others of the same shape and dtype.
using GateFunction = std::function<void(std::span<Tensor> gradients)>;

/// Replaces each of the tensors (undefined ones and those that want no gradient stay as they are) by one of the same
/// values. When backward comes to them, f is called once, with the gradients of all of them, and what it leaves goes on
/// to the tensors that were given. f runs in backward's thread, and its ops are recorded only with create_graph. A new
/// tensor whose memory a handle outside still shows cannot be written in place while gradients are on. False if nothing
/// passed: no tensor wants a gradient, gradients are off, or a function is being traced. Throws Error for more than 255
/// tensors that want one.
bool pass_gate(std::span<Tensor* const> tensors, GateFunction f);

}  // namespace hearth::autograd
