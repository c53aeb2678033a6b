// RankProcess: one rank that the launcher has started, and its output.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "distributed/launch/guardian.h"

namespace hearth::distributed {

/// A rank's process and the pipe that its output comes through.
class RankProcess {
 public:
  /// Starts the command with these variables added to the environment. Output goes to the log, and with `show` to
  /// stdout behind "[rank] ". Throws Error(kIo) if the log cannot be written or the system refuses a process; a command
  /// that cannot be run ends with 127 and says why in the log.
  RankProcess(int rank, const std::vector<std::string>& command, const std::map<std::string, std::string>& variables,
              const std::string& log, bool show, const Guardian& guardian);
  /// Kills what is left of it.
  ~RankProcess();
  RankProcess(const RankProcess&) = delete;
  RankProcess& operator=(const RankProcess&) = delete;

  /// The rank that runs in it.
  int rank() const { return rank_; }
  /// The end of the pipe to poll; -1: closed.
  int output() const { return output_; }
  /// Takes what has been written so far.
  void read_output();
  /// Whether it is still running; takes its status if it has ended.
  bool running();
  /// Whether it ended with 0.
  bool ended_well() const { return status_ == 0 && !killed_; }
  /// Whether a signal has ended it.
  bool killed() const { return killed_; }
  /// "was ended by Killed", "ended with 1".
  std::string how() const;
  /// Sends a signal to the rank and all that it has started.
  void signal(int number) const;
  /// The last lines of its output.
  std::vector<std::string> last_lines() const;

 private:
  void ended(int flags);
  void take(const char* data, size_t n);
  void show_line();

  const int rank_;
  const bool show_;
  const Guardian& guardian_;
  pid_t pid_ = -1;
  int output_ = -1;
  int status_ = 0;  // what it ended with, or the signal that ended it; -1: unknown
  bool running_ = false, killed_ = false;
  std::FILE* log_ = nullptr;
  std::string line_;
  std::vector<std::string> last_;
};

}  // namespace hearth::distributed
