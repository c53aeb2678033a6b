// GradMeta: what autograd keeps of one tensor.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/op/node.h"
#include "core/tensor/tensor.h"

namespace hearth {

// What core/autograd/hooks.h hangs on tensors.
struct TensorHooks {
  virtual ~TensorHooks() = default;
};

// Gradient state of a tensor.
class GradMeta final : public AutogradMeta {
 public:
  ~GradMeta() override;
  Ref<Node> grad_fn;
  Tensor grad;
  std::atomic_flag lock = ATOMIC_FLAG_INIT;        // guards grad's accumulation
  std::atomic_flag views_lock = ATOMIC_FLAG_INIT;  // of a base: guards its views' state, see follows_base
  uint8_t output = 0;                              // which of grad_fn's outputs the tensor is
  bool retains_grad = false;
  uint32_t generation = 0;       // in-place writes that replaced grad_fn
  uint32_t seen_generation = 0;  // of a view: the base's generation for which grad_fn was made
  TensorHooks* hooks = nullptr;  // owned

  static void* operator new(size_t bytes) { return slab::allocate(bytes); }
  static void operator delete(void* p, size_t bytes) { slab::deallocate(p, bytes); }
};

inline GradMeta* grad_meta(const TensorImpl& t) { return static_cast<GradMeta*>(t.meta); }

/// True of a view whose gradient state follows from its base's, which was written in place. const calls bring such a
/// view's own state up to date (autograd::grad_edge), under the base's views_lock. A view that was made before its base
/// was given other memory (swap_memory) no longer looks into it.
inline bool follows_base(const TensorImpl& t) {
  return t.base && t.base->meta && grad_meta(*t.base)->generation > 0 &&
         !(t.flags & (TensorImpl::kUntracked | TensorImpl::kInference)) && t.storage == t.base->storage;
}

}  // namespace hearth
