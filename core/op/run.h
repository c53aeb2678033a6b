// run(): every op of Hearth runs here.
//
// An Interposer takes over if one is set. Otherwise the operands are checked, the record's infer() makes the outputs,
// the device's kernel computes them, and autograd records a node if a gradient is wanted. Nothing else dispatches.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <utility>

#include "core/op/op_call.h"

namespace hearth {

/// Runs a prepared call. Throws Error naming the op if the operands do not fit.
void execute(OpCall& call);

/// Runs an op and returns its first output. Throws Error naming the op if the operands do not fit, and
/// Error(kUnsupported) for a dtype that the op does not take or a device for which it has no kernel.
Tensor run(const OpDef& op, std::span<const Operand> in, AttrsRef attrs = {});
/// As above, with a list of operands: `run(kAdd, {a, b})`.
inline Tensor run(const OpDef& op, std::initializer_list<Operand> in, AttrsRef attrs = {}) {
  return run(op, std::span<const Operand>(in.begin(), in.size()), attrs);
}

/// Runs an op and returns all its outputs; those that it does not have are undefined. Throws as run().
std::array<Tensor, kMaxOutputs> run_all(const OpDef& op, std::span<const Operand> in, AttrsRef attrs = {});
/// As above, with a list of operands.
inline std::array<Tensor, kMaxOutputs> run_all(const OpDef& op, std::initializer_list<Operand> in,
                                               AttrsRef attrs = {}) {
  return run_all(op, std::span<const Operand>(in.begin(), in.size()), attrs);
}

/// Runs an op and writes its first output into `out`, cast to its dtype. In-place forms pass a tensor as an operand and
/// as `out`. Throws Error as run(), and if `out` is read-only, has elements that overlap, overlaps an operand (see
/// OpDef::in_place), or is a leaf that requires a gradient.
void run_into(const OpDef& op, Tensor& out, std::span<const Operand> in, AttrsRef attrs = {});
/// As above, with a list of operands.
inline void run_into(const OpDef& op, Tensor& out, std::initializer_list<Operand> in, AttrsRef attrs = {}) {
  run_into(op, out, std::span<const Operand>(in.begin(), in.size()), attrs);
}

/// Runs an op that changes its operands (OpDef::writes): rows of OpDef::row operands, one after the other. Throws Error
/// if a written operand is read-only, overlaps itself or another operand, or if a gradient would have to be recorded.
void run_rows(const OpDef& op, std::span<const Operand> rows, AttrsRef attrs = {});

/// True if autograd records the ops that take this tensor, so that a gradient can flow into it.
bool needs_grad(const TensorImpl& t);

}  // namespace hearth
