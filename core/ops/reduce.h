/// Reductions over some or all dimensions.
///
/// `dims` names the dimensions that are reduced, which may count from the end; without it all are reduced. They vanish
/// from the result, or with `keepdim` stay with size 1. Throws Error if a dimension does not exist or is named twice.
/// Results have the same bits for any number of threads. Floats accumulate in double beyond blocks of 1024 elements;
/// f16 and bf16 are rounded once.
#pragma once

#include <optional>
#include <utility>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// The sum; 0 of no elements. Integers and bool give i64.
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The mean; NaN of no elements. Floating-point only.
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The product; 1 of no elements. Integers and bool give i64. The gradient is right also beside zeros.
Tensor prod(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The greatest value, in x's dtype; NaN if one is NaN. Equal extremes share the gradient. Throws Error if a reduced
/// dimension has no elements.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The smallest value; otherwise as amax().
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// True if one element is not 0; false of no elements. The result is bool.
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// True if no element is 0; true of no elements. The result is bool.
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// maximum() and minimum() by PyTorch's other names.
Tensor max(const Tensor& a, const Tensor& b);
Tensor min(const Tensor& a, const Tensor& b);  ///< See above.
/// amax() over all elements.
Tensor max(const Tensor& x);
/// amin() over all elements.
Tensor min(const Tensor& x);
/// The greatest values along dimension d and the i64 indices of the first of them. The first NaN counts as the
/// greatest. The gradient goes to the element at the index alone. Throws Error if the dimension has no elements.
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t d, bool keepdim = false);
/// The smallest values along dimension d and the i64 indices of the first of them. The first NaN counts as the
/// smallest. Otherwise as max().
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t d, bool keepdim = false);
/// The i64 index of the first greatest value along dimension d; without d over all elements in row-major order. The
/// first NaN counts as the greatest. Throws Error if there are no elements to choose from.
Tensor argmax(const Tensor& x, std::optional<int64_t> d = {}, bool keepdim = false);
/// The i64 index of the first smallest value; otherwise as argmax().
Tensor argmin(const Tensor& x, std::optional<int64_t> d = {}, bool keepdim = false);
/// The variance: the sum of squared deviations from the mean over n - correction. Where n is at most `correction` the
/// divisor is 0. Floating-point only.
Tensor var(const Tensor& x, const Dims& dims = {}, int64_t correction = 1, bool keepdim = false);
/// The standard deviation, the root of var(). The gradient of a deviation of 0 is 0.
Tensor std(const Tensor& x, const Dims& dims = {}, int64_t correction = 1, bool keepdim = false);
/// The p-norm (sum |x|^p)^(1/p): the greatest |x| for p = infinity, the smallest for p = -infinity, the number of
/// elements that are not 0 for p = 0. Floating-point and complex only; the norm is real. The gradient of a norm of 0 is
/// 0. Throws Error for an infinite p if a reduced dimension has no elements. torch.linalg.vector_norm.
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false);
/// log(sum(e^x)), without overflow; -infinity of no elements. Integers give the default dtype.
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The number of elements that are not 0, in i64. NaN is not 0. No gradient passes.
Tensor count_nonzero(const Tensor& x, const Dims& dims = {});
/// x summed down to `shape`, which broadcasts to x's shape; x itself if it has the shape. Not for bool. Throws Error if
/// the shape does not broadcast. torch.Tensor.sum_to_size.
Tensor sum_to(const Tensor& x, const Shape& shape);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> sum(x, dims, keepdim), with ReduceAttrs.
extern constinit const OpDef kSum;
/// x -> mean(x, dims, keepdim), with ReduceAttrs.
extern constinit const OpDef kMean;
/// x -> prod(x, dims, keepdim), with ReduceAttrs.
extern constinit const OpDef kProd;
/// x -> amax(x, dims, keepdim), with ReduceAttrs.
extern constinit const OpDef kAmax;
/// x -> amin(x, dims, keepdim), with ReduceAttrs.
extern constinit const OpDef kAmin;
/// x -> any(x, dims, keepdim), with ReduceAttrs. x is bool.
extern constinit const OpDef kAny;
/// x -> all(x, dims, keepdim), with ReduceAttrs. x is bool.
extern constinit const OpDef kAll;
/// x -> values and indices of max(x, d, keepdim), with ArgAttrs.
extern constinit const OpDef kMaxDim;
/// x -> values and indices of min(x, d, keepdim), with ArgAttrs.
extern constinit const OpDef kMinDim;
/// x -> argmax(x, d, keepdim), with ArgAttrs.
extern constinit const OpDef kArgmax;
/// x -> argmin(x, d, keepdim), with ArgAttrs.
extern constinit const OpDef kArgmin;

}  // namespace hearth
