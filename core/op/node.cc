#include "core/op/node.h"

#include <new>

#include "core/base/spin_lock.h"

namespace hearth {

namespace {

// Nodes whose last reference went while another was being freed: freeing them in a loop keeps a long chain off the
// stack.
constinit thread_local Node* to_free = nullptr;
constinit thread_local bool freeing = false;

void* allocate(size_t bytes) {
  return bytes <= slab::kMaxBytes ? slab::allocate(bytes) : ::operator new (bytes, std::align_val_t{slab::kAlignment});
}
void deallocate(void* p, size_t bytes) {
  if (bytes <= slab::kMaxBytes) return slab::deallocate(p, bytes);
  ::operator delete (p, std::align_val_t{slab::kAlignment});
}

void drop(Saved& s) {
  s.storage.reset();
  s.packed.reset();
}

constexpr size_t aligned(size_t n) { return (n + 15) / 16 * 16; }

}  // namespace

Ref<Node> Node::make(const OpDef& op, int inputs, int outputs, const void* attrs) {
  const size_t at_inputs = aligned(sizeof(Node));
  const size_t at_outputs = at_inputs + aligned(sizeof(NodeInput) * static_cast<size_t>(inputs));
  const size_t at_attrs = at_outputs + aligned(sizeof(NodeOutput) * static_cast<size_t>(outputs));
  const size_t bytes = at_attrs + (attrs ? op.attrs->size : 0u);
  char* p = static_cast<char*>(allocate(bytes));
  Node* n = new (p) Node(op);
  n->bytes_ = bytes;
  n->n_inputs_ = static_cast<uint32_t>(inputs);
  n->n_outputs_ = static_cast<uint8_t>(outputs);
  n->visible = op.visible;
  n->inputs_ = reinterpret_cast<NodeInput*>(p + at_inputs);
  n->outputs_ = reinterpret_cast<NodeOutput*>(p + at_outputs);
  for (NodeInput& i : n->inputs()) new (&i) NodeInput;
  for (NodeOutput& o : n->outputs()) new (&o) NodeOutput;
  if (attrs) {
    op.attrs->copy(p + at_attrs, attrs);
    n->attrs_ = p + at_attrs;
  }
  return Ref<Node>::adopt(n);
}

Node::~Node() {
  delete hooks;
  delete scope;
  for (NodeInput& i : inputs()) i.~NodeInput();
  for (NodeOutput& o : outputs()) o.~NodeOutput();
  if (attrs_) op->attrs->destroy(attrs_);
}

void Node::finish(Node* n) {
  const size_t bytes = n->bytes_;
  n->~Node();
  deallocate(n, bytes);
}

void Node::destroy(Node* n) {
  if (freeing) {
    n->next_to_free_ = to_free;
    to_free = n;
    return;
  }
  freeing = true;
  finish(n);
  while (Node* next = to_free) {
    to_free = next->next_to_free_;
    finish(next);
  }
  freeing = false;
}

void Node::release_saved() {
  SpinLock hold(lock);
  released = true;
  for (NodeInput& i : inputs()) drop(i.saved);
  for (NodeOutput& o : outputs()) drop(o.saved);
}

}  // namespace hearth
