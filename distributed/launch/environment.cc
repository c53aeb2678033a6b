#include "distributed/launch/environment.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "core/base/error.h"

namespace hearth::distributed {
namespace {

constexpr int kMaxRanks = 1 << 20;

class Reader {
 public:
  explicit Reader(const std::function<const char*(const char*)>& get) : get_(get) {}
  // Null also for an empty variable.
  const char* text(const char* name) const {
    const char* v = get_ ? get_(name) : std::getenv(name);
    return v && *v ? v : nullptr;
  }
  bool has(const char* name) const { return text(name) != nullptr; }
  int number(const char* name, int otherwise) const { return has(name) ? number(name) : otherwise; }
  int number(const char* name) const {
    const char* v = text(name);
    HEARTH_CHECK(v, "distributed: the environment variable ", name, " is missing");
    int n = -1;
    const auto [end, error] = std::from_chars(v, v + std::strlen(v), n);
    HEARTH_CHECK(error == std::errc() && *end == 0 && n >= 0 && n <= kMaxRanks,
                 "distributed: the environment variable ", name, " must be a whole number from 0 to ", kMaxRanks,
                 ", but is \"", v, "\"");
    return n;
  }

 private:
  const std::function<const char*(const char*)>& get_;
};

// The first host of Slurm's "n[01-2,5],m3": "n01".
std::string first_host(const std::string& list) {
  const size_t open = list.find('['), comma = list.find(',');
  if (open == std::string::npos || comma < open) return list.substr(0, comma);
  const size_t end = list.find_first_of("-,]", open);
  const size_t close = list.find(']', open);
  if (end == std::string::npos || close == std::string::npos) return {};
  std::string host = list.substr(0, open) + list.substr(open + 1, end - open - 1);
  for (size_t i = close + 1; i < list.size() && list[i] != ','; ++i) host += list[i];
  return host;
}

}  // namespace

Environment environment(const std::function<const char*(const char*)>& get) {
  const Reader env(get);
  Environment e;
  const bool slurm = env.has("SLURM_PROCID") && env.number("SLURM_STEP_NUM_TASKS", 1) > 1;
  // With MpiDefault=pmi2 Slurm sets these of MPICH too, to the same numbers.
  const bool pmi = env.has("PMI_RANK") && env.has("PMI_SIZE") &&
                   !(slurm && !env.has("MPI_LOCALRANKID") && env.number("PMI_RANK") == env.number("SLURM_PROCID") &&
                     env.number("PMI_SIZE") == env.number("SLURM_STEP_NUM_TASKS"));
  const bool others = env.has("OMPI_COMM_WORLD_RANK") || pmi || slurm || env.has("JOB_COMPLETION_INDEX");
  if (env.has("RANK") || (env.has("WORLD_SIZE") && !others)) {
    e.started_by = "hearthrun or torchrun";
    e.rank = env.number("RANK");
    e.size = env.number("WORLD_SIZE");
    e.local_rank = env.number("LOCAL_RANK", e.rank);
    e.local_size = env.number("LOCAL_WORLD_SIZE", -1);
  } else if (env.has("OMPI_COMM_WORLD_RANK")) {
    e.started_by = "mpirun";
    e.rank = env.number("OMPI_COMM_WORLD_RANK");
    e.size = env.number("OMPI_COMM_WORLD_SIZE");
    e.local_rank = env.number("OMPI_COMM_WORLD_LOCAL_RANK");
    e.local_size = env.number("OMPI_COMM_WORLD_LOCAL_SIZE");
    // Its variables name the host of mpirun, which need not be rank 0's: on several hosts give -x MASTER_ADDR=….
    if (e.local_size == e.size) e.master = "127.0.0.1";
  } else if (pmi) {
    e.started_by = "MPICH";
    e.rank = env.number("PMI_RANK");
    e.size = env.number("PMI_SIZE");
    e.local_rank = env.number("MPI_LOCALRANKID", e.rank);
    e.local_size = env.number("MPI_LOCALNRANKS", -1);
    if (e.local_size == e.size) e.master = "127.0.0.1";
  } else if (slurm) {
    // A program in an allocation that srun has not started is no rank of it: the step's tasks count.
    e.started_by = "srun";
    e.rank = env.number("SLURM_PROCID");
    e.size = env.number("SLURM_STEP_NUM_TASKS");
    e.local_rank = env.number("SLURM_LOCALID", 0);
    if (env.number("SLURM_STEP_NUM_NODES", 2) == 1) e.local_size = e.size;
    if (const char* list = env.text("SLURM_STEP_NODELIST")) e.master = first_host(list);
    // Jobs that share a host must not share a port.
    const char* job = env.text("SLURM_JOB_ID");
    const auto id = job ? std::strtoull(job, nullptr, 10) : 0;
    e.port =
        static_cast<int>(20000 + id * 64 % 20000 +
                         std::strtoull(env.has("SLURM_STEP_ID") ? env.text("SLURM_STEP_ID") : "0", nullptr, 10) % 64);
  } else if (env.has("JOB_COMPLETION_INDEX")) {
    e.started_by = "Kubernetes";
    e.rank = env.number("JOB_COMPLETION_INDEX");
    e.size = env.number("WORLD_SIZE");
  }
  if (const char* m = env.text("MASTER_ADDR")) e.master = m;
  e.port = env.number("MASTER_PORT", e.port);
  e.restarts = env.number("HEARTH_RESTART_COUNT", 0);
  if (env.has("TORCHELASTIC_RUN_ID")) {
    // torchrun itself listens on MASTER_PORT.
    e.port += e.port < 65535 ? 1 : -1;
    e.restarts = env.number("TORCHELASTIC_RESTART_COUNT", 0);
  }
  e.port = env.number("HEARTH_MASTER_PORT", e.port);
  e.store_served = env.number("HEARTH_STORE_SERVED", 0) != 0;
  if (e.size == 1 && e.local_size < 0) e.local_size = 1;
  HEARTH_CHECK(e.size >= 1 && e.rank < e.size, "distributed: started by ", e.started_by, ", this is rank ", e.rank,
               " of ", e.size, ": a rank must be below their number");
  HEARTH_CHECK(e.port >= 1 && e.port <= 65535, "distributed: the port (MASTER_PORT) must be from 1 to 65535, but is ",
               e.port);
  return e;
}

}  // namespace hearth::distributed
