#include "core/autograd/checkpoint.h"

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/thread_state.h"
#include "core/op/machinery.h"

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
    const Autocast mixed(autocast_);
    again_(collector.counter);
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
