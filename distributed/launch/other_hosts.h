// OtherHosts: what the launchers of a job on several hosts tell one another.
#pragma once

#include <condition_variable>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "distributed/store/store.h"

namespace hearth::distributed {

/// How one attempt at a job ends, in the words of the host that says so first: the same on all hosts.
class OtherHosts {
 public:
  /// That all ranks of all hosts have ended well.
  static constexpr const char* kWell = "well";
  /// That a user has interrupted the launcher of a host.
  static constexpr const char* kInterrupted = "interrupted";

  /// For this host's number. Waits for the word in a thread of its own.
  OtherHosts(std::shared_ptr<Store> store, int host, int hosts, int attempt);
  /// The word: kWell, kInterrupted or what has failed. Nothing while the attempt goes on. A store that cannot be
  /// reached for long is a failure.
  std::optional<std::string> word() const;
  /// Gives the word, unless another host has.
  void tell(const std::string& word);
  /// The ranks of this host have ended well. When those of all hosts have, that is the word: host 0, which has the
  /// store, gives it. To be called again and again until there is a word, for the store may be out of reach.
  void tell_well();

 private:
  void listen();

  const std::shared_ptr<Store> store_;
  const int host_, hosts_, attempt_;
  // Of tell_well(): whether this host's key is in the store; how many hosts' keys have been seen.
  bool told_ = false;
  int well_ = 0;
  mutable Mutex mutex_;
  std::optional<std::string> word_ ABSL_GUARDED_BY(mutex_);
  std::condition_variable_any paused_;
  std::stop_source stop_;
  ThreadGroup thread_{[this] { stop_.request_stop(); }};
};

}  // namespace hearth::distributed
