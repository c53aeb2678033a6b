#include "distributed/group/recorder.h"

#include <cstdio>

#include "core/base/error.h"

namespace hearth::distributed {
namespace {

std::string duration(double seconds) {
  char text[32];
  if (seconds < 1) std::snprintf(text, sizeof text, "%.3g ms", seconds * 1e3);
  else std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

}  // namespace

std::string Recorded::text(double now) const {
  if (end >= 0) return concat(call.text(), failed ? ": failed after " : ": ", duration(end - begin));
  if (begin >= 0) return concat(call.text(), ": running for ", duration(now - begin));
  return concat(call.text(), ": waiting for ", duration(now - called));
}

double Recorder::now() {
  static const Clock::time_point start = Clock::now();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

uint64_t Recorder::add(const Call& call) {
  const MutexLock lock(mutex_);
  Recorded r{.call = call, .called = now()};
  if (ring_.size() < capacity_) ring_.push_back(r);
  else ring_[count_ % capacity_] = r;
  return count_++;
}

Recorded* Recorder::find(uint64_t number) { return number + capacity_ < count_ ? nullptr : &ring_[number % capacity_]; }

void Recorder::begin(uint64_t number) {
  const MutexLock lock(mutex_);
  if (Recorded* r = find(number)) r->begin = now();
}

void Recorder::end(uint64_t number, bool failed, double waited) {
  const MutexLock lock(mutex_);
  if (Recorded* r = find(number)) {
    r->end = now();
    r->waited = waited;
    r->failed = failed;
  }
}

std::vector<Recorded> Recorder::list() const {
  const MutexLock lock(mutex_);
  std::vector<Recorded> out;
  for (uint64_t i = count_ - ring_.size(); i < count_; ++i) out.push_back(ring_[i % capacity_]);
  return out;
}

std::string Recorder::doing() const {
  const double t = now();
  const Recorded* last = nullptr;
  const auto all = list();
  for (const Recorded& r : all) {
    if (r.begin >= 0 && r.end < 0) return concat("is in ", r.call.text(), " for ", duration(t - r.begin));
    if (r.end >= 0 && (!last || r.end >= last->end)) last = &r;
  }
  if (!last) return "has called nothing yet";
  return concat("calls nothing since ", last->call.text(), ", ", duration(t - last->end), " ago");
}

}  // namespace hearth::distributed
