// Shorthand for the records of elementwise ops: the fields that they all share. For .cc files of core/ops only.
#pragma once

#include "core/kernels/pointwise.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"

namespace hearth {
/// For HEARTH_POINTWISE's `kept`: backward needs neither operands nor the result.
constexpr Save kKeepNothing{};
/// For HEARTH_POINTWISE's `kept`: backward needs operand 0.
constexpr Save kKeepInput{.input = {kAnyGradient}};
/// For HEARTH_POINTWISE's `kept`: backward needs the result.
constexpr Save kKeepOutput{.outputs = 1};
/// For HEARTH_POINTWISE's `kept`: backward needs operands 0 and 1.
constexpr Save kKeepBoth{.input = {kAnyGradient, kAnyGradient}};
/// The type of OpDef::backward.
using Backward = void (*)(GradContext&);
/// For HEARTH_POINTWISE's last argument: no gradient passes.
constexpr Backward kNoGradient = nullptr;

/// Operand i, which backward keeps, as a tensor. A number becomes a 0-dim tensor of the gradient's dtype and device.
inline Tensor kept_operand(const GradContext& g, int i) {
  return g.is_scalar(i) ? machinery::full({}, g.scalar(i), g.grad().dtype(), g.grad().device()) : g.input(i);
}
}  // namespace hearth

/// Defines and lists the record of an elementwise op: HEARTH_POINTWISE(kName, "name", kernel, operands, dtypes,
/// promote, kept, backward). `kernel` is the name of a function in cpu and in cuda, `operands` how many the op takes,
/// `promote` an enumerator of Promote, `kept` what backward needs. Of several operands each may be a number.
#define HEARTH_POINTWISE(record, op_name, kernel_name, operands, types, promotion, kept, ...) \
  extern constinit const OpDef record = {.name = op_name,                                     \
                                         .kind = OpKind::kPointwise,                          \
                                         .dtypes = types,                                     \
                                         .promote = Promote::promotion,                       \
                                         .autocast = AutocastPolicy::kWidest,                 \
                                         .min_inputs = operands,                              \
                                         .max_inputs = operands,                              \
                                         .scalars = 0xfe | (operands > 1),                    \
                                         .infer = broadcast,                                  \
                                         .save = kept,                                        \
                                         .kernel = {cpu::kernel_name, cuda::kernel_name},     \
                                         .backward = __VA_ARGS__};                            \
  HEARTH_OP(record)

/// Defines the function `name` of one tensor that runs the record.
#define HEARTH_UNARY_FUNCTION(record, name) \
  Tensor name(const Tensor& x) { return run(record, {x}); }
/// The same, and Tensor's methods name() and name_().
#define HEARTH_UNARY_METHODS(record, name)                     \
  HEARTH_UNARY_FUNCTION(record, name)                          \
  Tensor Tensor::name() const { return run(record, {*this}); } \
  Tensor& Tensor::name##_()& {                                 \
    run_into(record, *this, {*this});                          \
    return *this;                                              \
  }
/// Defines the functions `name` of two tensors, of a tensor and a number, and of a number and a tensor, that run the
/// record.
#define HEARTH_BINARY_FUNCTIONS(record, name)                                   \
  Tensor name(const Tensor& a, const Tensor& b) { return run(record, {a, b}); } \
  Tensor name(const Tensor& a, Scalar b) { return run(record, {a, b}); }        \
  Tensor name(Scalar a, const Tensor& b) { return run(record, {a, b}); }
