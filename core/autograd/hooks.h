// Hooks: on gradients of tensors, after accumulation into leaves, and on tensors saved for backward.
#pragma once

#include <any>
#include <functional>
#include <utility>
#include <vector>

#include "core/op/node.h"

namespace hearth {

// Changes how tensors are kept for backward (offloading, compression) while its guard lives. pack runs when an op is
// recorded, unpack when its backward needs the tensor. What unpack gives must have the shape and dtype of what pack
// took. The tensor that pack is given has no gradient history; what unpack gives takes on the saved one's.
class SavedTensorHooks {
 public:
  virtual std::any pack(const Tensor& t) = 0;
  virtual Tensor unpack(const std::any& packed) = 0;

 protected:
  ~SavedTensorHooks() = default;
};

// Puts hooks in place for this thread while it lives. The hooks must outlive every graph recorded under it.
class SavedTensorHooksGuard {
 public:
  explicit SavedTensorHooksGuard(SavedTensorHooks& hooks);
  ~SavedTensorHooksGuard();
  SavedTensorHooksGuard(const SavedTensorHooksGuard&) = delete;
  SavedTensorHooksGuard& operator=(const SavedTensorHooksGuard&) = delete;

 private:
  SavedTensorHooks* previous_;
};

namespace autograd {

using GradHook = std::function<Tensor(const Tensor&)>;
using LeafHook = std::function<void(const Tensor&)>;

// Hooks on the gradients that reach a node's outputs.
struct OutputHooks final : NodeHooks {
  struct Entry {
    int64_t id;
    int output;
    GradHook hook;
  };
  std::vector<Entry> entries;
  GradMeta* retained[kMaxOutputs] = {};  // tensors whose grad is to be filled
};

// Hooks of a leaf, and a retained gradient's way back.
struct LeafHooks final : TensorHooks {
  std::vector<std::pair<int64_t, GradHook>> before;
  std::vector<std::pair<int64_t, LeafHook>> after;
  Ref<Node> retained_at;
  int retained_output = 0;
  ~LeafHooks() override;
};

Ref<PackedSaved> pack(SavedTensorHooks& hooks, const Tensor& t);

// The gradient after the hooks on this output of the node.
Tensor run_output_hooks(Node& node, int output, Tensor grad);
Tensor run_leaf_hooks(GradMeta& leaf, Tensor grad);
void run_after_accumulate(GradMeta& leaf, const Tensor& tensor);

}  // namespace autograd
}  // namespace hearth
