// The one way through: every op of Hearth runs here.
//
// run() reads ThreadState; an Interposer, if one is set, takes over; operands are checked; the record's infer
// allocates; the device's kernel computes; autograd records a node if a gradient is wanted. Nothing else dispatches.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <utility>

#include "core/op/op_call.h"

namespace hearth {

// Runs a prepared call.
void execute(OpCall& call);

// Runs an op of one visible output.
Tensor run(const OpDef& op, std::span<const Operand> in, AttrsRef attrs = {});
inline Tensor run(const OpDef& op, std::initializer_list<Operand> in, AttrsRef attrs = {}) {
  return run(op, std::span<const Operand>(in.begin(), in.size()), attrs);
}

// Runs an op and gives all its outputs.
std::array<Tensor, kMaxOutputs> run_all(const OpDef& op, std::span<const Operand> in, AttrsRef attrs = {});
inline std::array<Tensor, kMaxOutputs> run_all(const OpDef& op, std::initializer_list<Operand> in,
                                               AttrsRef attrs = {}) {
  return run_all(op, std::span<const Operand>(in.begin(), in.size()), attrs);
}

// Runs an op with output 0 bound to `out`. The result is written there, cast to its dtype. In-place forms pass a tensor
// as operand and as `out`. Throws Error if `out` is read-only, overlaps itself or an operand (see OpDef::in_place), or
// is a leaf that requires a gradient.
void run_into(const OpDef& op, Tensor& out, std::span<const Operand> in, AttrsRef attrs = {});
inline void run_into(const OpDef& op, Tensor& out, std::initializer_list<Operand> in, AttrsRef attrs = {}) {
  run_into(op, out, std::span<const Operand>(in.begin(), in.size()), attrs);
}

/// Runs an op that changes its operands (OpDef::writes): rows of OpDef::row operands, one after the other. Throws Error
/// if a written operand is read-only, overlaps itself or another operand, or if a gradient would have to be recorded.
void run_rows(const OpDef& op, std::span<const Operand> rows, AttrsRef attrs = {});

// True if a gradient is to flow into the tensor.
bool needs_grad(const TensorImpl& t);

}  // namespace hearth
