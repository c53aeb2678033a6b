// Running gradients back through recorded ops.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

/// Adds the gradients of `outputs`, weighted by `gradients`, to the grad of every leaf that they were computed from, or
/// of BackwardOptions::inputs alone. A gradient has its output's shape. It may be undefined, or the list empty, for an
/// output of one element, which then has the weight 1.
///
/// Runs in the calling thread. Of the nodes that are ready, the one recorded last runs first. When a leaf's grad is
/// complete, its hooks run before any other node does. Throws Error if nothing was recorded, if the graph has been run
/// through before and was not retained, or if a tensor that a gradient needs was written to.
void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients = {}, BackwardOptions options = {});

/// The gradients of `outputs`, weighted by `gradients`, with respect to `inputs`. Changes no grad. Throws Error as
/// backward(), and if an input does not require a gradient. If the outputs do not depend on an input, its result is
/// undefined with `allow_unused`, and zeros with `materialize_grads`; otherwise throws Error.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients = {}, BackwardOptions options = {},
                         bool allow_unused = false, bool materialize_grads = false);
/// The gradient of one output with respect to one input: `grad(y, x)`. `gradient` weighs the output and may be left out
/// if that has one element.
Tensor grad(const Tensor& output, const Tensor& input, const Tensor& gradient = {}, BackwardOptions options = {});
/// The gradients of one output with respect to several inputs: `grad(y, {a, b})`.
std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs, const Tensor& gradient = {},
                         BackwardOptions options = {});

}  // namespace hearth
