// A training program as a process that is killed, and the checkpoints that it leaves.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"

extern char** environ;

namespace hearth {

inline std::string fresh_directory(const std::string& name) {
  const std::string d = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  std::filesystem::remove_all(d);
  std::filesystem::create_directories(d);
  return d;
}

// A program; both its streams go to the file `log`.
class Process {
 public:
  Process(std::vector<std::string> arguments, const std::string& log, int threads = 2) {
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    setenv("HEARTH_NUM_THREADS", std::to_string(threads).c_str(), 1);
    // Under AddressSanitizer: what fontconfig keeps of its configuration is not the program's leak.
    const std::string suppressions = std::string(std::getenv("TEST_TMPDIR")) + "/suppressions";
    EXPECT_TRUE(io::write_file(suppressions, "leak:libfontconfig\n").ok());
    setenv("LSAN_OPTIONS", ("print_suppressions=0:suppressions=" + suppressions).c_str(), 1);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      wait();
    }
  }
  // The status as waitpid gives it.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }
  bool running() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  }
  void signal(int s) const { kill(pid_, s); }

 private:
  pid_t pid_ = 0;
};

using Tensors = std::map<std::string, Tensor>;

// Everything that the checkpoint in a directory holds.
inline Tensors checkpoint_of(const std::string& directory) {
  auto c = io::load_safetensors(directory + "/checkpoint");
  EXPECT_TRUE(c.ok()) << c.status();
  return c->tensors;
}

inline void expect_same_bits(const Tensors& a, const Tensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, t] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    const Tensor& u = b.at(name);
    ASSERT_TRUE(t.shape() == u.shape() && t.dtype() == u.dtype()) << name;
    if (t.numel() == 0) continue;
    EXPECT_EQ(std::memcmp(t.raw_data(), u.raw_data(), t.nbytes()), 0) << name;
  }
}

// Waits until the process begins to write a checkpoint; false if it ended before.
class CheckpointWatch {
 public:
  explicit CheckpointWatch(const std::string& directory) : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    inotify_add_watch(fd_, directory.c_str(), IN_CREATE);
  }
  ~CheckpointWatch() { close(fd_); }
  bool wait(const Process& run) const {
    while (run.running()) {
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 20) <= 0) continue;
      char events[4096];
      const ssize_t n = read(fd_, events, sizeof events);
      for (ssize_t at = 0; at < n;) {
        const auto* e = reinterpret_cast<const inotify_event*>(events + at);
        if (e->len > 0 && std::string(e->name) == "checkpoint.tmp") return true;
        at += static_cast<ssize_t>(sizeof(inotify_event)) + e->len;
      }
    }
    return false;
  }

 private:
  int fd_;
};

// Runs start(more options) again and again, with --resume once there is a checkpoint in `directory`, and kills it each
// time it comes a checkpoint further: while it writes the next one or soon after. It ends after `most` kills, or when a
// run is faster. How often it has killed.
template <class Start>
int kill_again_and_again(const std::string& directory, int most, Start start) {
  int kills = 0;
  while (kills < most) {
    std::vector<std::string> more;
    if (std::filesystem::exists(directory + "/checkpoint")) more.emplace_back("--resume");
    const CheckpointWatch watch(directory);
    Process run = start(more);
    if (watch.wait(run)) watch.wait(run);
    run.signal(SIGKILL);
    if (!WIFSIGNALED(run.wait())) break;
    ++kills;
  }
  return kills;
}

}  // namespace hearth
