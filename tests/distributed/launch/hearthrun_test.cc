// hearthrun with real processes: what it starts, what it ends and what it says.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/distributed/command.h"
#include "tests/distributed/free_port.h"

namespace hearth {
namespace {

using distributed::Ended;
using distributed::run_command;
using std::chrono::milliseconds;

const std::string kDirectory = "distributed/launch/";
const std::string kRank = "tests/distributed/launch/rank_main";

std::string temporary() {
  std::string dir = testing::TempDir() + "/hearthrun_XXXXXX";
  return mkdtemp(dir.data());
}

Ended hearthrun(const std::string& options, const std::string& what, const std::string& logs) {
  return run_command("unset HEARTH_NUM_THREADS; " + kDirectory + "hearthrun --log_dir=" + logs + " " + options + " " +
                     kRank + " " + what);
}

std::string text_of(const std::string& path) {
  std::ifstream f(path);
  std::stringstream s;
  s << f.rdbuf();
  return s.str();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Whether a process of this command line runs.
bool runs(const std::string& part) {
  for (const auto& e : std::filesystem::directory_iterator("/proc")) {
    std::string line = text_of(e.path() / "cmdline");
    for (char& c : line) {
      if (c == 0) c = ' ';
    }
    if (has(line, part) && !has(text_of(e.path() / "stat"), ") Z ")) return true;
  }
  return false;
}

TEST(Hearthrun, GivesEachRankItsPlaceAndLog) {
  const std::string logs = temporary();
  const Ended r = hearthrun("--nproc_per_node=2", "print", logs);
  EXPECT_EQ(r.status, 0) << r.out;
  for (const std::string rank : {"0", "1"}) {
    const std::string line = "rank " + rank + " of 2, local " + rank + " of 2, threads ";
    EXPECT_TRUE(has(r.out, "[" + rank + "] " + line)) << r.out;
    EXPECT_EQ(text_of(logs + "/0." + rank + ".log").substr(0, line.size()), line);
  }
}

TEST(Hearthrun, RanksExchange) {
  const Ended r = hearthrun("--nproc-per-node 3", "sum", temporary());
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "[2] sum 6 over gloo")) << r.out;
}

TEST(Hearthrun, ShowsTheErrorOfTheOneThatFailedLast) {
  const Ended r = hearthrun("--nproc_per_node=3", "fail", temporary());
  EXPECT_EQ(r.status, 1);
  const size_t at = r.out.find("hearthrun: rank 2 ended with 1; the end of ");
  ASSERT_NE(at, std::string::npos) << r.out;
  EXPECT_TRUE(has(r.out.substr(at), "out of cheese")) << r.out;
}

TEST(Hearthrun, ARankThatThrowsBeforeTheFirstCollective) {
  const Ended r = hearthrun("--nproc_per_node=2", "throw", temporary());
  EXPECT_EQ(r.status, 1);
  EXPECT_TRUE(has(r.out, "hearthrun: rank 1 ended with 1")) << r.out;
}

TEST(Hearthrun, StartsAgainAfterAKill) {
  const std::string logs = temporary();
  const Ended once = hearthrun("--nproc_per_node=2", "kill", logs);
  EXPECT_EQ(once.status, 1);
  EXPECT_TRUE(has(once.out, "hearthrun: rank 1 was ended by Killed")) << once.out;
  const Ended again = hearthrun("--nproc_per_node=2 --max_restarts=1", "kill", logs);
  EXPECT_EQ(again.status, 0) << again.out;
  EXPECT_TRUE(has(again.out, "hearthrun: starting again, 1 of 1")) << again.out;
  EXPECT_TRUE(has(text_of(logs + "/1.0.log"), "sum 3 over gloo"));
}

TEST(Hearthrun, AStoppedRankIsNamed) {
  const std::string logs = temporary();
  const Ended r = hearthrun("--nproc_per_node=3", "stop 5", logs);
  EXPECT_EQ(r.status, 1);
  // The first of the two to notice ends the job; the other has a moment to say so too.
  const std::string text = text_of(logs + "/0.0.log") + text_of(logs + "/0.1.log");
  EXPECT_TRUE(has(text, "all_reduce #2 of f32 [1000], sum")) << text;
  EXPECT_TRUE(has(text, "no word from rank 2")) << text;
}

TEST(Hearthrun, LeavesNothingBehind) {
  int seconds = 100000 + static_cast<int>(::getpid());
  for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
    const std::string length = std::to_string(++seconds), marks = temporary();
    const pid_t p = fork();
    if (p == 0) {
      const int null = ::open("/dev/null", O_WRONLY);
      ::dup2(null, 1);
      ::dup2(null, 2);
      execl((kDirectory + "hearthrun").c_str(), "hearthrun", "--nproc_per_node=2",
            ("--log_dir=" + marks + "/logs").c_str(), kRank.c_str(), "sleep", length.c_str(), marks.c_str(), nullptr);
      _exit(127);
    }
    const auto both = [&] { return !text_of(marks + "/0").empty() && !text_of(marks + "/1").empty(); };
    for (int i = 0; i < 600 && !both(); ++i) std::this_thread::sleep_for(milliseconds(50));
    ASSERT_TRUE(both());
    EXPECT_TRUE(runs("sleep " + length));
    kill(p, signal);
    int status = 0;
    waitpid(p, &status, 0);
    if (signal != SIGKILL) {
      EXPECT_EQ(WEXITSTATUS(status), 130);
    }
    for (int i = 0; i < 200 && runs("sleep " + length); ++i) std::this_thread::sleep_for(milliseconds(50));
    EXPECT_FALSE(runs("sleep " + length)) << "after signal " << signal;
  }
}

TEST(Hearthrun, TwoLaunchersAreTwoHosts) {
  const std::string logs = temporary();
  const int port = distributed::free_port();
  const std::string common = "--nnodes=2 --nproc_per_node=1 --max_restarts=1 --master_port=" + std::to_string(port);
  setenv("HEARTH_JOB_TOKEN", "shared", 1);
  Ended second;
  std::thread other([&] { second = hearthrun(common + " --node_rank=1", "kill", logs); });
  const Ended first = hearthrun(common + " --node_rank=0", "kill", logs);
  other.join();
  unsetenv("HEARTH_JOB_TOKEN");
  EXPECT_EQ(first.status, 0) << first.out;
  EXPECT_EQ(second.status, 0) << second.out;
  EXPECT_TRUE(has(first.out, "another host ends the job: rank 1 was ended by Killed") ||
              has(first.out, "rank 0 ended with 1"))
      << first.out;
  EXPECT_TRUE(has(first.out, "[0] sum 3 over gloo")) << first.out;
}

// The first host's rank has ended well when the second host's fails: both start again.
TEST(Hearthrun, AHostThatIsDoneStartsAgainWithTheOthers) {
  const std::string logs = temporary();
  const std::string common =
      "--nnodes=2 --nproc_per_node=1 --max_restarts=1 --master_port=" + std::to_string(distributed::free_port());
  setenv("HEARTH_JOB_TOKEN", "shared", 1);
  Ended second;
  std::thread other([&] { second = hearthrun(common + " --node_rank=1", "late", logs); });
  const Ended first = hearthrun(common + " --node_rank=0", "late", logs);
  other.join();
  unsetenv("HEARTH_JOB_TOKEN");
  EXPECT_EQ(first.status, 0) << first.out;
  EXPECT_EQ(second.status, 0) << second.out;
  EXPECT_TRUE(has(first.out, "another host ends the job: rank 1 ended with 1")) << first.out;
  EXPECT_TRUE(has(first.out, "[0] sum 3 over gloo")) << first.out;
}

TEST(Hearthrun, OneHostIsItsOwnMaster) {
  // As job scripts for several hosts have it. Nobody has this address.
  const Ended r = hearthrun("--nproc_per_node=2 --master_addr=192.0.2.7", "sum", temporary());
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "[1] sum 3 over gloo")) << r.out;
}

TEST(Hearthrun, EndsAlsoWhereItsParentIgnoresSigchld) {
  const std::string logs = temporary();
  const pid_t p = fork();
  if (p == 0) {
    std::signal(SIGCHLD, SIG_IGN);
    execl((kDirectory + "hearthrun").c_str(), "hearthrun", ("--log_dir=" + logs).c_str(), "false", nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(p, &status, 0), p);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(Hearthrun, SaysWhatIsWrongWithItsOptions) {
  for (const auto& [options, text] : std::vector<std::pair<std::string, std::string>>{
           {"--nproc_per_node=0 x", "--nproc_per_node must be a whole number from 1"},
           {"--nproc_per_node=2x x", "must be a whole number"},
           {"--nonsense=1 x", "unknown option --nonsense"},
           {"--nproc_per_node=2", "there is no program"},
           {"--node_rank=1 x", "must be below"},
           {"--log_dir", "needs a value"}}) {
    const Ended r = run_command(kDirectory + "hearthrun " + options);
    EXPECT_EQ(r.status, 2);
    EXPECT_TRUE(has(r.out, text)) << r.out;
  }
  const Ended missing = run_command(kDirectory + "hearthrun --log_dir=" + temporary() + " /nonexistent/program");
  EXPECT_EQ(missing.status, 1);
  EXPECT_TRUE(has(missing.out, "cannot run /nonexistent/program: No such file")) << missing.out;
  EXPECT_EQ(run_command(kDirectory + "hearthrun --help").status, 0);
}

}  // namespace
}  // namespace hearth
