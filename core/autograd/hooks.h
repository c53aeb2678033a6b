// Hooks: on gradients of tensors, after accumulation into leaves, at the end of backward, and on tensors saved for
// backward.
#pragma once

#include <any>
#include <functional>
#include <utility>
#include <vector>

#include "core/base/hook_handle.h"
#include "core/op/grad_meta.h"

namespace hearth {

/// Changes how tensors are kept for backward (offloading, compression, sharding) while its guard lives.
class SavedTensorHooks {
 public:
  /// Called when an op is recorded, with a tensor that its backward will need, without its gradient history. Ops that
  /// pack runs are not recorded. Where guards are nested, the innermost hooks pack first; if what they give is a
  /// Tensor, the hooks around them pack that one, and so on. To keep tensors in something else than a Tensor and still
  /// let the outer hooks have them, call autograd::pack_saved.
  virtual std::any pack(const Tensor& t) = 0;
  /// Called when backward needs the tensor, the outermost hooks first: gives back what pack took, with the same shape
  /// and dtype. It takes on the saved tensor's history.
  virtual Tensor unpack(const std::any& packed) = 0;

 protected:
  ~SavedTensorHooks() = default;
};

/// Puts hooks in front of this thread's others while it lives. The hooks must outlive every graph recorded under it.
class SavedTensorHooksGuard {
 public:
  /// Puts the hooks in front.
  explicit SavedTensorHooksGuard(SavedTensorHooks& hooks);
  /// Takes them away. Guards go in the reverse order in which they came.
  ~SavedTensorHooksGuard();
  SavedTensorHooksGuard(const SavedTensorHooksGuard&) = delete;
  SavedTensorHooksGuard& operator=(const SavedTensorHooksGuard&) = delete;

  /// For autograd.
  SavedTensorHooks& hooks() const { return hooks_; }
  /// For autograd: the guard around this one, or null.
  SavedTensorHooksGuard* outer() const { return outer_; }

 private:
  SavedTensorHooks& hooks_;
  SavedTensorHooksGuard* outer_;
};

namespace autograd {

/// What Tensor::register_hook() takes: gets a gradient, and gives another in its place or an undefined tensor.
using GradHook = std::function<Tensor(const Tensor&)>;
/// What Tensor::register_post_accumulate_grad_hook() takes: gets the leaf.
using LeafHook = std::function<void(const Tensor&)>;

/// Hooks on the gradients that reach a node's outputs. Guarded by the node's lock.
struct OutputHooks final : NodeHooks {
  /// One hook.
  struct Entry {
    int output;                                                ///< The output whose gradient it sees.
    std::shared_ptr<hearth::detail::HookSlot<GradHook>> slot;  ///< The hook's place.
  };
  /// The hooks, in the order in which they were registered.
  std::vector<Entry> entries;
  /// Outputs, and the tensors whose grad is to be filled.
  std::vector<std::pair<int, GradMeta*>> retained;
};

/// Hooks of a leaf, and a retained gradient's way back.
struct LeafHooks final : TensorHooks {
  /// Called with a gradient before it is added to the leaf's.
  hearth::detail::HookList<GradHook> before;
  /// Called after a gradient was added to the leaf's.
  hearth::detail::HookList<LeafHook> after;
  /// Of a tensor that retains its gradient: the node whose OutputHooks::retained names it; else null.
  Ref<Node> retained_at;
  /// Takes the tensor out of that list.
  ~LeafHooks() override;
};

/// Keeps a tensor by means of this thread's saved-tensor hooks; null if there are none. Inside of pack these are the
/// hooks around the ones that pack.
Ref<PackedSaved> pack_saved(const Tensor& t);

/// The gradient after the hooks on this output of the node.
Tensor run_output_hooks(Node& node, int output, Tensor grad);
/// The gradient after the leaf's hooks.
Tensor run_leaf_hooks(GradMeta& leaf, Tensor grad);
/// The leaf's hooks after accumulation.
void run_after_accumulate(GradMeta& leaf, const Tensor& tensor);

/// Calls f once, when the innermost backward() or grad() that this thread is running has ended, before it returns;
/// where none runs, when the next one that this thread begins has ended. `complete` is true if all gradients are there,
/// false if it throws. Called in the order of registration, in this thread; one that f itself registers is called after
/// it. A callback that throws does not keep the others from being called: its exception leaves backward(), unless
/// backward() throws another one already. A backward inside of a hook has callbacks of its own.
void on_backward_end(std::function<void(bool complete)> f);

/// Tells the backward() or grad() that this thread is running, the innermost, from all others that are running; null
/// where none is.
const void* current_backward();

}  // namespace autograd
}  // namespace hearth
