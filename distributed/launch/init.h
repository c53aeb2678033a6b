// init: a process's way into its job's group.
#pragma once

#include <optional>
#include <string>

#include "core/device/device.h"
#include "distributed/group/process_group.h"
#include "distributed/launch/environment.h"
#include "distributed/store/store_security.h"

namespace hearth::distributed {

/// What carries a group's tensors.
enum class Engine : uint8_t {
  kAuto,  ///< NCCL if each rank of the job has a GPU of its own, else Gloo.
  kGloo,  ///< Tensors in CPU memory, over TCP.
  kNccl,  ///< Tensors of the rank's GPU by NCCL, and those in CPU memory by Gloo.
};

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
  /// What carries tensors.
  Engine engine = Engine::kAuto;
  /// This rank's GPU, if there is NCCL. By default rank_device(), or none where rank and size are given.
  std::optional<Device> device = std::nullopt;
  /// Of the group.
  GroupOptions group = {};
  /// Of the store. By default the token is HEARTH_JOB_TOKEN, without which ranks on several hosts are refused, and the
  /// files HEARTH_TLS_CA, HEARTH_TLS_CERTIFICATE and HEARTH_TLS_KEY. What is given here counts as it is, also without a
  /// token.
  std::optional<StoreSecurity> security = std::nullopt;
};

/// The device of this rank: the GPU whose index is the rank's among those of its host (LOCAL_RANK, which hearthrun
/// sets), or the CPU if this program sees no such GPU. A job of one has the first GPU. Throws Error as environment()
/// does.
Device rank_device();

/// The group of all ranks of the job: torch.distributed.init_process_group. A process that nobody has started as a rank
/// is a job of one.
///
///   distributed::ProcessGroup group = distributed::init();
///   net.to(distributed::rank_device());
///
/// The ranks agree on what carries tensors: NCCL, if all of them have a GPU of their own, in programs that are built
/// with --config=cuda; otherwise Gloo.
///
/// Throws Error naming what is wrong: a variable of the environment, a store that does not answer, ranks that do not
/// come within the timeout, another number of ranks than the others say, a rank that another process has, an engine
/// that this program or this host does not have.
ProcessGroup init(const InitOptions& options = {});

}  // namespace hearth::distributed
