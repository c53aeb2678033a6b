// Running gradients back through recorded ops.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

// Adds the gradients of `outputs`, weighted by `gradients`, to the grad of every leaf they were computed from. A
// gradient may be undefined (or the list empty) for an output of one element, which then counts with weight 1. Runs in
// the calling thread. Of the nodes that are ready the one recorded last runs first; a leaf's grad is complete, and its
// hooks run, before any further node. Throws Error on a second run through a graph that was not retained, when a tensor
// that a gradient needs was written to, or where nothing was recorded.
void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients = {}, BackwardOptions options = {});

// The gradients with respect to `inputs`, without touching any grad. Where an output does not depend on an input the
// result is undefined, or an Error unless allow_unused.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients = {}, BackwardOptions options = {},
                         bool allow_unused = false);
// Of one output with respect to one input, or to several: grad(y, x), grad(y, {a, b}). `gradient` weighs the output and
// may be left out if that has one element.
Tensor grad(const Tensor& output, const Tensor& input, const Tensor& gradient = {}, BackwardOptions options = {});
std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs, const Tensor& gradient = {},
                         BackwardOptions options = {});

}  // namespace hearth
