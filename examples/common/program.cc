#include "examples/common/program.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "examples/common/printable.h"

namespace hearth::examples {
namespace {

volatile std::sig_atomic_t signalled = 0;

void on_interrupt(int signal) {
  signalled = 1;
  std::signal(signal, SIG_DFL);  // a second one ends the program at once
}

int complain(const char* name, const absl::Status& s, int code) {
  std::fprintf(stderr, "%s: %s\n", name, printable(std::string(s.message()), "\n\t").c_str());
  return code;
}

}  // namespace

bool interrupted() { return signalled != 0; }

int training_main(int argc, char** argv, const char* name, const char* usage,
                  absl::FunctionRef<absl::Status()> read_options, absl::FunctionRef<absl::Status()> train) {
  absl::SetProgramUsageMessage(usage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "%s: unexpected argument \"%s\" (see --help)\n", name, rest[1]);
    return 2;
  }
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  if (const absl::Status s = read_options(); !s.ok()) return complain(name, s, 2);
  absl::Status s;
  try {
    s = train();
  } catch (const std::exception& e) {
    s = absl::InternalError(e.what());
  }
  if (s.ok()) return 0;
  if (!absl::IsCancelled(s)) return complain(name, s, 1);
  std::printf("To go on: the same command with --resume\n");
  return 130;
}

}  // namespace hearth::examples
