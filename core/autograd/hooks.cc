#include "core/autograd/hooks.h"

#include <memory>

#include "core/autograd/edge.h"
#include "core/base/error.h"
#include "core/base/spin_lock.h"
#include "core/base/thread_state.h"
#include "core/op/grad_meta.h"
#include "core/op/machinery.h"

namespace hearth {

SavedTensorHooksGuard::SavedTensorHooksGuard(SavedTensorHooks& hooks)
    : hooks_(hooks), outer_(thread_state.saved_tensor_hooks) {
  thread_state.saved_tensor_hooks = this;
}
SavedTensorHooksGuard::~SavedTensorHooksGuard() { thread_state.saved_tensor_hooks = outer_; }

namespace autograd {
namespace {

struct Packed final : PackedSaved {
  SavedTensorHooks* hooks = nullptr;
  std::any value;
  Ref<PackedSaved> by_outer;  // in place of value, if that was a tensor and hooks around took it
  Shape shape;
  DType dtype = DType::kF32;
  Tensor unpack() override {
    Tensor t = by_outer ? hooks->unpack(by_outer->unpack()) : hooks->unpack(value);
    HEARTH_CHECK(t.defined() && t.shape() == shape && t.dtype() == dtype,
                 "saved-tensor hooks: unpack must give back what pack took, a tensor of dtype ", dtype, " and shape ",
                 shape);
    return t;
  }
};

OutputHooks& output_hooks(Node& n) {
  if (!n.hooks) n.hooks = new OutputHooks;
  return static_cast<OutputHooks&>(*n.hooks);
}
LeafHooks& leaf_hooks(GradMeta& m) {
  if (!m.hooks) m.hooks = new LeafHooks;
  return static_cast<LeafHooks&>(*m.hooks);
}

Tensor replaced(const Tensor& grad, const GradHook& hook) {
  Tensor r = hook(grad);
  if (!r.defined()) return grad;
  HEARTH_CHECK(r.shape() == grad.shape() && r.dtype() == grad.dtype(), "hook: it replaced a gradient of dtype ",
               grad.dtype(), " and shape ", grad.shape(), " by one of dtype ", r.dtype(), " and shape ", r.shape());
  return r;
}

}  // namespace

LeafHooks::~LeafHooks() {
  if (!retained_at || !retained_at->hooks) return;
  SpinLock hold(retained_at->lock);
  std::erase_if(static_cast<OutputHooks&>(*retained_at->hooks).retained,
                [&](auto& r) { return r.second->hooks == this; });
}

Ref<PackedSaved> pack_saved(const Tensor& t) {
  SavedTensorHooksGuard* const guard = thread_state.saved_tensor_hooks;
  if (!guard) return {};
  // The hooks' own ops are not recorded, and what pack_saved keeps for them the hooks around them have.
  struct Aside {
    SavedTensorHooksGuard* hooks = thread_state.saved_tensor_hooks;
    bool grad = std::exchange(thread_state.grad_enabled, false);
    ~Aside() {
      thread_state.saved_tensor_hooks = hooks;
      thread_state.grad_enabled = grad;
    }
  } aside;
  thread_state.saved_tensor_hooks = guard->outer();
  auto packed = Ref<Packed>::adopt(new Packed);
  packed->hooks = &guard->hooks();
  packed->shape = t.shape();
  packed->dtype = t.dtype();
  // Without history: hooks that keep the tensor as it is must not make an op's result hold itself.
  packed->value = packed->hooks->pack(hearth::detail::alias(t, t.layout(), true));
  if (guard->outer()) {
    const auto* inner = std::any_cast<Tensor>(&packed->value);
    if (inner && inner->defined()) {
      packed->by_outer = pack_saved(*inner);
      packed->value.reset();
    }
  }
  return Ref<PackedSaved>::adopt(packed.leak());
}

Tensor run_output_hooks(Node& node, int output, Tensor grad) {
  std::vector<std::shared_ptr<hearth::detail::HookSlot<GradHook>>> slots;
  {
    SpinLock hold(node.lock);
    for (auto& e : static_cast<OutputHooks&>(*node.hooks).entries) {
      if (e.output == output) slots.push_back(e.slot);
    }
  }
  for (const auto& s : slots) {
    if (const auto hook = s->get()) grad = replaced(grad, *hook);
  }
  SpinLock hold(node.lock);
  for (auto& [of, m] : static_cast<OutputHooks&>(*node.hooks).retained) {
    if (of == output) m->grad = m->grad.defined() ? machinery::add(m->grad, grad) : grad;
  }
  return grad;
}

Tensor run_leaf_hooks(GradMeta& leaf, Tensor grad) {
  const auto hooks = leaf_hooks(leaf).before;
  for (size_t i = 0; i < hooks.size(); ++i) {
    if (const auto hook = hooks.get(i)) grad = replaced(grad, *hook);
  }
  return grad;
}

void run_after_accumulate(GradMeta& leaf, const Tensor& tensor) { leaf_hooks(leaf).after.call(tensor); }

}  // namespace autograd

HookHandle Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  HEARTH_CHECK(requires_grad(), "register_hook: the tensor does not require a gradient");
  HEARTH_CHECK(hook, "register_hook: the function is empty");
  const Edge e = autograd::grad_edge(impl_);
  if (!e.node) return autograd::leaf_hooks(*grad_meta(*impl_)).before.add(std::move(hook));
  auto slot = std::make_shared<detail::HookSlot<autograd::GradHook>>(std::move(hook));
  HookHandle handle(slot);
  SpinLock hold(e.node->lock);
  auto& entries = autograd::output_hooks(*e.node).entries;
  std::erase_if(entries, [](auto& x) { return !x.slot->filled(); });
  entries.push_back({e.output, std::move(slot)});
  return handle;
}

HookHandle Tensor::register_post_accumulate_grad_hook(std::function<void(const Tensor&)> hook) const {
  HEARTH_CHECK(requires_grad() && is_leaf(),
               "register_post_accumulate_grad_hook: only a leaf that requires a gradient accumulates one");
  HEARTH_CHECK(hook, "register_post_accumulate_grad_hook: the function is empty");
  return autograd::leaf_hooks(*grad_meta(*impl_)).after.add(std::move(hook));
}

void Tensor::retain_grad() const {
  HEARTH_CHECK(requires_grad(), "retain_grad: the tensor does not require a gradient");
  const Edge e = autograd::grad_edge(impl_);
  if (!e.node) return;  // a leaf keeps its gradient anyway
  GradMeta& m = *grad_meta(*impl_);
  if (m.retains_grad) return;
  m.retains_grad = true;
  auto& mine = autograd::leaf_hooks(m);
  mine.retained_at = e.node;
  SpinLock hold(e.node->lock);
  autograd::output_hooks(*e.node).retained.emplace_back(e.output, &m);
}

}  // namespace hearth
