/// Derivatives of functions of tensors: Jacobians, Hessians, and their products with vectors.
///
/// Functions take and give one tensor, or lists of them. Inputs are read as leaves of their own: nothing is added to
/// the grad of the tensors that are given, and history behind them plays no part, unless create_graph is set, with
/// which results have a history that leads to the inputs given. Inputs are floating-point or complex; gradients of
/// complex ones are PyTorch's, conjugated. Throws Error for others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

/// A function of tensors.
using TensorsFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
/// A function of one tensor.
using UnaryTensorFunction = std::function<Tensor(const Tensor&)>;

/// Options of all functions of this file.
struct DerivativeOptions {
  /// The results have a history: they can be differentiated.
  bool create_graph = false;
  /// Throws Error where an output does not depend on an input; else its derivative is 0.
  bool strict = false;
};

/// d f / d x, of the shape [shape of f(x)..., shape of x...]. A backward for each element of f(x).
Tensor jacobian(const UnaryTensorFunction& f, const Tensor& x, const DerivativeOptions& options = {});
/// The same for each output i and input j: result[i][j].
std::vector<std::vector<Tensor>> jacobian(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                                          const DerivativeOptions& options = {});

/// The second derivatives of a function with one element, of the shape [shape of x..., shape of x...]. Throws Error if
/// f(x) has another number of elements.
Tensor hessian(const UnaryTensorFunction& f, const Tensor& x, const DerivativeOptions& options = {});
/// The same for each pair of inputs: result[i][j]. f gives one tensor.
std::vector<std::vector<Tensor>> hessian(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                                         const DerivativeOptions& options = {});

/// f(x), and the gradient of f(x) weighted by v, which has its shape; v may be undefined if f(x) has one element.
std::pair<Tensor, Tensor> vjp(const UnaryTensorFunction& f, const Tensor& x, const Tensor& v = {},
                              const DerivativeOptions& options = {});
/// f(inputs), and the gradient for each input; v has a weight for each output.
std::pair<std::vector<Tensor>, std::vector<Tensor>> vjp(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                                                        const std::vector<Tensor>& v,
                                                        const DerivativeOptions& options = {});

/// f(x), and its derivative in the direction v, which has the shape of x. Two backwards, the second through the first:
/// f must have second derivatives.
std::pair<Tensor, Tensor> jvp(const UnaryTensorFunction& f, const Tensor& x, const Tensor& v,
                              const DerivativeOptions& options = {});
/// f(inputs), and the derivative of each output in the direction v, which has a tensor for each input.
std::pair<std::vector<Tensor>, std::vector<Tensor>> jvp(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                                                        const std::vector<Tensor>& v,
                                                        const DerivativeOptions& options = {});

/// f(x), which has one element, and its Hessian times v, which has the shape of x.
std::pair<Tensor, Tensor> hvp(const UnaryTensorFunction& f, const Tensor& x, const Tensor& v,
                              const DerivativeOptions& options = {});
/// f(inputs), one tensor of one element, and its Hessian times v, which has a tensor for each input.
std::pair<Tensor, std::vector<Tensor>> hvp(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                                           const std::vector<Tensor>& v, const DerivativeOptions& options = {});

/// f of each part of x along dimension in_dim, the results stacked along out_dim. It is a loop: f is called once for
/// each part, so that it may do what it likes, and no time is saved. PyTorch's vmap rewrites ops to run once. Throws
/// Error if there is no part.
Tensor vmap(const UnaryTensorFunction& f, const Tensor& x, int64_t in_dim = 0, int64_t out_dim = 0);
/// The same for a function of several tensors, which have as many parts; result i is that of all i-th outputs.
std::vector<Tensor> vmap(const TensorsFunction& f, const std::vector<Tensor>& inputs, int64_t in_dim = 0,
                         int64_t out_dim = 0);
/// The same with a dimension for each input; an input whose dimension is std::nullopt is given whole to each call. The
/// gradients of single examples:
///
///   vmap([](const std::vector<Tensor>& in) { return std::vector{vjp(loss_at(in[1], in[2]), in[0]).second}; },
///        {w, x, y}, {std::nullopt, 0, 0});
///
/// Throws Error unless there are as many as inputs, and one that is no std::nullopt.
std::vector<Tensor> vmap(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                         const std::vector<std::optional<int64_t>>& in_dims, int64_t out_dim = 0);

}  // namespace hearth
