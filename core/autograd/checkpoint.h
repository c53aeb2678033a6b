// Activation checkpointing: less memory for more time (Chen et al., "Training deep nets with sublinear memory cost",
// 2016).
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/autograd/autocast.h"
#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {

struct OpDef;

/// What a checkpoint does with the results of an op. PyTorch: CheckpointPolicy.
enum class CheckpointPolicy : uint8_t {
  kRecompute,  ///< They are computed anew. PyTorch: MUST_RECOMPUTE.
  kSave,       ///< They are kept. PyTorch: MUST_SAVE.
};
/// Decides by the name of an op's record: "matmul", "exp". It must always say the same.
using CheckpointPolicyFunction = std::function<CheckpointPolicy(std::string_view op)>;

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
  // Runs the function again, and calls `begin` before, when its inputs are there.
  using Again = std::function<void(WriteCounter&, const std::function<void()>& begin)>;
  CheckpointFrame(Again again, CheckpointPolicyFunction policy)
      : again_(std::move(again)), policy_(std::move(policy)) {}
  WriteCounter& counter() { return counter_; }
  std::vector<Drawn>& drawn() { return drawn_; }
  std::any pack(const Tensor& t) override;
  Tensor unpack(const std::any& packed) override;
  void finished() {
    finished_ = true;
    counter_ = {};
  }

 private:
  friend class KeepResults;
  friend class GiveResults;
  friend class KeepingResults;
  struct Place;
  // What an op of which the policy says so has given in the first run, or nothing where that cannot be given again.
  struct Result {
    const OpDef* op;
    std::vector<Shape> in;
    std::vector<Tensor> out;  // without history
    std::vector<uint32_t> versions;
  };
  struct Kept {
    Shape shape;
    DType dtype;
    uint32_t writes;
    Tensor value;  // after the function has run again
  };
  void run_again() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Again again_;
  WriteCounter counter_;  // of the first run
  std::vector<Drawn> drawn_;
  bool finished_ = false;
  const CheckpointPolicyFunction policy_;
  std::vector<Result> results_;
  bool running_again_ = false;
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

// While it lives, keeps what the ops of this thread give that the frame's policy names.
class KeepingResults {
 public:
  explicit KeepingResults(CheckpointFrame& frame);
  ~KeepingResults();
  KeepingResults(const KeepingResults&) = delete;
  KeepingResults& operator=(const KeepingResults&) = delete;

 private:
  struct Active;
  std::unique_ptr<Active> active_;  // null without a policy
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

template <class F, class... A>
auto checkpointed(CheckpointPolicyFunction policy, F f, const A&... inputs) {
  if (!GradMode::enabled()) return f(inputs...);
  auto frame = std::make_shared<CheckpointFrame>(
      [f, kept = std::make_tuple(checkpoint_input(inputs)...)](WriteCounter& counter,
                                                               const std::function<void()>& begin) mutable {
        std::apply(
            [&](const auto&... k) {
              std::tuple<decltype(checkpoint_again(k, counter))...> again{checkpoint_again(k, counter)...};
              begin();
              std::apply([&](const auto&... a) { (void)f(a...); }, again);
            },
            kept);
      },
      std::move(policy));
  (count_from(frame->counter(), inputs), ...);
  SavedTensorHooksGuard guard(*frame);
  DrawRecorder random(frame->drawn());
  const GeneratorGuard drawn(random);
  const KeepingResults keeping(*frame);
  auto result = f(inputs...);
  frame->finished();
  return result;
}

}  // namespace detail

/// f(inputs...), keeping of it only the inputs: what its gradient needs is computed anew when backward comes there. f
/// and inputs that are no tensors are copied; what f refers to must live until then, and f must do the same again. The
/// default generator gives f the same random numbers again, whatever other threads draw. Checkpoints may be nested;
/// gradients of gradients work. While gradients are off it only calls f. Throws Error from backward if an input or a
/// parameter was written to in place, or if f did something else. Under Autocast it runs again under Autocast.
template <class F, class... A>
auto checkpoint(F f, const A&... inputs) {
  return detail::checkpointed({}, std::move(f), inputs...);
}

/// checkpoint() that also keeps what the policy names, so that it is not computed anew: results of products, for one,
/// which take long, while what is cheap is computed again. PyTorch: checkpoint() with a context_fn.
///
///   selective_checkpoint(
///       [](std::string_view op) { return op == "matmul" ? CheckpointPolicy::kSave : CheckpointPolicy::kRecompute; },
///       f, x);
///
/// Views, ops that write in place and ops that draw random numbers are always run anew. Saved-tensor hooks around it do
/// not see what is kept. Throws Error if the policy is empty, and from backward if a kept result was written to in
/// place.
template <class F, class... A>
auto selective_checkpoint(CheckpointPolicyFunction policy, F f, const A&... inputs) {
  HEARTH_CHECK(policy, "selective_checkpoint: the policy is empty");
  return detail::checkpointed(std::move(policy), std::move(f), inputs...);
}

/// Calls functions one after the other, each with the result of the one before, the first with x. They are cut into
/// `segments` of as many functions each, the last with what is left over; all segments but the last are checkpointed.
/// The functions are copied. Throws Error unless `segments` is from 1 to the number of functions.
Tensor checkpoint_sequential(std::span<const std::function<Tensor(const Tensor&)>> functions, int segments, Tensor x);

}  // namespace hearth
