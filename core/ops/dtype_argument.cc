#include "core/ops/dtype_argument.h"

#include "core/base/called_as.h"
#include "core/op/shape_rules.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/softmax.h"

namespace hearth {
namespace {

Tensor cast(const char* op, const Tensor& x, DType dtype) {
  expect_defined(op, {x});
  return x.to(dtype);
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, DType dtype) {
  const CalledAs called("sum");
  return sum(cast("sum", x, dtype), dims, keepdim).to(dtype);
}
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, DType dtype) {
  const CalledAs called("mean");
  return mean(cast("mean", x, dtype), dims, keepdim).to(dtype);
}
Tensor prod(const Tensor& x, const Dims& dims, bool keepdim, DType dtype) {
  const CalledAs called("prod");
  return prod(cast("prod", x, dtype), dims, keepdim).to(dtype);
}
Tensor cumsum(const Tensor& x, int64_t d, DType dtype) {
  const CalledAs called("cumsum");
  return cumsum(cast("cumsum", x, dtype), d).to(dtype);
}
Tensor cumprod(const Tensor& x, int64_t d, DType dtype) {
  const CalledAs called("cumprod");
  return cumprod(cast("cumprod", x, dtype), d).to(dtype);
}
Tensor softmax(const Tensor& x, int64_t d, DType dtype) {
  const CalledAs called("softmax");
  return softmax(cast("softmax", x, dtype), d).to(dtype);
}
Tensor log_softmax(const Tensor& x, int64_t d, DType dtype) {
  const CalledAs called("log_softmax");
  return log_softmax(cast("log_softmax", x, dtype), d).to(dtype);
}

Tensor Tensor::cumsum(int64_t d, DType dtype) const { return hearth::cumsum(*this, d, dtype); }
Tensor Tensor::softmax(int64_t d, DType dtype) const { return hearth::softmax(*this, d, dtype); }
Tensor Tensor::log_softmax(int64_t d, DType dtype) const { return hearth::log_softmax(*this, d, dtype); }

}  // namespace hearth
