#include "core/autograd/checkpoint.h"

#include <memory>
#include <optional>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/thread_state.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/op/record_phase.h"
#include "core/op/run.h"

namespace hearth {
namespace detail {

// A node's claim on a tensor of the frame. Shared by the copies of the std::any it lies in.
struct CheckpointFrame::Place {
  std::shared_ptr<CheckpointFrame> frame;
  size_t index;
  ~Place() {
    Tensor dropped;
    const MutexLock lock(frame->mutex_);
    std::swap(dropped, frame->kept_[index].value);
  }
};

namespace {

// Takes what the function keeps when it runs again. Its nodes are dropped with its result, so that hooks around it have
// nothing to pack: what it gives is no Tensor.
class Collector final : public SavedTensorHooks {
 public:
  std::vector<Tensor> tensors;
  std::vector<uint32_t> writes;
  WriteCounter counter;
  std::any pack(const Tensor& t) override {
    tensors.push_back(t);
    writes.push_back(counter.writes(t));
    return tensors.size() - 1;
  }
  Tensor unpack(const std::any& packed) override { return tensors[std::any_cast<size_t>(packed)]; }
};

// Gives out again what a DrawRecorder has noted.
class DrawReplay final : public Generator {
 public:
  // Past the end of what was noted: an error if the first run has finished; otherwise what is drawn there is thrown
  // away.
  DrawReplay(const std::vector<CheckpointFrame::Drawn>& drawn, bool finished) : drawn_(drawn), finished_(finished) {}
  GeneratorState state() const override {
    const MutexLock lock(mutex_);
    return next_ < drawn_.size() ? drawn_[next_].from : GeneratorState{};
  }
  // The states noted are those after it.
  void set_state(GeneratorState) override {}
  GeneratorState take(uint64_t words) override {
    const MutexLock lock(mutex_);
    if (!finished_ && next_ >= drawn_.size()) return Generator::take(words);
    HEARTH_CHECK(next_ < drawn_.size() && drawn_[next_].words == words,
                 "checkpoint: the function did something else when it ran again: it drew other random numbers");
    return drawn_[next_++].from;
  }

 private:
  const std::vector<CheckpointFrame::Drawn>& drawn_;
  const bool finished_;
  mutable Mutex mutex_;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

// Sees the ops of the first run.
class KeepResults final : public Interposer {
 public:
  explicit KeepResults(CheckpointFrame& frame) : frame_(frame) {}
  void intercept(OpCall& c) override {
    const size_t drawn = frame_.drawn_.size();
    c.proceed();
    if (frame_.running_again_ || !chosen(frame_.policy_, c)) return;
    CheckpointFrame::Result& r = frame_.results_.emplace_back(CheckpointFrame::Result{&c.op, shapes_of(c), {}, {}});
    if (frame_.drawn_.size() != drawn) return;
    for (const Tensor& t : c.out) {
      r.out.push_back(t.defined() ? alias(t, t.layout(), true) : Tensor());
      r.versions.push_back(t.defined() ? t.version() : 0);
    }
  }
  // The shapes of the op's operands; that of a number is [].
  static std::vector<Shape> shapes_of(const OpCall& c) {
    std::vector<Shape> shapes;
    for (int i = 0; i < c.inputs(); ++i)
      shapes.push_back(c.is_tensor(i) && c.input(i).defined() ? c.input(i).shape() : Shape());
    return shapes;
  }
  // Whether the policy names an op whose results are memory of their own. A number in CPU memory that goes to a GPU is
  // left to run().
  static bool chosen(const CheckpointPolicyFunction& policy, const OpCall& c) {
    if (c.op.kind == OpKind::kView || c.op.writes || c.bound) return false;
    const Tensor* first = nullptr;
    for (int i = 0; i < c.inputs(); ++i) {
      if (!c.is_tensor(i) || !c.input(i).defined()) continue;
      if (!first) first = &c.input(i);
      if (c.input(i).device() != first->device()) return false;
    }
    return policy(c.op.name) == CheckpointPolicy::kSave;
  }

 private:
  CheckpointFrame& frame_;
};

// Sees the ops of the second run.
class GiveResults final : public Interposer {
 public:
  explicit GiveResults(const CheckpointFrame& frame) : frame_(frame) {}
  void intercept(OpCall& c) override {
    if (!KeepResults::chosen(frame_.policy_, c)) return c.proceed();
    // Past the end of what was kept the first run is not done, and nobody asks for what comes there.
    if (!frame_.finished_ && next_ >= frame_.results_.size()) return c.proceed();
    HEARTH_CHECK(next_ < frame_.results_.size() && frame_.results_[next_].op == &c.op,
                 "checkpoint: the function did something else when it ran again: it ran ", c.op.name,
                 " where the first time it did not");
    const CheckpointFrame::Result& r = frame_.results_[next_++];
    HEARTH_CHECK(r.in == KeepResults::shapes_of(c),
                 "checkpoint: the function did something else when it ran again: ", c.op.name,
                 " got operands of other shapes");
    if (r.out.empty()) return c.proceed();
    give(c, r);
  }

 private:
  static void give(OpCall& c, const CheckpointFrame::Result& r) {
    for (size_t k = 0; k < r.out.size(); ++k) {
      const Tensor& t = r.out[k];
      if (!t.defined()) continue;
      HEARTH_CHECK(t.version() == r.versions[k], "checkpoint: what ", c.op.name,
                   " had given was changed by an in-place operation: dtype ", t.dtype(), ", shape ", t.shape(),
                   ", at version ", t.version(), "; expected version ", r.versions[k]);
      c.out[k] = alias(t, t.layout(), true);
      c.device = t.device();
    }
    bool wanted = false;
    for (int i = 0; i < c.inputs(); ++i)
      wanted |= c.is_tensor(i) && c.input(i).defined() && needs_grad(*c.input(i).impl());
    if (wanted && thread_state.grad_enabled && !thread_state.inference) thread_state.record(c, RecordPhase::kAfter);
  }

  const CheckpointFrame& frame_;
  size_t next_ = 0;
};

struct KeepingResults::Active {
  explicit Active(CheckpointFrame& frame) : keeper(frame), guard(keeper) {
    if (frame.autocast_) mixed.emplace(frame.autocast_);
  }
  KeepResults keeper;
  InterposerGuard guard;
  std::optional<Autocast> mixed;  // it casts before the keeper looks, as GiveResults must find it again
};
KeepingResults::KeepingResults(CheckpointFrame& frame)
    : active_(frame.policy_ ? std::make_unique<Active>(frame) : nullptr) {}
KeepingResults::~KeepingResults() = default;

GeneratorState DrawRecorder::take(uint64_t words) {
  const MutexLock lock(mutex_);
  const GeneratorState from = source_.take(words);
  drawn_.push_back({words, from});
  return from;
}

std::any CheckpointFrame::pack(const Tensor& t) {
  const MutexLock lock(mutex_);
  kept_.push_back({t.shape(), t.dtype(), counter_.writes(t), {}});
  return std::shared_ptr<Place>(new Place{shared_from_this(), kept_.size() - 1});
}

Tensor CheckpointFrame::unpack(const std::any& packed) {
  const size_t i = std::any_cast<const std::shared_ptr<Place>&>(packed)->index;
  const MutexLock lock(mutex_);
  if (!kept_[i].value.defined()) run_again();
  return kept_[i].value;
}

void CheckpointFrame::run_again() {
  Collector collector;
  {
    GradMode on(true);
    SavedTensorHooksGuard guard(collector);
    DrawReplay random(drawn_, finished_);
    const GeneratorGuard drawn(random);
    struct Running {
      bool& on;
      ~Running() { on = false; }
    } running{running_again_};
    running_again_ = true;
    GiveResults giver(*this);
    std::optional<InterposerGuard> giving;
    std::optional<Autocast> mixed;
    again_(collector.counter, [&] {
      if (policy_) giving.emplace(giver);
      mixed.emplace(autocast_);
    });
  }
  const auto same = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_ ? collector.tensors.size() != kept_.size() : collector.tensors.size() < kept_.size()) return false;
    for (size_t i = 0; i < kept_.size(); ++i) {
      if (!(collector.tensors[i].shape() == kept_[i].shape) || collector.tensors[i].dtype() != kept_[i].dtype)
        return false;
    }
    return true;
  };
  HEARTH_CHECK(same(), "checkpoint: the function did something else when it ran again: it kept ",
               collector.tensors.size(), " tensors for its gradient, the first time ", kept_.size(),
               collector.tensors.size() == kept_.size() ? ", of other shapes or dtypes" : "");
  for (size_t i = 0; i < kept_.size(); ++i) {
    HEARTH_CHECK(collector.writes[i] == kept_[i].writes,
                 "checkpoint: a tensor that the function uses was changed by an in-place operation: dtype ",
                 kept_[i].dtype, ", shape ", kept_[i].shape, ", at version ", collector.writes[i],
                 "; expected version ", kept_[i].writes);
  }
  for (size_t i = 0; i < kept_.size(); ++i) kept_[i].value = std::move(collector.tensors[i]);
}

CheckpointInput::CheckpointInput(const Tensor& t) {
  if (!t.defined()) return;
  requires_grad_ = t.requires_grad();
  packed_ = autograd::pack_saved(t);
  if (!packed_) {
    tensor_ = alias(t, t.layout(), true);
    version_ = t.version();
  }
}

Tensor CheckpointInput::get() const {
  Tensor t = packed_ ? packed_->unpack() : tensor_;
  if (!t.defined()) return t;
  HEARTH_CHECK(packed_ || t.version() == version_, "checkpoint: an input was changed by an in-place operation: dtype ",
               t.dtype(), ", shape ", t.shape(), ", at version ", t.version(), "; expected version ", version_);
  t = alias(t, t.layout(), true);
  if (requires_grad_) t.requires_grad_();
  return t;
}

}  // namespace detail

Tensor checkpoint_sequential(std::span<const std::function<Tensor(const Tensor&)>> functions, int segments, Tensor x) {
  HEARTH_CHECK(segments >= 1 && static_cast<size_t>(segments) <= functions.size(), "checkpoint_sequential: ", segments,
               " segments of ", functions.size(), " functions");
  const size_t length = functions.size() / static_cast<size_t>(segments);
  const auto run = [](std::vector<std::function<Tensor(const Tensor&)>> part) {
    return [part = std::move(part)](const Tensor& in) {
      Tensor y = in;
      for (const auto& f : part) y = f(y);
      return y;
    };
  };
  for (int s = 0; s + 1 < segments; ++s) {
    const auto part = functions.subspan(static_cast<size_t>(s) * length, length);
    x = checkpoint(run({part.begin(), part.end()}), x);
  }
  const auto rest = functions.subspan(static_cast<size_t>(segments - 1) * length);
  return run({rest.begin(), rest.end()})(x);
}

}  // namespace hearth
