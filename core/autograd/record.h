// Making nodes, for the .cc files of core/autograd.
#pragma once

#include "core/autograd/edge.h"
#include "core/op/node.h"

namespace hearth::autograd {

/// Notes an operand: its dtype, device and layout, and where its gradient goes.
void fill_input(NodeInput& in, const TensorImpl& t, Edge edge);

/// A topological number that is at least `number` and above that of the node an edge leads to; at least 1.
uint64_t number_above(uint64_t number, const Edge& e);

/// Keeps a tensor in `saved` for backward, through the thread's saved-tensor hooks if there are any. Throws Error
/// naming the op for a tensor made in inference mode.
void keep(const OpDef& op, Saved& saved, const Tensor& t);

/// In anomaly mode notes the path of the running module; otherwise does nothing.
void note_scope(Node& node);

/// Throws Error naming the op if autograd forbids to write to the tensor in place: it is a leaf that requires a
/// gradient, a view of one, a view made while gradients were off, a view whose base was given other memory, or behind a
/// gate (pass_gate()).
void check_write(const OpDef& op, const TensorImpl& t);

/// After an in-place write to `t`: its history, or of a view its base's, begins anew as output `output` of `node`.
/// Without a node it requires no gradient afterwards.
void set_written(TensorImpl& t, const Ref<Node>& node, int output);

}  // namespace hearth::autograd
