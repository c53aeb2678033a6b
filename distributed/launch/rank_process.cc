#include "distributed/launch/rank_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "core/base/error.h"

namespace hearth::distributed {
namespace {

constexpr size_t kLongestLine = 64 << 10;
constexpr size_t kLastLines = 10;

std::string system_text() { return std::generic_category().message(errno); }

// This process's environment with the variables in place of those of the same name.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> out;
  for (char** e = environ; *e; ++e) {
    const std::string entry = *e;
    if (!variables.contains(entry.substr(0, entry.find('=')))) out.push_back(entry);
  }
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& t : texts) out.push_back(const_cast<char*>(t.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

RankProcess::RankProcess(int rank, const std::vector<std::string>& command,
                         const std::map<std::string, std::string>& variables, const std::string& log, bool show,
                         const Guardian& guardian)
    : rank_(rank), show_(show), guardian_(guardian) {
  log_ = std::fopen(log.c_str(), "we");
  if (!log_) fail(ErrorKind::kIo, "hearthrun: cannot write ", log, ": ", system_text());
  const std::vector<std::string> texts = environment_with(variables);
  const std::vector<char*> arguments = pointers(command), entries = pointers(texts);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(ErrorKind::kIo, "hearthrun: cannot make a pipe: ", system_text());
  const pid_t launcher = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail(ErrorKind::kIo, "hearthrun: cannot start a process: ", system_text());
  if (pid_ == 0) {
    // Only system calls: another thread may hold a lock. A group of its own, so that all that it starts can be ended.
    ::setpgid(0, 0);
    guardian_.watch(::getpid());
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launcher) ::_exit(1);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);  // the launcher ignores it
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    ::execvpe(arguments[0], arguments.data(), entries.data());
    const char* why = std::strerror(errno);
    for (const char* part : {"hearthrun: cannot run ", static_cast<const char*>(arguments[0]), ": ", why, "\n"}) {
      if (::write(2, part, std::strlen(part)) < 0) break;
    }
    ::_exit(127);
  }
  ::setpgid(pid_, pid_);
  ::close(ends[1]);
  output_ = ends[0];
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
  running_ = true;
}

RankProcess::~RankProcess() {
  signal(SIGKILL);
  while (running()) ended(0);
  guardian_.forget(pid_);
  // Only now may the system give the number, the process group's too, to another.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  read_output();
  if (!line_.empty()) show_line();
  if (output_ >= 0) ::close(output_);
  std::fclose(log_);
}

void RankProcess::read_output() {
  char data[16 << 10];
  while (output_ >= 0) {
    const ssize_t n = ::read(output_, data, sizeof data);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    if (n == 0) {
      ::close(output_);
      output_ = -1;
      break;
    }
    take(data, static_cast<size_t>(n));
  }
  std::fflush(log_);
}

void RankProcess::take(const char* data, size_t n) {
  std::fwrite(data, 1, n, log_);
  for (size_t i = 0; i < n; ++i) {
    if (data[i] == '\n' || line_.size() == kLongestLine) show_line();
    if (data[i] != '\n') line_ += data[i];
  }
}

void RankProcess::show_line() {
  if (show_) {
    std::printf("[%d] %s\n", rank_, line_.c_str());
    std::fflush(stdout);
  }
  last_.push_back(std::move(line_));
  if (last_.size() > kLastLines) last_.erase(last_.begin());
  line_.clear();
}

bool RankProcess::running() {
  if (running_) ended(WNOHANG);
  return running_;
}

// The process stays a zombie: its group can be told from others for as long.
void RankProcess::ended(int flags) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | flags) == 0) {
    if (info.si_pid != pid_) return;
    running_ = false;
    killed_ = info.si_code != CLD_EXITED;
    status_ = info.si_status;
  } else if (errno == ECHILD) {
    // Somebody else has taken its status.
    running_ = false;
    status_ = -1;
  }
}

std::string RankProcess::how() const {
  if (killed_) return concat("was ended by ", ::strsignal(status_));
  if (status_ < 0) return "ended, and nobody knows how";
  return concat("ended with ", status_);
}

void RankProcess::signal(int number) const { ::kill(-pid_, number); }

std::vector<std::string> RankProcess::last_lines() const {
  std::vector<std::string> out = last_;
  if (!line_.empty()) out.push_back(line_);
  return out;
}

}  // namespace hearth::distributed
