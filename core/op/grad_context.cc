#include "core/op/grad_context.h"

#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/op/machinery.h"

namespace hearth {
Tensor unpack_saved(const Node& node, const Saved& saved, const Layout& layout, DType dtype, const Edge& edge) {
  HEARTH_CHECK(!node.released, node.op->name,
               ": backward has run through this graph before, and what it had kept is freed; ",
               "call the first backward with retain_graph = true");
  if (saved.packed) return saved.packed->unpack();
  if (!saved.present)
    fail(ErrorKind::kInternal, node.op->name, ": backward reads a tensor that its record does not keep");
  const uint32_t version = saved.storage->version();
  HEARTH_CHECK(version == saved.version, node.op->name,
               ": a tensor that its gradient needs was changed by an in-place operation: dtype ", dtype, ", shape ",
               layout.shape, ", at version ", version, "; expected version ", saved.version);
  if (edge.leaf && edge.leaf->storage == saved.storage && edge.leaf->layout == layout) return Tensor(edge.leaf);
  Ref<TensorImpl> t = TensorImpl::make();
  t->dtype = dtype;
  t->layout = layout;
  t->storage = saved.storage;
  if (thread_state.grad_enabled && edge.valid()) {
    auto* meta = new GradMeta;
    meta->requires_grad = true;
    meta->grad_fn = edge.node;
    meta->output = edge.output;
    t->meta = meta;
  }
  return Tensor(std::move(t));
}

bool GradContext::needs(int i) const { return in(i).edge.valid() && !(i < 64 && unwanted_ >> i & 1); }

Tensor GradContext::input(int i) const {
  const NodeInput& n = in(i);
  return unpack_saved(node_, n.saved, n.layout, n.dtype, n.edge);
}

Tensor GradContext::output(int i) const {
  // Outputs are kept in the order of their bits in the record's Save.
  const uint8_t mask = node_.op->save.outputs;
  int slot = 0;
  for (int k = 0; k < i; ++k) slot += mask >> k & 1;
  const NodeOutput& n = node_.outputs()[static_cast<size_t>(slot)];
  // A visible output is this node's own: its gradient comes back here.
  Edge self;
  if (i < node_.visible) self = Edge{Ref<Node>::share(&node_), {}, static_cast<uint8_t>(i)};
  return unpack_saved(node_, n.saved, n.layout, n.dtype, self);
}

void GradContext::set(int i, Tensor g) {
  if (!needs(i) || !g.defined()) return;
  const NodeInput& n = in(i);
  if (!(g.shape() == n.layout.shape)) g = machinery::sum_to(g, n.layout.shape);
  if (g.dtype() != n.dtype) g = machinery::cast(g, n.dtype);
  results_[static_cast<size_t>(i)] = std::move(g);
}

}  // namespace hearth
