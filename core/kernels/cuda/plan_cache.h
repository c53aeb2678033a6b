// Plans: what a library has been told and has chosen for a kind of call. They are kept, for making one takes longer
// than a small call.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "core/base/mutex.h"

namespace hearth::cuda {

// Thread-safe. Keys are compared as bytes.
template <class Key, class Plan>
class PlanCache {
  static_assert(std::has_unique_object_representations_v<Key>, "a key must have no padding");

 public:
  // The plan for a key: the kept one, or that which make() returns.
  template <class F>
  std::shared_ptr<Plan> get(const Key& key, F make) {
    std::string bytes(reinterpret_cast<const char*>(&key), sizeof key);
    {
      const MutexLock lock(mutex_);
      if (const auto it = plans_.find(bytes); it != plans_.end()) return it->second;
    }
    std::shared_ptr<Plan> plan = make();
    const MutexLock lock(mutex_);
    if (plans_.size() >= kMost) plans_.clear();  // sizes that change with every call
    return plans_.emplace(std::move(bytes), std::move(plan)).first->second;
  }

 private:
  static constexpr size_t kMost = 4096;
  Mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Plan>> plans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hearth::cuda
