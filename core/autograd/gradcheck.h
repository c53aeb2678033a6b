// gradcheck: compares gradients with finite differences, for ops and functions of your own.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

/// A function of tensors.
using TensorFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

/// Options of gradcheck(). A gradient a agrees with a difference n if |a - n| <= atol + rtol |n|.
struct GradcheckOptions {
  double eps = 1e-6;   ///< Each element is moved by this much, up and down.
  double atol = 1e-6;  ///< The absolute tolerance.
  double rtol = 1e-5;  ///< The relative tolerance.
};

/// Compares every partial derivative of every floating-point output of fn with (f(x + eps) - f(x - eps)) / (2 eps), for
/// all inputs that require a gradient. These must be f64 leaves whose elements do not share memory; other inputs are
/// constants. A gradient that never arrives counts as zeros.
///
/// Gradients are asked for element by element, for all outputs at once with strides that are not row-major, with
/// create_graph, and with each of the inputs constant in turn, because an op may compute each in another way. Inputs
/// are not changed, and no grad is touched. Throws Error naming the output, the input, the element and both values.
void gradcheck(const TensorFunction& fn, std::span<const Tensor> inputs, const GradcheckOptions& options = {});

/// Does the same for the gradients of fn, as functions of the inputs and of the gradients of its outputs, and so checks
/// second derivatives. `output_gradients` that are left out are made up.
void gradgradcheck(const TensorFunction& fn, std::span<const Tensor> inputs,
                   std::span<const Tensor> output_gradients = {}, const GradcheckOptions& options = {});

}  // namespace hearth
