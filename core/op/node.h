// Node: what autograd keeps of one call. Plain data; the engine in core/autograd walks it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>

#include "core/op/op_def.h"
#include "core/op/operand.h"
#include "core/tensor/tensor.h"

namespace hearth {

class Node;

// What core/autograd/hooks.h hangs on nodes, on tensors, and in the place of a saved tensor.
struct NodeHooks {
  virtual ~NodeHooks() = default;
};
struct TensorHooks {
  virtual ~TensorHooks() = default;
};
struct PackedSaved : RefCounted {
  virtual ~PackedSaved() = default;
  virtual Tensor unpack() = 0;
  static void destroy(PackedSaved* p) { delete p; }
};

// Where a gradient goes: an output of the node that made the tensor, or a leaf itself.
struct Edge {
  Ref<Node> node;
  Ref<TensorImpl> leaf;
  uint8_t output = 0;
  bool valid() const { return node || leaf; }
};

// A tensor kept for backward: memory, layout and version, without a handle to the tensor (which may be the node's own
// result).
struct Saved {
  Ref<Storage> storage;
  Ref<PackedSaved> packed;  // set by saved-tensor hooks in place of storage
  uint32_t version = 0;
  bool present = false;
};

struct NodeInput {
  enum class Kind : uint8_t { kAbsent, kTensor, kScalar };
  Kind kind = Kind::kAbsent;
  DType dtype = DType::kF32;
  Device device;
  Edge edge;
  Layout layout;  // of the operand, whether saved or not
  Saved saved;
  Scalar scalar;
};

struct NodeOutput {
  DType dtype = DType::kF32;
  Layout layout;
  Device device;
  Saved saved;
};

class Node : public RefCounted {
 public:
  const OpDef* op;
  uint64_t topological_number = 0;  // above those of all nodes it leads to
  uint8_t visible = 1;
  bool released = false;                     // saved tensors were freed by a backward
  std::atomic_flag lock = ATOMIC_FLAG_INIT;  // guards the release of saved tensors, and hooks
  NodeHooks* hooks = nullptr;                // owned
  std::string* scope = nullptr;              // owned; module path, kept in anomaly mode

  static Ref<Node> make(const OpDef& op, int inputs, int outputs, const void* attrs);
  static void destroy(Node* n);

  std::span<NodeInput> inputs() { return {inputs_, n_inputs_}; }
  std::span<NodeOutput> outputs() { return {outputs_, n_outputs_}; }
  const void* attrs() const { return attrs_; }
  // Frees what was kept for backward.
  void release_saved();

 private:
  explicit Node(const OpDef& o) : op(&o) {}
  ~Node();
  static void finish(Node* n);

  uint32_t n_inputs_ = 0;
  uint8_t n_outputs_ = 0;
  NodeInput* inputs_ = nullptr;
  NodeOutput* outputs_ = nullptr;
  void* attrs_ = nullptr;
  size_t bytes_ = 0;
  Node* next_to_free_ = nullptr;
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

// Holds a flag as a lock.
class SpinLock {
 public:
  explicit SpinLock(std::atomic_flag& f) : f_(f) {
    while (f_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  ~SpinLock() { f_.clear(std::memory_order_release); }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

 private:
  std::atomic_flag& f_;
};

}  // namespace hearth
