// autograd's way into run(): makes the nodes.
#include <algorithm>
#include <bit>
#include <utility>

#include "core/autograd/edge.h"
#include "core/autograd/hooks.h"
#include "core/autograd/record.h"
#include "core/base/error.h"
#include "core/base/spin_lock.h"
#include "core/base/thread_state.h"
#include "core/op/grad_meta.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/op/record_phase.h"
#include "core/op/unrecorded.h"

namespace hearth {
namespace autograd {

GradMeta& ensure_meta(TensorImpl& t) {
  if (!t.meta) t.meta = new GradMeta;
  return *grad_meta(t);
}

uint64_t number_above(uint64_t number, const Edge& e) {
  return e.node ? std::max(number, e.node->topological_number + 1) : std::max<uint64_t>(number, 1);
}

void fill_input(NodeInput& in, const TensorImpl& t, Edge edge) {
  in.kind = NodeInput::Kind::kTensor;
  in.dtype = t.dtype;
  in.device = t.device();
  in.layout = t.layout;
  in.edge = std::move(edge);
}

void note_scope(Node& node) {
  if (thread_state.anomaly) [[unlikely]]
    node.scope = new std::string(module_path());
}

void keep(const OpDef& op, Saved& saved, const Tensor& t) {
  HEARTH_CHECK(
      !(t.impl()->flags & TensorImpl::kInference), op.name,
      ": a tensor made in inference mode cannot be kept for backward; clone() it outside of inference mode first");
  saved.present = true;
  if (thread_state.saved_tensor_hooks) [[unlikely]] {
    saved.packed = pack_saved(t);
    return;
  }
  saved.storage = t.impl()->storage;
  saved.version = saved.storage->version();
}

namespace {

StridedAttrs region_of(const TensorImpl& view) {
  return {view.layout.shape, view.layout.strides, view.layout.offset - view.base->layout.offset};
}

// A node with its edges and saved inputs; null if no operand's gradient is wanted.
Ref<Node> make_node(const OpCall& c) {
  const OpDef& op = c.op;
  const int n = c.inputs();
  Ref<Node> node = Node::make(op, n, std::popcount(op.save.outputs), c.attrs);
  unsigned wanted = 0;
  uint64_t number = 0;
  for (int i = 0; i < n; ++i) {
    NodeInput& in = node->inputs()[static_cast<size_t>(i)];
    if (c.is_scalar(i)) {
      in.kind = NodeInput::Kind::kScalar;
      in.scalar = c.scalar(i);
    } else if (c.is_tensor(i)) {
      const Tensor& t = c.input(i);
      fill_input(in, *t.impl(), grad_edge(t.ref()));
      if (in.edge.valid()) {
        wanted |= 1u << std::min(i, 7);
        number = number_above(number, in.edge);
      }
    }
  }
  if (!wanted) return {};
  node->topological_number = number;
  note_scope(*node);
  const Storage* written = c.bound ? c.out[0].impl()->storage.get() : nullptr;
  for (int i = 0; i < std::min(n, 8); ++i) {
    if (!(op.save.input[static_cast<size_t>(i)] & wanted) || !c.is_tensor(i)) continue;
    NodeInput& in = node->inputs()[static_cast<size_t>(i)];
    if (written && c.input(i).impl()->storage.get() == written) {
      // About to be overwritten: backward needs the old values.
      const Unrecorded step;
      const Tensor old = machinery::copy(c.input(i));
      in.layout = old.layout();
      keep(op, in.saved, old);
    } else {
      keep(op, in.saved, c.input(i));
    }
  }
  return node;
}

void keep_outputs(Node& node, const OpCall& c) {
  size_t slot = 0;
  for (int k = 0; k < c.op.outputs; ++k) {
    if (!(c.op.save.outputs >> k & 1)) continue;
    NodeOutput& out = node.outputs()[slot++];
    if (!c.out[k].defined()) continue;
    out.dtype = c.out[k].dtype();
    out.layout = c.out[k].layout();
    out.device = c.device;
    keep(c.op, out.saved, c.out[k]);
  }
}

// After an in-place write to a view: the base has a new value, made of its old one and the view's.
void write_to_base(TensorImpl& view, const Ref<Node>& node, int output) {
  TensorImpl& base = *view.base;
  const StridedAttrs region = region_of(view);
  Ref<Node> write = Node::make(kViewWrite, 2, 0, &region);
  fill_input(write->inputs()[0], base, grad_edge(view.base));
  fill_input(write->inputs()[1], view, node ? Edge{node, {}, static_cast<uint8_t>(output)} : Edge{});
  write->topological_number = number_above(number_above(0, write->inputs()[0].edge), write->inputs()[1].edge);
  note_scope(*write);
  set_history(base, write, 0);
  ++ensure_meta(base).generation;
}

}  // namespace

void check_write(const OpDef& op, const TensorImpl& t) {
  const auto leaf_with_grad = [](const TensorImpl& x) {
    return x.meta && x.meta->requires_grad && !grad_meta(x)->grad_fn;
  };
  HEARTH_CHECK(!leaf_with_grad(t), op.name, ": a leaf tensor that requires a gradient cannot be written in place; ",
               "do it under NoGrad, or on a copy");
  HEARTH_CHECK(!((t.flags | (t.base ? t.base->flags : 0)) & TensorImpl::kGated), op.name,
               ": the tensor is an argument or a result of a module with a backward hook and shares its memory with a "
               "tensor outside of the hook's reach: it cannot be written in place; clone() it first");
  if (!t.base) return;
  HEARTH_CHECK(t.dtype == t.base->dtype, op.name, ": a view of a ", t.base->dtype, " tensor as ", t.dtype,
               " cannot be written in place while gradients are on");
  HEARTH_CHECK(t.storage == t.base->storage, op.name,
               ": the tensor that this is a view of was given other memory since (swap_memory): it cannot be written "
               "in place while gradients are on");
  HEARTH_CHECK(!leaf_with_grad(*t.base), op.name,
               ": a view of a leaf tensor that requires a gradient cannot be written in place; do it under NoGrad, or "
               "on a copy");
  HEARTH_CHECK(!(t.flags & TensorImpl::kUntracked), op.name,
               ": a view made while gradients were off cannot be written in place while they are on");
}

void set_written(TensorImpl& t, const Ref<Node>& node, int output) {
  if (t.base) return write_to_base(t, node, output);
  if (node) {
    set_history(t, node, output);
  } else if (t.meta) {
    t.meta->requires_grad = false;
    grad_meta(t)->grad_fn.reset();
  } else {
    return;
  }
  ++grad_meta(t)->generation;
}

void set_history(TensorImpl& t, const Ref<Node>& node, int output) {
  GradMeta& m = ensure_meta(t);
  m.requires_grad = true;
  m.grad_fn = node;
  m.output = static_cast<uint8_t>(output);
  if (t.base && t.base->meta) m.seen_generation = grad_meta(*t.base)->generation;
}

namespace {

Edge own_edge(const Ref<TensorImpl>& t) {
  const GradMeta* m = grad_meta(*t);
  if (!m || !m->requires_grad) return {};
  if (m->grad_fn) return {m->grad_fn, {}, m->output};
  return {{}, t, 0};
}

// Gives a view whose base was written to since a new grad_fn.
void follow_base(TensorImpl& t) {
  const GradMeta& base = *grad_meta(*t.base);
  if (base.generation == (t.meta ? grad_meta(t)->seen_generation : 0)) return;
  if (base.requires_grad) {
    HEARTH_CHECK(t.dtype == t.base->dtype, "a view of a ", t.base->dtype, " tensor as ", t.dtype,
                 " was made before the tensor was written in place, and has lost its gradient; make it anew");
    const StridedAttrs region = region_of(t);
    Ref<Node> read = Node::make(kAsStrided, 1, 0, &region);
    fill_input(read->inputs()[0], *t.base, own_edge(t.base));
    read->topological_number = number_above(0, read->inputs()[0].edge);
    set_history(t, read, 0);
  } else if (t.meta) {
    grad_meta(t)->requires_grad = false;
    grad_meta(t)->grad_fn.reset();
    grad_meta(t)->seen_generation = base.generation;
  }
}

// Of a const call: the tensor's state, while no other const call changes it. f(state, null if there is none)
template <class F>
auto with_meta(TensorImpl& t, F f) {
  if (!follows_base(t)) [[likely]]
    return f(grad_meta(t));
  SpinLock hold(grad_meta(*t.base)->views_lock);
  follow_base(t);
  return f(grad_meta(t));
}

}  // namespace

Edge grad_edge(const Ref<TensorImpl>& t) {
  if (!follows_base(*t)) [[likely]]
    return own_edge(t);
  SpinLock hold(grad_meta(*t->base)->views_lock);
  follow_base(*t);
  return own_edge(t);
}

void record(OpCall& c, RecordPhase phase) {
  if (phase == RecordPhase::kBeforeWrite) {
    check_write(c.op, *c.out[0].impl());
    if (c.op.backward) c.pending = make_node(c);
    return;
  }
  if (c.bound) {
    TensorImpl& t = *c.out[0].impl();
    Ref<Node> node = std::move(c.pending);
    if (node) keep_outputs(*node, c);
    set_written(t, node, 0);
    return;
  }
  if (!c.op.backward) return;
  Ref<Node> node = make_node(c);
  if (!node) return;
  keep_outputs(*node, c);
  for (int i = 0; i < c.op.visible; ++i) {
    if (c.out[i].defined() && is_differentiable(c.out[i].dtype())) set_history(*c.out[i].impl(), node, i);
  }
}

}  // namespace autograd

bool Tensor::requires_grad() const { return needs_grad(checked()); }

Tensor& Tensor::requires_grad_(bool on) & {
  checked();
  HEARTH_CHECK(!on || is_differentiable(dtype()),
               "requires_grad_: only floating-point and complex tensors have gradients, but this one is ", dtype());
  HEARTH_CHECK(is_leaf() || on,
               "requires_grad_: only a leaf's flag can be turned off; detach() gives a tensor without history");
  HEARTH_CHECK(!on || !is_inference(),
               "requires_grad_: the tensor was made in inference mode; clone() it outside of it first");
  if (!on && !impl_->meta) return *this;
  if (!is_leaf()) return *this;
  // A view that is a leaf of its own no longer follows its base.
  if (on && follows_base(*impl_)) impl_->flags |= TensorImpl::kUntracked;
  if (impl_->base && on) impl_->flags |= TensorImpl::kOwnLeaf;
  else impl_->flags &= static_cast<uint8_t>(~TensorImpl::kOwnLeaf);
  autograd::ensure_meta(*impl_).requires_grad = on;
  return *this;
}

bool Tensor::is_leaf() const {
  checked();
  const Edge e = autograd::grad_edge(impl_);
  return !e.node;
}

Tensor Tensor::grad() const {
  checked();
  return autograd::with_meta(*impl_, [](const GradMeta* m) {
    HEARTH_CHECK(!m || m->grad.defined() || m->retains_grad || !m->grad_fn,
                 "grad: this tensor is not a leaf, it was made by ", m->grad_fn->op->name,
                 ": its gradient is only kept after retain_grad(), called before backward()");
    return m ? m->grad : Tensor();
  });
}

void Tensor::set_grad(const Tensor& g) {
  checked();
  if (!g.defined()) {
    if (impl_->meta) grad_meta(*impl_)->grad = Tensor();
    return;
  }
  HEARTH_CHECK(g.shape() == shape() && g.dtype() == dtype() && g.device() == device(), "set_grad: the gradient is ",
               g.dtype(), " of shape ", g.shape(), " on ", g.device(), ", but the tensor is ", dtype(), " of shape ",
               shape(), " on ", device());
  autograd::ensure_meta(*impl_).grad = g;
}

bool Tensor::retains_grad() const {
  checked();
  return autograd::with_meta(*impl_, [](const GradMeta* m) { return m && m->retains_grad; });
}

Tensor Tensor::detach() const { return run(kDetach, {*this}); }

Tensor& Tensor::detach_() & {
  checked();
  HEARTH_CHECK(!impl_->base, "detach_: a view cannot be detached in place; use detach()");
  if (impl_->meta) {
    impl_->meta->requires_grad = false;
    grad_meta(*impl_)->grad_fn.reset();
  }
  return *this;
}

const char* Tensor::grad_fn_name() const {
  checked();
  const Edge e = autograd::grad_edge(impl_);
  return e.node ? e.node->op->name : nullptr;
}

}  // namespace hearth
