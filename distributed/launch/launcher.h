// Launcher: starts the ranks of a job on this host, and ends them all when one fails.
#pragma once

#include "distributed/launch/launch_options.h"

namespace hearth::distributed {

/// Runs the job: 0 when all ranks have ended well, 1 when one has failed for the last time (its output's end is printed
/// last), 130 after SIGINT or SIGTERM. Nothing that the ranks have started in their process groups is left, also when
/// the launcher itself is killed. Call it from a program that has no other threads.
int launch(const LaunchOptions& options);

}  // namespace hearth::distributed
