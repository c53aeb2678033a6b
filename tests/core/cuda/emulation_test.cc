// What the emulated device must catch: each test plants one defect. Some are seen by their wrong values in any build,
// some by AddressSanitizer, some by ThreadSanitizer. Built with --config=cuda_emulated only.
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "core/device/cuda/launch.h"
#include "core/device/cuda/runtime.h"

#if defined(HEARTH_TSAN)
extern "C" const char* __tsan_default_options() { return "halt_on_error=1:exitcode=66"; }
constexpr bool kRaces = true;
#else
constexpr bool kRaces = false;
#endif
#if defined(HEARTH_ASAN)
constexpr bool kAddresses = true;
#else
constexpr bool kAddresses = false;
#endif

namespace hearth::cuda {
namespace {

constexpr int kBlock = 256;

HEARTH_KERNEL void reverse(float* p, int shift, bool barrier) {
  HEARTH_SHARED(float, s, [kBlock]);
  const int t = static_cast<int>(threadIdx.x);
  float* own = p + static_cast<int64_t>(blockIdx.x) * kBlock;
  s[t + shift] = own[t];
  if (barrier) __syncthreads();
  own[t] = s[kBlock - 1 - t];
}
HEARTH_KERNEL void add_one(float* p, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) p[i] += 1;
}
HEARTH_KERNEL void some_return_early(float* p) {
  if (threadIdx.x < 10) return;
  __syncthreads();
  p[threadIdx.x] = 1;
}
HEARTH_KERNEL void half_a_warp_shuffles(float* p) {
  if (threadIdx.x % 2 == 0) p[threadIdx.x] = __shfl_xor_sync(0xffffffffu, p[threadIdx.x], 1);
}
HEARTH_KERNEL void all_add_to_one(float* p) { p[0] += 1; }
HEARTH_KERNEL void all_add_to_one_atomically(float* p) { atomicAdd(p, 1.0f); }

class Emulation : public ::testing::Test {
 protected:
  static constexpr int kBlocks = 4, kN = kBlocks * kBlock;
  cudaStream_t s_ = stream(0), other_ = nullptr;
  float *device_ = nullptr, *pinned_ = nullptr;
  std::vector<float> host_;

  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    check(cudaStreamCreateWithFlags(&other_, cudaStreamNonBlocking), "stream");
    check(cudaMallocAsync(reinterpret_cast<void**>(&device_), kN * sizeof(float), s_), "memory");
    check(cudaMallocHost(reinterpret_cast<void**>(&pinned_), kN * sizeof(float)), "memory");
    for (int i = 0; i < kN; ++i) host_.push_back(static_cast<float>(i));
    check(cudaMemcpyAsync(device_, host_.data(), kN * sizeof(float), cudaMemcpyDefault, s_), "copy");
    check(cudaStreamSynchronize(s_), "wait");
  }
  Launch whole(cudaStream_t s) { return {.grid = kBlocks, .block = kBlock, .stream = s, .name = "test"}; }
  float first() {
    float v = -1;
    check(cudaMemcpyAsync(&v, device_, sizeof v, cudaMemcpyDefault, s_), "copy");
    check(cudaStreamSynchronize(s_), "wait");
    return v;
  }
  // The body in a process of its own, which ends well if nothing is found.
  template <class F>
  void contained(F f) {
    f();
    std::exit(0);
  }
};

TEST_F(Emulation, RightKernelsPass) {
  launch(whole(s_), reverse, device_, 0, true);
  EXPECT_EQ(first(), kBlock - 1);
  launch(whole(s_), all_add_to_one_atomically, device_);
  EXPECT_EQ(first(), kBlock - 1 + kN);
}

TEST_F(Emulation, HostTouchesDeviceMemory) {
  EXPECT_DEATH(contained([&] { host_[0] = device_[3]; }), "host code touches memory of device 0: .*byte 12 of");
}
TEST_F(Emulation, MissingBarrier) {
  if (kRaces) {
    EXPECT_DEATH(contained([&] { launch(whole(s_), reverse, device_, 0, false), first(); }), "data race");
  } else {  // of the first block or of another whose threads came in another order
    launch(whole(s_), reverse, device_, 0, false);
    check(cudaMemcpyAsync(host_.data(), device_, kN * sizeof(float), cudaMemcpyDefault, s_), "copy");
    int wrong = 0;
    for (int i = 0; i < kN; ++i)
      wrong += !(host_[static_cast<size_t>(i)] == static_cast<float>(i / kBlock * kBlock + kBlock - 1 - i % kBlock));
    EXPECT_GT(wrong, 0);
  }
}
TEST_F(Emulation, BarrierThatSomeDoNotReach) {
  EXPECT_DEATH(contained([&] { launch(whole(s_), some_return_early, device_), first(); }),
               "246 threads .* wait in __syncthreads at .*emulation_test");
}
TEST_F(Emulation, LanesMissingFromAShuffle) {
  EXPECT_DEATH(contained([&] { launch(whole(s_), half_a_warp_shuffles, device_), first(); }),
               "mask ffffffff|has ended");
}
TEST_F(Emulation, RaceInGlobalMemory) {
  if (!kRaces) GTEST_SKIP() << "needs ThreadSanitizer";
  EXPECT_DEATH(contained([&] { launch(whole(s_), all_add_to_one, device_), first(); }), "data race");
}
TEST_F(Emulation, SharedMemoryOutOfBounds) {
  if (!kAddresses) GTEST_SKIP() << "needs AddressSanitizer";
  EXPECT_DEATH(contained([&] { launch(whole(s_), reverse, device_, 1, true), first(); }), "use-after-poison|index 256");
}
TEST_F(Emulation, GlobalMemoryOutOfBounds) {
  if (!kAddresses) GTEST_SKIP() << "needs AddressSanitizer";
  EXPECT_DEATH(contained([&] {
                 launch({.grid = kBlocks + 1, .block = kBlock, .stream = s_, .name = "test"}, add_one, device_,
                        int64_t{kN + 1});
                 first();
               }),
               "use-after-poison");
}
TEST_F(Emulation, UseAfterFree) {
  if (!kAddresses) GTEST_SKIP() << "needs AddressSanitizer";
  EXPECT_DEATH(contained([&] {
                 cudaFreeAsync(device_, s_);
                 launch(whole(s_), add_one, device_, int64_t{kN});
                 cudaStreamSynchronize(s_);
               }),
               "use-after-poison");
}
TEST_F(Emulation, CopyOutOfBounds) {
  EXPECT_DEATH(cudaMemcpyAsync(device_ + 8, host_.data(), kN * sizeof(float), cudaMemcpyDefault, s_),
               "a copy's target");
}
TEST_F(Emulation, HostReadsBeforeItWaits) {
  const auto early = [&] {
    pinned_[3] = -7;
    cudaMemcpyAsync(pinned_, device_, kN * sizeof(float), cudaMemcpyDefault, s_);
    host_[0] = pinned_[3];
    cudaStreamSynchronize(s_);
  };
  if (kRaces) {
    EXPECT_DEATH(contained(early), "data race");
  } else {
    early();
    EXPECT_EQ(host_[0], -7);  // the copy was not there yet
    EXPECT_EQ(pinned_[3], 3);
  }
}
TEST_F(Emulation, StreamsThatDoNotWait) {
  const auto unordered = [&] {
    launch(whole(s_), add_one, device_, int64_t{kN});
    launch(whole(other_), reverse, device_, 0, true);
    cudaStreamSynchronize(other_);
    cudaStreamSynchronize(s_);
  };
  if (kRaces) {
    EXPECT_DEATH(contained(unordered), "data race");
  } else {
    unordered();
    EXPECT_EQ(first(), kBlock);  // as it happens; the values are the same, only ThreadSanitizer knows
  }
}
TEST_F(Emulation, StreamsThatWait) {
  cudaEvent_t e;
  check(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "event");
  launch(whole(s_), add_one, device_, int64_t{kN});
  check(cudaEventRecord(e, s_), "event");
  check(cudaStreamWaitEvent(other_, e, 0), "event");
  launch(whole(other_), reverse, device_, 0, true);
  check(cudaMemcpyAsync(pinned_, device_, kN * sizeof(float), cudaMemcpyDefault, other_), "copy");
  check(cudaStreamSynchronize(other_), "wait");
  EXPECT_EQ(pinned_[0], kBlock);
  check(cudaEventDestroy(e), "event");
}
TEST_F(Emulation, EmptyGridAndTooManyThreadsAreRefused) {
  EXPECT_ANY_THROW(launch({.grid = 0u, .block = 32, .stream = s_, .name = "test"}, add_one, device_, int64_t{0}));
  EXPECT_ANY_THROW(launch({.grid = 1, .block = 2048, .stream = s_, .name = "test"}, add_one, device_, int64_t{0}));
  EXPECT_ANY_THROW(
      launch({.grid = 1, .block = 32, .shared = 64 << 10, .stream = s_, .name = "test"}, add_one, device_, int64_t{0}));
}
TEST_F(Emulation, DefaultStreamIsRefused) {
  EXPECT_DEATH(launch(whole(nullptr), add_one, device_, int64_t{kN}), "the default stream is used");
}
TEST_F(Emulation, WaitingDuringACaptureIsRefused) {
  check(cudaStreamBeginCapture(s_, cudaStreamCaptureModeGlobal), "capture");
  launch(whole(s_), add_one, device_, int64_t{kN});
  EXPECT_EQ(cudaStreamSynchronize(s_), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t g;
  check(cudaStreamEndCapture(s_, &g), "capture");
  cudaGraphExec_t run;
  check(cudaGraphInstantiate(&run, g, 0), "graph");
  EXPECT_EQ(first(), 0);  // nothing ran while it was captured
  for (int i = 0; i < 3; ++i) check(cudaGraphLaunch(run, s_), "graph");
  EXPECT_EQ(first(), 3);
  check(cudaGraphExecDestroy(run), "graph");
  check(cudaGraphDestroy(g), "graph");
}
TEST_F(Emulation, MemoryOfAnotherDevice) {
  if (device_count() < 2) GTEST_SKIP() << "one device";
  EXPECT_DEATH(contained([&] {
                 const cudaStream_t s = stream(1);
                 launch(whole(s), add_one, device_, int64_t{kN});
                 cudaStreamSynchronize(s);
               }),
               "touches memory of device 0");
}

}  // namespace
}  // namespace hearth::cuda
