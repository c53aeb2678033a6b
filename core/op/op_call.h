// OpCall: one call of an op on its way through run(). Shape rules, kernels, interposers and autograd all read it.
#pragma once

#include <span>

#include "core/base/error.h"
#include "core/op/node.h"
#include "core/op/op_def.h"
#include "core/op/operand.h"

namespace hearth {

/// One call of an op on its way through run(): its operands, attributes and outputs.
struct OpCall {
  const OpDef& op;                 ///< The op's record.
  std::span<const Operand> in;     ///< The operands.
  const void* attrs = nullptr;     ///< The attributes; see attrs_as().
  Tensor out[kMaxOutputs];         ///< The outputs. infer() makes them.
  bool bound = false;              ///< True if out[0] is a given tensor to be written, as in in-place forms.
  DType dtype = DType::kF32;       ///< The dtype in which the operands meet. infer() sets it.
  Device device;                   ///< Where the call runs: the device of the tensor operands, unless infer() sets it.
  Ref<Node> pending;               ///< For autograd: the node of a call that is about to write in place.
  Generator* generator = nullptr;  ///< Where a random op draws from. run() sets the thread's default if none is given.

  /// A call of `o` with the operands `i` and the attributes `a`, all of which must outlive it.
  OpCall(const OpDef& o, std::span<const Operand> i, AttrsRef a) : op(o), in(i), attrs(a.data) {}

  /// The number of operands.
  int inputs() const { return static_cast<int>(in.size()); }
  /// The number of rows of an op whose operands come in rows (OpDef::row).
  int rows() const { return inputs() / op.row; }
  /// True if operand i of such an op is one that is written.
  bool writes(int i) const { return op.writes && op.writes >> i % op.row & 1; }
  /// True if there is an operand i and it is a tensor.
  bool is_tensor(int i) const { return i < inputs() && in[static_cast<size_t>(i)].is_tensor(); }
  /// True if there is an operand i and it is a number.
  bool is_scalar(int i) const { return i < inputs() && in[static_cast<size_t>(i)].is_scalar(); }
  /// Operand i, which must be a tensor.
  const Tensor& input(int i) const { return in[static_cast<size_t>(i)].tensor(); }
  /// Operand i, which must be a number.
  Scalar scalar(int i) const { return in[static_cast<size_t>(i)].scalar(); }
  /// The attributes, whose type must be A.
  template <class A>
  const A& attrs_as() const {
    return *static_cast<const A*>(attrs);
  }

  /// For infer(): makes output i, row-major. If output i is bound, checks it instead. Throws Error if a result of this
  /// shape and dtype cannot be written into the bound tensor.
  void make(int i, const Shape& shape, DType dtype);
  /// As above, with these strides. A bound output keeps its own.
  void make(int i, const Shape& shape, const Strides& strides, DType dtype);

  /// For OpDef::compose: sets output i. `result` must have the shape, dtype and device that infer() gave the output;
  /// otherwise throws Error(kInternal).
  void give(int i, Tensor result);

  /// For interposers: passes the call on to the next interposer, or runs it.
  void proceed();
};

}  // namespace hearth
