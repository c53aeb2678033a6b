// Training that is killed goes on from its last checkpoint and ends in the same bits; so it does for any number of
// threads.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/io/directory_lock.h"
#include "core/io/file.h"
#include "tests/examples/training_process.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

// The training program, writing to `out`; its output goes to out/log.
Process train(const std::string& out, bool resume, int threads = 2, int epochs = 2) {
  std::vector<std::string> arguments = {"examples/fashion/train", "--out=" + out, "--limit=2000",
                                        "--epochs=" + std::to_string(epochs), "--checkpoint_steps=3"};
  if (resume) arguments.emplace_back("--resume");
  return {std::move(arguments), out + "/log", threads};
}

void finish(const std::string& out, bool resume, int threads = 2, int epochs = 2) {
  Process run = train(out, resume, threads, epochs);
  const int status = run.wait();
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << io::read_file(out + "/log", 1 << 20).value_or("");
}

// Everything the checkpoint holds, the net's weights among it.
Tensors state(const std::string& out) {
  Tensors all = checkpoint_of(out);
  EXPECT_TRUE(all.contains("model/conv1.weight"));
  return all;
}

TEST(Resume, ADirectoryInUseIsRefused) {
  const std::string out = fresh_directory("in_use");
  const auto lock = io::DirectoryLock::acquire(out);
  ASSERT_TRUE(lock.ok()) << lock.status();
  Process second = train(out, false);
  const int status = second.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  const std::string log = io::read_file(out + "/log", 1 << 20).value_or("");
  EXPECT_NE(log.find(out + " is in use by process " + std::to_string(getpid()) + ", which holds " + out + "/lock"),
            std::string::npos)
      << log;
  EXPECT_FALSE(fs::exists(out + "/checkpoint"));
}

TEST(Resume, WithoutACheckpointLeavesNoEvents) {
  const std::string out = fresh_directory("nothing");
  const int status = train(out, true).wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  for (const auto& entry : fs::directory_iterator(out))
    EXPECT_FALSE(entry.path().filename().string().starts_with("events")) << entry.path();
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
    Process run = train(killed, resume);
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
    Process run = train(stopped, false, 2, 1);
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
  Process run = train(out, true, 2, 2);
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
