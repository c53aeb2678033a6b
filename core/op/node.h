// Node: what autograd keeps of one call. Plain data; the engine in core/autograd walks it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "core/op/op_def.h"
#include "core/op/operand.h"
#include "core/tensor/tensor.h"

namespace hearth {

class Node;

// What core/autograd/hooks.h hangs on nodes, and in the place of a saved tensor.
struct NodeHooks {
  virtual ~NodeHooks() = default;
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

}  // namespace hearth
