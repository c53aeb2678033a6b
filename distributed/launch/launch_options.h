// LaunchOptions: hearthrun's arguments.
#pragma once

#include <string>
#include <vector>

namespace hearth::distributed {

/// What hearthrun was told.
struct LaunchOptions {
  /// Ranks on this host.
  int per_node = 1;
  /// Hosts.
  int nodes = 1;
  /// This host's number.
  int node = 0;
  /// The host of node 0.
  std::string master = "127.0.0.1";
  /// The port of the store on node 0; 0, for one node: a free one.
  int port = 0;
  /// How often the job is started again when a rank has failed.
  int max_restarts = 0;
  /// Where each rank's output goes: DIR/ATTEMPT.RANK.log.
  std::string log_dir = "logs";
  /// Whether the output is shown on the terminal too, each line behind its rank.
  bool show = true;
  /// How long ranks have to end after SIGTERM.
  int grace_seconds = 3;
  /// The program and its arguments.
  std::vector<std::string> command;
};

/// Reads hearthrun's arguments; throws Error that says what is wrong with them.
LaunchOptions parse_launch_options(int argc, const char* const* argv);

/// What --help prints.
extern const char* const kLaunchHelp;

}  // namespace hearth::distributed
