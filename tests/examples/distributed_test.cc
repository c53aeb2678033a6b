// The distributed example with real processes: it trains, and goes on from its checkpoint with another number of ranks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/distributed/command.h"

namespace {

using hearth::distributed::Ended;

Ended run(const std::string& ranks, const std::string& arguments) {
  return hearth::distributed::run_command("distributed/launch/hearthrun --log_dir=" + testing::TempDir() +
                                          "/logs --nproc_per_node=" + ranks + " examples/distributed/train " +
                                          arguments);
}

TEST(DistributedExample, TrainsAndGoesOnWithAnotherNumberOfRanks) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "needs the package dataset-fashion-mnist";
  const std::string out = " --out=" + testing::TempDir() + "/run --limit=2000 --checkpoint_steps=20";
  const Ended first = run("2", "--epochs=1" + out);
  ASSERT_EQ(first.status, 0) << first.out;
  EXPECT_NE(first.out.find("[0] epoch 1/1, step 31: loss"), std::string::npos) << first.out;
  EXPECT_TRUE(std::filesystem::exists(testing::TempDir() + "/run/step-20/rank-00001-of-00002.safetensors"));
  const size_t at = first.out.find("2 ranks, test accuracy: ");
  ASSERT_NE(at, std::string::npos) << first.out;
  // A net that has learnt nothing is right in one of ten.
  EXPECT_GT(std::atof(first.out.c_str() + at + 24), 50) << first.out;
  const Ended second = run("1", "--epochs=1" + out);
  ASSERT_EQ(second.status, 0) << second.out;
  EXPECT_NE(second.out.find("[0] going on after step 31"), std::string::npos) << second.out;
  EXPECT_NE(second.out.find("1 ranks, test accuracy: " + first.out.substr(at + 24, 5)), std::string::npos)
      << first.out << second.out;
  // A damaged checkpoint is not taken for none.
  std::ofstream(testing::TempDir() + "/run/step-31/index.json") << "{}";
  const Ended damaged = run("2", "--epochs=1" + out);
  EXPECT_NE(damaged.status, 0) << damaged.out;
  EXPECT_NE(damaged.out.find("step-31/index.json: shard index: "), std::string::npos) << damaged.out;
}

}  // namespace
