// Checks gradients against differences, for ops and functions of one's own.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

using TensorFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

struct GradcheckOptions {
  double eps = 1e-6;  // each element is moved by this, both ways
  // A gradient a is right beside a difference n if |a - n| <= atol + rtol |n|.
  double atol = 1e-6;
  double rtol = 1e-5;
};

// Compares every partial derivative of every floating-point output of fn with (f(x + eps) - f(x - eps)) / (2 eps), for
// all inputs that require a gradient. These must be f64 leaves whose elements do not share memory; other inputs are
// constants. A gradient that never arrives counts as zeros. Gradients are asked for element by element, for all
// outputs at once with strides that are not row-major, with create_graph, and with each of the inputs constant in turn,
// since an op may compute each in another way. Inputs are not changed, and no grad is touched. Throws Error naming the
// output, the input, the element, and both values.
void gradcheck(const TensorFunction& fn, std::span<const Tensor> inputs, const GradcheckOptions& options = {});

// Does the same for the gradients of fn, as functions of the inputs and of the gradients of its outputs (of which
// those left out are made up), and so checks second derivatives.
void gradgradcheck(const TensorFunction& fn, std::span<const Tensor> inputs,
                   std::span<const Tensor> output_gradients = {}, const GradcheckOptions& options = {});

}  // namespace hearth
