#include "distributed/launch/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace hearth::distributed {

Signals::Signals() {
  // A launcher whose parent ignores SIGCHLD would not hear of ranks that end.
  std::signal(SIGCHLD, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, s);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

Signals::~Signals() { ::close(fd_); }

int Signals::ending() const {
  signalfd_siginfo info;
  int out = 0;
  while (::read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGCHLD) out = static_cast<int>(info.ssi_signo);
  }
  return out;
}

}  // namespace hearth::distributed
