#include "distributed/group/work.h"

#include "distributed/group/work_state.h"

namespace hearth::distributed {

void Work::wait() const {
  if (!state_) return;
  state_->wait_begins();
  // Far enough: operations have timeouts of their own.
  while (!state_->wait_until(Clock::now() + std::chrono::hours(24))) {
  }
  state_->check();
}

bool Work::wait_for(std::chrono::milliseconds timeout) const {
  if (!state_) return true;
  state_->wait_begins();
  if (!state_->wait_until(Clock::now() + timeout)) return false;
  state_->check();
  return true;
}

bool Work::done() const { return !state_ || state_->wait_until(Clock::now()); }

double Work::seconds() const { return state_ ? state_->seconds() : 0; }

}  // namespace hearth::distributed
