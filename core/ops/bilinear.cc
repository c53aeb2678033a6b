#include "core/ops/bilinear.h"

#include "core/autograd/autocast.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"

namespace hearth {

Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const std::optional<Tensor>& bias) {
  const CalledAs called("bilinear");
  for (const Tensor* t : {&x1, &x2, &weight}) expect_dtypes("bilinear", *t, kFloatTypes);
  // Under Autocast the layers before may give another dtype than parameters have: the widest counts.
  const bool mixed = Autocast::current().has_value();
  const DType a = x1.dtype(), b = x2.dtype(), w = weight.dtype(), t = a == b && a == w ? a : DType::kF32;
  HEARTH_CHECK((a == b && a == w) || (mixed && a != f64 && b != f64 && w != f64), "bilinear: the dtypes ", a, ", ", b,
               " and ", w, " of operands and weight differ");
  const Autocast off(std::nullopt);
  HEARTH_CHECK(weight.dim() == 3 && x1.dim() >= 1 && x1.dim() == x2.dim() && x1.size(-1) == weight.size(1) &&
                   x2.size(-1) == weight.size(2),
               "bilinear: shapes ", x1.shape(), " and ", x2.shape(), " do not fit a weight of shape ", weight.shape());
  Shape result = x1.shape();
  for (int d = 0; d + 1 < x1.dim(); ++d) {
    HEARTH_CHECK(x1.size(d) == x2.size(d), "bilinear: shapes ", x1.shape(), " and ", x2.shape(),
                 " differ before their last dimension");
  }
  const int64_t out = weight.size(0), in1 = weight.size(1), in2 = weight.size(2);
  HEARTH_CHECK(!bias || (bias->defined() && bias->shape() == Shape{out}), "bilinear: the bias must have the shape ",
               Shape{out});
  result[result.rank() - 1] = out;
  const int64_t rows = in1 == 0 ? result.numel() / (out == 0 ? 1 : out) : x1.numel() / in1;
  const auto wide = [t](const Tensor& x) { return machinery::cast(x, is_half(t) ? DType::kF32 : t); };
  // [rows, out, in2], of which each matrix is then multiplied by a row of x2.
  const Tensor columns = reshape(permute(wide(weight), {1, 0, 2}), {in1, out * in2});
  const Tensor half = reshape(matmul(reshape(wide(x1), {rows, in1}), columns), {rows, out, in2});
  Tensor y = reshape(matmul(half, reshape(wide(x2), {rows, in2, 1})), result);
  if (bias) y = y + wide(*bias);
  return machinery::cast(y, t);
}

}  // namespace hearth
