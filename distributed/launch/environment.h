// Which rank of which job this process is, as whatever started it says.
#pragma once

#include <functional>
#include <string>

namespace hearth::distributed {

/// What the environment says about a rank.
struct Environment {
  /// This rank.
  int rank = 0;
  /// The number of ranks.
  int size = 1;
  /// This rank among those on this host.
  int local_rank = 0;
  /// The number of ranks on this host; -1: nobody says.
  int local_size = -1;
  /// The host that has the store, rank 0's; empty: nobody says.
  std::string master;
  /// The store's port.
  int port = 29500;
  /// How often the launcher has started the job again.
  int restarts = 0;
  /// True if the launcher serves the store, so that rank 0 need not.
  bool store_served = false;
  /// "hearthrun or torchrun", "srun", "mpirun", "MPICH", "Kubernetes" or "hand": one process.
  std::string started_by = "hand";
};

/// Reads RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE (hearthrun, torchrun) first; then Open MPI's variables, MPICH's
/// (PMI), Slurm's and those of an indexed Job of Kubernetes with WORLD_SIZE. MASTER_ADDR and MASTER_PORT count in all
/// cases; under torchrun, whose agent has MASTER_PORT, the store's port is the next one. HEARTH_MASTER_PORT, if set, is
/// the store's port. Throws Error naming a variable that is missing or no number, and for a rank that is not below the
/// size. `get` gives a variable's text, or null; getenv by default.
Environment environment(const std::function<const char*(const char*)>& get = nullptr);

}  // namespace hearth::distributed
