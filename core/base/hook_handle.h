// Functions that a program hangs on tensors and modules, and the handle that takes them off again.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/mutex.h"

namespace hearth {
namespace detail {

/// The place of one hook, of whatever function type.
class HookSlotBase {
 public:
  /// Drops the function. A call of it that is running goes on to its end.
  virtual void clear() = 0;
  /// True until clear().
  virtual bool filled() const = 0;

 protected:
  ~HookSlotBase() = default;
};

/// The place of one hook. A list and its copies share it, and a handle looks at it.
template <class F>
class HookSlot final : public HookSlotBase {
 public:
  explicit HookSlot(F f) : hook_(std::make_shared<const F>(std::move(f))) {}
  /// The function, or null once it was removed. It lives as long as the caller holds it: a hook may remove itself.
  std::shared_ptr<const F> get() const {
    const MutexLock lock(mutex_);
    return hook_;
  }
  bool filled() const override { return get() != nullptr; }
  void clear() override {
    std::shared_ptr<const F> dropped;  // declared first, so destroyed after the lock is released
    const MutexLock lock(mutex_);
    dropped.swap(hook_);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const F> hook_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace detail

/// What registering a hook gives. Dropping the handle leaves the hook in place; remove() takes it off. Handles may be
/// copied, may outlive the tensor or module, and may be used from any thread.
class HookHandle {
 public:
  /// A handle of no hook.
  HookHandle() = default;
  /// A handle of the hook in this place. For what registers hooks.
  explicit HookHandle(std::weak_ptr<detail::HookSlotBase> slot) : slot_(std::move(slot)) {}
  /// Takes the hook off, also from copies of the module that it was registered with. What the hook had captured is
  /// destroyed, after a call of it that is still running. Does nothing the second time, or if the owner is gone.
  void remove() {
    if (const auto slot = slot_.lock()) slot->clear();
  }
  /// True as long as the hook can still be called.
  bool active() const {
    const auto slot = slot_.lock();
    return slot && slot->filled();
  }

 private:
  std::weak_ptr<detail::HookSlotBase> slot_;
};

namespace detail {

/// Hooks of one kind, in the order in which they are called. A copy shares the hooks, but not what is added later.
/// Adding needs exclusive use.
template <class F>
class HookList {
 public:
  /// Adds a hook, at the end or, with `first`, before all others.
  HookHandle add(F f, bool first = false) {
    std::erase_if(slots_, [](const auto& s) { return !s->filled(); });
    auto slot = std::make_shared<HookSlot<F>>(std::move(f));
    const HookHandle handle(slot);
    slots_.insert(first ? slots_.begin() : slots_.end(), std::move(slot));
    return handle;
  }
  /// How many places there are, those of removed hooks included.
  size_t size() const { return slots_.size(); }
  /// Hook i, or null if it was removed.
  std::shared_ptr<const F> get(size_t i) const { return slots_[i]->get(); }
  /// True if a hook is left.
  bool any() const {
    for (const auto& s : slots_) {
      if (s->filled()) return true;
    }
    return false;
  }
  /// Calls each hook that is there. Those that the hooks add are not called.
  template <class... A>
  void call(A&&... a) const {
    const auto slots = slots_;
    for (const auto& s : slots) {
      if (const auto f = s->get()) (*f)(a...);
    }
  }

 private:
  std::vector<std::shared_ptr<HookSlot<F>>> slots_;
};

}  // namespace detail
}  // namespace hearth
