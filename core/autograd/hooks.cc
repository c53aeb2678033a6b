#include "core/autograd/hooks.h"

#include <atomic>

#include "core/autograd/edge.h"
#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/op/machinery.h"

namespace hearth {

SavedTensorHooksGuard::SavedTensorHooksGuard(SavedTensorHooks& hooks) : previous_(thread_state.saved_tensor_hooks) {
  thread_state.saved_tensor_hooks = &hooks;
}
SavedTensorHooksGuard::~SavedTensorHooksGuard() { thread_state.saved_tensor_hooks = previous_; }

namespace autograd {
namespace {

struct Packed final : PackedSaved {
  SavedTensorHooks* hooks;
  std::any value;
  Shape shape;
  DType dtype;
  Tensor unpack() override {
    Tensor t = hooks->unpack(value);
    HEARTH_CHECK(t.defined() && t.shape() == shape && t.dtype() == dtype,
                 "saved-tensor hooks: unpack must give back what pack took, a tensor of dtype ", dtype, " and shape ",
                 shape);
    return t;
  }
};

int64_t next_id() {
  static std::atomic<int64_t> id{1};
  return id.fetch_add(1, std::memory_order_relaxed);
}

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
  static_cast<OutputHooks&>(*retained_at->hooks).retained[retained_output] = nullptr;
}

Ref<PackedSaved> pack(SavedTensorHooks& hooks, const Tensor& t) {
  // The hooks' own ops are neither recorded nor packed.
  SavedTensorHooks* active = std::exchange(thread_state.saved_tensor_hooks, nullptr);
  const bool grad = std::exchange(thread_state.grad_enabled, false);
  struct Restore {
    SavedTensorHooks* hooks;
    bool grad;
    ~Restore() {
      thread_state.saved_tensor_hooks = hooks;
      thread_state.grad_enabled = grad;
    }
  } restore{active, grad};
  auto packed = Ref<Packed>::adopt(new Packed);
  packed->hooks = &hooks;
  packed->shape = t.shape();
  packed->dtype = t.dtype();
  // Without history: hooks that keep the tensor as it is must not make an op's result hold itself.
  packed->value = hooks.pack(detail::alias(t, t.layout(), true));
  return Ref<PackedSaved>::adopt(packed.leak());
}

Tensor run_output_hooks(Node& node, int output, Tensor grad) {
  std::vector<GradHook> hooks;
  {
    SpinLock hold(node.lock);
    for (auto& e : static_cast<OutputHooks&>(*node.hooks).entries) {
      if (e.output == output) hooks.push_back(e.hook);
    }
  }
  for (const GradHook& h : hooks) grad = replaced(grad, h);
  SpinLock hold(node.lock);
  if (GradMeta* m = static_cast<OutputHooks&>(*node.hooks).retained[output]) {
    m->grad = m->grad.defined() ? machinery::add(m->grad, grad) : grad;
  }
  return grad;
}

Tensor run_leaf_hooks(GradMeta& leaf, Tensor grad) {
  const auto hooks = leaf_hooks(leaf).before;
  for (auto& [id, h] : hooks) grad = replaced(grad, h);
  return grad;
}

void run_after_accumulate(GradMeta& leaf, const Tensor& tensor) {
  const auto hooks = leaf_hooks(leaf).after;
  for (auto& [id, h] : hooks) h(tensor);
}

}  // namespace autograd

int64_t Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  HEARTH_CHECK(requires_grad(), "register_hook: the tensor does not require a gradient");
  const Edge e = autograd::grad_edge(impl_);
  const int64_t id = autograd::next_id();
  if (e.node) {
    SpinLock hold(e.node->lock);
    autograd::output_hooks(*e.node).entries.push_back({id, e.output, std::move(hook)});
  } else {
    autograd::leaf_hooks(*grad_meta(*impl_)).before.emplace_back(id, std::move(hook));
  }
  return id;
}

int64_t Tensor::register_post_accumulate_grad_hook(std::function<void(const Tensor&)> hook) const {
  HEARTH_CHECK(requires_grad() && is_leaf(),
               "register_post_accumulate_grad_hook: only a leaf that requires a gradient accumulates one");
  const int64_t id = autograd::next_id();
  autograd::leaf_hooks(*grad_meta(*impl_)).after.emplace_back(id, std::move(hook));
  return id;
}

void Tensor::remove_hook(int64_t handle) const {
  checked();
  const Edge e = autograd::grad_edge(impl_);
  if (e.node && e.node->hooks) {
    SpinLock hold(e.node->lock);
    std::erase_if(static_cast<autograd::OutputHooks&>(*e.node->hooks).entries, [&](auto& h) { return h.id == handle; });
  }
  if (impl_->meta && grad_meta(*impl_)->hooks) {
    auto& h = static_cast<autograd::LeafHooks&>(*grad_meta(*impl_)->hooks);
    std::erase_if(h.before, [&](auto& x) { return x.first == handle; });
    std::erase_if(h.after, [&](auto& x) { return x.first == handle; });
  }
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
  mine.retained_output = e.output;
  SpinLock hold(e.node->lock);
  autograd::output_hooks(*e.node).retained[e.output] = &m;
}

}  // namespace hearth
