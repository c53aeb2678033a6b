#include <utility>

#include "core/base/error.h"
#include "core/data/batch_loop_internal.h"

namespace hearth::data {

void check_state(const char* who, LoaderState state) {
  HEARTH_CHECK(state.epoch >= 0 && state.epoch <= kLastPlace && state.sample >= 0 && state.sample <= kLastPlace, who,
               ": the state (epoch ", state.epoch, ", sample ", state.sample, ") is not valid");
}

BatchLoop::BatchLoop(std::shared_ptr<LoaderPlace> place, const BatchWorkers::Options& options,
                     std::function<std::optional<BatchJob>()> next)
    : place_(std::move(place)), end_{place_->next.epoch + 1, 0} {
  if (options.workers > 0) workers_ = std::make_unique<BatchWorkers>(options, std::move(next));
  else next_ = std::move(next);
}

BatchLoop::~BatchLoop() {
  if (place_->last == this) place_->last = nullptr;
}

BatchIterator BatchLoop::begin(std::shared_ptr<BatchLoop> loop) {
  const std::shared_ptr<LoaderPlace> place = loop->place_;
  place->last = loop.get();
  place->state = std::exchange(place->next, loop->end_);
  try {
    return BatchIterator(std::move(loop));
  } catch (...) {
    // There is no iterator to go on with: the next loop takes the rest of the epoch.
    place->next = place->state;
    throw;
  }
}

bool BatchLoop::next(Example& out) {
  std::optional<BatchJob> job;
  if (next_) job = next_();
  if (workers_ ? !workers_->wait() : !job) {
    note(end_);
    next_ = nullptr;
    workers_.reset();
    return false;
  }
  // An error of `next` is no batch: a loop that goes on from here asks for it again.
  if (const std::optional<LoaderState> after = job ? job->after : workers_->after()) note(*after);
  out = job ? job->make() : workers_->take();
  return true;
}

void BatchLoop::note(LoaderState state) {
  if (place_->last == this) place_->state = state;
}

BatchIterator::BatchIterator(std::shared_ptr<BatchLoop> loop) : loop_(std::move(loop)) { ++*this; }

BatchIterator& BatchIterator::operator++() {
  current_ = {};
  done_ = !loop_->next(current_);
  return *this;
}

}  // namespace hearth::data
