// Activation checkpointing: less memory for more time (Chen et al., "Training deep nets with sublinear memory cost",
// 2016).
#pragma once

#include <any>
#include <functional>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/autograd/autocast.h"
#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/mutex.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace detail {

/// Counts writes in place from the beginning of a run of the function on. The memory of its inputs may be another when
/// it runs again, because hooks around the checkpoint have kept them, and has then been written a different number of
/// times before.
class WriteCounter {
 public:
  /// The function runs on this tensor.
  void add_input(const Tensor& t) {
    if (t.defined()) inputs_.emplace_back(t.impl()->storage, t.version());
  }
  /// The writes to a tensor's memory, an input's since it was added.
  uint32_t writes(const Tensor& t) const {
    for (const auto& [storage, version] : inputs_) {
      if (storage == t.impl()->storage) return t.version() - version;
    }
    return t.version();
  }

 private:
  std::vector<std::pair<Ref<Storage>, uint32_t>> inputs_;  // held: no other storage gets the address of one
};

// One run of a checkpointed function. Nodes recorded in it hold places in the frame in the stead of tensors; the first
// that asks for its tensor makes the function run again, which fills all places.
class CheckpointFrame final : public SavedTensorHooks, public std::enable_shared_from_this<CheckpointFrame> {
 public:
  // What the function took of the generator, in the order in which it did.
  struct Drawn {
    uint64_t words;
    GeneratorState from;
  };
  explicit CheckpointFrame(std::function<void(WriteCounter&)> again) : again_(std::move(again)) {}
  WriteCounter& counter() { return counter_; }
  std::vector<Drawn>& drawn() { return drawn_; }
  std::any pack(const Tensor& t) override;
  Tensor unpack(const std::any& packed) override;
  void finished() {
    finished_ = true;
    counter_ = {};
  }

 private:
  struct Place;
  struct Kept {
    Shape shape;
    DType dtype;
    uint32_t writes;
    Tensor value;  // after the function has run again
  };
  void run_again() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::function<void(WriteCounter&)> again_;
  WriteCounter counter_;  // of the first run
  std::vector<Drawn> drawn_;
  bool finished_ = false;
  const std::optional<DType> autocast_ = Autocast::current();  // of the first run
  Mutex mutex_;
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mutex_);
};

// Notes what is taken of this thread's default generator, so that others' draws in between do no harm.
class DrawRecorder final : public Generator {
 public:
  explicit DrawRecorder(std::vector<CheckpointFrame::Drawn>& drawn) : source_(default_generator()), drawn_(drawn) {}
  GeneratorState state() const override { return source_.state(); }
  void set_state(GeneratorState s) override { source_.set_state(s); }
  GeneratorState take(uint64_t words) override;

 private:
  Generator& source_;
  Mutex mutex_;
  std::vector<CheckpointFrame::Drawn>& drawn_ ABSL_GUARDED_BY(mutex_);
};

// A tensor that the function runs on again.
class CheckpointInput {
 public:
  explicit CheckpointInput(const Tensor& t);
  Tensor get() const;

 private:
  Tensor tensor_;
  Ref<PackedSaved> packed_;  // inside of another checkpoint: kept by that one's means
  uint32_t version_ = 0;
  bool requires_grad_ = false;
};

template <class T>
auto checkpoint_input(const T& t) {
  if constexpr (std::is_base_of_v<Tensor, T>) return CheckpointInput(t);
  else return t;
}
template <class T>
decltype(auto) checkpoint_again(const T& t, WriteCounter& counter) {
  if constexpr (std::is_same_v<T, CheckpointInput>) {
    Tensor x = t.get();
    counter.add_input(x);
    return x;
  } else {
    return (t);
  }
}
template <class T>
void count_from(WriteCounter& counter, const T& t) {
  if constexpr (std::is_base_of_v<Tensor, T>) counter.add_input(t);
}

}  // namespace detail

/// f(inputs...), keeping of it only the inputs: what its gradient needs is computed anew when backward comes there. f
/// and inputs that are no tensors are copied; what f refers to must live until then, and f must do the same again. The
/// default generator gives f the same random numbers again, whatever other threads draw. Checkpoints may be nested;
/// gradients of gradients work. While gradients are off it only calls f. Throws Error from backward if an input or a
/// parameter was written to in place, or if f did something else. Under Autocast it runs again under Autocast.
template <class F, class... A>
auto checkpoint(F f, const A&... inputs) {
  if (!GradMode::enabled()) return f(inputs...);
  auto frame = std::make_shared<detail::CheckpointFrame>(
      [f, kept = std::make_tuple(detail::checkpoint_input(inputs)...)](detail::WriteCounter& counter) mutable {
        std::apply([&](const auto&... k) { (void)f(detail::checkpoint_again(k, counter)...); }, kept);
      });
  (detail::count_from(frame->counter(), inputs), ...);
  SavedTensorHooksGuard guard(*frame);
  detail::DrawRecorder random(frame->drawn());
  const GeneratorGuard drawn(random);
  auto result = f(inputs...);
  frame->finished();
  return result;
}

/// Calls functions one after the other, each with the result of the one before, the first with x. They are cut into
/// `segments` of as many functions each, the last with what is left over; all segments but the last are checkpointed.
/// The functions are copied. Throws Error unless `segments` is from 1 to the number of functions.
Tensor checkpoint_sequential(std::span<const std::function<Tensor(const Tensor&)>> functions, int segments, Tensor x);

}  // namespace hearth
