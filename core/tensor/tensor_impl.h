// What a Tensor points to. Ops and kernels use it; programs use Tensor.
#pragma once

#include <cstdint>

#include "core/base/ref.h"
#include "core/base/slab.h"
#include "core/tensor/dtype.h"
#include "core/tensor/layout.h"
#include "core/tensor/storage.h"

namespace hearth {

/// Gradient state of a tensor, made on first need. Autograd derives its own from it.
class AutogradMeta {
 public:
  virtual ~AutogradMeta() = default;
  /// True if a gradient flows into the tensor: set by the user on a leaf, by the op that made it on a result.
  bool requires_grad = false;
};

/// The object that handles of a tensor share. It has no lock of its own: changing a member needs exclusive use.
class TensorImpl : public RefCounted {
 public:
  /// Bits of `flags`.
  enum Flags : uint8_t {
    kInference = 1,  ///< Made in InferenceMode, or a view of such a tensor: never recorded.
    kUntracked = 2,  ///< A view made while gradients were off, or one that no longer follows its base.
    kOwnLeaf = 4,    ///< A view that was made a leaf of its own: its views have it as their base.
    kGated = 8,      ///< Shows another tensor's memory, with a gradient that takes another way (core/autograd/gate.h).
  };

  DType dtype = DType::kF32;  ///< The type of the elements.
  uint8_t flags = 0;          ///< Bits of Flags.
  Layout layout;              ///< Shape, strides and offset, in elements.
  Ref<Storage> storage;       ///< The memory, which views share. Not null once the tensor was made.
  Ref<TensorImpl> base;  ///< Of a view: the tensor that it looks into, itself no view or a leaf of its own; else null.
  AutogradMeta* meta = nullptr;  ///< Gradient state, which this object deletes; null until it is needed.

  /// A new object with a reference to it. The caller sets the members.
  static Ref<TensorImpl> make();
  /// For Ref: frees the object.
  static void destroy(TensorImpl* t);

  /// The address of the first element; null for an empty or meta tensor without memory.
  void* data() const {
    auto* p = static_cast<char*>(storage->data());
    return p ? p + layout.offset * static_cast<int64_t>(size_of(dtype)) : nullptr;
  }
  /// Where the memory is.
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
