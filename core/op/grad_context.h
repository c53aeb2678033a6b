// GradContext: what a record's backward sees. Backward is written with public ops, so that its own gradient follows.
#pragma once

#include "core/op/node.h"

namespace hearth {

// A tensor over saved memory, whose own gradient goes to `edge`. Throws Error if the memory was freed or written to
// since. Another thread may free it meanwhile.
Tensor unpack_saved(Node& node, const Saved& saved, const Layout& layout, DType dtype, const Edge& edge);

class GradContext {
 public:
  // grads: one tensor per visible output, undefined where no gradient came. results: one slot per input.
  // unwanted: bit i (below 64) marks an operand whose gradient nobody asked for.
  GradContext(Node& node, std::span<const Tensor> grads, std::span<Tensor> results, uint64_t unwanted = 0)
      : node_(node), grads_(grads), results_(results), unwanted_(unwanted) {}

  // For gradients of several ops: from here on f16 and bf16 operands, outputs and incoming gradients are given as f32.
  // set() rounds the result, once.
  void widen();

  int inputs() const { return static_cast<int>(node_.inputs().size()); }
  // True if operand i wants a gradient.
  bool needs(int i) const;
  bool has_grad(int output = 0) const { return grads_[static_cast<size_t>(output)].defined(); }
  // The gradient of a visible output; undefined if none came (output 0 of a one-output op always has one).
  const Tensor& grad(int output = 0) const { return grads_[static_cast<size_t>(output)]; }
  // A saved operand or output. Throws Error if it was not kept, was freed by an earlier backward, or was written to
  // since.
  Tensor input(int i) const;
  Tensor output(int i = 0) const;
  bool is_tensor(int i) const { return in(i).kind == NodeInput::Kind::kTensor; }
  bool is_scalar(int i) const { return in(i).kind == NodeInput::Kind::kScalar; }
  Scalar scalar(int i) const { return in(i).scalar; }
  const Shape& input_shape(int i) const { return in(i).layout.shape; }
  const Layout& input_layout(int i) const { return in(i).layout; }
  DType input_dtype(int i) const { return in(i).dtype; }
  Device input_device(int i) const { return in(i).device; }
  template <class A>
  const A& attrs() const {
    return *static_cast<const A*>(node_.attrs());
  }

  // Gives operand i its gradient: summed to the operand's shape where it was broadcast, cast to its dtype.
  // Ignored where needs(i) is false.
  void set(int i, Tensor g);

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
