#include "core/ops/instance_norm.h"

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/norm.h"
#include "core/ops/pad.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/statistics.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void update(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, double momentum) {
  const NoGrad guard;
  for (const Tensor* t : {&running_mean, &running_var}) {
    HEARTH_CHECK(t->shape() == Shape{x.size(1)}, "instance_norm: running statistics have shape ", t->shape(),
                 "; expected [", x.size(1), "]");
  }
  const auto [var, mean] = var_mean(flatten(machinery::widened(x), 2), {2}, 1);
  const auto into = [momentum](Tensor running, const Tensor& fresh) {
    running.mul_(1 - momentum);
    running.add_(machinery::cast(fresh.mean({0}) * momentum, running.dtype()));
  };
  into(running_mean, mean);
  into(running_var, var);
}

}  // namespace

Tensor instance_norm(const Tensor& x, const OptionalTensor& running_mean, const OptionalTensor& running_var,
                     const OptionalTensor& weight, const OptionalTensor& bias, const InstanceNormOptions& o) {
  const CalledAs called("instance_norm");
  expect_dtypes("instance_norm", x, kFloatTypes);
  HEARTH_CHECK(x.dim() >= 3, "instance_norm: expected [n, c, ...] with at least 3 dimensions, but the shape is ",
               x.shape());
  HEARTH_CHECK(x.size(1) >= 1, "instance_norm: an input of shape ", x.shape(), " has no channels");
  HEARTH_CHECK(running_mean.has_value() == running_var.has_value(),
               "instance_norm: running mean and variance go together, but only one is given");
  if (!o.use_input_stats) {
    HEARTH_CHECK(running_mean, "instance_norm: without the input's statistics it needs running ones");
    return batch_norm(x, running_mean, running_var, weight, bias, {.eps = o.eps});
  }
  int64_t elements = 1;
  for (int d = 2; d < x.dim(); ++d) elements *= x.size(d);
  HEARTH_CHECK(elements > 1, "instance_norm: an input of shape ", x.shape(),
               " has fewer than 2 elements per channel to take statistics of");
  const Tensor y = group_norm(x, x.size(1), weight, bias, o.eps);
  if (running_mean && x.size(0) > 0) update(x, *running_mean, *running_var, o.momentum);
  return y;
}

Tensor local_response_norm(const Tensor& x, int64_t size, double alpha, double beta, double k) {
  const CalledAs called("local_response_norm");
  expect_dtypes("local_response_norm", x, kFloatTypes);
  HEARTH_CHECK(x.dim() >= 3, "local_response_norm: expected [n, c, ...] with at least 3 dimensions, but the shape is ",
               x.shape());
  HEARTH_CHECK(size >= 1 && size <= int64_t{1} << 30, "local_response_norm: size must be from 1 to 2^30, but is ",
               size);
  const Tensor wide = flatten(machinery::widened(x), 2);
  const Tensor squares = pad(square(wide), {0, 0, size / 2, (size - 1) / 2});
  const Tensor means = mean(unfold(squares, 1, size, 1), {-1});
  return rounded(view(wide / pow(means * alpha + k, beta), x.shape()), x.dtype());
}

}  // namespace hearth
