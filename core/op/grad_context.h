// GradContext: what an op's backward is given.
#pragma once

#include "core/op/node.h"

namespace hearth {

/// A tensor over saved memory, whose own gradient goes to `edge`. Throws Error if the memory was freed or written to
/// since. Another thread may free it meanwhile.
Tensor unpack_saved(Node& node, const Saved& saved, const Layout& layout, DType dtype, const Edge& edge);

/// What an op's backward (OpDef::backward) is given: the gradients of the outputs, the saved tensors, and a place for
/// the gradients of the operands. Write backward with public ops, so that it has a gradient itself.
class GradContext {
 public:
  /// For the engine. `grads` has one tensor for each visible output, undefined if no gradient came; `results` one for
  /// each operand. Bit i of `unwanted`, below 64, marks an operand whose gradient nobody asked for.
  GradContext(Node& node, std::span<const Tensor> grads, std::span<Tensor> results, uint64_t unwanted = 0)
      : node_(node), grads_(grads), results_(results), unwanted_(unwanted) {}

  /// For a backward of several ops: from here on, f16 and bf16 tensors are given as f32. set() rounds the result once.
  /// Does nothing unless an incoming gradient is f16 or bf16.
  void widen();

  /// The number of operands.
  int inputs() const { return static_cast<int>(node_.inputs().size()); }
  /// True if the gradient of operand i is wanted.
  bool needs(int i) const;
  /// True if a gradient came for this visible output.
  bool has_grad(int output = 0) const { return grads_[static_cast<size_t>(output)].defined(); }
  /// The gradient of a visible output; undefined if none came. That of an op with one output is always defined.
  const Tensor& grad(int output = 0) const { return grads_[static_cast<size_t>(output)]; }
  /// A saved operand. Throws Error if the record does not keep it, an earlier backward has freed it, or it was written
  /// to since.
  Tensor input(int i) const;
  /// A saved output. Throws Error as input().
  Tensor output(int i = 0) const;
  /// True if operand i was a tensor.
  bool is_tensor(int i) const { return in(i).kind == NodeInput::Kind::kTensor; }
  /// True if operand i was a number.
  bool is_scalar(int i) const { return in(i).kind == NodeInput::Kind::kScalar; }
  /// Operand i, which was a number.
  Scalar scalar(int i) const { return in(i).scalar; }
  /// The shape of operand i, saved or not.
  const Shape& input_shape(int i) const { return in(i).layout.shape; }
  /// The layout of operand i, saved or not.
  const Layout& input_layout(int i) const { return in(i).layout; }
  /// The dtype of operand i, saved or not.
  DType input_dtype(int i) const { return in(i).dtype; }
  /// The device of operand i, saved or not.
  Device input_device(int i) const { return in(i).device; }
  /// The attributes of the call, whose type must be A.
  template <class A>
  const A& attrs() const {
    return *static_cast<const A*>(node_.attrs());
  }

  /// Gives operand i its gradient: summed to the operand's shape where it was broadcast, and cast to its dtype. Does
  /// nothing if needs(i) is false or `g` is undefined.
  void set(int i, Tensor g);

  /// The node of the call.
  Node& node() const { return node_; }

 private:
  const NodeInput& in(int i) const { return node_.inputs()[static_cast<size_t>(i)]; }

  Node& node_;
  std::span<const Tensor> grads_;
  std::array<Tensor, kMaxOutputs> wide_grads_;
  bool wide_ = false;
  std::span<Tensor> results_;
  uint64_t unwanted_;
};

}  // namespace hearth
