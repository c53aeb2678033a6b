#include "distributed/launch/other_hosts.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8.h"

namespace hearth::distributed {
namespace {

// How long the store may be out of reach before that is taken for a failure, and between two attempts.
constexpr std::chrono::seconds kPatience{90}, kPause{1};

}  // namespace

OtherHosts::OtherHosts(std::shared_ptr<Store> store, int host, int hosts, int attempt)
    : store_(std::move(store)), host_(host), hosts_(hosts), attempt_(attempt) {
  thread_.start("hearthrun", 1, [this](int) { listen(); });
}

void OtherHosts::listen() {
  auto reached = std::chrono::steady_clock::now();
  while (!stop_.stop_requested()) {
    const auto word = store_->wait(concat("end/", attempt_), std::chrono::seconds(60), stop_.get_token());
    if (absl::IsCancelled(word.status())) return;
    const auto now = std::chrono::steady_clock::now();
    if (absl::IsDeadlineExceeded(word.status())) {
      reached = now;
      continue;
    }
    MutexLock lock(mutex_);
    if (word.ok() || now - reached > kPatience) {
      word_ = word.ok() ? printable(*word, kPrintedMessage) : std::string(word.status().message());
      return;
    }
    // The network may come back.
    paused_.wait_for(lock, stop_.get_token(), kPause, [] { return false; });
  }
}

std::optional<std::string> OtherHosts::word() const {
  const MutexLock lock(mutex_);
  return word_;
}

void OtherHosts::tell(const std::string& word) { (void)store_->set_if_absent(concat("end/", attempt_), word); }

void OtherHosts::tell_well() {
  const auto key = [this](int host) { return concat("well/", attempt_, "/", host); };
  // A key for each host, not a count: nobody knows whether a call that failed has counted.
  if (!told_) told_ = store_->set(key(host_), "").ok();
  if (host_ != 0) return;
  while (well_ < hosts_ && store_->get(key(well_)).ok()) ++well_;
  if (well_ == hosts_) tell(kWell);
}

}  // namespace hearth::distributed
