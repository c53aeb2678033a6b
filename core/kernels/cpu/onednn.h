// What the kernels that call oneDNN share: its engine, a stream and scratch memory per thread, and bounded caches of
// compiled primitives and of packed weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <dnnl.hpp>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "core/base/mutex.h"
#include "core/base/omp.h"
#include "core/tensor/dtype.h"

namespace hearth::cpu::onednn {

using Md = dnnl::memory::desc;

const dnnl::engine& engine();

dnnl::memory::data_type type_of(DType t);

// Whether its kernels on this CPU are those for AVX-512: only these take bf16, and only these give the same bits with
// packed weights as without.
bool has_avx512();

// Memory of this thread, at least `bytes`, 64-byte aligned. Each slot is one buffer, valid until the slot is asked for
// again in the same thread.
enum class Slot : uint8_t { kLibrary, kA, kB, kC, kSmall };
constexpr int kSlots = 5;
void* scratch(Slot slot, size_t bytes);

// Everything that decides a primitive or a packed format, as integers.
constexpr int kKeyWords = 28;
struct Key {
  std::array<int64_t, kKeyWords> word{};
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  size_t operator()(const Key& k) const;
};

// The most recently used values, at most `capacity`. Safe to use from several threads; a value handed out stays valid
// while its holder keeps it.
template <class V>
class LruCache {
 public:
  explicit LruCache(size_t capacity) : capacity_(capacity) {}

  // make() runs outside of the lock: compiling a primitive takes milliseconds. oneDNN compiles for the number of
  // threads that OpenMP has then: one.
  template <class Make>
  std::shared_ptr<const V> get(const Key& key, Make&& make) {
    if (auto found = find(key)) return found;
    const OmpSingleThread single;
    std::shared_ptr<const V> made = make();
    const MutexLock lock(mutex_);
    if (auto it = map_.find(key); it != map_.end()) return it->second->second;
    order_.emplace_front(key, made);
    map_.emplace(key, order_.begin());
    if (order_.size() > capacity_) {
      map_.erase(order_.back().first);
      order_.pop_back();
    }
    return made;
  }

 private:
  using Order = std::list<std::pair<Key, std::shared_ptr<const V>>>;

  std::shared_ptr<const V> find(const Key& key) {
    const MutexLock lock(mutex_);
    auto it = map_.find(key);
    if (it == map_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->second;
  }

  Mutex mutex_;
  const size_t capacity_;
  Order order_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<Key, typename Order::iterator, KeyHash> map_ ABSL_GUARDED_BY(mutex_);
};

// A compiled primitive. Its scratch memory is the caller's, so that several threads may run it at once.
struct Primitive {
  dnnl::primitive primitive;
  size_t scratch_bytes = 0;
  Md weights;  // the format the primitive wants its weights (or gives their gradient) in
};

struct Argument {
  int id;
  const Md* md;
  const void* data;
};

// Runs a primitive in this thread alone.
void execute(const Primitive& p, std::initializer_list<Argument> arguments);

// Copies between two formats of the same tensor, in this thread alone.
void reorder(const Md& from_md, const void* from, const Md& to_md, void* to);

// Attributes for primitives made here: scratch memory comes from the caller.
dnnl::primitive_attr attributes();

}  // namespace hearth::cpu::onednn
