// What a Tensor points to. Ops and kernels use it; programs use Tensor.
#pragma once

#include <cstdint>

#include "core/base/ref.h"
#include "core/base/slab.h"
#include "core/tensor/dtype.h"
#include "core/tensor/layout.h"
#include "core/tensor/storage.h"

namespace hearth {

// Gradient state, made on first need. Autograd derives its own from it.
class AutogradMeta {
 public:
  virtual ~AutogradMeta() = default;
  bool requires_grad = false;  // on a leaf set by the user; on a result set by the op that made it
};

class TensorImpl : public RefCounted {
 public:
  enum Flags : uint8_t {
    kInference = 1,  // made in inference mode: never recorded
    kUntracked = 2,  // a view made while gradients were off
    kParameter = 4,  // a module's parameter
    kOwnLeaf = 8,    // a view that was made a leaf of its own: its views have it as their base
    kGated = 16,     // shows another tensor's memory, with a gradient that takes another way (core/autograd/gate.h)
  };

  DType dtype = DType::kF32;
  uint8_t flags = 0;
  Layout layout;
  Ref<Storage> storage;
  Ref<TensorImpl> base;          // of a view: the tensor that it looks into, itself no view or a leaf of its own
  AutogradMeta* meta = nullptr;  // owned

  static Ref<TensorImpl> make();
  static void destroy(TensorImpl* t);

  // First element; null for an empty or meta tensor.
  void* data() const {
    auto* p = static_cast<char*>(storage->data());
    return p ? p + layout.offset * static_cast<int64_t>(size_of(dtype)) : nullptr;
  }
  Device device() const { return storage->device(); }

 private:
  template <class T, class... A>
  friend T* slab::make(A&&...);
  template <class T>
  friend void slab::destroy(T*);
  TensorImpl() = default;
  ~TensorImpl() { delete meta; }
};
static_assert(sizeof(TensorImpl) <= 192);

}  // namespace hearth
