// Shorthand for the records of elementwise ops: the fields that they all share. For .cc files of core/ops only.
#pragma once

#include "core/kernels/pointwise.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"

namespace hearth {
// Usual sets for HEARTH_POINTWISE's `kept`.
constexpr Save kKeepNothing{};
constexpr Save kKeepInput{.input = {kAnyGradient}};
constexpr Save kKeepOutput{.outputs = 1};
constexpr Save kKeepBoth{.input = {kAnyGradient, kAnyGradient}};
using Backward = void (*)(GradContext&);
constexpr Backward kNoGradient = nullptr;

// Operand i, which backward keeps, as a tensor: a number becomes a 0-dim one.
inline Tensor kept_operand(const GradContext& g, int i) {
  return g.is_scalar(i) ? machinery::full({}, g.scalar(i), g.grad().dtype(), g.grad().device()) : g.input(i);
}
}  // namespace hearth

// HEARTH_POINTWISE(kName, "name", kernel, operands, dtypes, promote, what backward keeps, backward)
#define HEARTH_POINTWISE(record, op_name, kernel_name, operands, types, promotion, kept, ...) \
  extern constinit const OpDef record = {.name = op_name,                                     \
                                         .kind = OpKind::kPointwise,                          \
                                         .dtypes = types,                                     \
                                         .promote = Promote::promotion,                       \
                                         .autocast = Autocast::kWidest,                       \
                                         .min_inputs = operands,                              \
                                         .max_inputs = operands,                              \
                                         .scalars = 0xfe | (operands > 1),                    \
                                         .infer = broadcast,                                  \
                                         .save = kept,                                        \
                                         .kernel = {cpu::kernel_name, cuda::kernel_name},     \
                                         .backward = __VA_ARGS__};                            \
  HEARTH_OP(record)

// The function and methods of a one-operand op.
#define HEARTH_UNARY_FUNCTION(record, name) \
  Tensor name(const Tensor& x) { return run(record, {x}); }
#define HEARTH_UNARY_METHODS(record, name)                     \
  HEARTH_UNARY_FUNCTION(record, name)                          \
  Tensor Tensor::name() const { return run(record, {*this}); } \
  Tensor& Tensor::name##_()& {                                 \
    run_into(record, *this, {*this});                          \
    return *this;                                              \
  }
#define HEARTH_BINARY_FUNCTIONS(record, name)                                   \
  Tensor name(const Tensor& a, const Tensor& b) { return run(record, {a, b}); } \
  Tensor name(const Tensor& a, Scalar b) { return run(record, {a, b}); }        \
  Tensor name(Scalar a, const Tensor& b) { return run(record, {a, b}); }
