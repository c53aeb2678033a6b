// Attempt: the ranks of this host from their start to their end, once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "distributed/launch/guardian.h"
#include "distributed/launch/launch_options.h"
#include "distributed/launch/other_hosts.h"
#include "distributed/launch/rank_process.h"
#include "distributed/launch/signals.h"
#include "distributed/store/store_server.h"

namespace hearth::distributed {

/// How an attempt has ended.
enum class Outcome { kWell, kFailed, kInterrupted };

/// Where the job's store is.
struct Meeting {
  /// The host, as ranks reach it.
  std::string host;
  /// Its port.
  int port = 0;
  /// What callers show.
  std::string token;
  /// The store, where this process serves it; else null.
  const StoreServer* server = nullptr;
  /// A client of it, for a job on several hosts; else null.
  std::shared_ptr<Store> store = nullptr;
};

/// The ranks of this host.
class Attempt {
 public:
  /// Starts them. `number` counts attempts, from 0. Throws Error(kIo) if the system refuses.
  Attempt(const LaunchOptions& options, int number, const Meeting& meeting, const Guardian& guardian);
  /// Waits for their end, which is that of the job's ranks on all hosts, and ends those that are left over.
  Outcome run(const Signals& signals);

 private:
  RankProcess* failed_rank();
  bool running();
  void settle();
  RankProcess* first_of(RankProcess* failed);
  void wait(const Signals& signals);
  void end_all();
  void show_end(const RankProcess& r) const;

  const LaunchOptions& o_;
  const int number_;
  const StoreServer* const server_;
  std::vector<std::string> logs_;
  std::vector<std::unique_ptr<RankProcess>> ranks_;
  std::unique_ptr<OtherHosts> others_;  // null for one host
};

}  // namespace hearth::distributed
