// OpCall: one call of an op on its way through run(). Shape rules, kernels, interposers and autograd all read it.
#pragma once

#include <span>

#include "core/base/error.h"
#include "core/op/node.h"
#include "core/op/op_def.h"
#include "core/op/operand.h"

namespace hearth {

struct OpCall {
  const OpDef& op;
  std::span<const Operand> in;
  const void* attrs = nullptr;
  // Given outputs (only out[0] can be) are bound before the call: name_ and out= forms.
  Tensor out[kMaxOutputs];
  bool bound = false;
  DType dtype = DType::kF32;       // what the operands meet in; set by infer
  Device device;                   // where it runs; the first tensor operand's unless infer sets it
  Ref<Node> pending;               // autograd: the node of a call that is about to write in place
  Generator* generator = nullptr;  // where a random op draws from; run() sets the thread's default if none is given

  OpCall(const OpDef& o, std::span<const Operand> i, AttrsRef a) : op(o), in(i), attrs(a.data) {}

  int inputs() const { return static_cast<int>(in.size()); }
  /// Of an op whose operands come in rows: their number, and whether operand i is one that is written.
  int rows() const { return inputs() / op.row; }
  bool writes(int i) const { return op.writes && op.writes >> i % op.row & 1; }
  bool is_tensor(int i) const { return i < inputs() && in[static_cast<size_t>(i)].is_tensor(); }
  bool is_scalar(int i) const { return i < inputs() && in[static_cast<size_t>(i)].is_scalar(); }
  // The operand, which must be a tensor.
  const Tensor& input(int i) const { return in[static_cast<size_t>(i)].tensor(); }
  // The operand, which must be a number.
  Scalar scalar(int i) const { return in[static_cast<size_t>(i)].scalar(); }
  template <class A>
  const A& attrs_as() const {
    return *static_cast<const A*>(attrs);
  }

  // For infer: makes output i, or checks the bound one against the shape and dtype. Strides default to row-major; a
  // bound output keeps its own.
  void make(int i, const Shape& shape, DType dtype);
  void make(int i, const Shape& shape, const Strides& strides, DType dtype);

  // For compose: output i is `result`, which has the shape and dtype that infer gave it.
  void give(int i, Tensor result);

  // For interposers: the call goes on to the next interposer, or runs.
  void proceed();
};

}  // namespace hearth
