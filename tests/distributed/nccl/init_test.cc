// How init() chooses what carries tensors. Ranks are threads, each of which joins as a process would.
#include "distributed/launch/init.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/device/cuda/runtime.h"
#include "core/hearth.h"
#include "core/testing/error_of.h"

namespace hearth::distributed {
namespace {

using hearth::testing::error_of;

class InitWithGpus : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() < 2) GTEST_SKIP() << "needs two CUDA devices";
  }
  // Each rank joins with its options and runs the body.
  static void ranks(const std::vector<InitOptions>& options, const std::function<void(ProcessGroup&)>& body) {
    static int number = 0;
    const std::string directory =
        concat(::testing::TempDir(), "init_test.", static_cast<int64_t>(::getpid()), ".", ++number);
    std::filesystem::create_directory(directory);
    std::vector<std::thread> threads;
    for (size_t r = 0; r < options.size(); ++r) {
      threads.emplace_back([&, r] {
        InitOptions o = options[r];
        o.method = "file://" + directory;
        o.rank = static_cast<int>(r);
        o.size = static_cast<int>(options.size());
        try {
          ProcessGroup group = init(o);
          body(group);
        } catch (const Error& e) {
          ADD_FAILURE() << "rank " << r << ": " << e.what();
        }
      });
    }
    for (std::thread& t : threads) t.join();
    std::filesystem::remove_all(directory);
  }
  static Device gpu(int i) { return {DeviceType::kCuda, static_cast<int8_t>(i)}; }
};

TEST_F(InitWithGpus, EachRankHasAGpu) {
  ranks({{.device = gpu(0)}, {.device = gpu(1)}}, [](ProcessGroup& g) {
    EXPECT_STREQ(g.backend(), "nccl");
    Tensor x = full({3}, g.rank() + 1.0, {.device = gpu(g.rank())});
    g.all_reduce(x);
    EXPECT_TRUE(x.cpu().equal(full({3}, 3.0)));
    Tensor on_cpu = ones({2});
    g.all_reduce(on_cpu);
    EXPECT_TRUE(on_cpu.equal(full({2}, 2.0)));
  });
}

TEST_F(InitWithGpus, ARankHasNone) {
  ranks({{.device = gpu(0)}, {.device = kCpu}}, [](ProcessGroup& g) { EXPECT_STREQ(g.backend(), "gloo"); });
}

TEST_F(InitWithGpus, OnRequest) {
  ranks({{.engine = Engine::kGloo, .device = gpu(0)}, {.engine = Engine::kGloo, .device = gpu(1)}},
        [](ProcessGroup& g) { EXPECT_STREQ(g.backend(), "gloo"); });
  EXPECT_NE(error_of([] { init({.rank = 0, .size = 1, .engine = Engine::kNccl, .device = kCpu}); }).find("no GPU"),
            std::string::npos);
  EXPECT_NE(error_of([] { init({.rank = 0, .size = 1, .device = gpu(9)}); }).find("there is no device cuda:9"),
            std::string::npos);
}

TEST_F(InitWithGpus, AJobOfOne) {
  ProcessGroup group = init();
  EXPECT_STREQ(group.backend(), "nccl");
  Tensor x = ones({3}, {.device = rank_device()});
  group.all_reduce(x);
  EXPECT_TRUE(x.cpu().equal(ones({3})));
}

TEST_F(InitWithGpus, TheDeviceFollowsTheLocalRank) {
  setenv("RANK", "5", 1);
  setenv("WORLD_SIZE", "8", 1);
  setenv("LOCAL_RANK", "1", 1);
  setenv("LOCAL_WORLD_SIZE", "4", 1);
  EXPECT_EQ(rank_device(), gpu(1));
  setenv("LOCAL_RANK", std::to_string(cuda::device_count()).c_str(), 1);
  EXPECT_EQ(rank_device(), kCpu);
  for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"}) unsetenv(name);
}

}  // namespace
}  // namespace hearth::distributed
