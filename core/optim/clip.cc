#include "core/optim/clip.h"

#include <cmath>
#include <set>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/optim.h"
#include "core/op/attrs/optim.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/optim/gradients_internal.h"

namespace hearth {
namespace {

void infer_power_sum(OpCall& c) {
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.op.dtypes.contains(c.input(i).dtype()))
      fail(ErrorKind::kUnsupported, c.op.name, ": dtype ", c.input(i).dtype(), " is not supported; it takes ",
           c.op.dtypes);
  }
  HEARTH_CHECK(c.attrs_as<PowerSumAttrs>().p > 0, c.op.name, ": p must be above 0, but is ",
               c.attrs_as<PowerSumAttrs>().p);
  c.make(0, {}, DType::kF64);
}

void infer_scale_each(OpCall& c) {
  for (int r = 0; r < c.rows(); ++r) {
    const Tensor &x = c.input(2 * r), &factor = c.input(2 * r + 1);
    if (!c.op.dtypes.contains(x.dtype()))
      fail(ErrorKind::kUnsupported, c.op.name, ": dtype ", x.dtype(), " is not supported; it takes ", c.op.dtypes);
    HEARTH_CHECK(factor.dim() == 0 && (factor.dtype() == DType::kF32 || factor.dtype() == DType::kF64), c.op.name,
                 ": the factor of row ", r, " must be f32 or f64 of shape [], but is ", factor.dtype(), " ",
                 factor.shape());
  }
}

}  // namespace

extern constinit const OpDef kPowerSum = {.name = "power_sum",
                                          .dtypes = kFloatTypes,
                                          .min_inputs = 1,
                                          .max_inputs = 255,
                                          .internal = true,
                                          .attrs = &attrs_type<PowerSumAttrs>,
                                          .infer = infer_power_sum,
                                          .kernel = {cpu::power_sum, cuda::power_sum}};
HEARTH_OP(kPowerSum);

extern constinit const OpDef kScaleEach = {.name = "scale_each",
                                           .dtypes = kFloatTypes,
                                           .min_inputs = 2,
                                           .max_inputs = 255,
                                           .row = 2,
                                           .writes = 0b01,
                                           .outputs = 0,
                                           .visible = 0,
                                           .internal = true,
                                           .infer = infer_scale_each,
                                           .kernel = {cpu::scale_each, cuda::scale_each}};
HEARTH_OP(kScaleEach);

namespace optim {
namespace {

// Of each parameter that has one; a parameter given twice counts once.
std::vector<Tensor> gradients_of(std::span<const Tensor> parameters) {
  std::vector<Tensor> out;
  std::set<const TensorImpl*> seen;
  for (const Tensor& p : parameters) {
    const Tensor g = p.grad();
    if (g.defined() && seen.insert(p.impl()).second) out.push_back(g);
  }
  return out;
}

Tensor norm_of(std::span<const Tensor> gradients, Device device, double p, const ReduceFunction& reduce) {
  DType dtype = f32;
  for (const Tensor& g : gradients) dtype = g.dtype() == f64 ? f64 : dtype;
  Tensor sum;
  if (gradients.empty()) {
    sum = zeros({}, {.dtype = f64, .device = device});
  } else {
    const std::vector<Operand> operands(gradients.begin(), gradients.end());
    sum = run(kPowerSum, operands, PowerSumAttrs{p});
  }
  if (reduce) {
    sum = reduce(sum);
    HEARTH_CHECK(sum.defined() && sum.dim() == 0 && sum.dtype() == f64, "reduce must give an f64 tensor of shape []");
  }
  if (p == 2) sum = sum.sqrt();
  else if (p != 1 && !std::isinf(p)) sum = pow(sum, 1 / p);
  return sum.to(dtype);
}

Device device_of(std::span<const Tensor> parameters) { return parameters.empty() ? kCpu : parameters[0].device(); }

}  // namespace

Tensor grad_norm(std::span<const Tensor> parameters, double p, const ReduceFunction& reduce) {
  const CalledAs called("grad_norm");
  HEARTH_CHECK(p > 0, "grad_norm: p must be above 0, but is ", p);
  const NoGrad off;
  return norm_of(gradients_of(parameters), device_of(parameters), p, reduce);
}

Tensor clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, const ClipOptions& o) {
  const CalledAs called("clip_grad_norm_");
  HEARTH_CHECK(max_norm >= 0 && o.p > 0,
               "clip_grad_norm_: max_norm must not be negative and p must be above 0, but are ", max_norm, " and ",
               o.p);
  const NoGrad off;
  own_gradients(parameters);
  const std::vector<Tensor> gradients = gradients_of(parameters);
  Tensor norm = norm_of(gradients, device_of(parameters), o.p, o.reduce);
  if (o.error_if_nonfinite) {
    const double value = norm.item<double>();
    HEARTH_CHECK(std::isfinite(value), "clip_grad_norm_: the norm of the gradients, of order ", o.p, ", is ", value);
  }
  if (!gradients.empty()) scale_gradients(parameters, clamp(max_norm / (norm + 1e-6), std::nullopt, 1));
  return norm;
}

void clip_grad_value_(std::span<const Tensor> parameters, double value) {
  const CalledAs called("clip_grad_value_");
  HEARTH_CHECK(value >= 0, "clip_grad_value_: the value must not be negative, but is ", value);
  const NoGrad off;
  own_gradients(parameters);
  for (const Tensor& t : parameters) {
    if (Tensor g = t.grad(); g.defined()) g.clamp_(-value, value);
  }
}

}  // namespace optim
}  // namespace hearth
