// Between tensors and the graph of nodes.
#pragma once

#include "core/op/grad_meta.h"

namespace hearth::autograd {

/// The tensor's gradient state, made if there was none.
GradMeta& ensure_meta(TensorImpl& t);

/// Where the tensor's gradient goes: the node that made it, or a leaf itself; not valid() if no gradient is wanted. A
/// view whose base was written to since gets a new grad_fn.
Edge grad_edge(const Ref<TensorImpl>& t);

/// Makes `t` output `output` of `node`: it requires a gradient from now on.
void set_history(TensorImpl& t, const Ref<Node>& node, int output);

}  // namespace hearth::autograd
