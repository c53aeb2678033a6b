// FailureWatch: a rank's thread that tells the others what it was doing when one of them fails, and is told.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "distributed/group/peer_status.h"
#include "distributed/store/store.h"

namespace hearth::distributed {

/// What the other ranks are told when one has failed.
std::string rank_failed(int rank, const std::string& cause);

/// What a group's ranks exchange through its store once something has gone wrong.
class FailureWatch {
 public:
  /// Waits in a thread of its own. When a rank fails, writes what `status` gives to the store and calls `on_failure`
  /// with what happened, once.
  /// `grace` is how long report() waits for the others.
  FailureWatch(std::shared_ptr<Store> store, int rank, int size, std::chrono::milliseconds grace,
               std::function<PeerStatus()> status, std::function<void(const std::string& why)> on_failure);
  /// Ends the thread.
  ~FailureWatch();

  /// Tells the others that this rank has failed, and collects what they say: "no word from rank 2; rank 1 is in …",
  /// and a line for each rank's last operations. Takes little more than the grace where the store answers.
  std::string report(const std::string& cause);
  /// Tells the others that this rank has left. `failed`: because of an exception; the others' operations then end.
  void leave(bool failed);

 private:
  void watch();

  const std::shared_ptr<Store> store_;
  const int rank_, size_;
  const std::chrono::milliseconds grace_;
  const std::function<PeerStatus()> status_;
  const std::function<void(const std::string&)> on_failure_;
  std::stop_source stop_;
  Mutex mutex_;  // guards nothing: a pause needs one
  std::condition_variable_any paused_;
  ThreadGroup thread_{[this] { stop_.request_stop(); }};
};

}  // namespace hearth::distributed
