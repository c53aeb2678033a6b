// What the emulated NCCL must catch: ranks that call different things, which would hang on GPUs, or write wherever it
// may be. Built with --config=cuda_emulated only.
#include <gtest/gtest.h>
#include <nccl.h>

#include <array>
#include <functional>
#include <thread>

#include "core/device/cuda/runtime.h"

namespace hearth::cuda {
namespace {

// Two ranks, each on a device of its own, in this thread: their collectives only wait in streams.
class EmulatedNccl : public ::testing::Test {
 protected:
  struct Rank {
    cudaStream_t stream = nullptr;
    ncclComm_t comm = nullptr;
    float *in = nullptr, *out = nullptr;
  };
  std::array<Rank, 2> ranks_;

  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    if (device_count() < 2) GTEST_SKIP() << "needs two devices";
    ncclUniqueId id;
    ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
    for (int r = 0; r < 2; ++r) {
      Rank& rank = ranks_[static_cast<size_t>(r)];
      rank.stream = stream(r);
      for (float** p : {&rank.in, &rank.out})
        check(cudaMallocAsync(reinterpret_cast<void**>(p), 64 * sizeof(float), rank.stream), "memory");
      check(cudaMemsetAsync(rank.in, 0, 64 * sizeof(float), rank.stream), "memset");
      ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
      config.blocking = 0;
      ASSERT_EQ(ncclCommInitRankConfig(&rank.comm, 2, id, r, &config), ncclInProgress);
    }
  }
  void each(const std::function<void(Rank&, int)>& f) {
    for (int r = 0; r < 2; ++r) {
      stream(r);
      f(ranks_[static_cast<size_t>(r)], r);
    }
  }
  void all_reduce(Rank& r, size_t count, ncclDataType_t type = ncclFloat32, ncclRedOp_t op = ncclSum) {
    EXPECT_EQ(ncclAllReduce(r.in, r.out, count, type, op, r.comm, r.stream), ncclSuccess);
  }
};

TEST_F(EmulatedNccl, TheSameCallsPass) {
  each([&](Rank& r, int) {
    all_reduce(r, 64);
    EXPECT_EQ(ncclBroadcast(r.in, r.out, 8, ncclInt8, 1, r.comm, r.stream), ncclSuccess);
  });
  // Who waits runs the stream of one rank; the collective is done when the other one is there too.
  std::thread other([] { wait(1); });
  wait(0);
  other.join();
}
TEST_F(EmulatedNccl, AnotherCount) {
  EXPECT_DEATH(each([&](Rank& r, int i) { all_reduce(r, i == 0 ? 64 : 32); }),
               "rank 1 calls ncclAllReduce of 32 elements.*another ncclAllReduce of 64 elements");
}
TEST_F(EmulatedNccl, AnotherType) {
  EXPECT_DEATH(each([&](Rank& r, int i) { all_reduce(r, 32, i == 0 ? ncclFloat32 : ncclInt32); }),
               "ranks call different things.*of type 2.*of type 7");
}
TEST_F(EmulatedNccl, AnotherOperation) {
  EXPECT_DEATH(each([&](Rank& r, int i) { all_reduce(r, 32, ncclFloat32, i == 0 ? ncclSum : ncclMax); }),
               "ranks call different things.*operation 2.*operation 0");
}
TEST_F(EmulatedNccl, AnotherRoot) {
  EXPECT_DEATH(each([&](Rank& r, int i) { ncclBroadcast(r.in, r.out, 8, ncclInt8, i, r.comm, r.stream); }),
               "ranks call different things.*root 1.*root 0");
}
TEST_F(EmulatedNccl, AnotherOrder) {
  const auto broadcast = [](Rank& r) { ncclBroadcast(r.in, r.out, 32, ncclFloat32, 0, r.comm, r.stream); };
  EXPECT_DEATH(each([&](Rank& r, int i) {
                 if (i == 0) all_reduce(r, 32), broadcast(r);
                 else broadcast(r), all_reduce(r, 32);
               }),
               "rank 1 calls ncclBroadcast.*another ncclAllReduce");
}
TEST_F(EmulatedNccl, AReceiveOfAnotherCount) {
  EXPECT_DEATH(each([&](Rank& r, int i) {
                 if (i == 0) ncclSend(r.in, 16, ncclFloat32, 1, r.comm, r.stream);
                 else ncclRecv(r.out, 8, ncclFloat32, 0, r.comm, r.stream);
               }),
               "ranks call different things: rank 1 calls ncclSend of 8 elements");
}
TEST_F(EmulatedNccl, AStreamOfAnotherDevice) {
  EXPECT_EQ(ncclAllReduce(ranks_[0].in, ranks_[0].out, 8, ncclFloat32, ncclSum, ranks_[0].comm, ranks_[1].stream),
            ncclInvalidArgument);
}

}  // namespace
}  // namespace hearth::cuda
