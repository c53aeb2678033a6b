// Making nodes, for the .cc files of core/autograd.
#pragma once

#include "core/autograd/edge.h"
#include "core/op/node.h"

namespace hearth::autograd {

// Notes an operand, and where its gradient goes.
void fill_input(NodeInput& in, const TensorImpl& t, Edge edge);

// A topological number that is at least `number` and above that of the node an edge leads to.
uint64_t number_above(uint64_t number, const Edge& e);

// Keeps a tensor for backward, through the thread's saved-tensor hooks. Throws Error for one made in inference mode.
void keep(const OpDef& op, Saved& saved, const Tensor& t);

// Notes the running module, in anomaly mode.
void note_scope(Node& node);

// Throws Error if autograd forbids to write to the tensor in place.
void check_write(const OpDef& op, const TensorImpl& t);

// After an in-place write to `t` that `node` (may be null) stands for: t's history, or its base's, begins anew.
void set_written(TensorImpl& t, const Ref<Node>& node, int output);

}  // namespace hearth::autograd
