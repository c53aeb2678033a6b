// Training that is killed goes on from its last checkpoint and ends in the same bits; so it does for any number of
// threads.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/atomic_file.h"
#include "core/io/directory_lock.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"

extern char** environ;

namespace hearth {
namespace {

namespace fs = std::filesystem;

std::string fresh_directory(const std::string& name) {
  const std::string d = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  fs::remove_all(d);
  fs::create_directories(d);
  return d;
}

// The training program, writing to `out`; its output goes to out/log.
class Process {
 public:
  Process(const std::string& out, bool resume, int threads = 2, int epochs = 2) {
    std::vector<std::string> arguments = {"examples/fashion/train", "--out=" + out, "--limit=2000",
                                          "--epochs=" + std::to_string(epochs), "--checkpoint_steps=3"};
    if (resume) arguments.emplace_back("--resume");
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
    const std::string log = out + "/log";
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
  }
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

void finish(const std::string& out, bool resume, int threads = 2, int epochs = 2) {
  Process run(out, resume, threads, epochs);
  const int status = run.wait();
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << io::read_file(out + "/log", 1 << 20).value_or("");
}

using Tensors = std::map<std::string, Tensor>;

// Everything a checkpoint holds.
Tensors state(const std::string& out) {
  auto c = io::load_safetensors(out + "/checkpoint");
  EXPECT_TRUE(c.ok()) << c.status();
  return c->tensors;
}

void expect_same_bits(const Tensors& a, const Tensors& b) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_TRUE(a.contains("model/conv1.weight"));
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

TEST(Resume, ADirectoryInUseIsRefused) {
  const std::string out = fresh_directory("in_use");
  const auto lock = io::DirectoryLock::acquire(out);
  ASSERT_TRUE(lock.ok()) << lock.status();
  Process second(out, false);
  const int status = second.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  const std::string log = io::read_file(out + "/log", 1 << 20).value_or("");
  EXPECT_NE(log.find(out + " is in use by process " + std::to_string(getpid()) + ", which holds " + out + "/lock"),
            std::string::npos)
      << log;
  EXPECT_FALSE(fs::exists(out + "/checkpoint"));
}

TEST(Resume, KilledAnywhereEndsInTheSameBits) {
  const std::string whole = fresh_directory("whole"), killed = fresh_directory("killed");
  const auto began = std::chrono::steady_clock::now();
  finish(whole, false);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

  std::mt19937 random(2026);
  int kills = 0, while_writing = 0, resumed = 0;
  while (kills < 20 || while_writing < 3) {
    const bool resume = fs::exists(killed + "/checkpoint");
    resumed += resume;
    CheckpointWatch watch(killed);
    Process run(killed, resume);
    // Every third is aimed at a checkpoint being written, the others at any moment.
    if (kills % 3 == 2) {
      watch.wait(run);
    } else {
      const double at = std::uniform_real_distribution<double>(0, seconds / 2)(random);
      std::this_thread::sleep_for(std::chrono::duration<double>(at));
    }
    run.signal(SIGKILL);
    const int status = run.wait();
    if (!WIFSIGNALED(status)) {
      // It was faster: once more from the start.
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
          << io::read_file(killed + "/log", 1 << 20).value_or("");
      expect_same_bits(state(whole), state(killed));
      fs::remove_all(killed);
      fs::create_directories(killed);
      continue;
    }
    ++kills;
    while_writing += fs::exists(killed + "/checkpoint.tmp");
    // Never half of one.
    if (fs::exists(killed + "/checkpoint")) state(killed);
  }
  finish(killed, fs::exists(killed + "/checkpoint"));
  expect_same_bits(state(whole), state(killed));
  EXPECT_GE(kills, 20);
  EXPECT_GE(while_writing, 3);
  std::printf("%d kills, %d of them while a checkpoint was being written; %d times resumed\n", kills, while_writing,
              resumed);
}

TEST(Resume, InterruptSaysHowToGoOn) {
  const std::string whole = fresh_directory("whole"), stopped = fresh_directory("stopped");
  finish(whole, false, 2, 1);
  {
    CheckpointWatch watch(stopped);
    Process run(stopped, false, 2, 1);
    ASSERT_TRUE(watch.wait(run));
    run.signal(SIGINT);
    const int status = run.wait();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 130);
    const std::string log = io::read_file(stopped + "/log", 1 << 20).value();
    EXPECT_NE(log.find("--resume"), std::string::npos) << log;
  }
  finish(stopped, true, 2, 1);
  expect_same_bits(state(whole), state(stopped));
}

TEST(Resume, RefusesAnotherPlan) {
  const std::string out = fresh_directory("plan");
  finish(out, false, 2, 1);
  Process run(out, true, 2, 2);
  const int status = run.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const std::string log = io::read_file(out + "/log", 1 << 20).value();
  EXPECT_NE(log.find("was made with --epochs=1"), std::string::npos) << log;
}

TEST(Threads, AnyNumberGivesTheSameBits) {
  const std::string one = fresh_directory("one");
  finish(one, false, 1, 1);
  for (int threads : {2, 4}) {
    const std::string other = fresh_directory("other");
    finish(other, false, threads, 1);
    expect_same_bits(state(one), state(other));
  }
}

}  // namespace
}  // namespace hearth
