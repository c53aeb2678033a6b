#include "distributed/launch/launch_options.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "core/base/error.h"

namespace hearth::distributed {

const char* const kLaunchHelp =
    "hearthrun [options] PROGRAM [arguments]\n"
    "Starts PROGRAM as the ranks of a job, and ends all of them when one fails.\n"
    "  --nproc_per_node=N   ranks on this host (1)\n"
    "  --nnodes=N           hosts (1); run hearthrun on each\n"
    "  --node_rank=N        this host's number, from 0 (0)\n"
    "  --master_addr=HOST   the host of number 0 (127.0.0.1)\n"
    "  --master_port=PORT   the port of its store (a free one; 29500 for several hosts)\n"
    "  --max_restarts=N     starts the job again as often when a rank has failed (0)\n"
    "  --log_dir=DIR        each rank's output, DIR/<attempt>.<rank>.log (logs)\n"
    "  --quiet              shows no output of ranks, only the end of the one that has failed\n"
    "The ranks find RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, GROUP_RANK, MASTER_ADDR, MASTER_PORT,\n"
    "HEARTH_RESTART_COUNT and HEARTH_JOB_TOKEN in their environment, and HEARTH_NUM_THREADS: their share of this "
    "host's\n"
    "cores. For several hosts set HEARTH_JOB_TOKEN, a secret that they share, on each.\n";

LaunchOptions parse_launch_options(int argc, const char* const* argv) {
  LaunchOptions o;
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; ++i) {
    std::string a = argv[i];
    if (a == "--") {
      ++i;
      break;
    }
    const size_t equals = a.find('=');
    std::string name = a.substr(0, equals);
    std::replace(name.begin(), name.end(), '-', '_');
    if (name == "__quiet") {
      o.show = false;
      continue;
    }
    std::string value;
    if (equals != std::string::npos) {
      value = a.substr(equals + 1);
    } else {
      HEARTH_CHECK(i + 1 < argc, "hearthrun: ", a, " needs a value");
      value = argv[++i];
    }
    const auto number = [&](int low, int high) {
      int n = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
      HEARTH_CHECK(error == std::errc() && end == value.data() + value.size() && n >= low && n <= high,
                   "hearthrun: ", a.substr(0, equals), " must be a whole number from ", low, " to ", high,
                   ", but is \"", value, "\"");
      return n;
    };
    if (name == "__nproc_per_node") o.per_node = number(1, 1024);
    else if (name == "__nnodes") o.nodes = number(1, 65536);
    else if (name == "__node_rank") o.node = number(0, 65535);
    else if (name == "__master_addr") o.master = value;
    else if (name == "__master_port") o.port = number(1, 65535);
    else if (name == "__max_restarts") o.max_restarts = number(0, 1000000);
    else if (name == "__log_dir") o.log_dir = value;
    else fail("hearthrun: unknown option ", a.substr(0, equals), " (see --help)");
  }
  for (; i < argc; ++i) o.command.push_back(argv[i]);
  HEARTH_CHECK(!o.command.empty(), "hearthrun: there is no program to start (see --help)");
  HEARTH_CHECK(o.node < o.nodes, "hearthrun: --node_rank=", o.node, " must be below --nnodes=", o.nodes);
  if (o.nodes > 1 && o.port == 0) o.port = 29500;
  return o;
}

}  // namespace hearth::distributed
