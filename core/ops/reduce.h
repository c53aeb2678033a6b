// Reductions. No dimensions: over all of them. Integers and bool sum to i64. Results have the same bits for any number
// of threads; floats accumulate in double beyond blocks of 1024 elements.
#pragma once

#include <optional>
#include <utility>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  // floating-point only
Tensor prod(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The largest and smallest value; NaN if there is one. Equal extremes share the gradient.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  // bool: is one element not 0
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor max(const Tensor& x);  // amax and amin over all elements
Tensor min(const Tensor& x);
// Values and i64 indices of the first extremes along a dimension.
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t d, bool keepdim = false);
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t d, bool keepdim = false);
Tensor argmax(const Tensor& x, std::optional<int64_t> d = {},
              bool keepdim = false);  // over all: index in row-major order
Tensor argmin(const Tensor& x, std::optional<int64_t> d = {}, bool keepdim = false);
// Sum of squared deviations over n - correction.
Tensor var(const Tensor& x, const Dims& dims = {}, int64_t correction = 1, bool keepdim = false);
Tensor std(const Tensor& x, const Dims& dims = {}, int64_t correction = 1, bool keepdim = false);
// (sum |x|^p)^(1/p); the largest |x| for p = infinity, the number of elements that are not 0 for p = 0.
// The gradient of a norm or deviation of 0 is 0.
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false);
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor count_nonzero(const Tensor& x, const Dims& dims = {});  // i64
// x summed down to a shape that broadcasts to x's.
Tensor sum_to(const Tensor& x, const Shape& shape);

extern constinit const OpDef kSum, kMean, kProd, kAmax, kAmin, kAny, kAll, kMaxDim, kMinDim, kArgmax, kArgmin;

}  // namespace hearth
