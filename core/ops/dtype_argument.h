/// The functions of reduce.h, scan.h and softmax.h with PyTorch's dtype argument: x is cast first, so that nothing
/// overflows or is lost on the way, and the result has this dtype.
#pragma once

#include <concepts>

#include "core/tensor/tensor.h"

namespace hearth {

/// sum() of x.to(dtype) over some dimensions, all if none is named. The result has `dtype` also where it is an integer.
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, DType dtype);
/// The same over all dimensions.
template <std::same_as<DType> T>  // so that sum(x, {}) names no dtype
Tensor sum(const Tensor& x, T dtype) {
  return sum(x, {}, false, dtype);
}
/// mean() of x.to(dtype), which is floating-point, over some dimensions, all if none is named.
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, DType dtype);
/// The same over all dimensions.
template <std::same_as<DType> T>  // so that mean(x, {}) names no dtype
Tensor mean(const Tensor& x, T dtype) {
  return mean(x, {}, false, dtype);
}
/// prod() of x.to(dtype) over some dimensions, all if none is named. The result has `dtype` also where it is an
/// integer.
Tensor prod(const Tensor& x, const Dims& dims, bool keepdim, DType dtype);
/// The same over all dimensions.
template <std::same_as<DType> T>  // so that prod(x, {}) names no dtype
Tensor prod(const Tensor& x, T dtype) {
  return prod(x, {}, false, dtype);
}
/// cumsum() of x.to(dtype).
Tensor cumsum(const Tensor& x, int64_t d, DType dtype);
/// cumprod() of x.to(dtype).
Tensor cumprod(const Tensor& x, int64_t d, DType dtype);
/// softmax() of x.to(dtype), which is floating-point.
Tensor softmax(const Tensor& x, int64_t d, DType dtype);
/// log_softmax() of x.to(dtype), which is floating-point.
Tensor log_softmax(const Tensor& x, int64_t d, DType dtype);

}  // namespace hearth
