#include "distributed/launch/guardian.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

#include "core/base/error.h"

namespace hearth::distributed {

Guardian::Guardian() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    fail(ErrorKind::kIo, "hearthrun: cannot make a pipe: ", std::generic_category().message(errno));
  pid_ = ::fork();
  if (pid_ < 0) fail(ErrorKind::kIo, "hearthrun: cannot start a process: ", std::generic_category().message(errno));
  if (pid_ == 0) {
    ::close(ends[1]);
    guard(ends[0]);
  }
  ::close(ends[0]);
  pipe_ = ends[1];
}

Guardian::~Guardian() {
  ::close(pipe_);
  ::waitpid(pid_, nullptr, 0);
}

void Guardian::tell(pid_t message) const {
  // Whole: it is shorter than what a pipe takes in one piece.
  while (::write(pipe_, &message, sizeof message) < 0 && errno == EINTR) {
  }
}

void Guardian::guard(int pipe) {
  ::setsid();
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) std::signal(s, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // A launcher's output that is a pipe must end with the launcher.
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  std::vector<pid_t> groups;
  pid_t message = 0;
  while (true) {
    const ssize_t n = ::read(pipe, &message, sizeof message);
    if (n < 0 && errno == EINTR) continue;
    if (n != static_cast<ssize_t>(sizeof message)) break;
    if (message > 0) groups.push_back(message);
    else std::erase(groups, -message);
  }
  for (const pid_t g : groups) ::kill(-g, SIGKILL);
  ::_exit(0);
}

}  // namespace hearth::distributed
