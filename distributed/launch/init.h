// init: a process's way into its job's group.
#pragma once

#include <optional>
#include <string>

#include "distributed/group/process_group.h"
#include "distributed/launch/environment.h"
#include "distributed/store/store_security.h"

namespace hearth::distributed {

/// How a process joins its job.
struct InitOptions {
  /// Where the ranks meet: "env" (the host and port that the environment says), "tcp://host:port" (rank 0 is on that
  /// host; an IPv6 address stands in brackets) or "file:///directory" (which all ranks see, and only this job uses).
  std::string method = "env";
  /// This rank; by default what the environment says.
  std::optional<int> rank;
  /// The number of ranks; by default what the environment says.
  std::optional<int> size;
  /// This host's name or address, as the other ranks reach it. By default HEARTH_HOST, or 127.0.0.1 where all ranks are
  /// on one host, or the address that leads to rank 0.
  std::string host = {};
  /// Of the group.
  GroupOptions group = {};
  /// Of the store. By default the token is HEARTH_JOB_TOKEN, without which ranks on several hosts are refused, and the
  /// files HEARTH_TLS_CA, HEARTH_TLS_CERTIFICATE and HEARTH_TLS_KEY. What is given here counts as it is, also without a
  /// token.
  std::optional<StoreSecurity> security = std::nullopt;
};

/// The group of all ranks of the job, over Gloo: torch.distributed.init_process_group. A process that nobody has
/// started as a rank is a job of one.
///
///   distributed::ProcessGroup group = distributed::init();
///
/// Throws Error naming what is wrong: a variable of the environment, a store that does not answer, ranks that do not
/// come within the timeout, another number of ranks than the others say, a rank that another process has.
ProcessGroup init(const InitOptions& options = {});

}  // namespace hearth::distributed
