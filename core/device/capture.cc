#include "core/device/capture.h"

#include "core/base/error.h"
#include "core/base/thread_state.h"

namespace hearth {

constinit thread_local Capture* Capture::current_ = nullptr;

Capture::Capture() : generator_(thread_state.generator) {}

void* Capture::place(size_t bytes) {
  if (!rewriting_) return places_.emplace_back(Place{memory(bytes), bytes}).at;
  if (next_place_ == places_.size() || places_[next_place_].bytes != bytes)
    fail(ErrorKind::kInternal, "replay: values are written in another order than they were captured in");
  return places_[next_place_++].at;
}

void Capture::rewrite() {
  struct Rewriting {
    Capture& capture;
    Active active{capture};
    explicit Rewriting(Capture& c) : capture(c) {
      capture.rewriting_ = true;
      capture.next_place_ = 0;
    }
    ~Rewriting() { capture.rewriting_ = false; }
  };
  const Rewriting rewriting(*this);
  for (const std::function<void()>& f : before_replay_) f();
}

}  // namespace hearth
