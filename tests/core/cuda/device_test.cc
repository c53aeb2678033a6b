// Tensors on GPUs: how they get there and back, streams, memory, and errors.
#include "core/device/device.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/autograd/backward.h"
#include "core/device/allocator.h"
#include "core/device/cuda/runtime.h"
#include "core/device/default_device.h"
#include "core/device/stream.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

constexpr Device kSecond{DeviceType::kCuda, 1};

class CudaDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
  static bool two() { return cuda::device_count() > 1; }
};

TEST_F(CudaDevice, ThereAndBack) {
  const Tensor x = randn({5, 7});
  for (DType t : {boolean, u8, i32, i64, f16, bf16, f32, f64, c64}) {
    const Tensor y = x.to(t);
    EXPECT_TRUE(y.to(kCuda).to(kCpu).equal(y)) << to_string(t);
  }
  EXPECT_EQ(x.to(kCuda).device(), kCuda);
  EXPECT_TRUE(x.t().to(kCuda).cpu().equal(x.t()));
  EXPECT_TRUE(slice(x, 1, 1, 6, 2).to(kCuda).cpu().equal(slice(x, 1, 1, 6, 2)));
  EXPECT_EQ(zeros({0, 3}).to(kCuda).cpu().shape(), (Shape{0, 3}));
  EXPECT_EQ(scalar_tensor(2.5).to(kCuda).item<float>(), 2.5f);
}

TEST_F(CudaDevice, BetweenDevices) {
  if (!two()) GTEST_SKIP() << "one device";
  const Tensor x = randn({300, 70}), a = x.to(kCuda), b = a.to(kSecond);
  EXPECT_EQ(b.device(), kSecond);
  EXPECT_TRUE((b * 2).cpu().equal(x * 2));
  EXPECT_EQ(error_of([&] { a + b; }), "add: operands are on different devices: cuda:0 and cuda:1");
}

TEST_F(CudaDevice, NoSuchDevice) {
  const std::string error = error_of([] { zeros({2}).to(Device::parse("cuda:9")); });
  EXPECT_TRUE(error.starts_with("there is no device cuda:9; this machine has ")) << error;
}

TEST_F(CudaDevice, NewTensors) {
  const DefaultDevice here(kCuda);
  EXPECT_EQ(zeros({2}).device(), kCuda);
  EXPECT_TRUE(arange(5).cpu().equal(arange(5, {.device = kCpu})));
  manual_seed(3);
  const Tensor a = randn({1001});
  manual_seed(3);
  const DefaultDevice there(kCpu);
  EXPECT_LE((a.cpu() - randn({1001})).abs().max().item<float>(), 1e-6f);
}

TEST_F(CudaDevice, GradientsComeBack) {
  Tensor x = randn({4, 3}).requires_grad_();
  const Tensor y = x.to(kCuda);
  (y * y).sum().backward();
  EXPECT_EQ(x.grad().device(), kCpu);
  EXPECT_TRUE(x.grad().allclose(x.detach() * 2));
}

TEST_F(CudaDevice, WrongIndicesAreToldWhenTheHostWaits) {
  const Tensor x = randn({4, 3}).to(kCuda);
  const Tensor bad = index_select(x, 0, tensor({1, 9}, {.dtype = i64}).to(kCuda));
  EXPECT_EQ(error_of([&] { synchronize(kCuda); }), "index_select: index 9 is out of range for a dimension of size 4");
  // It is told once, and the device goes on.
  synchronize(kCuda);
  EXPECT_EQ(index_select(x, 0, tensor({3}, {.dtype = i64}).to(kCuda)).cpu().shape(), (Shape{1, 3}));
}

TEST_F(CudaDevice, OutOfMemoryIsAnErrorAndSmallerWorks) {
  const std::string error = error_of([] { empty({int64_t{1} << 40}, {.device = kCuda}); });
  EXPECT_TRUE(error.starts_with("out of memory: cannot allocate 4398046511104 bytes on cuda:0; ")) << error;
  EXPECT_EQ(full({3}, 2.0, {.device = kCuda}).sum().item<float>(), 6);
}

TEST_F(CudaDevice, MemoryIsCounted) {
  synchronize(kCuda);
  const memory::Stats before = memory::stats(kCuda);
  memory::reset_peak(kCuda);
  {
    const Tensor x = empty({1000}, {.device = kCuda});
    EXPECT_EQ(memory::stats(kCuda).in_use, before.in_use + 4000);
  }
  EXPECT_EQ(memory::stats(kCuda).in_use, before.in_use);
  EXPECT_GE(memory::stats(kCuda).peak, before.in_use + 4000);
  memory::trim(kCuda);
}

TEST_F(CudaDevice, AStreamOfItsOwn) {
  cudaStream_t handle = nullptr;
  cuda::stream(0);
  cuda::check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "stream");
  const Stream own{kCuda, handle};
  const Tensor x = randn({200, 30}).to(kCuda);
  synchronize(kCuda);
  Tensor y;
  {
    const StreamGuard guard(own);
    EXPECT_EQ(current_stream(kCuda), own);
    y = x * 2;
    EXPECT_EQ(y.impl()->storage->stream(), own);
    x.impl()->storage->record_stream(own);
    cuda::wait(0);
  }
  EXPECT_NE(current_stream(kCuda), own);
  EXPECT_TRUE(y.cpu().equal(x.cpu() * 2));
  y = Tensor();
  synchronize(kCuda);
  cuda::check(cudaStreamDestroy(handle), "stream");
}

TEST_F(CudaDevice, HostAccessIsRefused) {
  const Tensor x = zeros({2}).to(kCuda);
  const std::string error = error_of([&] { x.raw_data(); });
  EXPECT_NE(error.find("raw_data"), std::string::npos) << error;
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace hearth
