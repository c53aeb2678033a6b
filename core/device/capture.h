// Capture: work of a device that is recorded, to be replayed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace hearth {

class Generator;

/// One recording of a device's work, as the code sees it that queues this work. What is queued while it is recorded
/// runs at each replay, with the values that it was queued with. What depends on values of the host that change from
/// replay to replay (a step's number, a learning rate, a generator's counter) reads them from the device's memory,
/// where functions that run before each replay write them.
///
/// A program uses CudaGraph (core/device/cuda_graph.h).
class Capture {
 public:
  virtual ~Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// The capture that this thread records or, while its functions of before_replay() run, is about to replay. Null
  /// otherwise.
  static Capture* current() { return current_; }
  /// True while functions of before_replay() run: ops are then called again to write their values anew, and do nothing
  /// else.
  bool rewriting() const { return rewriting_; }

  /// f runs before each replay, in the thread that replays. Functions run in the order in which they were given.
  void before_replay(std::function<void()> f) { before_replay_.push_back(std::move(f)); }
  /// This capture's own T, made at the first call.
  template <class T>
  T& part() {
    static constexpr char kKey = 0;
    std::shared_ptr<void>& p = parts_[&kKey];
    if (!p) p = std::make_shared<T>();
    return *static_cast<T*>(p.get());
  }
  /// Memory of the device that stays as long as the capture.
  virtual void* memory(size_t bytes) = 0;
  /// Such memory for a value of the host's. While values are written anew: the same places in the same order. Throws
  /// Error(kInternal) for another place than the one that is next.
  void* place(size_t bytes);

  /// The generator of this thread's innermost GeneratorGuard where the recording began, or null.
  Generator* generator() const { return generator_; }

  /// Queues the recorded work in the device's current stream.
  virtual void replay() = 0;

 protected:
  /// Makes a capture this thread's while it lives.
  class Active {
   public:
    /// Makes it this thread's.
    explicit Active(Capture& c) { current_ = &c; }
    ~Active() { current_ = nullptr; }
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;
  };
  Capture();
  /// Runs the functions of before_replay().
  void rewrite();

 private:
  struct Place {
    void* at;
    size_t bytes;
  };
  static constinit thread_local Capture* current_;
  Generator* const generator_;
  std::vector<std::function<void()>> before_replay_;
  std::map<const void*, std::shared_ptr<void>> parts_;
  std::vector<Place> places_;
  size_t next_place_ = 0;
  bool rewriting_ = false;
};

}  // namespace hearth
