#include "core/op/grad_context.h"

#include "core/base/error.h"
#include "core/base/spin_lock.h"
#include "core/base/thread_state.h"
#include "core/op/grad_meta.h"
#include "core/op/machinery.h"

namespace hearth {
namespace {

// Makes `t`, a new tensor, stand for what was saved.
void attach(Tensor& t, const Layout& layout, DType dtype, const Edge& edge) {
  auto* meta = new GradMeta;
  meta->requires_grad = true;
  t.impl()->meta = meta;
  if (edge.node) {
    meta->grad_fn = edge.node;
    meta->output = edge.output;
    return;
  }
  // The memory is no longer the leaf's own: a node in between hands the gradient on.
  Ref<Node> link = Node::make(kCopy, 1, 0, nullptr);
  NodeInput& in = link->inputs()[0];
  in.kind = NodeInput::Kind::kTensor;
  in.dtype = dtype;
  in.device = t.device();
  in.layout = layout;
  in.edge = edge;
  link->topological_number = 1;
  meta->grad_fn = std::move(link);
}

}  // namespace

Tensor unpack_saved(Node& node, const Saved& saved, const Layout& layout, DType dtype, const Edge& edge) {
  bool released;
  Ref<Storage> storage;
  Ref<PackedSaved> packed;
  {
    SpinLock hold(node.lock);
    released = node.released;
    storage = saved.storage;
    packed = saved.packed;
  }
  HEARTH_CHECK(!released, node.op->name,
               ": backward has run through this graph before, and what it had kept is freed; ",
               "call the first backward with retain_graph = true");
  if (!saved.present)
    fail(ErrorKind::kInternal, node.op->name, ": backward reads a tensor that its record does not keep");
  const bool track = thread_state.grad_enabled && edge.valid();
  if (packed) {
    Tensor t = packed->unpack();
    if (!track) return t;
    t = detail::alias(t, t.layout(), true);
    attach(t, layout, dtype, edge);
    return t;
  }
  const uint32_t version = storage->version();
  HEARTH_CHECK(version == saved.version, node.op->name,
               ": a tensor that its gradient needs was changed by an in-place operation: dtype ", dtype, ", shape ",
               layout.shape, ", at version ", version, "; expected version ", saved.version);
  if (edge.leaf && edge.leaf->storage == storage && edge.leaf->layout == layout) return Tensor(edge.leaf);
  Ref<TensorImpl> i = TensorImpl::make();
  i->dtype = dtype;
  i->layout = layout;
  i->storage = std::move(storage);
  Tensor t(std::move(i));
  if (track) attach(t, layout, dtype, edge);
  return t;
}

bool GradContext::needs(int i) const { return in(i).edge.valid() && !(i < 64 && unwanted_ >> i & 1); }

void GradContext::widen() {
  if (wide_) return;
  for (const Tensor& g : grads_) wide_ |= g.defined() && is_half(g.dtype());
  if (!wide_) return;
  for (size_t k = 0; k < grads_.size(); ++k) {
    if (grads_[k].defined()) wide_grads_[k] = machinery::widened(grads_[k]);
  }
  grads_ = {wide_grads_.data(), grads_.size()};
}

Tensor GradContext::input(int i) const {
  const NodeInput& n = in(i);
  Tensor t = unpack_saved(node_, n.saved, n.layout, n.dtype, n.edge);
  return wide_ ? machinery::widened(t) : t;
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
  Tensor t = unpack_saved(node_, n.saved, n.layout, n.dtype, self);
  return wide_ ? machinery::widened(t) : t;
}

void GradContext::set(int i, Tensor g) {
  if (!needs(i) || !g.defined()) return;
  const NodeInput& n = in(i);
  if (!(g.shape() == n.layout.shape)) g = machinery::sum_to(g, n.layout.shape);
  if (g.dtype() != n.dtype) g = machinery::cast(g, n.dtype);
  results_[static_cast<size_t>(i)] = std::move(g);
}

}  // namespace hearth
