// Intrusive reference counting: one pointer per handle, no control block.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace hearth {

/// Base of a counted object, which is born with one reference. The derived class T has `static void destroy(T*)`, which
/// is called when the last Ref goes. Counting is thread-safe; the object itself is not protected.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  /// How many references there are. Other threads may change it at any time.
  uint32_t use_count() const { return refs_.load(std::memory_order_acquire); }
  /// Adds a reference. Ref does it.
  void retain() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// Drops a reference. True if it was the last one: the caller must destroy the object. Ref does it.
  bool release() const {
    // A sole owner needs no locked instruction: nobody else can reach the count.
    if (refs_.load(std::memory_order_acquire) == 1) return true;
    return refs_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

 private:
  mutable std::atomic<uint32_t> refs_{1};
};

/// A counted pointer to a T, which derives from RefCounted. Different Refs to one object may be copied and dropped in
/// different threads; one Ref belongs to one thread at a time.
template <class T>
class Ref {
 public:
  /// Null.
  constexpr Ref() = default;
  /// Null.
  constexpr Ref(std::nullptr_t) {}
  /// Takes over a reference that the caller holds, such as the one that a new object is born with.
  static Ref adopt(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  /// Adds a reference to an object that others hold; null gives null.
  static Ref share(T* p) {
    if (p) p->retain();
    return adopt(p);
  }
  /// Adds a reference to the same object.
  Ref(const Ref& o) : p_(o.p_) {
    if (p_) p_->retain();
  }
  /// Takes the reference over and leaves the other one null.
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  /// Drops its reference and adds one to the other's object.
  Ref& operator=(const Ref& o) {
    Ref(o).swap(*this);
    return *this;
  }
  /// Drops its reference and takes the other's over, which becomes null.
  Ref& operator=(Ref&& o) noexcept {
    Ref(std::move(o)).swap(*this);
    return *this;
  }
  /// Drops its reference.
  ~Ref() { reset(); }

  /// Drops its reference and becomes null. Destroys the object if the reference was the last one.
  void reset() {
    if (T* p = std::exchange(p_, nullptr); p && p->release()) T::destroy(p);
  }
  /// Gives the reference to the caller, who must drop it, and becomes null.
  T* leak() { return std::exchange(p_, nullptr); }
  /// Exchanges the two references.
  void swap(Ref& o) noexcept { std::swap(p_, o.p_); }
  /// The object, or null.
  T* get() const { return p_; }
  /// The object, which must be there.
  T* operator->() const { return p_; }
  /// The object, which must be there.
  T& operator*() const { return *p_; }
  /// True unless it is null.
  explicit operator bool() const { return p_ != nullptr; }
  /// True if both have the same object, or both are null.
  friend bool operator==(const Ref& a, const Ref& b) { return a.p_ == b.p_; }

 private:
  T* p_ = nullptr;
};

}  // namespace hearth
