// Launcher: starts the ranks of a job on this host, and ends them all when one fails.
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

/// Runs the job: 0 when all ranks have ended well, 1 when one has failed for the last time (its output's end is printed
/// last), 130 after SIGINT or SIGTERM. Nothing that the ranks have started in their process groups is left, also when
/// the launcher itself is killed. Call it from a program that has no other threads.
int launch(const LaunchOptions& options);

/// What --help prints.
extern const char* const kLaunchHelp;

}  // namespace hearth::distributed
