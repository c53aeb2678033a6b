// hearthrun: starts the ranks of a job. See kLaunchHelp.
#include <cstdio>
#include <cstring>
#include <exception>

#include "distributed/launch/launcher.h"

int main(int argc, char** argv) {
  if (argc > 1 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0)) {
    std::fputs(hearth::distributed::kLaunchHelp, stdout);
    return 0;
  }
  hearth::distributed::LaunchOptions options;
  try {
    options = hearth::distributed::parse_launch_options(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
  try {
    return hearth::distributed::launch(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
